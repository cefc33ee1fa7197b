// What the viewer should see, from what the API says and what the player does. Pure functions:
// tests/unit/web/phase.test.mjs holds them to their table.

// Where the stream is in its life, by the API's last answer.
//   loading  missing  offline  scheduled  waiting  live  interrupted  ending  ended  replay
//   cancelled  closed (it goes on, but not for this viewer)
export function streamPhase(answer) {
  if (!answer) return 'loading';
  if (answer.kind !== 'ok') return answer.kind;
  const { status, state, vodUrl, hlsUrl, audience } = answer.body.data ?? {};
  switch (status) {
    case 'scheduled':
      return 'scheduled';
    case 'live':
      // A stream that is live here has an address for all who may watch.
      if (state && !hlsUrl && audience && audience !== 'everyone') return 'closed';
      if (state === 'interrupted') return 'interrupted';
      if (state === 'finishing') return 'ending';
      return state === 'waiting' || !hlsUrl ? 'waiting' : 'live';
    case 'ended':
      return vodUrl ? 'replay' : 'ended';
    case 'cancelled':
      return 'cancelled';
    default:
      return 'missing';
  }
}

// What the player should have loaded: 'live', 'vod' or null; undefined keeps what there is, for a
// server that is away for a moment must not take the picture with it.
export function wantedSource(phase) {
  switch (phase) {
    case 'live':
    case 'interrupted':
      return 'live';
    case 'replay':
      return 'vod';
    case 'ending':
    case 'ended':
    case 'offline':
    case 'loading':
      return undefined;
    default:
      return null;
  }
}

const messages = {
  loading: { tone: 'quiet', badge: 'Loading', busy: true, headline: 'Loading' },
  scheduled: {
    tone: 'wait', badge: 'Scheduled', headline: 'Not live yet',
    detail: 'This page starts by itself when the seller goes live.',
  },
  waiting: {
    tone: 'wait', badge: 'Starting', busy: true, headline: 'Starting soon',
    detail: 'The seller is getting ready. The picture appears here by itself.',
  },
  interrupted: {
    tone: 'wait', badge: 'Interrupted', busy: true, headline: 'Back in a moment',
    detail: 'The seller’s connection dropped. The stream resumes by itself.',
  },
  ended: { tone: 'quiet', badge: 'Ended', headline: 'This stream has ended' },
  finishing: {
    tone: 'quiet', badge: 'Ended', busy: true, headline: 'This stream has ended',
    detail: 'The recording is being finished and starts here in a moment.',
  },
  cancelled: {
    tone: 'quiet', badge: 'Cancelled', headline: 'This stream was cancelled', home: true,
  },
  closed: {
    tone: 'quiet', badge: 'Not for everyone', headline: 'This stream is not for everyone',
    detail: 'Only those whom the seller chose can watch: followers, or the neighbourhood. '
      + 'Sign in where you found the link, and open it from there.',
    home: true,
  },
  missing: {
    tone: 'quiet', badge: 'Not found', headline: 'No such stream',
    detail: 'Check the address: the stream may also have been deleted.', home: true,
  },
  offline: {
    tone: 'wait', badge: 'Offline', busy: true, headline: 'No connection to the server',
    detail: 'Trying again.', retry: true,
  },
  connecting: { tone: 'live', badge: 'Live', busy: true, headline: 'Connecting' },
  buffering: { tone: 'live', badge: 'Live', busy: true, headline: 'Buffering', light: true },
  failed: {
    tone: 'wait', badge: 'Trouble', headline: 'The video cannot be played',
    detail: 'Trying again.', retry: true,
  },
  unsupported: {
    tone: 'quiet', badge: 'Unsupported', headline: 'This browser cannot play the stream',
    detail: 'Chrome, Firefox, Edge and Safari of the last years can.',
  },
};

const withVideo = (tone, badge) => ({ tone, badge, video: true });

// The player's condition: idle, loading, playing, paused, stalled, blocked, finished, failed,
// unsupported; `source` is what it has loaded.
export function viewState({ phase, source, condition, recorded }) {
  if (condition === 'unsupported') return messages.unsupported;
  if (['missing', 'cancelled', 'closed', 'scheduled', 'waiting'].includes(phase)) return messages[phase];

  const moving = condition === 'playing' || condition === 'paused' || condition === 'blocked';
  if (source === 'vod') return replayState(phase, condition, moving);
  if (source === 'live') return liveState(phase, condition, moving, recorded);
  if (phase === 'ended') return recorded ? messages.finishing : messages.ended;
  if (phase === 'ending') return messages.finishing;
  if (phase === 'live' || phase === 'replay') {
    return condition === 'failed' ? messages.failed : { ...messages.connecting, ...toneOf(phase) };
  }
  return messages[phase];
}

const toneOf = (phase) =>
  (phase === 'replay' ? { tone: 'quiet', badge: 'Recording' } : { tone: 'live', badge: 'Live' });

function replayState(phase, condition, moving) {
  const recording = toneOf('replay');
  if (moving || condition === 'finished') return withVideo(recording.tone, recording.badge);
  if (condition === 'failed') return phase === 'offline' ? messages.offline : messages.failed;
  return { ...(condition === 'stalled' ? messages.buffering : messages.connecting), ...recording };
}

// Whatever is still buffered plays on under its own badge; the message comes when it has run out.
function liveState(phase, condition, moving, recorded) {
  const gone = phase === 'ended' || phase === 'ending' || phase === 'replay';
  if (gone && !moving) return recorded || phase === 'replay' ? messages.finishing : messages.ended;
  if (moving) {
    return phase === 'interrupted' ? withVideo('wait', 'Interrupted') : withVideo('live', 'Live');
  }
  if (phase === 'interrupted') return { ...messages.interrupted, light: condition === 'stalled' };
  if (phase === 'offline') return { ...messages.offline, light: condition === 'stalled' };
  if (condition === 'failed') return messages.failed;
  return condition === 'stalled' ? messages.buffering : messages.connecting;
}

// How long until the API is asked again: gently while all is well, sooner while something is to
// change, slower while nobody looks or nobody answers.
export function pollDelay({ phase, failures, hidden }) {
  const base = {
    loading: 0, live: 4000, interrupted: 2000, waiting: 2000, scheduled: 4000, ending: 2000,
    ended: 2500, offline: 2000, replay: 30000, cancelled: 30000, missing: 15000,
    closed: 10000,
  }[phase];
  const backedOff = phase === 'offline' ? Math.min(base * 1.5 ** failures, 15000) : base;
  return hidden ? Math.max(backedOff, 15000) : backedOff;
}
