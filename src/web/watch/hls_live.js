// hls.js as this server needs it.
import Hls from 'hls.js/dist/hls.light.mjs';

// A reload waits at the server until there is something new; an interrupted stream has nothing new
// for as long as its grace lasts. Both are patience, not errors.
const patient = (firstByteMs) => ({
  default: {
    maxTimeToFirstByteMs: firstByteMs,
    maxLoadTimeMs: 30000,
    timeoutRetry: { maxNumRetry: 1000, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: {
      maxNumRetry: 1000,
      retryDelayMs: 300,
      maxRetryDelayMs: 2000,
      shouldRetry: (retry, count, timedOut, response) =>
        count < retry.maxNumRetry && ![400, 401, 403, 404, 410].includes(response?.code),
    },
  },
});

export const hlsSupported = () => Hls.isSupported();

export function createHls({ live }) {
  return new Hls({
    lowLatencyMode: live,
    // The distance from live is left to the playlist (PART-HOLD-BACK). A stall moves it back by a
    // part, not by hls.js's whole second, and the rate wins it back unheard.
    liveSyncOnStallIncrease: 0.2,
    maxLiveSyncPlaybackRate: 1.08,
    // What a live viewer can reach is a window; a recording may be scrubbed back and forth.
    backBufferLength: live ? 30 : 90,
    maxBufferLength: live ? 20 : 40,
    enableWorker: false,
    // Tags are read from the playlist itself; a text track of hls.js would be a data: URL, which the
    // page's policy refuses.
    enableDateRangeMetadataCues: false,
    enableID3MetadataCues: false,
    enableEmsgMetadataCues: false,
    manifestLoadPolicy: {
      default: {
        maxTimeToFirstByteMs: 8000,
        maxLoadTimeMs: 15000,
        timeoutRetry: { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 },
        errorRetry: { maxNumRetry: 0, retryDelayMs: 1000, maxRetryDelayMs: 4000 },
      },
    },
    playlistLoadPolicy: patient(20000),
    fragLoadPolicy: patient(20000),
  });
}

export const { Events, ErrorTypes } = Hls;
