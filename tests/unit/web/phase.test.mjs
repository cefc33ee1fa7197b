import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bitrate, clock, price } from '../../../src/web/shared/format.js';
import { splitFragment } from '../../../src/web/shared/token.js';
import { pollDelay, streamPhase, viewState, wantedSource } from '../../../src/web/watch/phase.js';

const ok = (data) => ({ kind: 'ok', body: { data } });
const see = (phase, source, condition, recorded = true) =>
  viewState({ phase, source, condition, recorded });

test('a stream passes through its phases', () => {
  const cases = [
    [null, 'loading'],
    [{ kind: 'offline' }, 'offline'],
    [{ kind: 'missing' }, 'missing'],
    [ok({ status: 'scheduled' }), 'scheduled'],
    [ok({ status: 'live', state: 'waiting', hlsUrl: '/h' }), 'waiting'],
    [ok({ status: 'live', state: 'publishing', hlsUrl: null }), 'waiting'],
    [ok({ status: 'live', state: 'publishing', hlsUrl: '/h' }), 'live'],
    [ok({ status: 'live', state: 'publishing', hlsUrl: null, audience: 'everyone' }), 'waiting'],
    [ok({ status: 'live', state: 'publishing', hlsUrl: null, audience: 'followers' }), 'closed'],
    [ok({ status: 'live', state: 'waiting', hlsUrl: null, audience: 'neighborhood' }), 'closed'],
    [ok({ status: 'live', state: null, hlsUrl: null, audience: 'followers' }), 'waiting'],
    [ok({ status: 'live', state: 'publishing', hlsUrl: '/h', audience: 'followers' }), 'live'],
    [ok({ status: 'live', state: 'interrupted', hlsUrl: '/h' }), 'interrupted'],
    [ok({ status: 'live', state: 'finishing', hlsUrl: '/h' }), 'ending'],
    [ok({ status: 'ended', vodUrl: null }), 'ended'],
    [ok({ status: 'ended', vodUrl: '/v' }), 'replay'],
    [ok({ status: 'cancelled' }), 'cancelled'],
  ];
  for (const [answer, phase] of cases) assert.equal(streamPhase(answer), phase);
});

test('a token is taken out of the fragment, and nothing else', () => {
  assert.equal(splitFragment(''), null);
  assert.equal(splitFragment('#chat'), null);
  assert.equal(splitFragment('#mytoken=x'), null);
  assert.deepEqual(splitFragment('#token=a.b-_c'), { token: 'a.b-_c', rest: '' });
  assert.deepEqual(splitFragment('#t=90&token=a.b.c&x'), { token: 'a.b.c', rest: '#t=90&x' });
  assert.deepEqual(splitFragment('#token='), { token: '', rest: '' });
});

test('what plays is kept while the server is away or the stream ends', () => {
  assert.equal(wantedSource('live'), 'live');
  assert.equal(wantedSource('interrupted'), 'live');
  assert.equal(wantedSource('replay'), 'vod');
  for (const phase of ['offline', 'ending', 'ended', 'loading']) {
    assert.equal(wantedSource(phase), undefined);
  }
  for (const phase of ['scheduled', 'waiting', 'cancelled', 'closed', 'missing']) {
    assert.equal(wantedSource(phase), null);
  }
});

test('waiting says so, whatever the player did before', () => {
  assert.equal(see('waiting', null, 'idle').headline, 'Starting soon');
  assert.equal(see('scheduled', null, 'idle').headline, 'Not live yet');
  assert.equal(see('missing', null, 'idle').headline, 'No such stream');
  assert.equal(see('cancelled', 'live', 'playing').headline, 'This stream was cancelled');
});

test('a moving picture is never covered', () => {
  for (const phase of ['live', 'interrupted', 'offline', 'ending', 'ended', 'replay']) {
    for (const condition of ['playing', 'paused', 'blocked']) {
      assert.ok(see(phase, 'live', condition).video, `${phase} ${condition}`);
    }
  }
  assert.ok(see('replay', 'vod', 'playing').video);
  assert.ok(see('replay', 'vod', 'finished').video);
});

test('an interruption is announced when the buffer has run out, over the last frame', () => {
  assert.equal(see('interrupted', 'live', 'playing').badge, 'Interrupted');
  const stalled = see('interrupted', 'live', 'stalled');
  assert.equal(stalled.headline, 'Back in a moment');
  assert.ok(stalled.light);
  assert.ok(!see('interrupted', 'live', 'loading').light);
  assert.equal(see('live', 'live', 'stalled').headline, 'Buffering');
});

test('the end promises a recording only if there will be one', () => {
  assert.match(see('ended', 'live', 'finished', true).detail, /recording/);
  assert.equal(see('ended', 'live', 'finished', false).detail, undefined);
  assert.match(see('ended', null, 'idle', true).detail, /recording/);
  assert.equal(see('ended', null, 'idle', false).detail, undefined);
  assert.equal(see('replay', 'vod', 'loading').badge, 'Recording');
});

test('trouble has a name and a way out', () => {
  assert.ok(see('offline', null, 'idle').retry);
  assert.equal(see('offline', 'live', 'stalled').headline, 'No connection to the server');
  assert.ok(see('live', 'live', 'failed').retry);
  assert.ok(see('replay', 'vod', 'failed').retry);
  assert.match(see('live', null, 'unsupported').headline, /browser/);
});

test('every state has a badge and either the picture or a headline', () => {
  const phases = ['loading', 'missing', 'offline', 'scheduled', 'waiting', 'live', 'interrupted',
    'ending', 'ended', 'replay', 'cancelled'];
  const conditions = ['idle', 'loading', 'playing', 'paused', 'stalled', 'blocked', 'finished',
    'failed', 'unsupported'];
  for (const phase of phases) {
    for (const source of [null, 'live', 'vod']) {
      for (const condition of conditions) {
        const state = see(phase, source, condition);
        assert.ok(state.badge && (state.video || state.headline), `${phase} ${source} ${condition}`);
      }
    }
  }
});

test('polling is gentle, and gentler where nobody looks or answers', () => {
  assert.equal(pollDelay({ phase: 'live', failures: 0, hidden: false }), 4000);
  assert.ok(pollDelay({ phase: 'live', failures: 0, hidden: true }) >= 15000);
  const first = pollDelay({ phase: 'offline', failures: 1, hidden: false });
  const tenth = pollDelay({ phase: 'offline', failures: 10, hidden: false });
  assert.ok(first < tenth && tenth <= 15000);
});

test('numbers read well', () => {
  assert.equal(clock(0), '0:00');
  assert.equal(clock(3725.9), '1:02:05');
  assert.equal(clock(NaN), '0:00');
  assert.equal(bitrate(2660000), '2.7 Mbit/s');
  assert.equal(bitrate(NaN), '–');
  assert.match(price(3200, 'EUR'), /32[.,]00/);
  assert.match(price(3200, 'JPY'), /3.?200/);
  assert.equal(price(undefined, 'EUR'), '');
});
