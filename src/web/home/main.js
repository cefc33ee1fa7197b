// Who is live, asked again every few seconds while somebody looks.
import { askLiveStreams } from '../shared/api.js';
import { byId, el, setText } from '../shared/dom.js';
import { tiles } from '../shared/tiles.js';
import { takeToken } from '../shared/token.js';

const cards = new Map();

function card(stream) {
  const onAir = stream.state === undefined || stream.state === 'publishing';
  return el('li', {},
    el('a.card', { href: `/watch/${encodeURIComponent(stream.id)}` },
      el('div.card-picture', {}, tiles(stream.id),
        el('span.badge', { 'data-tone': onAir ? 'live' : 'wait' }, onAir ? 'Live' : 'Starting')),
      el('p.card-title', {}, stream.title ?? ''),
      el('p.card-seller', {}, stream.seller?.name ?? '')));
}

// Cards that did not change stay as they are, and keep the focus.
function show(streams) {
  const seen = new Set();
  const nodes = streams.map((stream) => {
    const id = stream.id;
    const key = JSON.stringify([stream.title, stream.state, stream.seller?.name]);
    if (cards.get(id)?.key !== key) cards.set(id, { key, node: card(stream) });
    seen.add(id);
    return cards.get(id).node;
  });
  for (const id of cards.keys()) if (!seen.has(id)) cards.delete(id);
  const list = byId('streams');
  const same = nodes.length === list.children.length && nodes.every((n, i) => n === list.children[i]);
  if (!same) list.replaceChildren(...nodes);
}

function summary(count) {
  if (count === 0) return 'Nobody is live at the moment. This page looks again by itself.';
  return count === 1 ? 'One stream' : `${count} streams`;
}

async function refresh() {
  const answer = document.hidden ? null : await askLiveStreams();
  if (answer?.kind === 'ok') {
    const streams = answer.body.data ?? [];
    show(streams);
    setText(byId('note'), summary(streams.length));
  } else if (answer) {
    setText(byId('note'), 'No connection to the server. Trying again.');
  }
  setTimeout(refresh, 5000);
}

takeToken();
refresh();
