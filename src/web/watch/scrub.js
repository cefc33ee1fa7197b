// The picture over the seek bar: what is to be seen where the pointer is.
import { byId, setHidden, setText } from '../shared/dom.js';
import { clock } from '../shared/format.js';
import { cueAt, parseStoryboard } from './storyboard.js';

// One that is not there yet is asked for again, not with every move.
const RETRY_MS = 10000;

export class Scrub {
  constructor() {
    this.slider = byId('seek');
    this.box = byId('scrub');
    this.cues = [];
    this.askedAt = -RETRY_MS;
    this.slider.addEventListener('pointermove', (event) => this.#follow(event.clientX));
    this.slider.addEventListener('pointerdown', (event) => this.#follow(event.clientX));
    for (const name of ['pointerleave', 'pointercancel', 'blur']) {
      this.slider.addEventListener(name, () => this.#hide());
    }
  }

  // From this address; there may be no storyboard (yet): the bar works without.
  load(url) {
    this.url = url;
    this.cues = [];
    this.askedAt = -RETRY_MS;
    this.#hide();
  }

  // Asked for when it is wanted first: few who watch go looking for a place.
  async #ask() {
    const { url } = this;
    if (!url || this.cues.length || performance.now() - this.askedAt < RETRY_MS) return;
    this.askedAt = performance.now();
    try {
      const answer = await fetch(url);
      const text = answer.ok ? await answer.text() : '';
      if (this.url === url) this.cues = parseStoryboard(text, answer.url);
    } catch {
      // The next move asks again.
    }
  }

  #follow(clientX) {
    const { left, width } = this.slider.getBoundingClientRect();
    const part = Math.min(Math.max((clientX - left) / width, 0), 1);
    const time = part * Number(this.slider.max);
    const cue = cueAt(this.cues, time);
    this.#ask();
    if (!cue) return;
    const half = cue.width / 2;
    const at = Math.min(Math.max(part * width, half), Math.max(width - half, half));
    Object.assign(this.box.style, {
      left: `${this.slider.offsetLeft + at}px`,
      width: `${cue.width}px`,
      height: `${cue.height}px`,
      backgroundImage: `url("${cue.url}")`,
      backgroundPosition: `-${cue.x}px -${cue.y}px`,
    });
    setText(byId('scrub-time'), clock(time));
    setHidden(this.box, false);
  }

  #hide() {
    setHidden(this.box, true);
  }
}
