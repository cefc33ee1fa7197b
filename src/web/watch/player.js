// One video element and what feeds it: hls.js, or the browser's own HLS on Apple's.
import { createHls, ErrorTypes, Events, hlsSupported } from './hls_live.js';

// Beyond this many seconds behind its place, a viewer who did not choose to be there is moved.
const DRIFT_LIMIT = 4;
const MEDIA_RECOVERIES = 3;
const END_MARGIN = 0.3;
// hls.js has nothing to show for so long at a place of the past: it is asked anew.
const STUCK_MS = 6000;
const STUCK_STEP = 0.25;

const appleHls = (video) =>
  /^Apple/.test(navigator.vendor) && video.canPlayType('application/vnd.apple.mpegurl') !== '';

export class Player {
  constructor(video, onChange) {
    this.video = video;
    this.onChange = onChange;
    this.hls = null;
    this.source = null;
    this.condition = 'idle';
    this.failedAt = 0;
    this.behindByChoice = false;
    this.stuckAt = -1;
    this.stuckSince = 0;
    this.loads = [];
    this.native = appleHls(video);
    this.supported = this.native || hlsSupported();
    this.#listen();
    if (!this.supported) this.#enter('unsupported');
  }

  load(source, url) {
    if (!this.supported) return;
    this.unload();
    this.source = source;
    this.recoveries = 0;
    this.behindByChoice = false;
    this.#enter('loading');
    if (this.native) this.video.src = url;
    else this.#attach(url);
    this.start();
  }

  unload() {
    this.hls?.destroy();
    this.hls = null;
    this.loads = [];
    if (this.source) {
      this.video.removeAttribute('src');
      this.video.load();
    }
    this.source = null;
    if (this.supported) this.#enter('idle');
  }

  // With sound if the browser lets us, without it if not; else a press on the button starts it.
  async start() {
    const { source } = this;
    for (const muted of [this.video.muted, true]) {
      try {
        this.video.muted = muted;
        await this.video.play();
        return;
      } catch (error) {
        if (this.source !== source || error.name !== 'NotAllowedError') return;
      }
    }
    this.#enter('blocked');
  }

  toggle() {
    if (this.condition === 'finished') {
      this.replay();
    } else if (this.video.paused) {
      this.video.play().catch(() => {});
      // Who paused a live stream comes back to live, unless the pause was to look at the past.
      if (this.source === 'live' && !this.behindByChoice) this.jumpToLive();
    } else {
      this.video.pause();
    }
  }

  replay() {
    this.seekTo(0);
    this.start();
  }

  seekBy(seconds) {
    this.seekTo(this.video.currentTime + seconds);
  }

  seekTo(time) {
    const { start, end } = this.range();
    if (!(end > start)) return;
    // The very end of a recording has no frame to show: a little before it, it ends by itself.
    const last = this.source === 'vod' ? end - END_MARGIN : end;
    this.video.currentTime = Math.max(Math.min(time, last), start);
    if (this.source === 'live') this.behindByChoice = end - this.video.currentTime > DRIFT_LIMIT;
    if (this.condition === 'finished') this.#enter('paused');
  }

  jumpToLive() {
    if (this.source !== 'live') return;
    this.behindByChoice = false;
    const { end } = this.range();
    if (Number.isFinite(end) && end > 0) this.video.currentTime = end;
    if (this.video.paused) this.video.play().catch(() => {});
  }

  // What can be watched. In a live stream the end is the place to be, not the last byte.
  range() {
    const { seekable, duration } = this.video;
    if (this.source === 'vod') return { start: 0, end: duration };
    if (!seekable.length) return { start: 0, end: NaN };
    const last = seekable.end(seekable.length - 1);
    return { start: seekable.start(0), end: this.hls?.liveSyncPosition ?? last };
  }

  latency() {
    if (this.source !== 'live' || this.condition === 'loading') return NaN;
    const { seekable, currentTime } = this.video;
    const details = this.hls?.latestLevelDetails;
    // hls.latency, but of this moment: that one is from the last timeupdate.
    if (details) return details.edge + details.age - currentTime;
    return seekable.length ? seekable.end(seekable.length - 1) - currentTime : NaN;
  }

  targetLatency() {
    return this.hls?.targetLatency ?? NaN;
  }

