// Whom the page writes as, by its token. This decides what is offered; what is allowed, the server
// decides. Pure: tests/unit/web/chat.test.mjs.

const nobody = { id: null, name: null, roles: [] };

function payload(token) {
  const part = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

export function identityOf(token) {
  if (!token) return nobody;
  try {
    const { sub, name, roles } = payload(token);
    if (typeof sub !== 'string') return nobody;
    return { id: sub, name: typeof name === 'string' ? name : null,
      roles: Array.isArray(roles) ? roles : [] };
  } catch {
    return nobody;
  }
}

export const isStaff = (who, sellerId) => Boolean(who.id)
  && (who.id === sellerId || who.roles.includes('admin') || who.roles.includes('moderator'));
