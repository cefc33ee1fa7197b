// Who is watching. A platform opens a page with `#token=JWT`: what stands behind the # is never sent
// to a server nor written to a log. It is kept for as long as the tab lives, and taken out of the
// address, so that a link that is passed on gives nobody else's name.
const KEY = 'souk:token';

let current = null;

function kept() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(token) {
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage may be forbidden: then the token is this page's alone.
  }
}

// The token of a fragment, and what is left of it; null: there is none.
export function splitFragment(hash) {
  const parts = hash.replace(/^#/, '').split('&');
  const found = parts.find((part) => part.startsWith('token='));
  if (!found) return null;
  const rest = parts.filter((part) => part !== found).join('&');
  return { token: decodeURIComponent(found.slice('token='.length)), rest: rest ? `#${rest}` : '' };
}

export function takeToken() {
  const split = splitFragment(location.hash);
  if (split) {
    current = split.token || null;
    keep(current);
    history.replaceState(null, '', location.pathname + location.search + split.rest);
  } else {
    current ??= kept();
  }
  return current;
}

export function dropToken() {
  current = null;
  keep(null);
}

export const token = () => current;