  // Seconds that are loaded ahead of the playhead.
  ahead() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && currentTime <= buffered.end(i)) {
        return buffered.end(i) - currentTime;
      }
    }
    return 0;
  }

  // Of what was loaded last, measured; by the playlist until there is something to measure.
  bitrate() {
    const bytes = this.loads.reduce((sum, load) => sum + load.bytes, 0);
    const duration = this.loads.reduce((sum, load) => sum + load.duration, 0);
    if (duration > 1) return (bytes * 8) / duration;
    return this.hls?.levels?.[Math.max(this.hls.currentLevel, 0)]?.bitrate ?? NaN;
  }

  // Called about once a second.
  tend() {
    this.#keepUp();
    this.#unstick();
    this.#endRecording();
  }

  // At the edge an encoder may be away for a while; in the past there is always something to load.
  #unstick() {
    const { currentTime } = this.video;
    const stuck = this.hls && this.behindByChoice && this.condition === 'stalled'
      && currentTime === this.stuckAt && this.ahead() < 0.1;
    if (!stuck) {
      this.stuckAt = currentTime;
      this.stuckSince = Date.now();
    } else if (Date.now() - this.stuckSince > STUCK_MS) {
      this.stuckSince = Date.now();
      this.hls.stopLoad();
      this.hls.startLoad(currentTime);
      // And a little further on: a hole may be too wide for hls.js.
      this.video.currentTime = currentTime + STUCK_STEP;
    }
  }

  // Brings back who fell behind without wanting it.
  #keepUp() {
    if (!this.hls || this.source !== 'live' || this.behindByChoice || this.video.paused) return;
    const { end } = this.range();
    if (end - this.video.currentTime > DRIFT_LIMIT && this.ahead() > 0.5) {
      this.video.currentTime = end;
    }
  }

  // hls.js (1.7.4, _streamEnded) never ends a recording that has a gap between two ranges, however
  // small, as where an encoder came back. Shortly before the end of its last range nothing is to come.
  #endRecording() {
    const details = this.hls?.latestLevelDetails;
    const { buffered, currentTime, ended } = this.video;
    if (!details || details.live || ended || !buffered.length) return;
    const start = buffered.start(buffered.length - 1);
    const end = buffered.end(buffered.length - 1);
    const whole = details.edge - end < END_MARGIN;
    if (whole && currentTime >= start && end - currentTime < 2) {
      this.hls.trigger(Events.BUFFER_EOS, {});
      this.#endStuck(end - currentTime);
    }
  }

  // Chromium may stand at the very end of such a recording and never say that it has ended.
  #endStuck(left) {
    if (this.condition !== 'stalled' || left > 0.15) return;
    this.#enter('finished');
    this.video.pause();
  }

  #attach(url) {
    const hls = createHls({ live: this.source === 'live' });
    this.hls = hls;
    hls.on(Events.ERROR, (event, data) => this.#hlsError(hls, data));
    hls.on(Events.FRAG_BUFFERED, (event, data) => this.#measure(data));
    hls.loadSource(url);
    hls.attachMedia(this.video);
  }

  #measure({ frag, part, stats }) {
    const duration = part?.duration ?? frag.duration;
    if (frag.sn === 'initSegment' || !(duration > 0) || !(stats.total > 0)) return;
    this.loads.push({ bytes: stats.total, duration });
    let total = this.loads.reduce((sum, load) => sum + load.duration, 0);
    while (this.loads.length > 1 && total - this.loads[0].duration >= 6) {
      total -= this.loads.shift().duration;
    }
  }

  #hlsError(hls, data) {
    if (hls !== this.hls || !data.fatal) return;
    if (data.type === ErrorTypes.MEDIA_ERROR && this.recoveries++ < MEDIA_RECOVERIES) {
      hls.recoverMediaError();
      return;
    }
    this.#fail();
  }

  #fail() {
    this.hls?.destroy();
    this.hls = null;
    this.failedAt = Date.now();
    this.#enter('failed');
  }

  #listen() {
    const { video } = this;
    const on = (name, handle) => video.addEventListener(name, handle);
    on('playing', () => this.#enter('playing'));
    on('pause', () => {
      if (!video.ended && this.#shown()) this.#enter('paused');
    });
    on('play', () => {
      if (this.condition === 'paused' && video.readyState >= 3) this.#enter('playing');
    });
    on('waiting', () => {
      this.#endRecording();
      if (this.#shown()) this.#enter('stalled');
    });
    on('ended', () => this.#enter('finished'));
    on('error', () => {
      if (this.native && this.source) this.#fail();
    });
    on('timeupdate', () => {
      if (this.condition === 'stalled' && !video.paused && video.readyState >= 3) {
        this.#enter('playing');
      }
    });
  }

  #shown() {
    return ['playing', 'paused', 'stalled', 'blocked'].includes(this.condition);
  }

  #enter(condition) {
    if (this.condition === condition) return;
    this.condition = condition;
    this.onChange();
  }
}
