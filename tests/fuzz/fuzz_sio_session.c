#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "fuzz.h"
#include "ws/sio.h"

/*
 * A whole session of Socket.IO on a WebSocket that is none: the input's lines are its messages, one
 * that begins with 'B' a binary one. What comes is sent back with and without an ack, as the
 * official suites' server does.
 */
#define ROOM 65536

struct line_link {
	const struct ws_link_events *events;
	void *user;
	size_t room;
	bool closed;
};

static bool link_send(void *impl, struct rcbuf *frames)
{
	struct line_link *l = impl;

	must(!l->closed);
	if (rcbuf_len(frames) > l->room)
		return false;
	l->room -= rcbuf_len(frames);
	return true;
}

static size_t link_queued(void *impl)
{
	return ROOM - ((struct line_link *)impl)->room;
}

static void link_close(void *impl, unsigned code, const char *reason)
{
	struct line_link *l = impl;

	must(!l->closed);
	l->closed = true;
}

static void link_abort(void *impl)
{
	link_close(impl, 0, NULL);
}

static const struct ws_link_ops link_ops = {.send = link_send,
	.write = link_send,
	.queued = link_queued,
	.close = link_close,
	.abort = link_abort};

static bool request_arg(void *impl, const char *name, char *out, size_t size)
{
	const char *value = strcmp(name, "EIO") == 0 ? "4" : "websocket";

	if (strcmp(name, "sid") == 0)
		return false;
	snprintf(out, size, "%s", value);
	return true;
}

static void request_respond(void *impl, const struct ws_answer *answer)
{
	must_not_reach();
}

static struct ws_link request_accept(void *impl, const struct ws_accept *accept)
{
	struct line_link *l = impl;

	l->events = accept->events;
	l->user = accept->user;
	return (struct ws_link){&link_ops, l};
}

static const struct ws_request_ops request_ops = {
	.arg = request_arg, .respond = request_respond, .accept = request_accept};

static void on_connect(void *user, struct sio_socket *s, json_t *auth)
{
	must(json_is_object(auth));
	sio_accept(s, NULL);
}

static void on_answer(void *user, json_t *args)
{
	must(!args || json_is_array(args));
}

static void on_event(void *user, struct sio_socket *s, const struct sio_event *e)
{
	must(json_is_array(e->args));
	if (e->wants_ack)
		sio_ack(s, e->ack_id, e->args, e->blobs, e->n_blobs);
	else if (e->n_blobs)
		sio_emit(s, e->name, e->args, e->blobs, e->n_blobs);
	else
		sio_call(s, e->name, e->args, on_answer, NULL);
}

static void on_disconnected(void *user, struct sio_socket *s, enum eio_end end)
{
}

static const struct sio_handler handler = {
	.connect = on_connect, .event = on_event, .disconnected = on_disconnected};

static const struct sio_namespace namespaces[] = {{"/", &handler, NULL}, {"/a", &handler, NULL}};

static void feed(struct line_link *l, const uint8_t *data, size_t size)
{
	while (size && !l->closed) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;
		bool binary = len && data[0] == 'B';
		uint8_t *copy = mem_dup(data + binary, len - binary);
		l->events->message(l->user, copy, len - binary, binary);
		free(copy);
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
}

static void stop(void *l)
{
	loop_stop(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	struct line_link link = {.room = ROOM};
	struct sio_server *server;

	if (!loop)
		loop = loop_create(
			&(struct loop_config){.clock = &clock_system, .max_connections = 8});
	server = sio_server_create(
		loop, &(struct sio_config){.namespaces = namespaces, .n_namespaces = 2});
	sio_server_request(server,
		&(struct ws_request){
			.ops = &request_ops, .impl = &link, .upgrade = true, .address = "fuzz"});
	feed(&link, data, size);
	sio_server_destroy(&server);
	loop_defer(loop, stop, loop);
	loop_run(loop);
	return 0;
}
