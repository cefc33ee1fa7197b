// Clients of all kinds in a stream, while the server goes and comes again: they tell what they live
// through, one line each time all have.
import {
  ask, connect, enter, JsonClient, once, say, SETTINGS, STREAM,
} from './support.mjs';

const t = { after() {} };
const clients = [];

async function official(name, options) {
  const socket = await connect(t, name, options);
  await enter(socket);
  return {
    draining: () => once(socket, 'server:draining'),
    gone: () => once(socket, 'disconnect'),
    back: async () => {
      if (!socket.connected) await once(socket, 'connect');
      return socket.recovered;
    },
    enter: () => enter(socket),
    say: (message) => say(socket, message),
    chat: async () => (await enter(socket)).chat.map((m) => m.message),
    count: async () => (await ask(socket, 'get_viewer_count', { stream_id: STREAM })).viewerCount,
  };
}

async function json() {
  const app = new JsonClient(process.env.BASE, 'app');
  await app.enter();
  let back = null;
  app.on('back', (answer) => back?.(answer.error?.code ?? 'resumed'));
  return {
    draining: () => once(app, 'server:draining'),
    gone: () => {
      app.returned = new Promise((resolve) => { back = resolve; });
      return new Promise((resolve) => {
        app.once('gone', (code, reason) => resolve(`${code} ${reason}`));
      });
    },
    back: () => app.returned,
    enter: () => app.enter(),
    say: (message) => app.request('stream:chat', { stream_id: STREAM, message }),
    chat: async () => (await app.request('stream:join', { stream_id: STREAM })).chat
      .map((m) => m.message),
    count: async () => (await app.request('get_viewer_count', { stream_id: STREAM })).viewerCount,
  };
}

const all = (name, ...args) => Promise.all(clients.map((c) => c[name](...args)));
const tell = (word, values) => console.log(`${word} ${JSON.stringify(values)}`);

for (const [name, options] of Object.entries(SETTINGS)) clients.push(await official(name, options));
clients.push(await json());
tell('in', await all('count'));

for (const end of ['drained', 'killed']) {
  const draining = end === 'drained' ? all('draining') : null;
  const gone = all('gone');
  tell('said', (await all('say', end)).map((answer) => typeof answer.id));
  if (draining) tell('draining', (await draining).length);
  tell('gone', await gone);
  tell('back', await all('back'));
  await all('enter');
  tell('chat', await all('chat'));
  tell('in', await all('count'));
}
process.exit(0);
