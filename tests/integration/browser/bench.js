// A page with a video and nothing else, on which the players of others are tried. Everything that
// they complain of, and every time at which the picture stands still, is written down.
const STALLS = ['bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole'];
const video = document.getElementById('video');
const seen = { errors: [], stalls: 0, backwards: 0, sizes: [], levels: [], last: 0 };

video.addEventListener('waiting', () => { seen.stalls++; });
video.addEventListener('error', () => seen.errors.push(`video: ${video.error.message}`));
video.addEventListener('resize', () => seen.sizes.push(video.videoWidth));
setInterval(() => {
  if (video.currentTime < seen.last) seen.backwards++;
  seen.last = video.currentTime;
}, 50);

window.bench = {
  hls(url, config) {
    const hls = new Hls({ enableWorker: false, ...config });
    window.player = hls;
    // What is asked for before it is there is asked for again: only that is no complaint.
    hls.on(Hls.Events.ERROR, (event, { type, details, fatal }) => {
      if (STALLS.includes(details) && !fatal) seen.stalls++;
      else if (fatal || type === 'mediaError') seen.errors.push(`${details} ${fatal}`);
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, (event, { level }) => seen.levels.push(level));
    hls.loadSource(url);
    hls.attachMedia(video);
    video.play().catch((error) => seen.errors.push(String(error)));
  },

  flv(url) {
    const player = mpegts.createPlayer({ type: 'flv', isLive: true, url },
      { enableWorker: false, liveBufferLatencyChasing: false });
    window.player = player;
    player.on(mpegts.Events.ERROR, (type, detail, info) =>
      seen.errors.push(`${type} ${detail} ${JSON.stringify(info)}`));
    player.on(mpegts.Events.LOADING_COMPLETE, () => { seen.complete = true; });
    player.on(mpegts.Events.MEDIA_INFO, (info) => { seen.info = info; });
    player.attachMediaElement(video);
    player.load();
    player.play().catch((error) => seen.errors.push(String(error)));
  },

  look() {
    const { buffered } = video;
    return {
      ...seen,
      complete: Boolean(seen.complete),
      mime: seen.info?.mimeType ?? null,
      time: video.currentTime,
      paused: video.paused,
      ended: video.ended,
      width: video.videoWidth,
      // What was decoded, by the browser's own count.
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      audio: video.webkitAudioDecodedByteCount,
      ahead: buffered.length ? buffered.end(buffered.length - 1) - video.currentTime : 0,
      choices: window.player?.levels?.map((l) => [l.width, l.videoCodec, l.audioCodec]) ?? [],
    };
  },
};
