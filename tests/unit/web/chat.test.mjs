import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChatLog, HISTORY, KEPT, length } from '../../../src/web/watch/chat_log.js';
import { failureOf, footOf } from '../../../src/web/watch/foot.js';
import { identityOf, isStaff } from '../../../src/web/watch/identity.js';
import { momentsOf, sceneAt, standing } from '../../../src/web/watch/moments.js';

const id = (n) => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const said = (n, more) => ({ id: id(n), userId: 'bob', message: `m${n}`, clientId: null, ...more });
const run = (from, to) => Array.from({ length: to - from }, (_, i) => said(from + i));
const texts = (log) => log.rows().map((m) => m.message);

test('messages stand in the order of their ids, once', () => {
  const log = new ChatLog();
  for (const n of [3, 1, 2, 3, 1]) log.add(said(n));
  assert.deepEqual(texts(log), ['m1', 'm2', 'm3']);
  assert.equal(log.add(said(2)), false);
  log.remove(id(2));
  assert.equal(log.add(said(2)), false, 'a deleted one does not come back');
  assert.deepEqual(texts(log), ['m1', 'm3']);
});

test('no more than 200 are kept', () => {
  const log = new ChatLog();
  run(0, 450).forEach((m) => log.add(m));
  log.say('mine', 'c');
  assert.equal(log.rows().length, KEPT);
  assert.equal(log.rows()[0].message, 'm251');
  assert.equal(log.rows().at(-1).message, 'mine');
});

test('an own message is one, whichever comes first: its answer or its event', () => {
  for (const order of ['answer', 'event']) {
    const log = new ChatLog();
    log.me = 'alice';
    const entry = log.say('hello', 'c-1');
    const key = log.rows()[0].key;
    const event = said(5, { userId: 'alice', clientId: 'c-1', username: 'Alice' });
    const answer = { id: id(5), timestamp: 't' };
    if (order === 'answer') log.confirm(entry, answer, { name: null });
    log.add(event);
    if (order === 'event') log.confirm(entry, answer, { name: null });
    assert.equal(log.rows().length, 1, order);
    assert.equal(log.rows()[0].key, key, 'it keeps its row');
    assert.equal(log.rows()[0].username, 'Alice');
    assert.deepEqual(log.pending, []);
  }
});

test('somebody else with the same client_id is somebody else', () => {
  const log = new ChatLog();
  log.me = 'alice';
  log.say('hello', 'c-1');
  log.add(said(1, { clientId: 'c-1' }));
  assert.equal(log.rows().length, 2);
});

test('joining again brings what was said, and takes what was deleted', () => {
  const log = new ChatLog();
  log.me = 'alice';
  log.merge(run(0, 5));
  log.say('sent, unanswered', 'c-2');
  log.merge([said(1), said(4), said(6, { userId: 'alice', clientId: 'c-2' }), said(7)]);
  assert.deepEqual(texts(log), ['m1', 'm4', 'm6', 'm7']);
});

test('a history that is not whole says nothing of what is older', () => {
  const log = new ChatLog();
  log.merge(run(0, 10));
  const later = run(5, 5 + HISTORY);
  assert.equal(log.missesBefore(later), false);
  log.merge(later);
  assert.equal(log.rows().length, 55);
  assert.equal(log.missesBefore(run(60, 60 + HISTORY)), true);
  assert.equal(log.missesBefore(run(60, 70)), false, 'a whole one leaves nothing out');
  assert.equal(new ChatLog().missesBefore(later), false);
});

test('characters are people’s', () => {
  assert.equal(length('  💎💎 '), 2);
  assert.equal(length('ä'.repeat(200)), 200);
});

