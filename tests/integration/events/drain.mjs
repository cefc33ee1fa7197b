// Joins a stream, and tells what it hears when the server goes and comes again.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { BASE, STREAM, ALICE, MODULES } = process.env;
const { io } = createRequire(join(MODULES, 'package.json'))('socket.io-client');
const socket = io(BASE, { auth: { token: ALICE }, reconnectionDelay: 100,
  reconnectionDelayMax: 200, transports: ['websocket'] });
let times = 0;

socket.on('server:draining', () => console.log('draining'));
socket.on('disconnect', (reason) => console.log(reason));
socket.on('connect', async () => {
  await socket.emitWithAck('stream:join', { stream_id: STREAM });
  times += 1;
  console.log(times === 1 ? 'in' : 'back');
  if (times === 2) process.exit(0);
});
