/*
 * The server that the official test suites of Engine.IO (protocol v4) and Socket.IO (protocol v5)
 * expect: Engine.IO echo below /engine.io/, Socket.IO below /socket.io/, plain WebSocket echo on
 * /echo.
 *
 *     sio_conformance [PORT [PING_INTERVAL_MS PING_TIMEOUT_MS [TLS_PORT CERT KEY]]]
 *
 * on 127.0.0.1; without arguments as the suites want it: port 3000, 300 ms and 200 ms.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/server.h"
#include "http/websocket.h"
#include "loop/os_signal.h"
#include "proto/ws_frame.h"
#include "ws/sio.h"
#include "ws_http.h"

#define MAX_PAYLOAD 1000000
#define MAX_QUEUE (4 * MAX_PAYLOAD)

struct conformance {
	struct loop *loop;
	struct http_server *http;
	struct eio_server *eio;
	struct sio_server *sio;
};

/* --- Engine.IO: every message comes back --- */

static void *eio_opened(void *user, struct eio_session *s, const struct ws_request *r)
{
	return s;
}

static void eio_message(void *session, const uint8_t *data, size_t len, bool binary)
{
	struct rcbuf *frame =
		binary ? ws_frame(WS_BINARY, data, len) : ws_frame_prefixed('4', data, len);

	eio_session_send(session, frame);
	rcbuf_unref(&frame);
}

static void eio_closed(void *session, enum eio_end end)
{
}

static const struct eio_handler eio_handler = {
	.opened = eio_opened, .message = eio_message, .closed = eio_closed};

/* --- Socket.IO: `auth` after connecting, `message-back`, acks with the same arguments --- */

static void sio_connect(void *user, struct sio_socket *s, json_t *auth)
{
	json_t *args;

	if (json_is_true(json_object_get(auth, "refuse"))) {
		json_t *data = json_pack("{s:s}", "code", "refused");
		sio_refuse(s, "not for you", data);
		json_decref(data);
		return;
	}
	args = json_pack("[O]", auth);
	sio_accept(s, NULL);
	sio_emit(s, "auth", args, NULL, 0);
	json_decref(args);
}

static void on_answer(void *user, json_t *args)
{
	struct sio_socket *s = user;

	if (args)
		sio_emit(s, "answered", args, NULL, 0);
	sio_socket_unref(&s);
}

static void sio_event(void *user, struct sio_socket *s, const struct sio_event *e)
{
	if (strcmp(e->name, "message") == 0)
		sio_emit(s, "message-back", e->args, e->blobs, e->n_blobs);
	else if (strcmp(e->name, "message-with-ack") == 0 && e->wants_ack)
		sio_ack(s, e->ack_id, e->args, e->blobs, e->n_blobs);
	else if (strcmp(e->name, "ask-me") == 0)
		sio_call(s, "question", e->args, on_answer, sio_socket_ref(s));
	else if (strcmp(e->name, "drop-me") == 0)
		sio_close(s, WS_CLOSE_GOING_AWAY, "dropped");
	else if (strcmp(e->name, "disconnect-me") == 0)
		sio_disconnect(s);
}

static void sio_disconnected(void *user, struct sio_socket *s, enum eio_end end)
{
}

static const struct sio_handler sio_handler = {
	.connect = sio_connect, .event = sio_event, .disconnected = sio_disconnected};

static const struct sio_namespace namespaces[] = {
	{"/", &sio_handler, NULL}, {"/custom", &sio_handler, NULL}};

/* --- plain echo --- */

static void echo_message(void *user, const uint8_t *data, size_t len, bool binary)
{
	struct rcbuf *frame = ws_frame(binary ? WS_BINARY : WS_TEXT, data, len);

	http_websocket_send(*(struct http_websocket **)user, frame);
	rcbuf_unref(&frame);
}

static void echo_closed(void *user, unsigned code)
{
	free(user);
}

static const struct http_websocket_ops echo_ops = {.message = echo_message, .closed = echo_closed};

static void echo_accept(struct http_request *r)
{
	struct http_websocket **ws = mem_zalloc(sizeof(struct http_websocket *));

	*ws = http_websocket_accept(r,
		&(struct http_websocket_config){.ops = &echo_ops,
			.user = ws,
			.max_message = MAX_PAYLOAD,
			.max_queue = MAX_QUEUE});
}

/* --- the server --- */

static void route(struct conformance *c, struct http_request *r, bool upgrade)
{
	const char *path = http_request_path(r);
	struct ws_request request;

	ws_http_request(r, upgrade, &request);
	if (text_starts(path, "/engine.io/"))
		eio_server_request(c->eio, &request);
	else if (text_starts(path, "/socket.io/"))
		sio_server_request(c->sio, &request);
	else if (upgrade && strcmp(path, "/echo") == 0)
		echo_accept(r);
	else
		http_respond_text(r, 404, "text/plain", "not here\n");
}

static void on_request(void *user, struct http_request *r)
{
	route(user, r, false);
}

static void on_upgrade(void *user, struct http_request *r)
{
	route(user, r, true);
}

static uint64_t argument_ms(int argc, char **argv, int at, uint64_t otherwise)
{
	uint64_t ms;

	return argc > at && text_u64(argv[at], 1, 1000000, &ms) ? ms : otherwise;
}

static bool conformance_open(struct conformance *c, int argc, char **argv)
{
	char error[256] = "", *listen = mem_printf("127.0.0.1:%s", argc > 1 ? argv[1] : "3000");
	char *tls = argc > 6 ? mem_printf("127.0.0.1:%s", argv[4]) : NULL;
	struct eio_config eio = {.ping_interval_us = argument_ms(argc, argv, 2, 300) * 1000,
		.ping_timeout_us = argument_ms(argc, argv, 3, 200) * 1000,
		.max_payload = MAX_PAYLOAD,
		.max_queue = MAX_QUEUE,
		.handler = &eio_handler};

	c->eio = eio_server_create(c->loop, &eio);
	c->sio = sio_server_create(c->loop,
		&(struct sio_config){.eio = eio,
			.connect_timeout_us = 1000000,
			.namespaces = namespaces,
			.n_namespaces = 2});
	c->http = http_server_create(c->loop,
		&(struct http_config){.listen = listen,
			.tls_listen = tls,
			.cert = tls ? argv[5] : NULL,
			.key = tls ? argv[6] : NULL,
			.max_connections = 1000,
			.max_body = 2 * MAX_PAYLOAD,
			.handle = on_request,
			.user = c},
		error, sizeof(error));
	free(listen);
	free(tls);
	if (!c->http) {
		fprintf(stderr, "%s\n", error);
		return false;
	}
	http_server_on_upgrade(c->http, on_upgrade, c);
	printf("listening on port %u\n", http_server_port(c->http));
	fflush(stdout);
	return true;
}

static void on_signal(void *user)
{
	loop_stop(user);
}

int main(int argc, char **argv)
{
	struct conformance c = {0};
	struct os_signal *end;
	bool ok;

	log_set_levels("warn");
	c.loop =
		loop_create(&(struct loop_config){.clock = &clock_system, .max_connections = 1000});
	if (!c.loop)
		return 1;
	end = os_signal_create(c.loop, SIGTERM, "stop", on_signal, c.loop);
	ok = conformance_open(&c, argc, argv);
	if (ok)
		loop_run(c.loop);
	os_signal_destroy(&end);
	sio_server_destroy(&c.sio);
	eio_server_destroy(&c.eio);
	http_server_destroy(&c.http);
	loop_destroy(c.loop);
	return ok ? 0 : 1;
}
