// Latency and quality, once a second, while somebody can see them.
import { byId, setText } from '../shared/dom.js';
import { bitrate, seconds } from '../shared/format.js';

const dash = '–';

export class Readout {
  constructor(player) {
    this.player = player;
    this.video = player.video;
    this.last = null;
    this.stalls = 0;
    this.video.addEventListener('waiting', () => {
      if (player.condition === 'stalled') this.stalls++;
    });
  }

  reset() {
    this.last = null;
    this.stalls = 0;
    for (const id of ['r-short', 'r-more']) setText(byId(id), '');
  }

  sample() {
    const { player, video } = this;
    const { videoWidth: width, videoHeight: height } = video;
    const quality = video.getVideoPlaybackQuality?.();
    const values = {
      latency: player.latency(),
      target: player.targetLatency(),
      size: width ? `${width} × ${height}` : dash,
      fps: this.#rate(quality?.totalVideoFrames),
      bitrate: player.bitrate(),
      ahead: player.ahead(),
      dropped: quality?.droppedVideoFrames,
      frames: quality?.totalVideoFrames,
      stalls: this.stalls,
      rate: video.playbackRate,
    };
    this.#show(values);
    return values;
  }

  #rate(frames) {
    const now = performance.now();
    const before = this.last;
    this.last = { frames, now };
    if (!before || frames === undefined || this.video.paused) return NaN;
    return ((frames - before.frames) * 1000) / (now - before.now);
  }

  #show(v) {
    const live = this.player.source === 'live';
    setText(byId('r-latency'), live ? seconds(v.latency) : dash);
    setText(byId('r-target'), live ? seconds(v.target) : dash);
    setText(byId('r-size'), v.size);
    setText(byId('r-fps'), v.fps > 0 ? v.fps.toFixed(0) : dash);
    setText(byId('r-bitrate'), bitrate(v.bitrate));
    setText(byId('r-buffer'), seconds(v.ahead));
    setText(byId('r-dropped'), v.frames ? `${v.dropped} of ${v.frames}` : dash);
    setText(byId('r-stalls'), String(v.stalls));
    const quality = [this.video.videoHeight ? `${this.video.videoHeight}p` : null,
      v.bitrate > 0 ? bitrate(v.bitrate) : null].filter(Boolean).join(' · ');
    setText(byId('r-short'), live && v.latency > 0 ? `${seconds(v.latency)} behind live` : '');
    setText(byId('r-more'), (live && quality ? ' · ' : '') + quality);
  }
}
