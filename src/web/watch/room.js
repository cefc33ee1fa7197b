// How high the messages may be where they stand below the picture, so that what one writes in is in
// sight, above a phone's keyboard too. Where the keyboard leaves the page's height as it is (Safari),
// the visual viewport tells.
import { byId } from '../shared/dom.js';

export function keepRoom() {
  const root = document.documentElement.style;
  const chat = byId('chat');
  const measure = () => {
    root.setProperty('--above', `${Math.round(chat.getBoundingClientRect().top + scrollY)}px`);
  };
  const keyboard = () => {
    const { visualViewport: view } = window;
    if (!view || view.scale > 1.05) return;
    root.setProperty('--high', `${Math.round(view.height)}px`);
    if (document.body.classList.contains('writing')) scrollTo(0, 0);
    measure();
  };
  const watched = new ResizeObserver(measure);
  for (const node of [byId('stage'), byId('about'), byId('masthead'), chat]) watched.observe(node);
  visualViewport?.addEventListener('resize', keyboard);
  new MutationObserver(keyboard).observe(document.body, { attributeFilter: ['class'] });
}
