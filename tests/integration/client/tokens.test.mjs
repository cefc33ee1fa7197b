// Tokens that end while their client is connected. The server takes them for as long after their
// end as `auth.leeway` says: half a minute here.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  ask, connect, enter, JsonClient, once, open, say, SETTINGS, STREAM, token, until,
} from './support.mjs';

// The transport ends 25 s after the token: in fifteen seconds, which are long enough for what is
// to happen before.
const OLD = -10;

async function official(t, name, options) {
  const given = [];
  const next = (give) => {
    given.push(token(`late-${name}`, given.length ? 3600 : OLD));
    give({ token: given.at(-1) });
  };
  const socket = open(t, { ...options, auth: next });
  const packets = [];
  socket.io.on('open', () => socket.io.engine.on('data', (p) => packets.push(p)));
  const expiring = once(socket, 'auth:expiring');
  const gone = once(socket, 'disconnect');
  await once(socket, 'connect');
  const id = socket.id;
  const heard = [];
  socket.on('chat:message', (m) => heard.push(m.message));
  await enter(socket);
  assert.ok(Date.parse((await expiring).expiresAt) < Date.now());
  assert.ok((await say(socket, `${name} before`)).id);

  // Another one's token ends as well; he brings a new one in time, and so does an app on /ws.
  const other = open(t, { ...options, auth: { token: token(`wise-${name}`, OLD) } });
  const left = [];
  other.on('disconnect', (reason) => left.push(reason));
  await once(other, 'auth:expiring');
  assert.equal((await ask(other, 'auth', { token: token('somebody') })).error.code, 'forbidden');
  assert.equal((await ask(other, 'auth', { token: 'x' })).error.code, 'token_invalid');
  const taken = await ask(other, 'auth', { token: token(`wise-${name}`) });
  assert.equal(taken.userId, `wise-${name}`);
  assert.ok(Date.parse(taken.expiresAt) > Date.now());
  await enter(other);

  // The transport ends; a Socket.IO packet would keep the client from coming back by itself.
  assert.match(await gone, /^transport (close|error)$/);
  assert.equal(packets.some((p) => /^1/.test(p)), false);
  assert.ok((await say(other, `${name} between`)).id);
  await until(() => socket.connected);
  assert.equal(given.length, 2);
  assert.equal(socket.recovered, true);
  assert.equal(socket.id, id);
  assert.ok((await say(socket, `${name} after`)).id);
  const own = () => heard.filter((m) => m.startsWith(name));
  await until(() => own().length >= 3);
  assert.deepEqual(own(), ['before', 'between', 'after'].map((m) => `${name} ${m}`));
  assert.deepEqual(left, []);
  assert.ok(other.connected);
}

async function app(t) {
  const client = new JsonClient(process.env.BASE, 'late-app', OLD);
  t.after(() => client.close());
  const gone = new Promise((resolve) => client.on('gone', (...why) => resolve(why)));
  await once(client, 'auth:expiring');
  await client.enter();
  const heard = [];
  client.on('chat:message', (m) => heard.push(m.message));
  assert.deepEqual(await gone, [1008, 'token expired']);
  const other = await connect(t, 'other');
  assert.ok((await say(other, 'app between')).id);
  client.renew();
  await until(() => heard.includes('app between'));
  assert.equal(heard.filter((m) => m === 'app between').length, 1);
  assert.ok((await client.request('stream:chat', { stream_id: STREAM, message: 'app after' })).id);
}

// All at a time: they wait for the clock.
test('tokens end', { concurrency: true }, (t) => Promise.all([
  ...Object.entries(SETTINGS).map(([name, options]) => t.test(`by ${name}`,
    (inner) => official(inner, name, options))),
  t.test('on /ws', app),
]));
