// The official client with each of its transport settings.
import assert from 'node:assert/strict';
import test from 'node:test';

import { HTTP, io, once } from './support.mjs';

const settings = {
  'polling only': { transports: ['polling'] },
  'websocket only': { transports: ['websocket'] },
  'default, with upgrade': {},
};

function connect(options, name = '') {
  return io(HTTP + name, {
    forceNew: true, reconnectionDelay: 50, rejectUnauthorized: false, ...options,
  });
}

async function connected(options, name = '') {
  const socket = connect(options, name);
  const auth = once(socket, 'auth');
  await once(socket, 'connect');
  return { socket, auth: (await auth)[0] };
}

async function upgraded(socket, options) {
  if (options.transports) return;
  const { engine } = socket.io;
  if (engine.transport.name === 'polling') await once(engine, 'upgrade');
  assert.equal(engine.transport.name, 'websocket');
}

for (const [title, options] of Object.entries(settings)) {
  test(title, async (t) => {
    await t.test('connects with its auth payload and gets an id', async () => {
      const { socket, auth } = await connected({ ...options, auth: { token: 'abc' } });
      assert.deepEqual(auth, { token: 'abc' });
      assert.equal(socket.id.length, 24);
      assert.notEqual(socket.id, socket.io.engine.id);
      await upgraded(socket, options);
      socket.disconnect();
    });

    await t.test('events come back in order, also over the upgrade', async () => {
      const { socket } = await connected(options);
      const got = [];
      const all = new Promise((resolve) => socket.on('message-back', (n) => {
        got.push(n);
        if (got.length === 300) resolve();
      }));
      for (let n = 0; n < 300; n++) {
        socket.emit('message', n);
        if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await all;
      assert.deepEqual(got, [...Array(300).keys()]);
      await upgraded(socket, options);
      socket.disconnect();
    });

    await t.test('acks in both directions', async () => {
      const { socket } = await connected(options);
      const answer = new Promise((resolve) => {
        socket.emit('message-with-ack', 1, '2', { 3: [false] }, (...args) => resolve(args));
      });
      assert.deepEqual(await answer, [1, '2', { 3: [false] }]);
      socket.on('question', (a, b, ack) => ack(a + b, 'ö€😂'));
      const answered = once(socket, 'answered');
      socket.emit('ask-me', 40, 2);
      assert.deepEqual(await answered, [42, 'ö€😂']);
      socket.disconnect();
    });

    await t.test('binary attachments', async () => {
      const { socket } = await connected(options);
      const bytes = Buffer.from([0, 1, 2, 254, 255]);
      const long = Buffer.alloc(70000, 7);
      const back = once(socket, 'message-back');
      socket.emit('message', { a: bytes, b: [long, 'text'] });
      const [value] = await back;
      assert.deepEqual(Buffer.from(value.a), bytes);
      assert.deepEqual(Buffer.from(value.b[0]), long);
      assert.equal(value.b[1], 'text');
      const [acked] = await new Promise((resolve) => {
        socket.emit('message-with-ack', bytes, (...args) => resolve(args));
      });
      assert.deepEqual(Buffer.from(acked), bytes);
      socket.disconnect();
    });

    await t.test('numbers and texts as they were', async () => {
      const { socket } = await connected(options);
      const values = [0, -1, 0.5, 9007199254740991, 1e21, 'a"\\\n\u2028', null, true, [], {}];
      const back = once(socket, 'message-back');
      socket.emit('message', ...values);
      assert.deepEqual(await back, values);
      socket.disconnect();
    });

    await t.test('a refused connection tells why', async () => {
      const socket = connect({ ...options, auth: { refuse: true } });
      const [error] = await once(socket, 'connect_error');
      assert.equal(error.message, 'not for you');
      assert.deepEqual(error.data, { code: 'refused' });
      assert.equal(socket.connected, false);
      socket.disconnect();
    });

    await t.test('namespaces', async () => {
      const { socket, auth } = await connected({ ...options, auth: { a: 1 } }, '/custom');
      assert.deepEqual(auth, { a: 1 });
      const back = once(socket, 'message-back');
      socket.emit('message', 'x');
      assert.deepEqual(await back, ['x']);
      socket.disconnect();
      const other = connect(options, '/random');
      const [error] = await once(other, 'connect_error');
      assert.equal(error.message, 'Invalid namespace');
      other.disconnect();
    });

    await t.test('two namespaces in one session', async () => {
      const { socket } = await connected(options);
      const custom = socket.io.socket('/custom');
      await once(custom, 'connect');
      assert.notEqual(custom.id, socket.id);
      const back = once(custom, 'message-back');
      custom.emit('message', 1);
      assert.deepEqual(await back, [1]);
      custom.disconnect();
      const main = once(socket, 'message-back');
      socket.emit('message', 2);
      assert.deepEqual(await main, [2]);
      socket.disconnect();
    });

    await t.test('comes back by itself after the server has closed', async () => {
      const { socket } = await connected(options);
      const first = socket.id;
      const gone = once(socket, 'disconnect');
      const again = new Promise((resolve) => {
        socket.once('disconnect', () => socket.once('connect', resolve));
      });
      socket.emit('drop-me');
      assert.match((await gone)[0], /^transport (close|error)$/);
      await again;
      assert.notEqual(socket.id, first);
      const back = once(socket, 'message-back');
      socket.emit('message', 'here');
      assert.deepEqual(await back, ['here']);
      socket.disconnect();
    });

    await t.test('comes back by itself after the connection has broken', async () => {
      const { socket } = await connected(options);
      await upgraded(socket, options);
      const again = new Promise((resolve) => {
        socket.once('disconnect', () => socket.once('connect', resolve));
      });
      socket.io.engine.close();
      await again;
      socket.disconnect();
    });

    await t.test('stays away when it was sent away', async () => {
      const { socket } = await connected(options);
      const gone = once(socket, 'disconnect');
      socket.emit('disconnect-me');
      assert.equal((await gone)[0], 'io server disconnect');
      assert.equal(socket.active, false);
      socket.io.engine.close();
    });

    await t.test('lives through several pings', async () => {
      const { socket } = await connected(options);
      await upgraded(socket, options);
      for (let i = 0; i < 3; i++) await once(socket.io.engine, 'ping');
      const back = once(socket, 'message-back');
      socket.emit('message', 'alive');
      await back;
      socket.disconnect();
    });
  });
}
