// What a seller, a moderator or an admin may do about a message and its writer.
import { ask, send } from '../shared/api.js';

const MINUTES_5 = 300;
// As long as the API knows: no stream goes on for a year.
const WHOLE_STREAM = 31536000;

export class Moderation {
  constructor(streamId, say) {
    this.path = `/api/v1/streams/${encodeURIComponent(streamId)}`;
    this.say = say;
    this.muted = new Set();
  }

  // Who is silent already.
  async learn() {
    const found = await ask(`${this.path}/mutes`);
    for (const mute of found.body?.data ?? []) this.muted.add(mute.userId);
  }

  heard({ userId, lifted }) {
    if (lifted) this.muted.delete(userId);
    else this.muted.add(userId);
  }

  // The items of a message's menu.
  items(message, { staff, me, sellerId, replay }) {
    const items = [{ text: 'Delete message', run: () => this.#delete(message) }];
    const name = message.username ?? message.userId;
    if (!staff || replay || message.userId === me || message.userId === sellerId) return items;
    const mute = (fields, told) => () => this.#mute(message.userId, fields, `${name} ${told}`);
    if (this.muted.has(message.userId)) {
      items.push({ text: `Let ${name} write again`, run: () => this.#lift(message.userId, name) });
    }
    return [...items,
      { text: 'Mute for 5 minutes', run: mute({ seconds: MINUTES_5 }, 'is muted for 5 minutes.') },
      { text: 'Mute for this stream',
        run: mute({ seconds: WHOLE_STREAM }, 'is muted for this stream.') },
      { text: 'Ban from this stream', sure: `Ban ${name}? Press again`,
        run: mute({ ban: true }, 'is banned from this stream.') }];
  }

  slowMode(seconds) {
    return this.#do('PATCH', '/settings', { slow_mode: seconds },
      seconds ? `Slow mode: one message every ${seconds} s.` : 'Slow mode is off.');
  }

  #delete(message) {
    return this.#do('DELETE', `/chat/${message.id}`, undefined, 'The message is deleted.');
  }

  #mute(userId, fields, told) {
    return this.#do('POST', '/mutes', { user_id: userId, ...fields }, told);
  }

  #lift(userId, name) {
    return this.#do('DELETE', `/mutes/${encodeURIComponent(userId)}`, undefined,
      `${name} may write again.`);
  }

  async #do(method, path, body, told) {
    const answer = await send(method, this.path + path, body);
    this.say(answer.ok ? told : answer.message ?? 'That did not work.');
    return answer.ok;
  }
}
