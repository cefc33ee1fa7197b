// What was said while a recording was live, as far as it has been loaded, and how much of it the
// playhead has reached. Knows nothing of the page. Pure: tests/unit/web/replay.test.mjs.
import { KEPT } from './chat_log.js';

// Loaded this long before it is needed.
const AHEAD_MS = 60000;
// Who jumps further ahead than this begins there, instead of loading all that lies between.
const JUMP_MS = 180000;
// A long recording's messages go again, as they came.
const HELD = 4000;

export class ReplayLog {
  constructor() {
    this.gone = new Set();
    this.me = null;
    this.#empty();
    this.now = 0;
  }

  // Whether there is something to be said of what stands here.
  get ready() {
    return this.known && !(this.wanted && this.wanted.at !== undefined);
  }

  // The playhead is here (milliseconds): the messages that it has come upon, none after a jump.
  moveTo(now, jumped) {
    const before = this.reached;
    this.now = now;
    this.reached = this.#count(now);
    if (jumped || this.reached < before) return [];
    return this.messages.slice(before, this.reached);
  }

  // The page to be loaded now: {at} (what stands around a place), {after} (what follows a message)
  // or {} (the beginning); null: nothing is needed.
  need() {
    this.wanted = this.#need();
    return this.wanted;
  }

  // What came of it.
  add(asked, { messages, earlier, next }) {
    if (asked.after === undefined) {
      this.#empty();
      this.from = earlier ? messages[0]?.offset ?? 0 : 0;
      this.upTo = asked.at ?? 0;
    } else if (this.messages.at(-1)?.id !== asked.after) {
      return;
    }
    for (const m of messages) this.messages.push({ ...m, key: m.id, own: m.userId === this.me });
    this.known = true;
    this.wanted = null;
    this.more = Boolean(next);
    this.upTo = this.more ? Math.max(this.upTo, this.messages.at(-1).offset) : Infinity;
    this.reached = this.#count(this.now);
    this.#forget();
  }

  remove(id) {
    this.gone.add(id);
  }

  identify(me) {
    this.me = me;
    for (const m of this.messages) m.own = m.userId === me;
  }

  // As much as the live chat keeps, oldest first.
  rows() {
    const rows = this.messages.slice(Math.max(this.reached - KEPT - this.gone.size, 0), this.reached);
    return rows.filter((m) => !this.gone.has(m.id)).slice(-KEPT);
  }

  #need() {
    const { now, messages, upTo } = this;
    if (!this.known) return now > JUMP_MS ? { at: now } : {};
    if (now < this.from) return { at: now };
    if (now > upTo + JUMP_MS) return { at: now };
    return now + AHEAD_MS > upTo ? { after: messages.at(-1).id } : null;
  }

  #empty() {
    this.messages = [];
    this.reached = 0;
    this.known = false;
    this.more = false;
    this.from = 0; // what was said from here on, and
    this.upTo = 0; // up to here, has been loaded
  }

  #forget() {
    const many = Math.min(this.messages.length - HELD, this.reached - 2 * KEPT);
    if (many <= 0) return;
    this.messages.splice(0, many);
    this.reached -= many;
    this.from = this.messages[0].offset;
  }

  // How many stand at or before a place.
  #count(at) {
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].offset <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
