// Each text goes to all. bun bun.mjs PORT
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("here")),
  websocket: {
    open: (socket) => socket.subscribe("room"),
    message: (socket, text) => server.publish("room", text),
  },
});
