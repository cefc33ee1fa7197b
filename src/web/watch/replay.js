// The chat of a recording, in step with its picture: what was said is shown when the video comes to
// where it was said.
import { askReplay, localUrl } from '../shared/api.js';
import { ReplayLog } from './replay_log.js';

const LOOK_MS = 250;
// A playhead that moved further than the time that has passed has jumped.
const JUMP_MS = 1500;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

export class Replay {
  // heard: {came(messages), jumped(), changed(), turned()}; turned() is called when it begins, ends,
  // or `trouble` is another.
  constructor(player, heard) {
    this.player = player;
    this.heard = heard;
    this.log = new ReplayLog();
    this.url = null;
    this.active = false;
    this.trouble = false;
    this.failures = 0;
    for (const name of ['timeupdate', 'seeking', 'seeked']) {
      player.video.addEventListener(name, () => this.#look(name === 'seeking'));
    }
    setInterval(() => this.#look(false), LOOK_MS);
  }

  // As the API has the stream; the address may come to have another token.
  follow(stream) {
    this.url = localUrl(stream?.chatReplayUrl) ?? this.url;
    this.#look(false);
  }

  // With another token what was refused may be given.
  renew() {
    this.failures = 0;
    this.failedAt = undefined;
  }

  #look(sought) {
    const active = this.player.source === 'vod' && Boolean(this.url);
    if (active !== this.active) this.#turn(active);
    if (!active) return;
    const now = this.player.video.currentTime * 1000;
    const passed = performance.now() - this.lookedAt;
    const speed = Math.max(this.player.video.playbackRate, 1);
    const step = now - this.log.now;
    const jumped = sought || step < 0 || step > passed * speed + JUMP_MS;
    this.lookedAt = performance.now();
    this.#show(this.log.moveTo(now, jumped), jumped && step !== 0);
    this.#load();
  }

  #turn(active) {
    this.active = active;
    this.lookedAt = performance.now();
    this.heard.turned();
    this.heard.jumped();
  }

  #show(came, jumped) {
    if (jumped) this.heard.jumped();
    else if (came.length) this.heard.came(came);
  }

  // One page at a time; the next look asks for the one that is needed then.
  async #load() {
    const wait = RETRY_MS[Math.min(this.failures - 1, RETRY_MS.length - 1)] ?? 0;
    const need = this.loading || performance.now() - (this.failedAt ?? -wait) < wait
      ? null : this.log.need();
    if (!need) return;
    this.loading = true;
    const page = await askReplay(this.url, need);
    this.loading = false;
    if (!page) {
      this.failures++;
      this.failedAt = performance.now();
      this.#tell(true);
      return;
    }
    this.failures = 0;
    const first = !this.log.known || need.after === undefined;
    this.log.add(need, page);
    this.#tell(false);
    if (first) this.heard.jumped();
    else this.heard.changed();
    this.#load();
  }

  #tell(trouble) {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.heard.turned();
  }
}
