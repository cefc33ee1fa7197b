// Bare requests and frames: what the two protocols' documents say, refusals above all.
import assert from 'node:assert/strict';
import test from 'node:test';

import { HTTP, Messages, openPolling, poll, post, once, WebSocket, WS } from './support.mjs';

const SEPARATOR = '\x1e';
const paths = ['/engine.io/', '/socket.io/'];

function checkOpen(text, upgrades) {
  assert.equal(text[0], '0');
  const open = JSON.parse(text.slice(1));
  assert.deepEqual(Object.keys(open).sort(),
    ['maxPayload', 'pingInterval', 'pingTimeout', 'sid', 'upgrades']);
  assert.deepEqual(open.upgrades, upgrades);
  assert.equal(open.maxPayload, 1000000);
  assert.ok(Buffer.from(open.sid, 'base64url').length >= 16);
  return open.sid;
}

async function webSocket(path, sid = '') {
  const query = sid ? `&sid=${sid}` : '';
  const messages = new Messages(`${path}?EIO=4&transport=websocket${query}`);
  await messages.opened;
  return messages;
}

async function engine() {
  const messages = await webSocket('/engine.io/');
  checkOpen(await messages.next(), []);
  return messages;
}

for (const path of paths) {
  test(`${path} handshake`, async () => {
    const answer = await poll(path);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    const first = checkOpen(answer.text, ['websocket']);
    assert.notEqual(await openPolling(path), first);
    const messages = await webSocket(path);
    checkOpen(await messages.next(), []);
    messages.close();
  });

  test(`${path} refusals`, async () => {
    const queries = ['', '?EIO=4', '?EIO=4&transport=abc', '?transport=polling',
      '?EIO=3&transport=polling', '?EIO=abc&transport=polling', '?EIO=4&transport=websocket',
      '?EIO=4&transport=polling&sid=unknown', `?EIO=4&transport=polling&sid=${'x'.repeat(500)}`];
    for (const query of queries) {
      if (query.endsWith('x')) continue;
      const response = await fetch(HTTP + path + query);
      assert.equal(response.status, 400, query);
      assert.ok((await response.json()).message);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      // Node 18 cannot send a DELETE with an empty body.
      const body = method === 'DELETE' ? undefined : '';
      const response = await fetch(`${HTTP}${path}?EIO=4&transport=polling`, { method, body });
      assert.equal(response.status, 400, method);
    }
    for (const query of ['?EIO=3&transport=websocket', '?transport=websocket', '?EIO=4',
      '?EIO=4&transport=polling', '?EIO=4&transport=websocket&sid=unknown']) {
      const socket = new WebSocket(WS + path + query);
      const [error] = await once(socket, 'error');
      assert.match(error.message, /400/);
    }
  });

  test(`${path} preflight`, async () => {
    const response = await fetch(`${HTTP}${path}?EIO=4&transport=polling`, { method: 'OPTIONS' });
    assert.equal(response.status, 204);
    assert.match(response.headers.get('access-control-allow-methods'), /POST/);
  });

  test(`${path} a client's goodbye ends its poll, whichever comes first`, async () => {
    for (const order of ['get first', 'post first']) {
      const sid = await openPolling(path);
      const get = order === 'get first' ? poll(path, sid) : null;
      if (get) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal((await post(path, sid, '1')).text, 'ok');
      let answer = await (get ?? poll(path, sid));
      // A ping may have been quicker.
      while (answer.text === '2') answer = await poll(path, sid);
      assert.deepEqual([answer.status, answer.text.replace(`2${SEPARATOR}`, '')], [200, '6'], order);
      assert.equal((await poll(path, sid)).status, 400);
    }
  });
}

test('payloads of several packets, text and binary', async () => {
  const path = '/engine.io/';
  const sid = await openPolling(path);
  for (const body of ['4hello', ['4a', '4ö€😂', '4'].join(SEPARATOR), `4a${SEPARATOR}bAQIDBA==`]) {
    const answer = await post(path, sid, body);
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'ok');
    let got = (await poll(path, sid)).text;
    while (got === '2') got = (await poll(path, sid)).text;
    assert.equal(got.replace(new RegExp(`2${SEPARATOR}|${SEPARATOR}2`), ''), body);
  }
});

