// Six emojis to press, and those of all that rise over the picture. However many there are, only so
// many fly; where motion is unwelcome, they are counted instead.
import { byId, el, setHidden, setText } from '../shared/dom.js';
import { keepFocus } from './composer.js';

const FLYING_MAX = 30;
const AT_ONCE = 6;
const TALLY_MS = 4000;

const emojis = [['❤️', 'Love'], ['🔥', 'Fire'], ['👏', 'Applause'], ['😂', 'Laughter'],
  ['😮', 'Surprise'], ['💎', 'Gem']];

export class Reactions {
  // send(emoji) resolves to the server's answer.
  constructor(send) {
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.own = new Map();
    this.counted = new Map();
    byId('reactions').replaceChildren(...emojis.map(([emoji, name]) => {
      const button = el('button.reaction', { type: 'button', 'aria-label': name }, emoji);
      button.addEventListener('click', () => this.#press(emoji, send));
      return button;
    }));
    keepFocus(byId('reactions'));
    byId('floats').addEventListener('animationend', (event) => event.target.remove());
  }

  // From the room, one's own among them: those fly already.
  came({ emoji, count }) {
    const own = Math.min(this.own.get(emoji) ?? 0, count);
    this.own.set(emoji, (this.own.get(emoji) ?? 0) - own);
    this.#show(emoji, count - own);
  }

  async #press(emoji, send) {
    this.own.set(emoji, (this.own.get(emoji) ?? 0) + 1);
    this.#show(emoji, 1);
    const { error } = await send(emoji);
    if (error) this.own.set(emoji, Math.max((this.own.get(emoji) ?? 0) - 1, 0));
  }

  #show(emoji, count) {
    if (document.hidden || count < 1) return;
    if (this.still.matches) {
      this.#count(emoji, count);
      return;
    }
    const layer = byId('floats');
    for (let i = 0; i < Math.min(count, AT_ONCE); i++) {
      if (layer.childElementCount >= FLYING_MAX) return;
      layer.append(this.#float(emoji));
    }
  }

  #float(emoji) {
    const node = el('span.float', {}, emoji);
    node.style.setProperty('--x', `${62 + Math.random() * 32}%`);
    node.style.setProperty('--sway', `${(Math.random() - 0.5) * 60}px`);
    node.style.setProperty('--time', `${2.2 + Math.random()}s`);
    return node;
  }

  #count(emoji, count) {
    this.counted.set(emoji, (this.counted.get(emoji) ?? 0) + count);
    setText(byId('tally'), [...this.counted].map(([e, n]) => `${e} ${n}`).join('  '));
    setHidden(byId('tally'), false);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.counted.clear();
      setHidden(byId('tally'), true);
    }, TALLY_MS);
  }
}
