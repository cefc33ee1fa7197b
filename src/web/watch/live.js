// The stream's room: chat, reactions, counts, products. Puts what the socket says where it belongs.
import { ask } from '../shared/api.js';
import { byId, setHidden, setText } from '../shared/dom.js';
import { token } from '../shared/token.js';
import { ChatLog, HISTORY, KEPT } from './chat_log.js';
import { ChatView } from './chat_view.js';
import { Composer } from './composer.js';
import { failureOf, footOf } from './foot.js';
import { identityOf, isStaff } from './identity.js';
import { Menu } from './menu.js';
import { Moderation } from './moderation.js';
import { Reactions } from './reactions.js';
import { Realtime } from './realtime.js';
import { Replay } from './replay.js';
import { Showcase } from './showcase.js';

const GIVE_UP_MS = 20000;
const BACK_MS = 2500;
const SLOW_MS = 1500;
const NOTICE_MS = 6000;
const AGAIN_MS = 15000;
const CLOSED = ['missing', 'cancelled', 'closed'];
const isOpen = (phase) => phase !== 'loading' && !CLOSED.includes(phase);

const links = {
  connecting: 'Connecting to the chat…',
  lost: 'Connection lost. Trying again…',
  back: 'Connected again.',
};

const nextId = () => Array.from(crypto.getRandomValues(new Uint32Array(3)),
  (n) => n.toString(36)).join('-');
const watchers = new Intl.NumberFormat();

export class Live {
  // news() is called when the stream's own state is about to change.
  constructor(streamId, player, news) {
    this.streamId = streamId;
    this.news = news;
    this.stream = null;
    this.phase = 'loading';
    this.slow = 0;
    this.log = new ChatLog();
    this.menu = new Menu();
    this.moderation = new Moderation(streamId, (text) => this.#notice(text));
    this.replay = new Replay(player, {
      came: (messages) => messages.forEach((m) => this.view.came(m)),
      jumped: () => this.view.toEnd(),
      changed: () => this.view.changed(),
      turned: () => this.#turned(),
    });
    this.composer = new Composer((text) => this.#say(text), () => this.view.changed());
    this.view = new ChatView({
      log: () => (this.replay.active ? this.replay.log : this.log),
      seller: () => this.stream?.sellerId,
      mayAct: (m) => this.staff || m.own,
      act: (m, button) => this.#act(m, button),
      retry: (entry) => this.#send(entry),
      discard: (entry) => {
        this.log.discard(entry);
        this.view.changed();
      },
      waiting: () => this.composer.waiting,
    });
    this.socket = new Realtime(streamId, {
      state: (name, code) => this.#connection(name, code),
      joined: (answer) => this.#joined(answer),
      returned: () => this.#sendWaiting(),
      signedOut: () => this.#signedOut(),
      event: (name, data) => this.#event(name, data),
    });
    this.reactions = new Reactions((emoji) => this.socket.ask('stream:reaction', { emoji }));
    this.showcase = new Showcase(player, (productId, type) =>
      this.socket.ask('product:event', { product_id: productId, type }));
    byId('slow-select').addEventListener('change', (event) => this.#setSlow(event.target));
    setInterval(() => this.#tick(), 1000);
    this.#identify();
  }

  // As the API has the stream, every few seconds.
  follow(stream, phase) {
    const before = this.phase;
    this.stream = stream ?? this.stream;
    this.phase = phase === 'offline' ? before : phase;
    this.showcase.known(stream?.products);
    this.replay.follow(this.stream);
    if (this.token !== token()) this.#signedOut();
    setHidden(byId('chat'), CLOSED.includes(this.phase));
    document.body.classList.toggle('with-chat', !CLOSED.includes(this.phase));
    if (this.staff !== isStaff(this.me, this.stream?.sellerId)) this.#identify();
    if (isOpen(this.phase) && !isOpen(before)) this.#open();
    else if (isOpen(before) && !isOpen(this.phase)) this.socket.close();
    else this.#tryAgain();
    this.#showFoot();
  }

  // Another token, or none any more.
  renew() {
    this.signedOut = false;
    this.banned = false;
    this.muted = null;
    this.replay.renew();
    this.composer.free();
    this.#identify();
    if (isOpen(this.phase)) this.socket.renew();
  }

  hurry() {
    if (isOpen(this.phase)) this.socket.hurry();
  }

  // Who was not let in may be by now: a ban is lifted, a seller followed.
  #tryAgain() {
    if (!this.refused && !this.banned) return;
    if (Date.now() - (this.triedAt ?? 0) < AGAIN_MS) return;
    this.triedAt = Date.now();
    this.socket.hurry();
  }

  // The token was of no use, or is not any more: it was dropped.
  #signedOut() {
    this.signedOut = true;
    this.#identify();
    if (isOpen(this.phase)) this.socket.renew();
  }

  #open() {
    this.#connection('connecting');
    this.socket.open();
  }

  #identify() {
    this.token = token();
    this.me = identityOf(this.token);
    this.staff = isStaff(this.me, this.stream?.sellerId);
    if (this.log.me !== this.me.id) {
      this.log.me = this.me.id;
      this.log.pending = [];
      for (const m of this.log.messages) m.own = m.userId === this.me.id;
      this.replay.log.identify(this.me.id);
    }
    this.view.forget();
    this.#showFoot();
  }

