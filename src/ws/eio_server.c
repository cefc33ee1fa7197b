#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eio_private.h"

#define SECOND 1000000ull
#define MAX_PAYLOAD 65536
#define MAX_QUEUE 262144
#define ARG_SIZE 64

/* The document's revision of the protocol. */
#define REVISION "4"

enum refusal {
	REFUSE_TRANSPORT,
	REFUSE_SID,
	REFUSE_METHOD,
	REFUSE_REQUEST,
	REFUSE_FORBIDDEN,
	REFUSE_REVISION,
};

/* Bodies as the clients know them. */
static const char *const refusals[] = {
	[REFUSE_TRANSPORT] = "{\"code\":0,\"message\":\"Transport unknown\"}",
	[REFUSE_SID] = "{\"code\":1,\"message\":\"Session ID unknown\"}",
	[REFUSE_METHOD] = "{\"code\":2,\"message\":\"Bad handshake method\"}",
	[REFUSE_REQUEST] = "{\"code\":3,\"message\":\"Bad request\"}",
	[REFUSE_FORBIDDEN] = "{\"code\":4,\"message\":\"Forbidden\"}",
	[REFUSE_REVISION] = "{\"code\":5,\"message\":\"Unsupported protocol version\"}",
};

static void respond(const struct ws_request *r, int status, const char *type, const char *text)
{
	r->ops->respond(r->impl,
		&(struct ws_answer){
			.status = status, .content_type = type, .body = text, .len = strlen(text)});
}

static void refuse(const struct ws_request *r, enum refusal why)
{
	respond(r, why == REFUSE_FORBIDDEN ? 403 : 400, "application/json", refusals[why]);
}

/* A browser's question before a request with headers of its own. */
static void preflight(const struct ws_request *r)
{
	r->ops->respond(r->impl,
		&(struct ws_answer){.status = 204,
			.extra_headers = "access-control-allow-methods: GET, POST\r\n"
					 "access-control-allow-headers: content-type, "
					 "authorization\r\naccess-control-max-age: 86400\r\n"});
}

struct eio_session *eio_server_find(struct eio_server *server, const char *sid)
{
	struct eio_session *s = map_get_str(server->sessions, sid);

	return s && !eio_overdue(s) ? s : NULL;
}

static bool has_room(struct eio_server *server, const char *address)
{
	const struct eio_config *c = &server->config;
	struct eio_source *source = map_get_str(server->sources, address);

	return (!c->max_sessions || map_count(server->sessions) < c->max_sessions) &&
		(!c->max_per_address || !source || source->sessions < c->max_per_address);
}

static void on_poll_gone(void *user)
{
	struct eio_session *s = user;

	s->poll.ops = NULL;
	eio_session_end(s, EIO_END_LOST, EIO_CLOSE);
}

static void poll_hold(struct eio_session *s, const struct ws_request *r)
{
	s->poll = *r;
	if (s->n_frames || s->probed) {
		eio_poll_answer(s, s->n_frames ? -1 : EIO_NOOP);
		return;
	}
	r->ops->hold(r->impl, on_poll_gone, s);
}

static void on_get(struct eio_session *s, const struct ws_request *r)
{
	if (s->socket) {
		refuse(r, REFUSE_REQUEST);
	} else if (s->poll.ops) {
		refuse(r, REFUSE_REQUEST);
		eio_session_refuse(s);
	} else {
		poll_hold(s, r);
	}
}

/*
 * A body is taken whole, in one go: there are no two at a time that could be told apart. False: a
 * malformed packet.
 */
static bool take_body(struct eio_session *s, const struct ws_request *r)
{
	struct eio_payload payload;
	struct eio_packet p;
	enum eio_next next;
	uint8_t *copy;

	if (!r->body_len)
		return false;
	copy = mem_dup(r->body, r->body_len);
	eio_payload_init(&payload, copy, r->body_len);
	while ((next = eio_payload_next(&payload, &p)) == EIO_NEXT_PACKET)
		if (!eio_session_packet(s, &p))
			break;
	free(copy);
	return next != EIO_NEXT_MALFORMED;
}

static void on_post(struct eio_session *s, const struct ws_request *r)
{
	if (s->socket) {
		refuse(r, REFUSE_REQUEST);
	} else if (r->body_len > s->server->config.max_payload) {
		eio_session_end(s, EIO_END_TOO_LARGE, EIO_CLOSE);
		respond(r, 413, "text/plain; charset=UTF-8", "");
	} else if (!take_body(s, r)) {
		eio_session_refuse(s);
		refuse(r, REFUSE_REQUEST);
	} else {
		respond(r, 200, "text/html", "ok");
	}
}

static void open_polling(struct eio_server *server, const struct ws_request *r)
{
	struct eio_session *s = eio_session_open(server, r);
	struct rcbuf *frame = eio_open_packet(s, true);

	s->poll = *r;
	eio_queue_add(s, frame);
	rcbuf_unref(&frame);
	eio_poll_answer(s, -1);
}