test('malformed payloads end the session', async () => {
  for (const body of ['abc', '', '7', `4a${SEPARATOR}${SEPARATOR}4b`, 'bA', '2probe', '5', '0',
    Buffer.from([0x34, 0xff])]) {
    const sid = await openPolling('/engine.io/');
    assert.equal((await post('/engine.io/', sid, body)).status,
      ['2probe', '5', '0'].includes(body) ? 200 : 400, String(body));
    assert.equal((await poll('/engine.io/', sid)).status, 400);
  }
  const sid = await openPolling('/engine.io/');
  assert.equal((await post('/engine.io/', sid, `4${'x'.repeat(1000000)}`)).status, 413);
  assert.equal((await poll('/engine.io/', sid)).status, 400);
});

test('a second poll ends both and the session', async () => {
  for (;;) {
    const sid = await openPolling('/engine.io/');
    const both = await Promise.all([poll('/engine.io/', sid), poll('/engine.io/', sid)]);
    // A ping that came first has answered one of them: there were no two.
    if (both.some(({ text }) => text === '2')) continue;
    // Whichever of them the server saw first.
    both.sort((a, b) => a.status - b.status);
    assert.deepEqual(both.map(({ status }) => status), [200, 400]);
    assert.equal(both[0].text.at(-1), '1');
    assert.equal((await poll('/engine.io/', sid)).status, 400);
    return;
  }
});

test('a poll that is given up ends the session', async () => {
  const sid = await openPolling('/engine.io/');
  const controller = new AbortController();
  const first = poll('/engine.io/', sid, { signal: controller.signal }).catch(() => 'aborted');
  await new Promise((resolve) => setTimeout(resolve, 50));
  controller.abort();
  assert.equal(await first, 'aborted');
  for (;;) {
    const { status } = await post('/engine.io/', sid, '6');
    if (status === 400) break;
    assert.equal(status, 200);
  }
});

test('WebSocket carries text and binary, and closes on nonsense', async () => {
  let messages = await engine();
  messages.send('4hello');
  assert.equal(await messages.next(), '4hello');
  messages.send(Buffer.from([1, 2, 3, 4]));
  assert.deepEqual([...await messages.next()], [1, 2, 3, 4]);
  messages.send('1');
  assert.equal(await messages.closed, 1000);
  for (const nonsense of ['abc', '', '2probe', '0']) {
    messages = await engine();
    messages.send(nonsense);
    assert.equal(await messages.closed, 1008, nonsense);
  }
  messages = await engine();
  messages.send('x'.repeat(1000001));
  assert.equal(await messages.closed, 1009);
});

test('pings come and want an answer', async () => {
  const messages = await engine();
  for (let i = 0; i < 3; i++) {
    assert.equal(await messages.next({ pings: true }), '2');
    messages.send('3');
  }
  messages.close();
  const sid = await openPolling('/engine.io/');
  for (let i = 0; i < 2; i++) {
    assert.equal((await poll('/engine.io/', sid)).text, '2');
    assert.equal((await post('/engine.io/', sid, '3')).status, 200);
  }
});

test('upgrade', async () => {
  const path = '/engine.io/';
  const sid = await openPolling(path);
  const held = poll(path, sid);
  const messages = await webSocket(path, sid);
  messages.send('2probe');
  assert.equal(await messages.next(), '3probe');
  let text = (await held).text;
  assert.ok(['6', '2'].includes(text), text);
  text = (await poll(path, sid)).text;
  assert.ok(['6', '2'].includes(text), text);
  await post(path, sid, '4while polling');
  messages.send('5');
  assert.equal(await messages.next(), '4while polling');
  messages.send('4hello');
  assert.equal(await messages.next(), '4hello');
  assert.equal((await poll(path, sid)).status, 400);
  const second = await webSocket(path, sid);
  await second.closed;
  messages.send('4still here');
  assert.equal(await messages.next(), '4still here');
  messages.close();
});

