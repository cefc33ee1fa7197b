// Streams with the official client. MODULES: where the packages are; BASE: soukd's URL; STREAM: a
// live stream; ALICE, BOB: tokens; SELLER: the owner's.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

const { BASE, STREAM, ALICE, BOB, SELLER, MODULES } = process.env;
const { io } = createRequire(join(MODULES, 'package.json'))('socket.io-client');
const SETTINGS = {
  default: {},
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
};

function once(emitter, name, fits = () => true) {
  return new Promise((resolve) => {
    const listener = (...args) => {
      if (!fits(...args)) return;
      emitter.off(name, listener);
      resolve(args[0]);
    };
    emitter.on(name, listener);
  });
}

async function connect(t, token, options = {}) {
  const socket = io(BASE + (options.namespace ?? ''), {
    auth: token ? { token } : undefined,
    forceNew: true,
    reconnectionDelay: 50,
    ...options,
  });
  t.after(() => socket.disconnect());
  await Promise.race([
    once(socket, 'connect'),
    once(socket, 'connect_error').then((error) => {
      throw error;
    }),
  ]);
  return socket;
}

const ask = (socket, event, data) => socket.timeout(30000).emitWithAck(event, data);
const enter = (socket) => ask(socket, 'stream:join', { stream_id: STREAM });
const say = (socket, message) => ask(socket, 'stream:chat', { stream_id: STREAM, message });

for (const [name, options] of Object.entries(SETTINGS)) {
  test(`a stream by ${name}`, async (t) => {
    const alice = await connect(t, ALICE, options);
    const guest = await connect(t, null, options);
    const heard = [];
    guest.on('chat:message', (m) => heard.push(m.id));
    const joined = once(alice, 'stream:joined');
    assert.deepEqual(await enter(alice), await joined);
    const other = once(alice, 'viewer:joined');
    const welcome = await enter(guest);
    assert.equal((await other).viewerCount, welcome.viewerCount);
    const said = [];
    for (let i = 0; i < 3; i += 1) said.push((await say(alice, `${name} ${i}`)).id);
    while (heard.length < 3) await once(guest, 'chat:message');
    assert.deepEqual(heard, said);
    assert.equal((await say(guest, 'x')).error.code, 'unauthorized');
    const reaction = once(guest, 'reaction:new');
    await ask(alice, 'stream:reaction', { stream_id: STREAM, emoji: '💎' });
    assert.equal((await reaction).userId, 'alice');
    const left = once(alice, 'viewer:left');
    guest.disconnect();
    assert.equal((await left).userId, welcome.userId);
  });

  test(`what was missed comes by ${name}`, async (t) => {
    const alice = await connect(t, ALICE, options);
    const bob = await connect(t, BOB, options);
    await enter(bob);
    const first = once(alice, 'chat:message');
    await enter(alice);
    const heard = [];
    alice.on('chat:message', (m) => heard.push(m.id));
    const said = [(await say(bob, 'before')).id];
    await first;
    const gone = once(alice, 'disconnect');
    const back = once(alice, 'connect');
    if (alice.io.engine.transport.ws) alice.io.engine.transport.ws.terminate();
    else alice.io.engine.transport.onError('network lost');
    await gone;
    said.push((await say(bob, 'missed')).id);
    await back;
    assert.equal(alice.recovered, true);
    said.push((await say(bob, 'after')).id);
    while (heard.length < 3) await once(alice, 'chat:message');
    assert.deepEqual(heard, said);
    assert.ok((await ask(alice, 'get_viewer_count', { stream_id: STREAM })).viewerCount >= 2);
  });
}

test('figures and rooms come back with the rest', async (t) => {
  const seller = await connect(t, SELLER);
  const bob = await connect(t, BOB);
  await enter(seller);
  await enter(bob);
  for (const socket of [seller, bob]) assert.ok((await ask(socket, 'join_room', 'floor_1')).epoch);
  let update = once(seller, 'metrics_update');
  await ask(seller, 'metrics:subscribe', { stream_id: STREAM });
  assert.equal((await update).streamId, STREAM);
  const message = once(seller, 'chat:message');
  await say(bob, 'an offset');
  await message;
  const gone = once(seller, 'disconnect');
  const back = once(seller, 'connect');
  update = once(seller, 'metrics_update');
  const missed = once(seller, 'broadcast');
  if (seller.io.engine.transport.ws) seller.io.engine.transport.ws.terminate();
  else seller.io.engine.transport.onError('network lost');
  await gone;
  await ask(bob, 'broadcast', { room_id: 'floor_1', message: { n: 1 } });
  await back;
  assert.equal(seller.recovered, true);
  const { message: said, userId } = await missed;
  assert.deepEqual([said, userId], [{ n: 1 }, 'bob']);
  assert.equal((await update).streamId, STREAM);
  assert.ok((await ask(seller, 'broadcast', { room_id: 'floor_1', message: 1 })).roomId);
});

test('a bad token is refused', async (t) => {
  await assert.rejects(connect(t, 'nonsense'), (error) => {
    assert.equal(error.message, 'Authentication error');
    assert.equal(error.data.code, 'token_invalid');
    return true;
  });
});

test('namespaces', async (t) => {
  const shop = await connect(t, ALICE, { namespace: '/shop' });
  const bob = await connect(t, BOB);
  await enter(shop);
  const message = once(shop, 'chat:message');
  const { id } = await say(bob, 'into the shop');
  assert.equal((await message).id, id);
  await assert.rejects(connect(t, ALICE, { namespace: '/other' }), /Invalid namespace/);
});

test('another one with the pid gets nothing', async (t) => {
  const bob = await connect(t, BOB);
  await enter(bob);
  const message = once(bob, 'chat:message');
  await say(bob, 'mine');
  await message;
  const pid = bob._pid;
  const offset = bob._lastOffset;
  assert.ok(pid && offset);
  bob.disconnect();
  const thief = io(BASE, { auth: { token: ALICE, pid, offset }, forceNew: true });
  t.after(() => thief.disconnect());
  thief._pid = pid;
  await once(thief, 'connect');
  assert.equal(thief.recovered, false);
});

test('prepare', async (t) => {
  const seller = await connect(t, SELLER);
  const ready = once(seller, 'stream:ready');
  const answer = await ask(seller, 'stream:prepare', { stream_id: STREAM });
  assert.deepEqual(answer, await ready);
  assert.match(answer.rtmpUrl, /^rtmp:\/\//);
});

test('errors without an ack, and attachments', async (t) => {
  const socket = await connect(t, ALICE);
  let error = once(socket, 'error');
  socket.emit('stream:join', { stream_id: 'x' });
  assert.deepEqual(await error, {
    code: 'invalid_payload', event: 'stream:join', message: 'stream_id must be a UUID.',
  });
  error = once(socket, 'error');
  socket.emit('stream:join', Buffer.from('x'));
  assert.equal((await error).code, 'malformed');
  error = once(socket, 'error');
  socket.emit('stream:join', 'x');
  assert.equal((await error).code, 'invalid_payload');
});
