// The poster's ground: a field of eight-pointed stars, as on a market's wall, in colours that
// follow from the stream's id, so that a stream looks the same wherever it is shown.

const NS = 'http://www.w3.org/2000/svg';
const TILE = 96;

function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return h >>> 0;
}

// Ids of one minute share their beginning: mixing spreads what differs over all bits.
function mix(h) {
  const a = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return (a ^ (a >>> 15)) >>> 0;
}

function star(cx, cy, outer, inner) {
  const points = [];
  for (let i = 0; i < 16; i++) {
    const r = i % 2 ? inner : outer;
    const a = (Math.PI / 8) * i;
    points.push(`${(cx + r * Math.cos(a)).toFixed(1)},${(cy + r * Math.sin(a)).toFixed(1)}`);
  }
  return points.join(' ');
}

function make(name, attributes, ...children) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function pattern(id, hue) {
  const c = TILE / 2;
  const line = `hsl(${hue} 70% 82%)`;
  const stars = [[c, c], [0, 0], [TILE, 0], [0, TILE], [TILE, TILE]].map(([x, y]) =>
    make('polygon', {
      points: star(x, y, 34, 25.5), fill: `hsl(${(hue + 14) % 360} 62% 46% / .28)`, stroke: line,
      'stroke-opacity': .3, 'stroke-width': 1.2,
    }));
  const hearts = [[c, c], [0, 0], [TILE, 0], [0, TILE], [TILE, TILE]].map(([x, y]) =>
    make('polygon', { points: star(x, y, 13, 9.6), fill: line, 'fill-opacity': .14 }));
  return make('pattern', { id, width: TILE, height: TILE, patternUnits: 'userSpaceOnUse' },
    ...stars, ...hearts);
}

export function tiles(streamId) {
  const h = mix(hash(streamId));
  // From red over saffron to green and blue, without the sallow yellows.
  const hue = [8, 18, 28, 160, 178, 200, 218, 262, 330, 348][h % 10];
  const id = `tiles-${h.toString(36)}`;
  const svg = make('svg', {
    'aria-hidden': 'true', preserveAspectRatio: 'xMidYMid slice', viewBox: '0 0 960 540',
  });
  const ground = make('linearGradient', { id: `${id}-g`, x1: 0, y1: 0, x2: 1, y2: 1 },
    make('stop', { offset: 0, 'stop-color': `hsl(${hue} 66% 30%)` }),
    make('stop', { offset: 1, 'stop-color': `hsl(${(hue + 330) % 360} 60% 13%)` }));
  svg.append(
    make('defs', {}, pattern(id, hue), ground),
    make('rect', { width: 960, height: 540, fill: `url(#${id}-g)` }),
    make('rect', { width: 960, height: 540, fill: `url(#${id})` }));
  return svg;
}
