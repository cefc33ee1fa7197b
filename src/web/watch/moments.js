// Which product stands where in the picture, at the moment that is played. Pure:
// tests/unit/web/chat.test.mjs.
//
// The playlist says what happened when (DATERANGEs of class live.souk.product); what is older than
// the playlist is known from joining. A tag shows for a while; that of a pinned product stays.
const PRODUCT_CLASS = 'live.souk.product';
const TAG_MS = 20000;

const number = (text) => (text === undefined ? null : Number(text));

// hls.js's ranges, or any with id, class, startDate and attr, as moments in their order.
export function momentsOf(ranges) {
  return Object.values(ranges ?? {})
    .filter((range) => range.class === PRODUCT_CLASS && range.attr['X-PRODUCT-ID'])
    .map(({ attr, startDate }) => ({
      at: startDate.getTime(),
      productId: attr['X-PRODUCT-ID'],
      action: attr['X-ACTION'],
      x: number(attr['X-X']),
      y: number(attr['X-Y']),
    }))
    .filter((moment) => Number.isFinite(moment.at))
    .sort((a, b) => a.at - b.at);
}

// What was before the first moment: products as a join tells them.
export function standing(products) {
  const places = new Map();
  for (const p of products ?? []) {
    if (p.position || p.pinned) places.set(p.id, { ...p.position, at: 0, pinned: p.pinned });
  }
  return places;
}

// {pinned: id or null, tags: [{productId, x, y, pinned}]} at wall time `now`.
export function sceneAt(before, moments, now) {
  const places = new Map(before);
  for (const m of moments) {
    if (m.at > now) break;
    const place = { ...places.get(m.productId) };
    if (m.x !== null && m.y !== null) Object.assign(place, { x: m.x, y: m.y });
    if (m.action === 'tagged') place.at = m.at;
    else place.pinned = m.action === 'pinned';
    if (place.pinned && m.action === 'pinned') {
      // One is pinned at a time.
      for (const [id, other] of places) places.set(id, { ...other, pinned: false });
    }
    places.set(m.productId, place);
  }
  const shown = [...places].filter(([, p]) => p.x !== undefined
    && (p.pinned || now - p.at < TAG_MS));
  return {
    pinned: [...places].find(([, p]) => p.pinned)?.[0] ?? null,
    tags: shown.map(([productId, { x, y, pinned }]) =>
      ({ productId, x, y, pinned: Boolean(pinned) })),
  };
}
