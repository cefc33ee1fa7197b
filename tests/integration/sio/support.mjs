// What the tests of sockets share. MODULES: where the packages are installed; BASE: the server's URL.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.MODULES, 'package.json'));
export const { io } = require('socket.io-client');
export const WebSocket = require('ws');

export const HTTP = process.env.BASE;
export const WS = HTTP.replace('http', 'ws');

// The next event of an emitter, or of a socket.
export function once(emitter, name) {
  return new Promise((resolve) => emitter.once(name, (...args) => resolve(args)));
}

// Messages of a bare WebSocket in order, as text or bytes; null: it has closed.
export class Messages {
  constructor(path) {
    this.socket = new WebSocket(WS + path);
    this.waiting = [];
    this.arrived = [];
    this.opened = once(this.socket, 'open');
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => {});
    this.socket.on('message', (data, binary) => this.push(binary ? data : data.toString()));
    this.socket.on('close', () => this.push(null));
  }

  push(message) {
    const waiting = this.waiting.shift();
    if (waiting) waiting(message);
    else this.arrived.push(message);
  }

  // Pings are answered, and not told unless they are asked for.
  async next({ pings = false } = {}) {
    for (;;) {
      const message = this.arrived.length
        ? this.arrived.shift()
        : await new Promise((resolve) => this.waiting.push(resolve));
      if (message !== '2' || pings) return message;
      this.socket.send('3');
    }
  }

  send(data) {
    this.socket.send(data);
  }

  close() {
    this.socket.close();
  }
}

export async function poll(path, sid, options = {}) {
  const query = new URLSearchParams({ EIO: '4', transport: 'polling', ...(sid ? { sid } : {}) });
  const response = await fetch(`${HTTP}${path}?${query}`, options);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export function post(path, sid, body) {
  return poll(path, sid, { method: 'POST', body });
}

export async function openPolling(path) {
  const answer = await poll(path);
  return JSON.parse(answer.text.slice(1)).sid;
}
