// A browser on a leash: one JSON command a line on stdin, one JSON answer a line on stdout.
//   {"do": "open", "url", "width", "height", "dark", "phone", "still"}   a fresh page
//   {"do": "state"}     what the page shows and plays
//   {"do": "press", "key"} · {"do": "click", "selector"} · {"do": "focus", "selector"}
//   {"do": "type", "selector", "text"} · {"do": "choose", "selector", "value"}
//   {"do": "chat"}      what the room beside the picture shows
//   {"do": "resize", "width", "height"}
//   {"do": "network", "on"}   cuts the page off, and lets it back
//   {"do": "scheme", "dark"}   the same page in other light
//   {"do": "eval", "js"} · {"do": "shot", "path"}
// MODULES: the folder with node_modules. CHROMIUM: the browser.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const require = createRequire(path.join(process.env.MODULES, 'package.json'));
const { chromium } = require('playwright-core');

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'souk-browser-'));
const problems = [];
let context = null;
let page = null;
let inspector = null;

async function open({ url, width = 1280, height = 800, dark = false, phone = false, gesture = false,
  still = false }) {
  await context?.close();
  fs.rmSync(profile, { recursive: true, force: true });
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    isMobile: phone,
    hasTouch: phone,
    reducedMotion: still ? 'reduce' : 'no-preference',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      `--autoplay-policy=${gesture ? 'document-user-activation-required'
        : 'no-user-gesture-required'}`],
  });
  page = context.pages()[0] ?? await context.newPage();
  inspector = await context.newCDPSession(page);
  problems.length = 0;
  page.on('pageerror', (error) => problems.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (/Content Security Policy|Content-Security-Policy/.test(message.text())) {
      problems.push(message.text());
    }
  });
  const response = await page.goto(url, { waitUntil: 'load' });
  return { status: response.status() };
}

// page.evaluate() would be a gesture of the user, after which the page may play with sound.
async function evaluate(expression) {
  for (let left = 100; ; left--) {
    try {
      const { result, exceptionDetails } = await inspector.send('Runtime.evaluate',
        { expression, returnByValue: true, awaitPromise: true, userGesture: false });
      if (!exceptionDetails) return result.value;
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    } catch (error) {
      // Between two pages there is nowhere to evaluate in.
      if (!left || !/execution context|navigated/i.test(error.message)) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

// Runs inside the page.
function look() {
  const shown = (id) => {
    const node = document.getElementById(id);
    return Boolean(node) && !node.closest('[hidden]') && node.checkVisibility();
  };
  const text = (id) => document.getElementById(id)?.textContent ?? '';
  const video = document.getElementById('video');
  return {
    // Between two pages there may be nothing of this yet.
    phase: document.body?.dataset.phase ?? null,
    condition: document.body?.dataset.condition ?? null,
    source: document.getElementById('stage')?.dataset.source ?? null,
    badge: text('badge'),
    headline: shown('veil') ? text('headline') : null,
    announced: text('announce'),
    title: text('title'),
    products: [...document.querySelectorAll('.product')].map((node) => node.textContent),
    visible: ['poster', 'start', 'unmute', 'again', 'retry', 'controls'].filter(shown),
    focus: document.activeElement?.id ?? null,
    wide: document.documentElement.scrollWidth > innerWidth,
    time: video?.currentTime ?? 0,
    duration: Number.isFinite(video?.duration) ? video.duration : null,
    paused: video?.paused ?? null,
    muted: video?.muted ?? null,
    stats: window.soukStats ?? null,
  };
}

// Runs inside the page.
function lookAtChat() {
  const shown = (node) => Boolean(node) && node.checkVisibility();
  const text = (id) => {
    const node = document.getElementById(id);
    return shown(node) ? node.textContent.trim() : null;
  };
  const box = (node) => {
    const { x, y, width, height } = node.getBoundingClientRect();
    return { x, y, width, height };
  };
  const field = document.getElementById('say');
  return {
    messages: [...document.querySelectorAll('.msg')].map((row) => ({
      id: row.dataset.id ?? null,
      who: row.querySelector('bdi').textContent,
      text: row.querySelector('.text').textContent,
      markup: row.querySelector('.text').childElementCount,
      unsent: row.classList.contains('unsent'),
      failure: row.querySelector('[role=alert]')?.textContent ?? null,
    })),
    viewers: text('viewer-count'),
    link: text('link'),
    note: text('chat-note'),
    notice: text('notice'),
    newer: text('newer'),
    room: text('room'),
    slow: text('slow-note'),
    wait: document.getElementById('send-wait').textContent,
    says: document.getElementById('chat-says').textContent,
    writes: shown(field),
    written: field.value,
    reacts: shown(document.getElementById('reactions')),
    floats: document.querySelectorAll('.float').length,
    tally: text('tally'),
    pinned: shown(document.getElementById('pinned'))
      ? document.querySelector('.pinned-name').textContent : null,
    tags: [...document.querySelectorAll('.place-tag')].map((tag) => ({
      name: tag.querySelector('b').textContent, dot: box(tag.querySelector('.dot')) })),
    picture: box(document.getElementById('tags')),
    video: { ...box(document.getElementById('video')),
      ratio: document.getElementById('video').videoWidth
        / document.getElementById('video').videoHeight },
    send: shown(field) ? box(document.getElementById('send')) : null,
    high: innerHeight,
    wide: document.documentElement.scrollWidth > innerWidth,
    focus: document.activeElement?.id || document.activeElement?.className,
  };
}

const commands = {
  open,
  state: async () => ({ ...(await evaluate(`(${look})()`)), problems }),
  press: ({ key }) => page.keyboard.press(key),
  click: ({ selector }) => page.click(selector, { timeout: 10000 }),
  focus: ({ selector }) => page.focus(selector),
  type: ({ selector, text }) => page.fill(selector, text, { timeout: 10000 }),
  choose: ({ selector, value }) => page.selectOption(selector, value, { timeout: 10000 }),
  chat: async () => ({ ...(await evaluate(`(${lookAtChat})()`)), problems }),
  resize: ({ width, height }) => page.setViewportSize({ width, height }),
  scheme: ({ dark }) => page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' }),
  network: ({ on }) => context.setOffline(!on),
  eval: ({ js }) => evaluate(js),
  shot: ({ path: file }) => page.screenshot({ path: file }).then(() => null),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    const value = await commands[command.do](command);
    console.log(JSON.stringify({ value: value ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message ?? error) }));
  }
}
await context?.close();
fs.rmSync(profile, { recursive: true, force: true });
