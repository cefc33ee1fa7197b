// What stands below the messages: the composer, or why there is none. Pure:
// tests/unit/web/chat.test.mjs.
import { clock } from '../shared/format.js';

const LONG_S = 86400;

const mutedText = (until, now) => {
  const left = until ? Math.ceil((until - now) / 1000) : Infinity;
  return left > LONG_S ? 'You are muted in this stream: you can read, but not write.'
    : `You are muted: you can write again in ${clock(left)}.`;
};

const refusals = {
  banned: 'You are banned from this stream.',
  unauthorized: 'Sign in to read and write here: open the stream from your own account.',
  not_following: 'This chat is for followers of the seller.',
  not_near: 'This chat is for the seller’s neighbourhood.',
  too_many_sockets: 'You have this stream open in too many places. Close one of them.',
};

const replayed = {
  on: 'This is a replay: messages appear where they were written.',
  trouble: 'The replay of the chat cannot be loaded now. Trying again…',
};

// state: {phase, replay, trouble (of the replay), chatOn, guest, signedOut, refused (a code), banned, muted: {until} or null}.
// {write, react, note, over}
export function footOf(state, now) {
  const over = ['ending', 'ended', 'replay'].includes(state.phase);
  const live = ['live', 'interrupted', 'waiting'].includes(state.phase);
  const none = { write: false, react: false };
  if (state.phase === 'loading') return { ...none, note: '' };
  if (state.replay) {
    return { ...none, over: true, note: state.trouble ? replayed.trouble : replayed.on };
  }
  if (state.banned || state.refused) {
    const code = state.banned ? 'banned' : state.refused;
    return { ...none, note: refusals[code] ?? 'The chat cannot be opened now.' };
  }
  if (over) return { ...none, over, note: 'The stream is over, and so is its chat.' };
  const react = live && !state.guest && !state.muted;
  if (!state.chatOn) return { write: false, react, note: 'The seller has turned off the chat.' };
  if (state.guest) {
    return { ...none, note: state.signedOut
      ? 'Your sign-in has ended. Open the stream from your account again to write.'
      : 'Sign in to write: open the stream from your own account.' };
  }
  if (state.muted) return { ...none, note: mutedText(state.muted.until, now) };
  return { write: true, react, note: '' };
}

// Why a message was not taken: {text, again (worth another try)}.
export function failureOf({ code, message, retryAfter }) {
  switch (code) {
    case 'lost':
      return { text: 'Not sent.', again: true };
    case 'rate_limited':
      return { text: `Not sent: too many messages. Wait ${clock(retryAfter ?? 1)}.`, again: true };
    case 'slow_mode':
      return { text: `Not sent: slow mode. Wait ${clock(retryAfter ?? 1)}.`, again: true };
    case 'unavailable':
      return { text: 'Not sent: the server is busy.', again: true };
    case 'blocked_word':
      return { text: 'Not sent: it has a word that is not allowed here.', again: false };
    case 'link_blocked':
      return { text: 'Not sent: links are not allowed here.', again: false };
    default:
      return { text: `Not sent: ${message ?? 'the server refused it.'}`, again: false };
  }
}
