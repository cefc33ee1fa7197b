// What a recording's storyboard says: from when to when which part of which picture. Knows nothing
// of the page.
const CUE = /^(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})$/;
const PLACE = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/;

const seconds = (h, m, s, ms) => (Number(h) * 60 + Number(m)) * 60 + Number(s) + Number(ms) / 1000;

// [{ start, end, url, x, y, width, height }] in the order of time; what is not understood is left out.
export function parseStoryboard(text, base) {
  const cues = [];
  for (const block of text.split(/\r?\n\r?\n/)) {
    const [times, place] = block.trim().split(/\r?\n/);
    const when = CUE.exec(times ?? '');
    const where = PLACE.exec(place ?? '');
    if (!when || !where) continue;
    const [x, y, width, height] = where.slice(2).map(Number);
    cues.push({
      start: seconds(...when.slice(1, 5)),
      end: seconds(...when.slice(5)),
      url: new URL(where[1], base).href,
      x, y, width, height,
    });
  }
  return cues;
}

// The cue of a moment; null without any.
export function cueAt(cues, time) {
  let low = 0;
  let high = cues.length - 1;
  if (high < 0) return null;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (cues[middle].start <= time) low = middle;
    else high = middle - 1;
  }
  return cues[low];
}
