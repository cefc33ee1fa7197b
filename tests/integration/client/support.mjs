// What the tests of clients share. MODULES: where the packages are; BASE: soukd's URL; SECRET: what
// its tokens are signed with; STREAM: a live stream.
import { createHmac } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { connect as dial, createServer } from 'node:net';
import { join } from 'node:path';

export const { BASE, SECRET, STREAM } = process.env;
const require = createRequire(join(process.env.MODULES, 'package.json'));
export const { io } = require('socket.io-client');
const WebSocket = require('ws');

export const SETTINGS = {
  default: {},
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
};

// A token that is good for so many seconds, or has been good.
export function token(sub, seconds = 3600, roles = ['buyer']) {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const text = [{ alg: 'HS256', typ: 'JWT' }, { sub, roles, exp }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

export function once(emitter, name, fits = () => true) {
  return new Promise((resolve) => {
    const listener = (...args) => {
      if (!fits(...args)) return;
      emitter.off(name, listener);
      resolve(args[0]);
    };
    emitter.on(name, listener);
  });
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition) {
  while (!await condition()) await pause(10);
}

export function open(t, options = {}) {
  const socket = io((options.base ?? BASE) + (options.namespace ?? ''), {
    forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options,
  });
  t.after(() => socket.disconnect());
  return socket;
}

export async function connect(t, user, options = {}) {
  const socket = open(t, { auth: user ? { token: token(user) } : undefined, ...options });
  await Promise.race([
    once(socket, 'connect'),
    once(socket, 'connect_error').then((error) => {
      throw error;
    }),
  ]);
  return socket;
}

export const ask = (socket, event, data) => socket.timeout(60000).emitWithAck(event, data);
export const enter = (socket) => ask(socket, 'stream:join', { stream_id: STREAM });
export const say = (socket, message, more) => ask(socket, 'stream:chat',
  { stream_id: STREAM, message, ...more });

// Numbers that are the same in each run of a seed.
export function random(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// /ws as an app would use it: comes back by itself, to its place in the room, and says again what
// was not acked.
export class JsonClient extends EventEmitter {
  constructor(base, user, seconds) {
    super();
    this.base = base.replace('http', 'ws');
    this.user = user;
    this.renew(seconds);
    this.asked = new Map();
    this.next = 1;
    this.place = null;
    this.ended = false;
    this.dial();
  }

  renew(seconds) {
    this.url = `${this.base}/ws?token=${token(this.user, seconds)}`;
  }

  dial() {
    this.socket = new WebSocket(this.url);
    this.socket.on('error', () => {});
    this.socket.on('open', () => this.opened());
    this.socket.on('ping', () => this.alive());
    this.socket.on('message', (data) => this.take(JSON.parse(data)));
    this.socket.on('close', (code, reason) => {
      clearTimeout(this.silence);
      this.emit('gone', code, reason.toString());
      if (!this.ended) setTimeout(() => this.ended || this.dial(), 50);
    });
    this.alive();
  }

  // Who hears nothing for longer than pings are apart is alone.
  alive() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.socket.terminate(), this.patience ?? 60000);
  }

  async opened() {
    if (this.place) {
      const answer = await this.request('resume', this.place);
      this.emit('back', answer);
    }
    for (const [ack, { event, data, again }] of this.asked) {
      if (again) this.put({ event, data, ack });
    }
    this.emit('open');
  }

  put(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  take(frame) {
    this.alive();
    if (frame.ack !== undefined) {
      this.asked.get(frame.ack)?.resolve(frame.data);
      this.asked.delete(frame.ack);
      return;
    }
    if (this.place && frame.seq) this.place.seq = frame.seq;
    this.emit(frame.event, frame.data);
  }

  // again: until it is answered, in each connection.
  request(event, data, again = false) {
    const ack = this.next;
    this.next += 1;
    return new Promise((resolve) => {
      this.asked.set(ack, { event, data, again, resolve });
      this.put({ event, data, ack });
    });
  }

  async enter() {
    const { room, epoch, seq } = await this.request('stream:join', { stream_id: STREAM }, true);
    this.place = { room, epoch, seq };
  }

  close() {
    this.ended = true;
    clearTimeout(this.silence);
    this.socket.terminate();
  }
}

// Node does not get over a reset of a socket that is being shut down: it hangs when it exits.
const reset = (socket) => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy());

// TCP between a client and soukd, with all that can happen to it on its way.
export class Network {
  constructor(target = BASE) {
    this.target = new URL(target);
    this.lines = new Set();
    this.held = Promise.resolve();
    this.server = createServer({ allowHalfOpen: true }, (client) => this.line(client));
  }

  static async open(t) {
    const network = new Network();
    await new Promise((resolve) => network.server.listen(0, '127.0.0.1', resolve));
    network.base = `http://127.0.0.1:${network.server.address().port}`;
    t.after(() => network.close());
    return network;
  }

  line(client) {
    if (!this.server.listening) {
      client.destroy();
      return;
    }
    const server = dial({
      host: this.target.hostname, port: this.target.port, allowHalfOpen: true,
    });
    const line = { client, server, deaf: false, apart: false };
    this.lines.add(line);
    for (const [from, to] of [[client, server], [server, client]]) {
      from.on('data', (data) => line.deaf || to.write(data));
      from.on('end', () => (line.deaf ? from.destroy() : to.end()));
      from.on('error', () => {});
      from.on('close', () => {
        if (!line.apart) to.destroy();
        if (client.destroyed && server.destroyed) this.lines.delete(line);
      });
    }
    client.once('data', (data) => {
      this.next?.(line);
      this.next = null;
      // A WebSocket's way may be longer, while polls go on.
      if (!/^upgrade: websocket/im.test(data)) return;
      client.pause();
      this.held.then(() => client.resume());
    });
  }

  // Breaks what is under way now, or else what comes next; after that, the way is free.
  cut(how, ms) {
    const lines = [...this.lines].filter((line) => !line.deaf);
    for (const line of lines) Network.ways[how](line, ms);
    if (!lines.length) this.next = (line) => Network.ways[how](line, ms);
  }

  static ways = {
    reset({ client, server }) {
      reset(client);
      reset(server);
    },
    fin({ client, server }) {
      client.end();
      server.end();
    },
    // Late, but nothing is lost.
    stall({ client, server }, ms) {
      client.pause();
      server.pause();
      setTimeout(() => {
        client.resume();
        server.resume();
      }, ms);
    },
    // What was under way arrives nowhere, and then it breaks.
    swallow(line, ms) {
      line.deaf = true;
      setTimeout(() => Network.ways.reset(line), ms);
    },
    // Only a ping that does not come tells the client.
    clientAlone(line) {
      line.deaf = line.apart = true;
      reset(line.server);
    },
    // The server does not know when the client is back.
    serverAlone(line) {
      line.deaf = line.apart = true;
      reset(line.client);
    },
  };

  close() {
    this.server.close();
    for (const { client, server } of this.lines) {
      client.destroy();
      server.destroy();
    }
  }
}