test('what stands below the messages', () => {
  const base = { phase: 'live', chatOn: true, guest: false, refused: null, banned: false, muted: null };
  const cases = [
    [{}, true, true, /^$/],
    [{ guest: true }, false, false, /Sign in to write/],
    [{ guest: true, signedOut: true }, false, false, /sign-in has ended/],
    [{ chatOn: false }, false, true, /turned off/],
    [{ muted: { until: null } }, false, false, /muted in this stream/],
    [{ muted: { until: 65000 } }, false, false, /again in 1:05/],
    [{ muted: { until: 4e11 } }, false, false, /muted in this stream/],
    [{ banned: true }, false, false, /banned/],
    [{ refused: 'not_following' }, false, false, /followers/],
    [{ phase: 'replay' }, false, false, /over/],
    [{ phase: 'replay', replay: true }, false, false, /is a replay/],
    [{ phase: 'replay', replay: true, trouble: true }, false, false, /cannot be loaded/],
    [{ phase: 'scheduled' }, true, false, /^$/],
    [{ phase: 'loading', guest: true }, false, false, /^$/],
  ];
  for (const [state, write, react, note] of cases) {
    const foot = footOf({ ...base, ...state }, 0);
    assert.deepEqual([foot.write, foot.react], [write, react], JSON.stringify(state));
    assert.match(foot.note, note);
  }
  assert.equal(failureOf({ code: 'slow_mode', retryAfter: 75 }).text, 'Not sent: slow mode. Wait 1:15.');
  assert.equal(failureOf({ code: 'blocked_word' }).again, false);
});

test('who is who', () => {
  const token = (claims) => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  const mod = identityOf(token({ sub: 'zoë', name: 'Zoë', roles: ['moderator'] }));
  assert.deepEqual(mod, { id: 'zoë', name: 'Zoë', roles: ['moderator'] });
  assert.ok(isStaff(mod, 'seller'));
  assert.ok(isStaff(identityOf(token({ sub: 'seller' })), 'seller'));
  assert.ok(!isStaff(identityOf(token({ sub: 'a', roles: ['buyer'] })), 'seller'));
  for (const bad of [null, '', 'x', 'a.b.c', token({}), token('text')]) {
    assert.equal(identityOf(bad).id, null);
    assert.ok(!isStaff(identityOf(bad), undefined));
  }
});

const range = (at, productId, action, x, y) => ({ class: 'live.souk.product',
  startDate: new Date(at), attr: { 'X-PRODUCT-ID': productId, 'X-ACTION': action,
    ...(x === undefined ? {} : { 'X-X': String(x), 'X-Y': String(y) }) } });

test('a tag is shown at its moment, and a pinned product’s as long as it is pinned', () => {
  const moments = momentsOf({
    c: range(60000, 'rug', 'unpinned', 0.2, 0.4),
    a: range(1000, 'rug', 'tagged', 0.2, 0.4),
    b: range(5000, 'rug', 'pinned', 0.2, 0.4),
    d: range(70000, 'bowl', 'tagged', 0.9, 0.1),
    other: { class: 'x', startDate: new Date(1), attr: {} },
  });
  const at = (now) => sceneAt(new Map(), moments, now);
  assert.deepEqual(at(999), { pinned: null, tags: [] });
  assert.deepEqual(at(1000).tags, [{ productId: 'rug', x: 0.2, y: 0.4, pinned: false }]);
  assert.equal(at(5000).pinned, 'rug');
  assert.equal(at(59000).tags.length, 1);
  assert.deepEqual(at(60000), { pinned: null, tags: [] });
  assert.deepEqual(at(70001).tags.map((t) => t.productId), ['bowl']);
  assert.deepEqual(at(95000).tags, []);
});

test('what a join tells stands before the playlist’s first moment', () => {
  const before = standing([
    { id: 'rug', position: { x: 0.5, y: 0.5 }, pinned: true },
    { id: 'bowl', position: { x: 0.1, y: 0.1 }, pinned: false },
    { id: 'lamp', position: null, pinned: false },
  ]);
  assert.deepEqual(sceneAt(before, [], 1e12),
    { pinned: 'rug', tags: [{ productId: 'rug', x: 0.5, y: 0.5, pinned: true }] });
  const moments = momentsOf({ a: range(1e12, 'bowl', 'pinned') });
  assert.deepEqual(sceneAt(before, moments, 1e12 + 1),
    { pinned: 'bowl', tags: [{ productId: 'bowl', x: 0.1, y: 0.1, pinned: true }] });
});
