export function clock(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '0:00';
  const whole = Math.floor(seconds);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, '0');
  return h ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

export function bitrate(bitsPerSecond) {
  if (!(bitsPerSecond > 0)) return '–';
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

export const seconds = (value, digits = 1) =>
  (Number.isFinite(value) ? `${value.toFixed(digits)} s` : '–');

// Prices come in minor units; how many make a major one depends on the currency (JPY: none).
export function price(minor, currency) {
  if (!Number.isFinite(minor)) return '';
  try {
    const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
    return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${(minor / 100).toFixed(2)} ${currency ?? ''}`.trim();
  }
}

export function when(iso) {
  const date = new Date(iso ?? NaN);
  if (Number.isNaN(date.getTime())) return '';
  const today = date.toDateString() === new Date().toDateString();
  const time = { hour: '2-digit', minute: '2-digit' };
  return date.toLocaleString(undefined,
    today ? time : { weekday: 'short', day: 'numeric', month: 'short', ...time });
}

export const initials = (name) =>
  (name ?? '').trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? '').join('')
    .toUpperCase();
