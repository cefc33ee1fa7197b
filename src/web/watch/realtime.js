// The socket: comes, joins, is lost, comes back. After a short loss the server sends what was missed
// (connection state recovery); after a longer one the stream is joined again, which brings the last
// messages and counts with it.
import { io } from 'socket.io-client';
import { dropToken, token } from '../shared/token.js';

const ANSWER_MS = 10000;
const AGAIN_MS = 3000;
const FULL_MS = 15000;

const told = ['chat:message', 'chat:deleted', 'chat:muted', 'chat:enabled', 'reaction:new',
  'stream:viewer-count', 'viewer:joined', 'viewer:left', 'product:tagged', 'product:pinned',
  'product:unpinned', 'stream:slow-mode', 'stream:started', 'stream:interrupted', 'stream:resumed',
  'stream:ended', 'stream:vod-ready'];

// heard: {state(name, code), joined(answer), returned(), event(name, data), signedOut()}; states are
// connecting, on, lost, refused (code: why). After signedOut() it is to be renewed.
export class Realtime {
  constructor(streamId, heard) {
    this.streamId = streamId;
    this.heard = heard;
    this.state = 'connecting';
    this.joined = false;
    this.turn = 0;
    this.socket = io({
      autoConnect: false,
      auth: (give) => give(token() ? { token: token() } : {}),
      reconnectionDelay: 400,
      reconnectionDelayMax: 4000,
      rememberUpgrade: true,
    });
    this.#listen();
  }

  open() {
    if (!this.socket.active) this.socket.connect();
  }

  close() {
    clearTimeout(this.timer);
    this.joined = false;
    this.turn++;
    this.socket.disconnect();
  }

  // With the token that there is now.
  renew() {
    this.close();
    this.open();
  }

  // Where the network is back, or who was refused may come in by now.
  hurry() {
    if (!this.socket.connected) this.renew();
    else if (!this.joined) this.#join();
  }

  // Answers {error: {code, …}} instead of throwing; code "lost": nobody knows what came of it.
  ask(name, fields) {
    if (!this.socket.connected) return Promise.resolve({ error: { code: 'lost' } });
    return new Promise((resolve) => {
      this.socket.timeout(ANSWER_MS).emit(name, { stream_id: this.streamId, ...fields },
        (error, answer) => resolve(error ? { error: { code: 'lost' } } : answer ?? {}));
    });
  }

  #enter(state, code) {
    this.state = state;
    this.heard.state(state, code);
  }

  async #join() {
    const turn = ++this.turn;
    clearTimeout(this.timer);
    const answer = await this.ask('stream:join');
    if (turn !== this.turn || !this.socket.connected) return;
    const code = answer.error?.code;
    if (!code) {
      this.joined = true;
      this.#enter('on');
      this.heard.joined(answer);
    } else if (['lost', 'unavailable', 'rate_limited'].includes(code)) {
      const wait = (answer.error.retryAfter ?? 0) * 1000 + AGAIN_MS;
      this.timer = setTimeout(() => this.#join(), wait);
    } else {
      this.#enter('refused', code);
    }
  }

  #listen() {
    const { socket } = this;
    socket.on('connect', () => {
      if (socket.recovered && this.joined) {
        this.#enter('on');
        this.heard.returned();
      } else {
        this.joined = false;
        this.#join();
      }
    });
    socket.on('disconnect', (reason) => {
      this.turn++;
      clearTimeout(this.timer);
      if (reason === 'io client disconnect') return;
      this.#enter('lost');
      if (!socket.active) this.timer = setTimeout(() => this.open(), AGAIN_MS);
    });
    socket.on('connect_error', (error) => this.#refused(error));
    for (const name of told) {
      socket.on(name, (data) => {
        if (data?.streamId === this.streamId) this.heard.event(name, data);
      });
    }
  }

  // A server that is away is not a refusal: then the client goes on trying by itself.
  #refused(error) {
    if (this.socket.active) {
      if (this.state === 'on') this.#enter('lost');
    } else if (error.message !== 'Authentication error') {
      this.#enter('refused', error.data?.code ?? 'too_many_sockets');
      this.timer = setTimeout(() => this.open(), FULL_MS);
    } else if (token()) {
      dropToken();
      this.heard.signedOut();
    } else {
      this.#enter('refused', 'unauthorized');
    }
  }
}
