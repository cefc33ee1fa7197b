import { dropToken, token } from './token.js';

// One request to the API. Never throws: the answer says what was found.
//   {kind: 'ok', body} · {kind: 'missing'} · {kind: 'offline'} (no answer, or none of ours)
export async function ask(path, { timeoutMs = 8000 } = {}) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const asked = token();
    const response = await fetch(path, {
      signal: abort.signal,
      headers: {
        Accept: 'application/json',
        ...(asked ? { Authorization: `Bearer ${asked}` } : {}),
      },
      cache: 'no-store',
    });
    // A token that is no good (any more): what is for everyone is there without it.
    if (response.status === 401 && asked) {
      if (asked === token()) dropToken();
      return await ask(path, { timeoutMs });
    }
    if (response.status === 404 || response.status === 400 || response.status === 422) {
      return { kind: 'missing' };
    }
    if (!response.ok) return { kind: 'offline' };
    return { kind: 'ok', body: await response.json() };
  } catch {
    return { kind: 'offline' };
  } finally {
    clearTimeout(timer);
  }
}

// One change through the API. Never throws: {ok, code, message, data}; code "offline" without an
// answer.
export async function send(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body ? { 'Content-Type': 'application/json' } : {}),
        ...(token() ? { Authorization: `Bearer ${token()}` } : {}),
      },
      body: body ? JSON.stringify(body) : undefined,
    });
    const { data, error } = await response.json();
    return { ok: response.ok, code: error?.code, message: error?.message, data };
  } catch {
    return { ok: false, code: 'offline', message: 'No connection to the server.' };
  }
}

// A page of what was said while a recording was live; null: it cannot be had now. A recording
// without any is one in which nothing was said.
export async function askReplay(url, { at, after }) {
  const where = new URL(url, location.href);
  if (at !== undefined) where.searchParams.set('at', Math.floor(at));
  if (after !== undefined) where.searchParams.set('after', after);
  try {
    const answer = await fetch(where, { signal: AbortSignal.timeout(15000) });
    if (answer.status === 404) return { messages: [], earlier: false, next: null };
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

export const askStream = (id) => ask(`/api/v1/streams/${encodeURIComponent(id)}`);
export const askLiveStreams = () => ask('/api/v1/streams?status=live&limit=50');

// The server names its own address in URLs; the page asks the one that it came from, which differs
// behind a proxy or a forwarded port. Other hosts (a CDN, a store) are left alone.
export function localUrl(url) {
  if (!url) return null;
  const parsed = new URL(url, location.href);
  const ours = /^\/(hls|vod|thumb)\//.test(parsed.pathname);
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname);
  if (ours && (loopback || parsed.hostname === location.hostname)) {
    return parsed.pathname + parsed.search;
  }
  return parsed.href;
}
