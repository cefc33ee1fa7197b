// Puts the stream's words and the state's message on the page.
import { byId, el, setHidden, setText } from '../shared/dom.js';
import { initials, price, when } from '../shared/format.js';
import { tiles } from '../shared/tiles.js';

export function showPoster(streamId) {
  byId('tiles').replaceChildren(tiles(streamId));
}

export function showStream(stream) {
  const seller = stream.seller?.name ?? '';
  document.title = `${stream.title} · Souk Live`;
  setText(byId('title'), stream.title);
  setText(byId('poster-title'), stream.title);
  setText(byId('poster-seller'), seller);
  setText(byId('seller'), seller);
  setText(byId('avatar'), initials(seller));
  setHidden(byId('avatar'), !seller);
  setText(byId('since'), sinceText(stream));
  setText(byId('description'), stream.description ?? '');
  setHidden(byId('description'), !stream.description);
  setHidden(byId('about'), false);
  showProducts(stream.products ?? []);
}

function sinceText(stream) {
  switch (stream.status) {
    case 'scheduled':
      return stream.scheduledAt ? `Planned for ${when(stream.scheduledAt)}` : '';
    case 'live':
      return stream.startedAt ? `Live since ${when(stream.startedAt)}` : '';
    case 'cancelled':
      return '';
    default:
      return stream.startedAt ? `Streamed ${when(stream.startedAt)}` : '';
  }
}

let shownProducts = '';

function showProducts(products) {
  const key = JSON.stringify(products);
  if (key === shownProducts) return;
  shownProducts = key;
  setHidden(byId('products'), products.length === 0);
  byId('product-list').replaceChildren(...products.map((product) =>
    el('li.product', {},
      el('span.product-mark', { 'aria-hidden': 'true' }, initials(product.name)),
      el('span.product-name', {}, product.name ?? ''),
      el('span.product-price', {}, price(product.price, product.currency)))));
}

export function showState(state) {
  const stage = byId('stage');
  const badge = byId('badge');
  badge.dataset.tone = state.tone;
  setText(badge, state.badge);
  setHidden(byId('veil'), Boolean(state.video));
  setHidden(byId('poster'), Boolean(state.video || state.light));
  stage.classList.toggle('message', !state.video);
  byId('veil').classList.toggle('light', Boolean(state.light));
  if (state.video) {
    setText(byId('announce'), state.badge);
    return;
  }
  setHidden(byId('busy'), !state.busy);
  setText(byId('headline'), state.headline);
  setText(byId('detail'), state.detail ?? '');
  setHidden(byId('detail'), !state.detail);
  setHidden(byId('retry'), !state.retry);
  setHidden(byId('home'), !state.home);
  setText(byId('announce'), [state.headline, state.detail].filter(Boolean).join('. '));
}
