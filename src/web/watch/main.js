// The watch page: asks the API what the stream is doing, gives the player what belongs to it, and
// says what is to be said. Everything heals by itself; nothing needs a reload.
import { askStream, localUrl } from '../shared/api.js';
import { byId } from '../shared/dom.js';
import { takeToken } from '../shared/token.js';
import { Controls } from './controls.js';
import { listenKeys } from './keys.js';
import { Live } from './live.js';
import { pollDelay, streamPhase, viewState, wantedSource } from './phase.js';
import { Player } from './player.js';
import { Readout } from './readout.js';
import { keepRoom } from './room.js';
import { Scrub } from './scrub.js';
import { showPoster, showState, showStream } from './view.js';

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
// After the end there may be no recording at all: how long one is promised.
const RECORDING_PATIENCE_MS = 60000;

const streamId = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
let answer = null;
let failures = 0;
let attempts = 0;
let endedAt = 0;
let pollTimer = 0;

takeToken();
const player = new Player(byId('video'), update);
const controls = new Controls(player);
const readout = new Readout(player);
const scrub = new Scrub();
const live = new Live(streamId, player, () => poll());

const stream = () => (answer?.kind === 'ok' ? answer.body.data : null);

function recordingComes() {
  const asked = stream()?.settings?.recordStream ?? stream()?.recordStream ?? true;
  return asked && Date.now() - (endedAt || Date.now()) < RECORDING_PATIENCE_MS;
}

function update() {
  const phase = streamPhase(answer);
  follow(phase);
  const { source, condition } = player;
  document.body.dataset.phase = phase;
  document.body.dataset.condition = condition;
  showState(viewState({ phase, source, condition, recorded: recordingComes() }));
  controls.refresh();
}

// Loads what the phase asks for. What is playing plays out: an ended stream's last seconds are
// watched before its recording begins.
function follow(phase) {
  const wanted = wantedSource(phase);
  if (wanted === undefined) return;
  if (wanted === null) {
    if (player.source) player.unload();
    return;
  }
  if (player.condition === 'failed' && (wanted === player.source || !player.source)) return;
  if (player.source === wanted) return;
  if (wanted === 'vod' && player.source === 'live' && stillPlaying()) return;
  load(wanted);
}

function stillPlaying() {
  const left = player.ahead() > 0.3;
  return left && (player.condition === 'playing' || player.condition === 'paused');
}

function load(source) {
  const { hlsUrl, vodUrl, storyboardUrl } = stream() ?? {};
  const url = localUrl(source === 'vod' ? vodUrl : hlsUrl);
  if (!url) return;
  readout.reset();
  scrub.load(source === 'vod' ? localUrl(storyboardUrl) : null);
  player.load(source, url);
}

// A load that failed is tried again, soon at first; what has played for a while starts afresh.
function retryFailed() {
  if (player.condition === 'playing' && player.video.currentTime > 5) attempts = 0;
  if (player.condition !== 'failed') return;
  const wait = RETRY_MS[Math.min(attempts, RETRY_MS.length - 1)];
  if (Date.now() - player.failedAt < wait) return;
  const wanted = wantedSource(streamPhase(answer));
  if (!wanted) return;
  attempts++;
  load(wanted);
}

async function poll() {
  clearTimeout(pollTimer);
  const next = await askStream(streamId);
  failures = next.kind === 'offline' ? failures + 1 : 0;
  // One lost answer is no news while the picture moves.
  if (next.kind !== 'offline' || failures > 1 || !answer) answer = next;
  if (stream()) showStream(stream());
  const phase = streamPhase(answer);
  const over = phase === 'ended' || phase === 'ending';
  endedAt = over ? endedAt || Date.now() : 0;
  live.follow(stream(), phase);
  update();
  clearTimeout(pollTimer);
  pollTimer = setTimeout(poll, pollDelay({ phase, failures, hidden: document.hidden }));
}

function tick() {
  retryFailed();
  player.tend();
  if (!document.hidden) window.soukStats = readout.sample();
  update();
}

// Another link to the same stream, with another token, does not load the page again.
window.addEventListener('hashchange', () => {
  takeToken();
  live.renew();
  poll();
});
showPoster(streamId);
listenKeys(player, controls);
byId('retry').addEventListener('click', () => {
  attempts = 0;
  player.failedAt = 0;
  poll().then(retryFailed);
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) poll(); });
window.addEventListener('online', () => {
  live.hurry();
  poll();
});
// What a stall or an end changes should be known at once, not at the next turn.
for (const name of ['waiting', 'ended']) byId('video').addEventListener(name, () => poll());
keepRoom();
setInterval(tick, 1000);
update();
poll();
