import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEPT } from '../../../src/web/watch/chat_log.js';
import { ReplayLog } from '../../../src/web/watch/replay_log.js';

const PAGE = 500;
const BEFORE = 200;
const id = (n) => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`;

// A server with a message a second; asked(): what it was asked for.
function server(n, every = 1000) {
  const all = Array.from({ length: n }, (_, i) => ({ id: id(i), offset: i * every, userId: 'bob',
    message: `m${i}` }));
  const asked = [];
  const page = (messages, earlier, more) =>
    ({ messages, earlier, next: more && messages.length ? 'chat.json?after=x' : null });
  return {
    asked,
    answer(need) {
      asked.push(need);
      if (need.at !== undefined) {
        const reached = all.filter((m) => m.offset <= need.at);
        if (reached.length) return page(reached.slice(-BEFORE), reached.length > BEFORE, true);
      }
      const from = need.after === undefined ? 0 : all.findIndex((m) => m.id === need.after) + 1;
      return page(all.slice(from, from + PAGE), from > 0, all.length > from + PAGE);
    },
  };
}

// Asks until nothing is needed; fails if that never comes.
function settle(log, from) {
  for (let turns = 0; ; turns++) {
    const need = log.need();
    if (!need) return;
    assert.ok(turns < 50, JSON.stringify(need));
    log.add(need, from.answer(need));
  }
}

const texts = (log) => log.rows().map((m) => m.message);

test('messages come as the playhead reaches them', () => {
  const log = new ReplayLog();
  const from = server(10);
  settle(log, from);
  assert.deepEqual(texts(log), ['m0']);
  assert.deepEqual(log.moveTo(2500, false).map((m) => m.message), ['m1', 'm2']);
  assert.deepEqual(log.moveTo(2500, false), []);
  assert.deepEqual(texts(log), ['m0', 'm1', 'm2']);
  assert.deepEqual(log.moveTo(1000, true), []);
  assert.deepEqual(texts(log), ['m0', 'm1']);
  assert.deepEqual(log.moveTo(9000, true), [], 'who jumps is not told what lies between');
  assert.equal(texts(log).length, 10);
  settle(log, from);
  assert.equal(from.asked.length, 1);
});

test('a long chat is loaded ahead of need, page by page', () => {
  const log = new ReplayLog();
  const from = server(3000);
  settle(log, from);
  assert.equal(from.asked.length, 1);
  for (let now = 0; now < 2999000; now += 250) {
    log.moveTo(now, false);
    const last = `m${Math.floor(now / 1000)}`;
    assert.equal(texts(log).at(-1), last, 'it was there before it was needed');
    settle(log, from);
  }
  assert.equal(from.asked.length, 6);
  assert.equal(texts(log).length, KEPT);
});

test('a jump begins there, and so does one back', () => {
  const log = new ReplayLog();
  const from = server(20000);
  settle(log, from);
  log.moveTo(15000 * 1000, true);
  settle(log, from);
  assert.deepEqual(from.asked.slice(1, 2), [{ at: 15000000 }]);
  assert.ok(from.asked.length < 5);
  assert.deepEqual(texts(log), Array.from({ length: KEPT }, (_, i) => `m${14801 + i}`));
  log.moveTo(14900 * 1000, true);
  settle(log, from);
  assert.equal(texts(log).at(-1), 'm14900');
  const before = from.asked.length;
  log.moveTo(700 * 1000, true);
  assert.equal(log.need().at, 700000);
  assert.ok(!log.ready, 'nothing is said of an empty list that is not known yet');
  settle(log, from);
  assert.ok(log.ready && from.asked.length > before);
  assert.deepEqual(texts(log), Array.from({ length: KEPT }, (_, i) => `m${501 + i}`));
  log.moveTo(0, true);
  settle(log, from);
  assert.deepEqual(texts(log), ['m0']);
});

test('where little was said it comes to rest', () => {
  const log = new ReplayLog();
  const from = server(2, 3600000);
  log.moveTo(3000000, true);
  settle(log, from);
  assert.deepEqual(texts(log), ['m0']);
  log.moveTo(9000000, true);
  settle(log, from);
  assert.deepEqual(texts(log), ['m0', 'm1']);
  const none = new ReplayLog();
  settle(none, server(0));
  assert.ok(none.ready);
  assert.deepEqual(texts(none), []);
});

test('no more is held than a long recording needs', () => {
  const log = new ReplayLog();
  const from = server(12000, 100);
  for (let now = 0; now < 1200000; now += 1000) {
    log.moveTo(now, false);
    settle(log, from);
    assert.ok(log.messages.length <= 4000 + PAGE);
  }
  assert.equal(texts(log).at(-1), 'm11990');
  log.moveTo(0, true);
  settle(log, from);
  assert.deepEqual(texts(log), ['m0']);
});

test('what is deleted meanwhile goes, and who one is counts', () => {
  const log = new ReplayLog();
  log.identify('bob');
  settle(log, server(5));
  log.moveTo(4000, true);
  log.remove(id(2));
  assert.deepEqual(texts(log), ['m0', 'm1', 'm3', 'm4']);
  assert.ok(log.rows()[0].own);
  log.identify(null);
  assert.ok(!log.rows()[0].own);
});
