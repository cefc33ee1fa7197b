// What was said, in the server's order, and what this page has said and the server not yet
// confirmed. Knows nothing of the page. Pure: tests/unit/web/chat.test.mjs.

export const KEPT = 200;
export const HISTORY = 50;
const GONE_KEPT = 500;

// A person's characters, not UTF-16's: as the server counts them.
export const length = (text) => [...text.trim()].length;

export class ChatLog {
  constructor() {
    this.messages = [];
    this.pending = [];
    this.gone = new Set();
    this.me = null;
  }

  // False: it was here already, or is deleted.
  add(message) {
    if (this.gone.has(message.id)) return false;
    const own = message.userId === this.me;
    const sent = own && this.pending.find((p) => p.clientId === message.clientId);
    const at = this.#place(message.id);
    const known = this.messages[at]?.id === message.id;
    if (sent) this.pending.splice(this.pending.indexOf(sent), 1);
    if (known) {
      Object.assign(this.messages[at], message);
      return false;
    }
    // Ids ascend in the order of storing. Who has the row of the pending one keeps it.
    this.messages.splice(at, 0, { ...message, own, key: sent?.key ?? message.id });
    if (this.messages.length > KEPT) this.messages.splice(0, this.messages.length - KEPT);
    return true;
  }

  remove(id) {
    this.gone.add(id);
    if (this.gone.size > GONE_KEPT) this.gone.delete(this.gone.values().next().value);
    const at = this.#place(id);
    if (this.messages[at]?.id === id) this.messages.splice(at, 1);
  }

  find(id) {
    const found = this.messages[this.#place(id)];
    return found?.id === id ? found : null;
  }

  // The server's last messages, oldest first. What is ours of that span and not theirs was deleted.
  merge(history) {
    const whole = history.length < HISTORY;
    const oldest = history[0]?.id ?? '';
    const theirs = new Set(history.map((m) => m.id));
    this.messages = this.messages.filter((m) =>
      theirs.has(m.id) || (!whole && m.id < oldest));
    history.forEach((m) => this.add(m));
  }

  // Whether there may be messages between what is here and the beginning of that history.
  missesBefore(history) {
    const newest = this.messages.at(-1)?.id;
    return history.length >= HISTORY && newest !== undefined && newest < history[0].id;
  }

  clear() {
    this.messages = [];
    this.pending = [];
  }

  say(text, clientId) {
    const entry = { key: `own-${clientId}`, clientId, message: text, own: true, state: 'sending' };
    this.pending.push(entry);
    return entry;
  }

  // The answer to a message that was sent: its room's own event may come before or after it.
  confirm(entry, { id, timestamp }, who) {
    if (!this.pending.includes(entry)) return;
    this.add({ id, timestamp, clientId: entry.clientId, message: entry.message, userId: this.me,
      username: who.name });
  }

  fail(entry, reason, again) {
    Object.assign(entry, { state: 'failed', reason, again });
  }

  discard(entry) {
    this.pending = this.pending.filter((p) => p !== entry);
  }

  // All rows, oldest first; what is not confirmed stands last.
  rows() {
    return [...this.messages.slice(-Math.max(KEPT - this.pending.length, 0)), ...this.pending];
  }

  #place(id) {
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1].id >= id) at--;
    return at;
  }
}
