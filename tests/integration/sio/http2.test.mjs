// WebSocket on a stream of HTTP/2 (RFC 8441), frame by frame, as browsers do it.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import test from 'node:test';

import { HTTP, once } from './support.mjs';

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;

// A client's frame, masked with zeros.
function frame(first, data) {
  const head = data.length < 126 ? Buffer.from([first, 0x80 | data.length])
    : Buffer.from([first, 0xff, 0, 0, 0, 0, ...new Uint8Array(4)]);
  if (data.length >= 126) head.writeUInt32BE(data.length, 6);
  return Buffer.concat([head, Buffer.alloc(4), data]);
}

class Stream {
  constructor(session, path) {
    this.bytes = Buffer.alloc(0);
    this.stream = session.request({
      ':method': 'CONNECT', ':protocol': 'websocket', ':path': path,
      'sec-websocket-version': '13', origin: HTTP,
    });
    this.stream.on('error', () => {});
    this.answer = once(this.stream, 'response');
    this.stream.on('data', (data) => {
      this.bytes = Buffer.concat([this.bytes, data]);
      this.wake?.();
    });
  }

  async take(n) {
    while (this.bytes.length < n) await new Promise((resolve) => { this.wake = resolve; });
    const taken = this.bytes.subarray(0, n);
    this.bytes = this.bytes.subarray(n);
    return taken;
  }

  // A whole message of the server's, however it was cut.
  async message() {
    const parts = [];
    for (let first = null; ;) {
      const head = await this.take(2);
      let len = head[1];
      if (len === 126) len = (await this.take(2)).readUInt16BE(0);
      else if (len === 127) len = Number((await this.take(8)).readBigUInt64BE(0));
      first ??= head[0] | 0x80;
      parts.push(await this.take(len));
      if (head[0] & 0x80) return { first, data: Buffer.concat(parts) };
    }
  }
}

async function open() {
  const session = connect(HTTP, { rejectUnauthorized: false });
  const [settings] = await once(session, 'remoteSettings');
  assert.equal(settings.enableConnectProtocol, true);
  return session;
}

test('echo on a stream', async () => {
  const session = await open();
  const ws = new Stream(session, '/echo');
  assert.equal((await ws.answer)[0][':status'], 200);
  ws.stream.write(frame(TEXT, Buffer.from('hello')));
  let got = await ws.message();
  assert.deepEqual([got.first, got.data.toString()], [TEXT, 'hello']);
  const long = Buffer.alloc(60000, 5);
  ws.stream.write(frame(BINARY, long));
  got = await ws.message();
  assert.equal(got.first, BINARY);
  assert.deepEqual(got.data, long);
  // Another request beside it.
  const other = session.request({ ':path': '/nothing' });
  assert.equal((await once(other, 'response'))[0][':status'], 404);
  other.close();
  ws.stream.write(frame(CLOSE, Buffer.from([0x0f, 0xa0])));
  got = await ws.message();
  assert.deepEqual([got.first, got.data.readUInt16BE(0)], [CLOSE, 4000]);
  ws.stream.close();
  session.close();
});

test('messages larger than the window, both ways', async () => {
  const session = await open();
  const ws = new Stream(session, '/echo');
  for (const size of [200000, 900000]) {
    const long = Buffer.alloc(size, size % 251);
    ws.stream.write(frame(BINARY, long));
    const got = await ws.message();
    assert.equal(got.first, BINARY);
    assert.ok(got.data.equals(long));
  }
  ws.stream.close();
  session.close();
});

test('Engine.IO on a stream', async () => {
  const session = await open();
  const ws = new Stream(session, '/engine.io/?EIO=4&transport=websocket');
  assert.equal((await ws.message()).data[0], 0x30);
  ws.stream.write(frame(TEXT, Buffer.from('4hello')));
  let got = await ws.message();
  while (got.data.toString() === '2') got = await ws.message();
  assert.equal(got.data.toString(), '4hello');
  ws.stream.write(frame(TEXT, Buffer.from('nonsense')));
  do got = await ws.message(); while (got.data.toString() === '2');
  assert.deepEqual([got.first, got.data.readUInt16BE(0)], [CLOSE, 1008]);
  ws.stream.close();
  session.close();
});

test('text that is not UTF-8', async () => {
  const session = await open();
  const ws = new Stream(session, '/echo');
  ws.stream.write(frame(TEXT, Buffer.from([0xff])));
  const got = await ws.message();
  assert.deepEqual([got.first, got.data.readUInt16BE(0)], [CLOSE, 1007]);
  ws.stream.close();
  session.close();
});

test('what is refused is closed, and the connection goes on', async () => {
  const session = await open();
  const ws = new Stream(session, '/engine.io/?EIO=3&transport=websocket');
  const got = await ws.message();
  assert.deepEqual([got.first, got.data.readUInt16BE(0)], [CLOSE, 1008]);
  ws.stream.close();
  const good = new Stream(session, '/echo');
  good.stream.write(frame(TEXT, Buffer.from('still here')));
  assert.equal((await good.message()).data.toString(), 'still here');
  good.stream.close();
  session.close();
});
