// What a user is told on all sockets, with the official client. MODULES: where the packages are;
// BASE: soukd's URL; FAN, STAR: tokens of one who follows the other; SELLER: star's as a seller.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

const { BASE, FAN, STAR, SELLER, MODULES } = process.env;
const { io } = createRequire(join(MODULES, 'package.json'))('socket.io-client');

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

async function connect(t, token) {
  const socket = io(BASE, { auth: { token }, forceNew: true, reconnectionDelay: 50 });
  t.after(() => socket.disconnect());
  await once(socket, 'connect');
  return socket;
}

const ask = (socket, event, data) => socket.timeout(30000).emitWithAck(event, data);

async function post(path, body) {
  const answer = await fetch(`${BASE}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SELLER}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return (await answer.json()).data;
}

async function goLive() {
  const { productId } = await post('/products', { name: 'Rug', price: 100, currency: 'EUR' });
  const { streamId } = await post('/streams', { title: 'Rugs', product_ids: [productId] });
  await post(`/streams/${streamId}/go-live`, { camera_ready: true, checklist_complete: true });
  return streamId;
}

test('presence', async (t) => {
  const fan = await connect(t, FAN);
  const online = once(fan, 'user_status', (e) => e.userId === 'star');
  const star = await connect(t, STAR);
  assert.equal((await online).status, 'online');
  const away = once(fan, 'presence_update', (e) => e.status === 'away');
  const said = await ask(star, 'presence_update', { status: 'away', device: 'web' });
  assert.deepEqual(await away, said);
  const { presences } = await ask(fan, 'get_presence', { user_ids: ['star', 'fan'] });
  assert.deepEqual(presences.map((p) => p.status), ['away', 'online']);
});

test('a notification that was missed comes after the network was lost', async (t) => {
  const fan = await connect(t, FAN);
  const second = await connect(t, FAN);
  const first = once(fan, 'notification');
  const stream = await goLive();
  assert.equal((await first).streamId, stream);
  const heard = [];
  fan.on('notification', (n) => heard.push(n.streamId));
  const gone = once(fan, 'disconnect');
  const back = once(fan, 'connect');
  if (fan.io.engine.transport.ws) fan.io.engine.transport.ws.terminate();
  else fan.io.engine.transport.onError('network lost');
  await gone;
  const other = once(second, 'notification');
  const missed = await goLive();
  await other;
  await back;
  assert.equal(fan.recovered, true);
  while (!heard.length) await once(fan, 'notification');
  assert.deepEqual(heard, [missed]);
  const read = once(second, 'notifications_read');
  assert.deepEqual(await ask(fan, 'notifications_read', {}), { count: 0 });
  assert.deepEqual(await read, { notificationIds: null });
});
