// One menu for all messages, as the ARIA practices have menus: arrows, Home, End, Escape.
import { byId, el } from '../shared/dom.js';

export class Menu {
  constructor() {
    this.node = byId('chat-menu');
    this.node.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('pointerdown', (event) => {
      if (this.button && !this.node.contains(event.target) && !this.button.contains(event.target)) {
        this.close(false);
      }
    });
    this.node.addEventListener('focusout', (event) => {
      if (this.button && event.relatedTarget && !this.node.contains(event.relatedTarget)) {
        this.close(false);
      }
    });
  }

  // items: [{text, sure (asked again), run}]
  open(button, label, items) {
    if (this.button === button) {
      this.close();
      return;
    }
    this.close(false);
    this.button = button;
    this.node.setAttribute('aria-label', label);
    this.node.replaceChildren(...items.map((item) => this.#item(item)));
    this.node.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    this.#place();
    this.node.firstElementChild.focus({ preventScroll: true });
  }

  close(back = true) {
    const { button } = this;
    if (!button) return;
    this.button = null;
    this.node.hidden = true;
    button.removeAttribute('aria-expanded');
    if (back) (button.isConnected ? button : byId('log')).focus({ preventScroll: true });
  }

  #item({ text, sure, run }) {
    const node = el('button.menu-item', { type: 'button', role: 'menuitem', tabindex: '-1' }, text);
    let asked = !sure;
    node.addEventListener('click', () => {
      if (!asked) {
        asked = true;
        node.textContent = sure;
        node.classList.add('sure');
        return;
      }
      this.close();
      run();
    });
    return node;
  }

  #place() {
    const panel = this.node.parentElement.getBoundingClientRect();
    const at = this.button.getBoundingClientRect();
    const room = panel.height - this.node.offsetHeight - 8;
    const below = at.bottom - panel.top;
    this.node.style.top = `${Math.max(8, Math.min(below, room))}px`;
    this.node.style.right = `${Math.max(8, panel.right - at.right)}px`;
  }

  #key(event) {
    const items = [...this.node.children];
    const at = items.indexOf(document.activeElement);
    const to = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at + items.length - 1) % items.length,
      Home: 0,
      End: items.length - 1,
    }[event.key];
    if (to !== undefined) items[to].focus();
    else if (event.key === 'Escape') this.close();
    else if (event.key !== 'Tab') return;
    if (event.key === 'Tab') this.close();
    else event.preventDefault();
    event.stopPropagation();
  }
}
