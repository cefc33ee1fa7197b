// Away for longer than what was said is kept, or than it is kept of: told so, and to load anew. The
// test's server keeps it for a second.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  connect, enter, JsonClient, once, pause, say, SETTINGS, until,
} from './support.mjs';

for (const [name, options] of Object.entries(SETTINGS)) {
  test(`too long away, by ${name}`, async (t) => {
    const socket = await connect(t, `away-${name}`, { ...options, reconnection: false });
    const other = await connect(t, 'other');
    await enter(socket);
    await enter(other);
    const before = socket.id;
    const gone = once(socket, 'disconnect');
    socket.io.engine.close();
    await gone;
    const { id } = await say(other, `${name} missed`);
    await pause(1500);
    socket.connect();
    await once(socket, 'connect');
    assert.equal(socket.recovered, false);
    assert.notEqual(socket.id, before);
    // What was missed is in what it loads anew.
    assert.equal((await enter(socket)).chat.at(-1).id, id);
  });
}

test('more missed than is kept', async (t) => {
  const app = new JsonClient(process.env.BASE, 'away-app');
  t.after(() => app.close());
  const other = await connect(t, 'other');
  await app.enter();
  const place = { ...app.place };
  await enter(other);
  const ids = [];
  for (let i = 0; i < 101; i += 1) ids.push((await say(other, `much ${i}`)).id);
  const answer = await app.request('resume', place);
  assert.equal(answer.error.code, 'resume_failed');
  // Nor what has become too old, as soon as the server has seen that it has.
  const late = new JsonClient(process.env.BASE, 'late-app');
  t.after(() => late.close());
  await late.enter();
  const old = { ...late.place };
  const { id } = await say(other, 'old');
  await until(async () => {
    await pause(200);
    return (await app.request('resume', old)).error?.code === 'resume_failed';
  });
  const welcome = await app.request('stream:join', { stream_id: process.env.STREAM });
  assert.equal(welcome.chat.at(-1).id, id);
  assert.deepEqual(welcome.chat.map((m) => m.id).slice(0, -1), ids.slice(-49));
});
