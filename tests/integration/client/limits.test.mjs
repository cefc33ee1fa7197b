// What the server does not let a client do, and that it is told: over the official client in each
// of its transport settings.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  ask, connect, enter, JsonClient, once, open, say, SETTINGS, STREAM, token, until,
} from './support.mjs';

const MESSAGE = 65536;
const RATE = 50;
const SOCKETS = 20;

async function refused(socket, message, code) {
  const error = await once(socket, 'connect_error');
  assert.equal(error.message, message);
  assert.equal(error.data?.code, code);
  assert.equal(socket.connected, false);
}

test('all hear one order, whoever wrote and however they are connected', async (t) => {
  const app = new JsonClient(process.env.BASE, 'order-app');
  t.after(() => app.close());
  await app.enter();
  const writers = [{ heard: [], say: (m) => app.request('stream:chat', {
    stream_id: STREAM, message: m }) }];
  app.on('chat:message', (m) => writers[0].heard.push(m));
  for (const [name, options] of Object.entries(SETTINGS)) {
    const socket = await connect(t, `order-${name}`, options);
    const writer = { heard: [], say: (m) => say(socket, m) };
    socket.on('chat:message', (m) => writer.heard.push(m));
    await enter(socket);
    writers.push(writer);
  }
  // None waits for the ack of the one before.
  const answers = await Promise.all(writers.flatMap((w, n) => Array.from(
    { length: 40 }, (_, i) => w.say(`${n} ${i}`))));
  const ids = answers.map((a) => a.id);
  assert.equal(new Set(ids).size, 160);
  await until(() => writers.every((w) => w.heard.length === 160));
  const order = writers[0].heard.map((m) => m.id);
  assert.deepEqual([...order].sort(), [...ids].sort());
  for (const { heard } of writers) assert.deepEqual(heard.map((m) => m.id), order);
  writers.forEach((_, n) => assert.deepEqual(
    writers[0].heard.map((m) => m.message).filter((m) => m.startsWith(`${n} `)),
    Array.from({ length: 40 }, (__, i) => `${n} ${i}`)));
});

for (const [name, options] of Object.entries(SETTINGS)) {
  test(`bad tokens by ${name}`, async (t) => {
    let wrong = token('alice').slice(0, -3);
    const socket = open(t, { ...options, auth: (give) => give({ token: wrong }) });
    await refused(socket, 'Authentication error', 'token_invalid');
    for (const [bad, code] of [['x', 'token_invalid'], [token('alice', -3600), 'token_expired'],
      [['x'], undefined], ['', undefined]]) {
      if (code) {
        wrong = bad;
        socket.connect();
        await refused(socket, 'Authentication error', code);
      }
    }
    wrong = token('alice');
    socket.connect();
    await once(socket, 'connect');
    assert.equal((await enter(socket)).userId, 'alice');
  });

  test(`messages of 64 KiB and no more by ${name}`, async (t) => {
    const socket = await connect(t, 'alice', options);
    if (name === 'default') await until(() => socket.io.engine.transport.name === 'websocket');
    // A packet is 42ID["big","xxx…"].
    const big = (id, size) => 'x'.repeat(size - `42${id}["big",""]`.length);
    const { error } = await ask(socket, 'big', big(0, MESSAGE));
    assert.equal(error.code, 'unknown_event');
    const gone = once(socket, 'disconnect');
    const back = once(socket, 'connect');
    socket.emit('big', big('', MESSAGE + 1));
    assert.match(await gone, /^transport (close|error)$/);
    await back;
    assert.ok((await enter(socket)).room);
  });

  test(`attachments are refused by ${name}, and who goes on with them is sent away`, async (t) => {
    const socket = await connect(t, 'alice', options);
    const codes = [];
    socket.on('error', (e) => codes.push(e.code));
    const gone = once(socket, 'disconnect');
    const back = once(socket, 'connect');
    for (let i = 0; i < 10; i += 1) {
      socket.emit('stream:chat', { stream_id: STREAM, message: Buffer.from('x') });
    }
    assert.match(await gone, /^transport (close|error)$/);
    assert.deepEqual(codes, Array(10).fill('malformed'));
    await back;
    assert.ok((await enter(socket)).room);
  });

  test(`fifty events a second by ${name}`, async (t) => {
    const socket = await connect(t, 'alice', options);
    const begun = process.hrtime.bigint();
    const answers = await Promise.all(Array.from({ length: 80 }, () => ask(socket, 'nothing')));
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    const codes = answers.map((a) => a.error.code);
    const passed = codes.filter((code) => code === 'unknown_event').length;
    assert.deepEqual(codes.slice(0, RATE), Array(RATE).fill('unknown_event'));
    assert.ok(passed <= RATE + Math.ceil(RATE * seconds), `${passed} in ${seconds} s`);
    for (const { error } of answers.filter((a) => a.error.code !== 'unknown_event')) {
      assert.equal(error.code, 'rate_limited');
      assert.ok(error.retryAfter >= 1);
    }
    await until(async () => (await ask(socket, 'nothing')).error.code === 'unknown_event');
    assert.ok(socket.connected);
  });
}

test('twenty sockets of a user', async (t) => {
  const sockets = [];
  const names = Object.values(SETTINGS);
  for (let i = 0; i < SOCKETS; i += 1) sockets.push(await connect(t, 'many', names[i % 3]));
  const one = open(t, { auth: { token: token('many') } });
  await refused(one, 'Too many sockets', 'too_many_sockets');
  await connect(t, 'another');
  sockets[7].disconnect();
  await until(async () => {
    one.connect();
    return Promise.race([once(one, 'connect').then(() => true),
      once(one, 'connect_error').then(() => false)]);
  });
});

test('two namespaces over one connection', async (t) => {
  const main = await connect(t, 'both', { multiplex: true, forceNew: false });
  const shop = main.io.socket('/shop', { auth: { token: token('both') } });
  t.after(() => shop.disconnect());
  await once(shop, 'connect');
  assert.equal(shop.io.engine, main.io.engine);
  assert.notEqual(shop.id, main.id);
  const before = (await enter(main)).viewerCount;
  assert.equal((await enter(shop)).viewerCount, before);
  const heard = [];
  main.on('chat:message', () => heard.push('/'));
  shop.on('chat:message', () => heard.push('/shop'));
  const { id } = await say(shop, 'once in each');
  assert.ok(id);
  await until(() => heard.length >= 2);
  assert.deepEqual(heard.sort(), ['/', '/shop']);
  const none = main.io.socket('/none', {});
  await refused(none, 'Invalid namespace', undefined);
  main.disconnect();
  await say(shop, 'still here');
  await until(() => heard.length >= 3);
  assert.deepEqual(heard.sort(), ['/', '/shop', '/shop']);
  assert.equal((await ask(shop, 'get_viewer_count', { stream_id: STREAM })).viewerCount, before);
});
