// The pinned product beside the picture, and tags in it, at the place and the moment where the
// seller put them.
import { byId, el, setHidden } from '../shared/dom.js';
import { initials, price } from '../shared/format.js';
import { momentsOf, sceneAt, standing } from './moments.js';

const PAST_MAX = 300;
const LOOK_MS = 250;

function webUrl(text) {
  try {
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export class Showcase {
  // count(productId, type) tells the server of a look or a click.
  constructor(player, count) {
    this.player = player;
    this.count = count;
    this.products = new Map();
    this.before = new Map();
    this.ranges = {};
    this.pinned = null;
    this.viewed = new Set();
    this.shown = { card: '', tags: '' };
    this.layer = byId('tags');
    const place = () => this.#fit();
    new ResizeObserver(place).observe(byId('stage'));
    for (const name of ['resize', 'loadedmetadata']) player.video.addEventListener(name, place);
    setInterval(() => this.#look(), LOOK_MS);
  }

  // What a join tells. It is newer than all moments but those that the playlist still has.
  joined({ products, pinned }) {
    for (const p of products ?? []) this.products.set(p.id, p);
    this.before = standing(products);
    this.pinned = pinned?.id ?? null;
    this.ranges = {};
    this.#look();
  }

  heard(name, product) {
    this.products.set(product.id, product);
    if (name === 'product:pinned') this.pinned = product.id;
    if (name === 'product:unpinned' && this.pinned === product.id) this.pinned = null;
    // Without a playlist that can be read (Apple's own player) this is the moment.
    if (this.player.source === 'live' && !this.player.hls) {
      const at = name === 'product:tagged' ? Date.now() : this.before.get(product.id)?.at ?? 0;
      this.before.set(product.id, { ...product.position, at, pinned: product.pinned });
      if (product.pinned) {
        for (const [id, p] of this.before) if (id !== product.id) p.pinned = false;
      }
    }
    this.#look();
  }

  // Of the stream as the API has it, for who has no socket, and for recordings.
  known(products) {
    for (const p of products ?? []) {
      this.products.set(p.id, { ...this.products.get(p.id), ...p });
    }
  }

  #look() {
    const { hls, source, video } = this.player;
    const moments = this.#moments(hls);
    const now = hls?.playingDate?.getTime() ?? (source === 'live' ? Date.now() : NaN);
    const replay = source === 'vod';
    const scene = sceneAt(replay ? new Map() : this.before, moments, now);
    const visible = Boolean(source) && video.videoWidth > 0;
    this.#showTags(visible ? scene.tags : []);
    this.#showCard(this.products.get(replay ? scene.pinned : this.pinned) ?? null);
  }

  // What was seen is kept, as a live playlist forgets it.
  #moments(hls) {
    if (this.seenBy !== hls) this.ranges = {};
    this.seenBy = hls;
    const ranges = hls?.latestLevelDetails?.dateRanges ?? {};
    const fresh = Object.keys(ranges).some((id) => !this.ranges[id]);
    if (fresh || !this.moments || this.from !== this.ranges) {
      Object.assign(this.ranges, ranges);
      const past = Object.keys(this.ranges).filter((id) => !ranges[id]);
      for (const id of past.slice(0, Math.max(past.length - PAST_MAX, 0))) delete this.ranges[id];
      this.from = this.ranges;
      this.moments = momentsOf(this.ranges);
    }
    return this.moments;
  }

  // The tags' layer lies on the picture itself, not on the bars beside it.
  #fit() {
    const { videoWidth, videoHeight, clientWidth, clientHeight } = this.player.video;
    if (!videoWidth) return;
    const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight);
    const width = videoWidth * scale;
    const height = videoHeight * scale;
    Object.assign(this.layer.style, {
      width: `${width}px`,
      height: `${height}px`,
      left: `${(clientWidth - width) / 2}px`,
      top: `${(clientHeight - height) / 2}px`,
    });
  }

  #showTags(tags) {
    const known = tags.filter((tag) => this.products.has(tag.productId));
    const key = JSON.stringify(known.map((tag) => [tag, this.products.get(tag.productId)]));
    if (key === this.shown.tags) return;
    this.shown.tags = key;
    this.#fit();
    this.layer.replaceChildren(...known.map((tag) => this.#tag(tag)));
  }

  #tag({ productId, x, y }) {
    const product = this.products.get(productId);
    const url = webUrl(product.url);
    const node = el(`${url ? 'a' : 'span'}.place-tag`, { 'data-product': productId },
      el('span.dot', { 'aria-hidden': 'true' }),
      el('span.place-label', {}, el('b', {}, product.name ?? ''), ' ',
        price(product.price, product.currency)));
    if (url) this.#link(node, url, productId);
    node.style.left = `${x * 100}%`;
    node.style.top = `${y * 100}%`;
    node.classList.toggle('leftward', x > 0.5);
    return node;
  }

  #link(node, url, productId) {
    Object.assign(node, { href: url, target: '_blank', rel: 'noopener noreferrer' });
    node.addEventListener('click', () => this.count(productId, 'click'));
  }

  #showCard(product) {
    const key = JSON.stringify(product);
    if (key === this.shown.card) return;
    this.shown.card = key;
    setHidden(byId('pinned'), !product);
    byId('pinned').replaceChildren(...(product ? this.#card(product) : []));
    if (!product || this.viewed.has(product.id)) return;
    this.viewed.add(product.id);
    this.count(product.id, 'view');
  }

  #card(product) {
    const url = webUrl(product.url);
    const parts = [this.#mark(product),
      el('span.pinned-words', {}, el('span.pinned-name', {}, product.name ?? ''),
        el('span.pinned-price', {}, price(product.price, product.currency),
          product.stock === 0 ? el('span.sold-out', {}, ' · sold out') : null))];
    if (url) {
      const link = el('a.pill.look', {}, 'View');
      link.append(el('span.unseen', {}, ` ${product.name} in a new tab`));
      this.#link(link, url, product.id);
      parts.push(link);
    }
    return parts;
  }

  #mark(product) {
    const mark = el('span.product-mark', { 'aria-hidden': 'true' }, initials(product.name));
    const source = webUrl(product.imageUrl);
    if (!source) return mark;
    const image = el('img', { src: source, alt: '', referrerpolicy: 'no-referrer' });
    image.addEventListener('error', () => image.remove());
    mark.append(image);
    return mark;
  }
}
