// Where one writes. Says how much room is left, and how long to wait.
import { byId, setHidden, setText } from '../shared/dom.js';
import { clock } from '../shared/format.js';
import { length } from './chat_log.js';

const MOST = 200;
const NEAR = 160;
const TOLD = [20, 10, 0];

// What is pressed beside the field leaves the keyboard of a phone where it is.
export const keepFocus = (node) =>
  node.addEventListener('mousedown', (event) => event.preventDefault());

export class Composer {
  // say(text) is called with what is to be sent, turned() when waiting begins or ends.
  constructor(say, turned) {
    this.say = say;
    this.turned = turned;
    this.until = 0;
    this.input = byId('say');
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    this.input.addEventListener('input', () => this.#show());
    keepFocus(byId('send'));
    for (const name of ['focus', 'blur']) {
      this.input.addEventListener(name, () =>
        document.body.classList.toggle('writing', name === 'focus'));
    }
  }

  get waiting() {
    return this.until > Date.now();
  }

  wait(seconds) {
    this.until = Math.max(this.until, Date.now() + seconds * 1000);
    this.tick();
  }

  free() {
    this.until = 0;
    this.tick();
  }

  // Once a second.
  tick() {
    const turned = Boolean(this.counting) !== this.waiting;
    this.counting = this.waiting;
    this.#show();
    if (turned) this.turned();
  }

  #send() {
    const text = this.input.value.trim();
    const n = length(text);
    if (!n || n > MOST || this.waiting) {
      this.input.focus();
      return;
    }
    this.input.value = '';
    this.#show();
    this.say(text);
  }

  #show() {
    const n = length(this.input.value);
    const left = MOST - n;
    const seconds = Math.ceil((this.until - Date.now()) / 1000);
    const room = byId('room');
    setHidden(room, n < NEAR);
    setText(room, left < 0 ? `${-left} too many` : `${left} left`);
    room.classList.toggle('over', left < 0);
    if (TOLD.includes(left) || left === -1) setText(byId('room-says'), room.textContent);
    this.input.setAttribute('aria-invalid', String(left < 0));
    const button = byId('send');
    button.setAttribute('aria-disabled', String(!n || left < 0 || seconds > 0));
    setText(byId('send-wait'), seconds > 0 ? clock(seconds) : '');
    button.classList.toggle('counting', seconds > 0);
  }
}