  /* --- the connection --- */

  #connection(name, code) {
    const bar = byId('link');
    const came = name === 'on' && bar.dataset.state === 'lost';
    this.refused = name === 'refused' ? code : null;
    bar.dataset.state = came ? 'back' : name;
    clearTimeout(this.barTimer);
    const text = links[bar.dataset.state] ?? '';
    setText(bar, text);
    // Coming is said when it takes long, being back for a moment.
    setHidden(bar, !text || name === 'connecting');
    if (name === 'connecting') this.barTimer = setTimeout(() => setHidden(bar, false), SLOW_MS);
    if (came) this.barTimer = setTimeout(() => setHidden(bar, true), BACK_MS);
    byId('viewers').classList.toggle('stale', name !== 'on');
    this.#showFoot();
  }

  async #joined(answer) {
    this.banned = false;
    this.slow = answer.slowMode ?? 0;
    this.#enable(answer.chatEnabled);
    this.#count(answer.viewerCount);
    this.#showSlow();
    this.showcase.joined(answer);
    if (this.staff) this.moderation.learn();
    if (this.log.missesBefore(answer.chat)) await this.#fill(answer.chat);
    this.log.merge(answer.chat);
    this.view.ready = true;
    this.view.changed();
    this.#showFoot();
    this.#sendWaiting();
  }

  // Who was away for more messages than a join tells.
  async #fill(history) {
    const newest = this.log.messages.at(-1).id;
    let cursor = history[0].id;
    for (let n = HISTORY; n < KEPT; n += 100) {
      const found = await ask(`/api/v1/streams/${encodeURIComponent(this.streamId)}/chat`
        + `?limit=100&before=${cursor}`);
      const older = found.body?.data ?? [];
      older.forEach((m) => this.log.add(m));
      cursor = older.at(-1)?.id;
      if (!cursor || cursor <= newest) return;
    }
  }

  #event(name, data) {
    switch (name) {
      case 'chat:message':
        this.#said(data);
        break;
      case 'chat:deleted':
        this.log.remove(data.messageId);
        this.replay.log.remove(data.messageId);
        this.view.changed();
        break;
      case 'chat:enabled':
        this.#enable(data.enabled);
        this.#showFoot();
        break;
      case 'chat:muted':
        this.#mutedSomebody(data);
        break;
      case 'reaction:new':
        this.reactions.came(data);
        break;
      case 'stream:viewer-count':
        this.#count(data.count);
        break;
      case 'viewer:joined':
      case 'viewer:left':
        this.#count(data.viewerCount);
        break;
      case 'stream:slow-mode':
        this.slow = data.seconds;
        if (!this.slow) this.composer.free();
        this.#showSlow();
        break;
      default:
        if (name.startsWith('product:')) this.showcase.heard(name, data);
        else this.news(name);
    }
  }

  #said(data) {
    const fresh = this.log.add(data);
    if (fresh && !this.replay.active) this.view.came({ ...data, own: data.userId === this.me.id });
    else this.view.changed();
  }

  // From what is being said to what was, or back.
  #turned() {
    const { active } = this.replay;
    if (active !== this.replaying) {
      this.replaying = active;
      setText(byId('chat-title'), active ? 'Chat replay' : 'Chat');
      byId('log').setAttribute('aria-label', active ? 'Messages up to here' : 'Messages');
      setText(byId('empty'), active ? 'Nothing has been said up to here.'
        : 'Nobody has written here.');
      this.view.forget();
    }
    this.#showFoot();
  }

  // Before the API says so: it is asked only now and then.
  #enable(enabled) {
    if (this.stream && enabled !== undefined) this.stream.enableChat = enabled;
  }

  #count(n) {
    this.watching = n;
    setText(byId('viewer-count'), watchers.format(n));
  }

  /* --- writing --- */

  #say(text) {
    const entry = this.log.say(text, nextId());
    entry.userId = this.me.id;
    this.view.toEnd();
    this.#send(entry);
  }

  async #send(entry) {
    Object.assign(entry, { state: 'sending', since: entry.since ?? Date.now() });
    this.view.changed();
    const turn = (entry.turn = (entry.turn ?? 0) + 1);
    const answer = await this.socket.ask('stream:chat',
      { message: entry.message, client_id: entry.clientId });
    if (entry.turn !== turn) return;
    if (answer.id) this.#sent(entry, answer);
    else if (answer.error.code !== 'lost' || Date.now() - entry.since > GIVE_UP_MS) {
      this.#unsent(entry, answer.error);
    }
    this.view.changed();
  }

  #sent(entry, answer) {
    this.log.confirm(entry, answer, this.me);
    if (this.slow && !this.staff) this.composer.wait(this.slow);
  }

  #unsent(entry, error) {
    const { text, again } = failureOf(error);
    entry.since = undefined;
    const tooFast = ['rate_limited', 'slow_mode'].includes(error.code);
    if (tooFast) this.composer.wait(error.retryAfter ?? 1);
    if (error.code === 'muted') {
      this.muted = { until: error.retryAfter ? Date.now() + error.retryAfter * 1000 : null };
    }
    if (error.code === 'banned') this.banned = true;
    this.log.fail(entry, text, again);
    this.#showFoot();
  }

  // What nobody knows the fate of is sent again: the same client_id is stored once.
  #sendWaiting() {
    for (const entry of this.log.pending) if (entry.state === 'sending') this.#send(entry);
  }

  /* --- moderation --- */

  #act(message, button) {
    const who = { staff: this.staff, me: this.me.id, sellerId: this.stream?.sellerId,
      replay: this.replay.active };
    this.menu.open(button, `Message of ${message.username ?? message.userId}`,
      this.moderation.items(message, who));
  }

  #mutedSomebody(data) {
    this.moderation.heard(data);
    if (data.userId !== this.me.id) return;
    if (data.kind === 'ban') this.banned = !data.lifted;
    if (this.banned) {
      this.socket.joined = false;
      this.triedAt = Date.now();
    }
    this.muted = data.lifted || data.kind === 'ban' ? null
      : { until: data.until ? Date.parse(data.until) : null };
    if (data.lifted && !this.socket.joined) this.socket.hurry();
    this.#showFoot();
  }

  async #setSlow(select) {
    await this.moderation.slowMode(Number(select.value));
    this.#showSlow();
  }

  #showSlow() {
    const select = byId('slow-select');
    const known = [...select.options].some((o) => Number(o.value) === this.slow);
    if (!known) select.add(new Option(`${this.slow} s`, this.slow));
    select.value = String(this.slow);
    this.#showFoot();
  }

  #notice(text) {
    setText(byId('notice'), text);
    setHidden(byId('notice'), false);
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => setHidden(byId('notice'), true), NOTICE_MS);
  }

  /* --- the foot --- */

  #tick() {
    const now = Date.now();
    if (this.muted?.until && this.muted.until <= now) this.muted = null;
    this.composer.tick();
    for (const entry of this.log.pending) {
      if (entry.state !== 'sending' || !(now - entry.since > GIVE_UP_MS)) continue;
      entry.turn++;
      this.#unsent(entry, { code: 'lost' });
      this.view.changed();
    }
    this.#showFoot();
  }

  #showFoot() {
    const foot = footOf({
      phase: this.phase,
      replay: this.replay.active,
      trouble: this.replay.trouble,
      chatOn: this.stream?.enableChat !== false,
      guest: !this.me.id,
      signedOut: this.signedOut,
      refused: this.refused,
      banned: this.banned,
      muted: this.muted,
    }, Date.now());
    setHidden(byId('slow'), !this.staff || Boolean(foot.over));
    setHidden(byId('viewers'), Boolean(foot.over) || this.watching === undefined);
    const note = byId('chat-note');
    const form = byId('composer');
    if (!foot.write && form.contains(document.activeElement)) byId('log').focus();
    setHidden(form, !foot.write);
    setHidden(byId('reactions'), !foot.react);
    setHidden(note, !foot.note);
    // A countdown is seen, but not read out each second.
    const role = /\d/.test(foot.note) ? 'timer' : 'status';
    if (note.getAttribute('role') !== role) note.setAttribute('role', role);
    setText(note, foot.note);
    setHidden(byId('slow-note'), !(foot.write && this.slow && !this.staff));
    setText(byId('slow-note'), `Slow mode: one message every ${this.slow} s`);
  }
}
