// The socket part of the platform's integration guide and testing checklist, with its code and its
// names, beside the seller who looks on. A line for each step; a line on stdin says go on.
import { createInterface } from 'node:readline';

import { io, once } from './support.mjs';

const { BASE, STREAM: streamId, VIEWER: authToken, SELLER } = process.env;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (word, value) => console.log(JSON.stringify([word, value]));

const seller = io(BASE, { auth: { token: SELLER }, forceNew: true });
const counts = [];
seller.on('stream:viewer-count', ({ count }) => counts.push(count));
seller.emit('stream:prepare', { stream_id: streamId });
tell('ready', await once(seller, 'stream:ready'));
seller.emit('stream:join', { stream_id: streamId });
tell('seller joined', (await once(seller, 'stream:joined')).viewerCount);

const socket = io(BASE, {
  auth: { token: authToken },
});
const added = [];
const shown = [];
const updated = [];
const refused = [];

// Join stream
const other = once(seller, 'viewer:joined');
socket.emit('stream:join', { stream_id: streamId });

// Listen for events
const joined = once(socket, 'stream:joined');

socket.on('chat:message', ({ username, message, timestamp }) => {
  added.push({ username, message, timestamp });
});

socket.on('reaction:new', ({ emoji, userId }) => {
  shown.push([emoji, userId]);
});

socket.on('stream:viewer-count', ({ count }) => {
  updated.push(count);
});

const { viewerCount } = await joined;
tell('joined', viewerCount);
tell('viewer joined', await other);

// Send chat
socket.on('error', (error) => refused.push(error));
socket.emit('stream:chat', {
  stream_id: streamId,
  message: 'This is amazing!',
});
for (let i = 2; i <= 11; i += 1) {
  socket.emit('stream:chat', { stream_id: streamId, message: `Message ${i}` });
}
while (added.length < 10 || !refused.length) await once(socket.io.engine, 'packet');
tell('chat', added);
tell('refused', refused);

// Send reaction
for (const emoji of ['❤️', '🔥', '👏', '😂', '😮', '💎']) {
  socket.emit('stream:reaction', {
    stream_id: streamId,
    emoji,
  });
}
while (shown.length < 6) await once(socket, 'reaction:new');
tell('reactions', shown);
while (updated.at(-1) !== 2) await once(socket, 'stream:viewer-count');

const tagged = once(socket, 'product:tagged');
tell('watching', updated.at(-1));
await lines.next();
tell('tagged', await tagged);

// Leave stream
const left = once(seller, 'viewer:left');
socket.emit('stream:leave', { stream_id: streamId });
tell('left', await left);
while (counts.at(-1) !== 1) await once(seller, 'stream:viewer-count');
tell('count', counts.at(-1));

const ended = once(seller, 'stream:ended');
await lines.next();
tell('ended', await ended);
process.exit(0);
