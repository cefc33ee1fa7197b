// The messages on the page. They come in bursts: what came is drawn together, a few times a second,
// and only while the newest are looked at. Who has scrolled back keeps what he reads as it is.
import { byId, el, setHidden, setText } from '../shared/dom.js';
import { KEPT } from './chat_log.js';

const DRAW_MS = 100;
const SPEAK_MS = 5000;
const NEAR_END = 48;

function hue(text) {
  let h = 0;
  for (const c of text) h = (h * 31 + c.codePointAt(0)) >>> 0;
  return (h * 47) % 360;
}

export class ChatView {
  // uses: {log() (what is shown), seller() (an id), mayAct(message), act(message, button), retry(entry),
  // discard(entry), waiting()}
  constructor(uses) {
    this.uses = uses;
    this.list = byId('messages');
    this.box = byId('log');
    this.rows = new Map();
    this.atEnd = true;
    this.unseen = 0;
    this.unspoken = [];
    this.heardAt = 0;
    this.drawnAt = 0;
    this.#listen();
  }

  // Something of the log is different.
  changed() {
    if (this.asked) return;
    this.asked = true;
    const wait = Math.max(0, DRAW_MS - (performance.now() - this.drawnAt));
    setTimeout(() => requestAnimationFrame(() => this.#draw()), wait);
  }

  // A message that was not here before.
  came(message) {
    if (!this.atEnd) this.unseen++;
    if (!message.own) this.#speakLater(message);
    this.changed();
  }

  toEnd() {
    this.atEnd = true;
    this.unseen = 0;
    this.#draw();
  }

  // Rows look different for somebody else.
  forget() {
    this.rows.clear();
    this.list.replaceChildren();
    this.changed();
  }

  rowOf(id) {
    return [...this.rows.values()].find((row) => row.dataset.id === id);
  }

  #draw() {
    this.asked = false;
    this.drawnAt = performance.now();
    const wanted = this.uses.log().rows();
    this.#dropGone(wanted);
    if (this.atEnd) this.#place(wanted);
    setHidden(byId('empty'), this.rows.size > 0 || !(this.uses.log().ready ?? this.ready));
    setHidden(byId('newer'), this.atEnd || this.unseen === 0);
    setText(byId('newer'), this.unseen === 1 ? '1 new message'
      : `${this.unseen > KEPT ? `${KEPT}+` : this.unseen} new messages`);
    if (this.atEnd) this.box.scrollTop = this.box.scrollHeight;
    this.#rove();
  }

  #dropGone(wanted) {
    const keys = new Set(wanted.map((m) => m.key));
    for (const [key, row] of this.rows) {
      // While somebody reads further up, only what was deleted goes.
      const old = !this.atEnd && !this.uses.log().gone.has(row.dataset.id);
      if (keys.has(key) || (old && row.dataset.id)) continue;
      row.remove();
      this.rows.delete(key);
    }
  }

  #place(wanted) {
    let next = this.list.firstElementChild;
    for (const m of wanted) {
      const row = this.#row(m);
      if (row === next) next = next.nextElementSibling;
      else this.list.insertBefore(row, next);
    }
  }

  #row(m) {
    const state = m.state ? `${m.state} ${m.reason ?? ''} ${this.uses.waiting()}` : 'said';
    let row = this.rows.get(m.key);
    if (!row) {
      row = el('li.msg');
      this.rows.set(m.key, row);
    }
    if (row.dataset.state === state) return row;
    row.dataset.state = state;
    if (m.id) row.dataset.id = m.id;
    row.classList.toggle('own', Boolean(m.own));
    row.classList.toggle('unsent', Boolean(m.state));
    row.replaceChildren(...this.#inside(m));
    return row;
  }

  #inside(m) {
    const name = m.own ? 'You' : m.username ?? m.userId;
    const who = el('span.who', {}, el('bdi', {}, name));
    who.style.setProperty('--hue', hue(m.userId ?? ''));
    const parts = [el('p.said', {}, who,
      m.userId === this.uses.seller() ? el('span.tag', {}, 'Seller') : null, ' ',
      el('span.text', { dir: 'auto' }, m.message))];
    if (m.state === 'failed') parts.push(this.#failure(m));
    if (m.state === 'sending') parts.push(el('span.unseen', {}, 'being sent'));
    if (m.id && this.uses.mayAct(m)) parts.push(this.#more(m, name));
    return parts;
  }

  #more(m, name) {
    const button = el('button.more-button', {
      type: 'button', 'aria-haspopup': 'menu', 'aria-label': `Act on the message of ${name}`,
      tabindex: '-1',
    }, '⋯');
    button.addEventListener('click', () => this.uses.act(m, button));
    return button;
  }

  #failure(m) {
    const again = el('button', { type: 'button', class: 'again' }, 'Try again');
    const drop = el('button', { type: 'button', class: 'drop' }, 'Discard');
    again.disabled = this.uses.waiting();
    again.addEventListener('click', () => this.uses.retry(m));
    drop.addEventListener('click', () => this.uses.discard(m));
    return el('p.failure', {}, el('span', { role: 'alert' }, m.reason), ' ',
      el('span.choices', {}, m.again ? again : null, drop));
  }

  // Of two hundred buttons one is in the order of tabs; arrows lead to the others.
  #rove(chosen) {
    const buttons = [...this.list.getElementsByClassName('more-button')];
    const kept = chosen ?? buttons.find((b) => b.tabIndex === 0 && b === document.activeElement)
      ?? buttons.at(-1);
    for (const b of buttons) b.tabIndex = b === kept ? 0 : -1;
    return buttons;
  }

  #listen() {
    this.box.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.box;
      const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
      if (atEnd === this.atEnd) return;
      this.atEnd = atEnd;
      if (atEnd) this.toEnd();
    }, { passive: true });
    // The keyboard of a phone takes its room from above the end.
    new ResizeObserver(() => {
      if (this.atEnd) this.box.scrollTop = this.box.scrollHeight;
    }).observe(this.box);
    byId('newer').addEventListener('click', () => {
      this.toEnd();
      this.box.focus({ preventScroll: true });
    });
    this.list.addEventListener('keydown', (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step || !event.target.classList.contains('more-button')) return;
      event.preventDefault();
      const buttons = this.#rove();
      const next = buttons[buttons.indexOf(event.target) + step];
      if (!next) return;
      this.#rove(next);
      next.focus();
    });
  }

  // A screen reader hears a message or two as they are, a crowd as a number.
  #speakLater(message) {
    this.unspoken.push(`${message.username ?? message.userId}: ${message.message}`);
    this.speaking ??= setTimeout(() => {
      const texts = this.unspoken;
      this.unspoken = [];
      this.speaking = null;
      setText(byId('chat-says'), texts.length > 2 ? `${texts.length} new messages`
        : texts.join('. '));
    }, Date.now() - this.heardAt > SPEAK_MS ? 0 : SPEAK_MS);
    this.heardAt = Date.now();
  }
}