static void on_polling(struct eio_server *server, const struct ws_request *r, const char *sid)
{
	struct eio_session *s = sid[0] ? eio_server_find(server, sid) : NULL;

	if (sid[0] && !s && r->method == WS_GET && eio_parting_take(server, sid))
		respond(r, 200, "text/plain; charset=UTF-8", "6");
	else if (sid[0] && !s)
		refuse(r, REFUSE_SID);
	else if (!s && r->method != WS_GET)
		refuse(r, REFUSE_METHOD);
	else if (!s && !has_room(server, r->address))
		refuse(r, REFUSE_FORBIDDEN);
	else if (!s)
		open_polling(server, r);
	else if (r->method == WS_GET)
		on_get(s, r);
	else if (r->method == WS_POST)
		on_post(s, r);
	else
		refuse(r, REFUSE_REQUEST);
}

static void on_websocket(struct eio_server *server, const struct ws_request *r, const char *sid)
{
	if (!r->upgrade)
		refuse(r, REFUSE_REQUEST);
	else if (sid[0] && !eio_server_find(server, sid))
		refuse(r, REFUSE_SID);
	else if (!sid[0] && !has_room(server, r->address))
		refuse(r, REFUSE_FORBIDDEN);
	else
		eio_socket_request(server, r, sid);
}

/* Absent is empty; too long is nothing that could be right. */
static void argument(const struct ws_request *r, const char *name, char out[static ARG_SIZE])
{
	if (!r->ops->arg(r->impl, name, out, ARG_SIZE))
		out[0] = '\0';
}

void eio_server_request(struct eio_server *server, const struct ws_request *r)
{
	char revision[ARG_SIZE], transport[ARG_SIZE], sid[ARG_SIZE];

	argument(r, "EIO", revision);
	argument(r, "transport", transport);
	argument(r, "sid", sid);
	if (r->method == WS_OPTIONS)
		preflight(r);
	else if (strcmp(transport, "polling") != 0 && strcmp(transport, "websocket") != 0)
		refuse(r, REFUSE_TRANSPORT);
	else if (strcmp(revision, REVISION) != 0)
		refuse(r, REFUSE_REVISION);
	else if (transport[0] == 'w')
		on_websocket(server, r, sid);
	else if (r->upgrade)
		refuse(r, REFUSE_REQUEST);
	else
		on_polling(server, r, sid);
}

static void default_u64(uint64_t *value, uint64_t otherwise)
{
	*value = *value ? *value : otherwise;
}

static void metrics_register(struct eio_server *server)
{
	struct metrics *m = loop_metrics(server->loop);
	char labels[64];

	server->open = metrics_gauge(
		m, "souk_engineio_sessions", NULL, "Engine.IO sessions that are open.");
	server->opened = metrics_counter(
		m, "souk_engineio_opened_total", NULL, "Engine.IO sessions that were opened.");
	for (int end = 0; end <= EIO_END_SERVER; end++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"", eio_end_text((enum eio_end)end));
		server->ended[end] = metrics_counter(m, "souk_engineio_ended_total", labels,
			"Engine.IO sessions that have ended.");
	}
}

struct eio_server *eio_server_create(struct loop *l, const struct eio_config *config)
{
	struct eio_server *server = mem_new(struct eio_server);
	struct eio_config *c = &server->config;

	server->loop = l;
	*c = *config;
	default_u64(&c->ping_interval_us, 25 * SECOND);
	default_u64(&c->ping_timeout_us, 20 * SECOND);
	default_u64(&c->upgrade_timeout_us, 10 * SECOND);
	c->max_payload = c->max_payload ? c->max_payload : MAX_PAYLOAD;
	c->max_queue = c->max_queue ? c->max_queue : MAX_QUEUE;
	server->sessions = map_create();
	server->sources = map_create();
	server->partings = map_create();
	metrics_register(server);
	eio_wheel_create(server);
	return server;
}

static void end_all(struct eio_server *server)
{
	void *session;

	for (size_t pos = 0; map_next(server->sessions, &pos, &session); pos = 0)
		eio_session_end(session, EIO_END_SERVER, EIO_CLOSE);
}

void eio_server_destroy(struct eio_server **pointer)
{
	struct eio_server *server = *pointer;

	if (!server)
		return;
	*pointer = NULL;
	end_all(server);
	eio_sockets_destroy(server);
	eio_partings_destroy(server);
	timer_destroy(&server->wheel);
	map_destroy(server->sessions);
	map_destroy(server->sources);
	free(server);
}

void eio_server_limits(struct eio_server *server, size_t max_payload, size_t max_queue)
{
	server->config.max_payload = max_payload;
	server->config.max_queue = max_queue;
}
