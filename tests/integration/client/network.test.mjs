// The network between the official client, or an app on /ws, and the server breaks in every way
// while messages go on: nothing is missed, nothing comes twice, all hear the same order.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  connect, enter, JsonClient, Network, once, pause, random, say, SETTINGS, STREAM, until,
} from './support.mjs';

const SEED = Number(process.env.SOUK_CUT_SEED ?? 1);
const WAYS = Object.keys(Network.ways);
const MESSAGES = 500;
const CUTS = 10;
// Nobody is further behind: a room keeps its last hundred events.
const BEHIND = 60;
// Longer than the pings of the test's server are apart.
const SILENCE_MS = 4000;
// For a machine that does everything at once.
const PATIENCE = { timeout: 150000 };

async function officialViewer(t, name, options) {
  const network = await Network.open(t);
  const socket = await connect(t, name, {
    ...options, base: network.base, retries: 1000, ackTimeout: 3000,
  });
  const viewer = { name, network, heard: [], cuts: 0, lost: 0 };
  socket.on('chat:message', (m) => viewer.heard.push(m));
  socket.on('disconnect', () => { viewer.cuts += 1; });
  socket.on('connect', () => { viewer.lost += socket.recovered ? 0 : 1; });
  // Again and again by the client itself, until it is acked.
  viewer.say = (message, clientId) => new Promise((resolve, reject) => {
    socket.emit('stream:chat', { stream_id: STREAM, message, client_id: clientId },
      (error, answer) => (error ? reject(error) : resolve(answer)));
  });
  await enter(socket);
  return viewer;
}

async function jsonViewer(t, name) {
  const network = await Network.open(t);
  const client = new JsonClient(network.base, name);
  t.after(() => client.close());
  client.patience = SILENCE_MS;
  const viewer = { name, network, heard: [], cuts: 0, lost: 0 };
  client.on('chat:message', (m) => viewer.heard.push(m));
  client.on('gone', () => { viewer.cuts += 1; });
  client.on('back', (answer) => { viewer.lost += answer.error ? 1 : 0; });
  viewer.say = (message, clientId) => client.request('stream:chat', {
    stream_id: STREAM, message, client_id: clientId,
  }, true);
  await client.enter();
  return viewer;
}

test(`cut off in all ways, seed ${SEED}`, PATIENCE, async (t) => {
  const viewers = [await jsonViewer(t, 'app')];
  for (const [name, options] of Object.entries(SETTINGS)) {
    viewers.push(await officialViewer(t, name, options));
  }
  const draw = random(SEED);
  const pick = (list) => list[Math.floor(draw() * list.length)];
  // Each way at least once.
  const ways = Array.from({ length: CUTS }, (_, i) => WAYS[i % WAYS.length])
    .sort(() => draw() - 0.5);
  const done = [];
  let n = 0;

  async function cut() {
    const way = ways.pop();
    for (const viewer of new Set([pick(viewers), pick(viewers)])) {
      done.push(`${viewer.name} ${way}`);
      viewer.network.cut(way, 50 + draw() * 500);
    }
  }

  async function write(writer) {
    while (n < MESSAGES) {
      const number = n;
      n += 1;
      if (n % (MESSAGES / CUTS) === MESSAGES / CUTS / 2) cut();
      const answer = await writer.say(`number ${number}`, `${writer.name}-${number}`);
      assert.ok(answer.id, JSON.stringify(answer));
      await until(() => Math.min(...viewers.map((v) => v.heard.length)) > n - BEHIND);
    }
  }

  await Promise.all(viewers.map(write));
  await until(() => viewers.every((v) => v.heard.length >= MESSAGES));
  const order = viewers[0].heard.map((m) => m.id);
  assert.equal(new Set(viewers[0].heard.map((m) => m.message)).size, MESSAGES);
  for (const { name, heard, lost } of viewers) {
    assert.deepEqual(heard.map((m) => m.id), order, `${name}; ${done}`);
    assert.equal(lost, 0, `${name} was not recovered; ${done}`);
  }
  for (const { name } of viewers) {
    const own = viewers[0].heard.filter((m) => m.userId === name).map((m) => m.clientId);
    assert.deepEqual(own, own.map((id) => Number(id.split('-')[1])).sort((a, b) => a - b)
      .map((number) => `${name}-${number}`));
  }
  t.diagnostic(`${done.join(', ')}; connections lost: ${
    viewers.map((v) => `${v.name} ${v.cuts}`).join(', ')}`);
});

test('the upgrade comes between', PATIENCE, async (t) => {
  const draw = random(SEED);
  const reference = [];
  const writer = await connect(t, 'writer', SETTINGS.websocket);
  writer.on('chat:message', (m) => reference.push(m));
  await enter(writer);
  let over = false;
  const writing = (async () => {
    for (let i = 0; !over; i += 1) {
      assert.ok((await say(writer, `before, during and after ${i}`)).id);
      if (i % 5 === 0) await pause(1);
    }
  })();

  async function upgrade(number) {
    const name = `upgrader-${number}`;
    const network = await Network.open(t);
    const heard = [];
    const answers = [];
    await pause(draw() * 200);
    let release;
    network.held = new Promise((resolve) => { release = resolve; });
    const socket = await connect(t, name, { base: network.base });
    socket.on('chat:message', (m) => heard.push(m.id));
    assert.equal(socket.io.engine.transport.name, 'polling');
    const upgraded = once(socket.io.engine, 'upgrade');
    const welcome = await enter(socket);
    const begins = Math.floor(draw() * 15);
    for (let i = 0; i < 20; i += 1) {
      if (i === begins) release();
      answers.push(say(socket, `${name} ${i}`));
      await pause(draw() * 30);
    }
    await upgraded;
    answers.push(say(socket, `${name} 20`));
    const said = (await Promise.all(answers)).map((a) => a.id);
    await until(() => heard.includes(said.at(-1)) && reference.some((m) => m.id === said.at(-1)));
    assert.equal(socket.io.engine.transport.name, 'websocket');
    assert.deepEqual(said, [...said].sort());
    // What it was given when it joined, and then all that was said, once.
    const ids = reference.map((m) => m.id);
    const from = ids.indexOf(heard[0]);
    assert.deepEqual(heard.slice(0, heard.indexOf(said.at(-1)) + 1),
      ids.slice(from, ids.indexOf(said.at(-1)) + 1));
    if (from > 0) assert.equal(welcome.chat.at(-1).id, ids[from - 1]);
  }

  try {
    await Promise.all(Array.from({ length: 12 }, (_, i) => upgrade(i)));
  } finally {
    over = true;
    await writing;
  }
});