test('a probe that is none leaves the session as it was', async () => {
  const path = '/engine.io/';
  for (const wrong of ['5', '4hello', 'abc', '2']) {
    const sid = await openPolling(path);
    const messages = await webSocket(path, sid);
    messages.send(wrong);
    assert.equal(await messages.closed, 1008);
    await post(path, sid, '4x');
    assert.match((await poll(path, sid)).text, /4x/);
    await post(path, sid, '1');
  }
});

async function socketIO() {
  const messages = await webSocket('/socket.io/');
  checkOpen(await messages.next(), []);
  messages.send('40');
  assert.match(await messages.next(), /^40\{"sid":"[\w-]{24}"\}$/);
  assert.equal(await messages.next(), '42["auth",{}]');
  return messages;
}

test('Socket.IO packets', async () => {
  const messages = await socketIO();
  messages.send('42["message",1,"2",{"3":[true]}]');
  assert.equal(await messages.next(), '42["message-back",1,"2",{"3":[true]}]');
  messages.send('42456["message-with-ack",1,"2",{"3":[false]}]');
  assert.equal(await messages.next(), '43456[1,"2",{"3":[false]}]');
  messages.send('452-789["message-with-ack",{"_placeholder":true,"num":0},'
    + '{"_placeholder":true,"num":1}]');
  messages.send(Buffer.from([1, 2, 3]));
  messages.send(Buffer.from([4, 5, 6]));
  assert.equal(await messages.next(),
    '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
  assert.deepEqual([...await messages.next()], [1, 2, 3]);
  assert.deepEqual([...await messages.next()], [4, 5, 6]);
  messages.send('40/custom,{"token":"abc"}');
  assert.match(await messages.next(), /^40\/custom,\{"sid":"[\w-]{24}"\}$/);
  assert.equal(await messages.next(), '42/custom,["auth",{"token":"abc"}]');
  messages.send('41/custom,');
  messages.send('40/random');
  assert.equal(await messages.next(), '44/random,{"message":"Invalid namespace"}');
  messages.send('41');
  assert.equal(await messages.next({ pings: true }), '2');
  messages.close();
});

test('malformed Socket.IO packets end the session', async () => {
  const wrong = ['4abc', '4', '49', '42{}', '42', '42[]', '42[1]', '42["a"', '42["a"]x',
    '42abc["message-with-ack",1]', '4212345678901234567890["a"]', '42["disconnect"]', '43[]',
    '4312{}', '40', '40[]', '41{}', '42/custom,["message"]', '41/custom,', '44{"message":"x"}',
    '4511-["a"]', '451-["a",{"_placeholder":true,"num":1}]',
    '451-["a",{"_placeholder":true,"num":"0"}]', '42["\\ud800"', '43["\\ud800"]'];
  for (const packet of wrong) {
    const messages = await socketIO();
    messages.send(packet);
    assert.equal(await messages.closed, 1008, packet);
  }
  let messages = await socketIO();
  messages.send(Buffer.from([1]));
  assert.equal(await messages.closed, 1008);
  messages = await socketIO();
  messages.send('451-["a",{"_placeholder":true,"num":0}]');
  messages.send('42["message"]');
  assert.equal(await messages.closed, 1008);
});

test('a client without a namespace is not kept', async () => {
  const messages = await webSocket('/socket.io/');
  for (let message = ''; message !== null;) message = await messages.next();
});

test('plain WebSocket echo', async () => {
  const messages = new Messages('/echo');
  await messages.opened;
  messages.send('hello');
  assert.equal(await messages.next(), 'hello');
  messages.send('');
  assert.equal(await messages.next(), '');
  const long = Buffer.alloc(300000, 1);
  messages.send(long);
  assert.deepEqual(await messages.next(), long);
  messages.socket.ping('x');
  assert.equal((await once(messages.socket, 'pong'))[0].toString(), 'x');
  messages.socket.close(4001, 'bye');
  assert.equal(await messages.closed, 4001);
});
