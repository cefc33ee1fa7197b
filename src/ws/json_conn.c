#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "json_private.h"
#include "loop/timer.h"
#include "proto/ws_frame.h"

#define SECOND 1000000ull
/* Whatever fits into the head of a request: what is too long is refused for being no token. */
#define TOKEN_SIZE 16385
#define WHEEL_US 250000u

/* One client. It waits in one of the server's lists, each in the order of time. */
struct json_conn {
	struct peer peer; /* first */
	struct json_server *server;
	struct ws_link link; /* ops NULL: gone */
	struct list wait;
	uint64_t due_us; /* its ping, or the end of the wait for its pong */
	uint64_t alive_us; /* the last frame of any kind */
	uint64_t since_us;
};

struct json_server {
	struct json_server_config config;
	struct list idle, pinged; /* struct json_conn by due_us */
	struct list strangers; /* those who have to say who they are */
	struct timer *wheel;
	struct rcbuf *ping;
};

static struct json_conn *conn_of(struct peer *p)
{
	return container_of(p, struct json_conn, peer);
}

static const struct json_conn *conn_of_member(const struct hub_member *m)
{
	return container_of((struct hub_member *)(uintptr_t)m, struct json_conn, peer.member);
}

static bool send_frame(struct json_conn *c, struct rcbuf *frame)
{
	/* One whose transport is gone is on its way out already. */
	return !c->link.ops || c->link.ops->send(c->link.impl, frame);
}

static bool send_and_release(struct json_conn *c, struct rcbuf *frame)
{
	bool sent = send_frame(c, frame);

	rcbuf_unref(&frame);
	return sent;
}

static bool on_send(struct peer *p, const char *name, json_t *data)
{
	struct json_conn *c = conn_of(p);

	return send_and_release(c, c->server->config.framing->event(name, data));
}

static bool on_answer(struct peer *p, uint64_t ack, json_t *data)
{
	struct json_conn *c = conn_of(p);

	return send_and_release(c, c->server->config.framing->answer(ack, data));
}

static void on_close(struct peer *p, unsigned code, const char *reason)
{
	struct json_conn *c = conn_of(p);

	if (c->link.ops)
		c->link.ops->close(c->link.impl, code, reason);
	c->link.ops = NULL;
}

static void on_destroy(struct peer *p)
{
	struct json_conn *c = conn_of(p);

	list_remove(&c->wait);
	free(c);
}

static const struct peer_ops ops = {
	.send = on_send, .answer = on_answer, .close = on_close, .destroy = on_destroy};

static bool member_send(struct hub_member *m, struct rcbuf *frames)
{
	struct json_conn *c = container_of(m, struct json_conn, peer.member);

	if (c->peer.ending)
		return false;
	if (send_frame(c, frames))
		return true;
	peer_too_slow(&c->peer);
	return false;
}

static size_t member_queued(const struct hub_member *m)
{
	const struct json_conn *c = conn_of_member(m);

	return c->link.ops ? c->link.ops->queued(c->link.impl) : 0;
}

static const struct hub_member_ops member_ops = {.send = member_send, .queued = member_queued};

/* --- signs of life --- */

static uint64_t now_of(const struct json_server *s)
{
	return loop_now_us(s->config.loop);
}

static void wait_idle(struct json_conn *c)
{
	list_remove(&c->wait);
	c->due_us = now_of(c->server) + c->server->config.ping_interval_us;
	list_append(&c->server->idle, &c->wait);
}

static void alive(struct json_conn *c)
{
	c->alive_us = now_of(c->server);
	peer_seen(&c->peer);
}

static void lost(struct json_conn *c)
{
	if (c->link.ops)
		c->link.ops->abort(c->link.impl);
	c->link.ops = NULL;
	list_remove(&c->wait);
	peer_end(&c->peer, PEER_LOST);
}

static void ping(struct json_conn *c)
{
	struct json_server *s = c->server;

	list_remove(&c->wait);
	if (c->peer.ending)
		return;
	c->due_us = now_of(s) + s->config.ping_timeout_us;
	list_append(&s->pinged, &c->wait);
	if (!send_frame(c, s->ping))
		peer_too_slow(&c->peer);
}

static struct json_conn *due(struct list *list, uint64_t now)
{
	struct json_conn *c = container_of(list->next, struct json_conn, wait);

	return list_empty(list) || c->due_us > now ? NULL : c;
}

static void on_wheel(void *user)
{
	struct json_server *s = user;
	uint64_t now = now_of(s);
	struct json_conn *c;

	while ((c = due(&s->pinged, now)))
		/* A client whose messages come is alive, pong or no pong. */
		if (c->alive_us + s->config.ping_timeout_us > now)
			wait_idle(c);
		else
			lost(c);
	while ((c = due(&s->idle, now)))
		ping(c);
	while ((c = due(&s->strangers, now))) {
		if (c->peer.identified) {
			wait_idle(c);
		} else {
			list_remove(&c->wait);
			peer_limited(&c->peer, PEER_LIMIT_SILENT);
			peer_close(&c->peer, WS_CLOSE_POLICY, "Authentication error");
		}
	}
}

/* --- what comes --- */

static void on_message(void *user, const uint8_t *data, size_t len, bool binary)
{
	struct json_conn *c = user;
	struct json_message m;
	const char *why;

	if (c->peer.ending)
		return;
	alive(c);
	why = binary ? "Frames are text here." : c->server->config.framing->parse(data, len, &m);
	if (why) {
		peer_malformed(&c->peer, why);
		return;
	}
	events_dispatch(c->server->config.events, &c->peer, m.event, m.data, m.has_ack, m.ack);
	json_decref(m.root);
}

static void on_pong(void *user)
{
	struct json_conn *c = user;

	if (c->peer.ending)
		return;
	alive(c);
	if (c->peer.identified)
		wait_idle(c);
}

static void on_closed(void *user, unsigned code)
{
	struct json_conn *c = user;

	c->link.ops = NULL;
	if (code == WS_CLOSE_TOO_BIG)
		peer_limited(&c->peer, PEER_LIMIT_MESSAGE);
	/* However it broke, it was there until now. */
	peer_end(&c->peer, PEER_LEFT);
}

static const struct ws_link_events link_events = {
	.message = on_message, .pong = on_pong, .closed = on_closed};

/* --- handshakes --- */

static void refuse(const struct ws_request *r, int status, const char *code, const char *message)
{
	json_t *json = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
	char *text = json_dumps(json, JSON_COMPACT);

	r->ops->respond(r->impl,
		&(struct ws_answer){.status = status,
			.content_type = "application/json",
			.body = text,
			.len = strlen(text),
			.extra_headers = status == 426 ? "upgrade: websocket\r\n" : NULL});
	free(text);
	json_decref(json);
}

/* Of the query or the header; false: there is none. */
static bool token_of(const struct ws_request *r, char out[static TOKEN_SIZE])
{
	static const char scheme[] = "Bearer ";
	const char *header = r->ops->header(r->impl, "authorization");

	if (r->ops->arg(r->impl, "token", out, TOKEN_SIZE) && out[0])
		return true;
	if (!header || strncasecmp(header, scheme, strlen(scheme)) != 0)
		return false;
	text_copy(out, TOKEN_SIZE, header + strlen(scheme));
	return true;
}

static struct json_conn *conn_create(
	struct json_server *s, const struct ws_request *r, const char *only)
{
	struct json_conn *c = mem_new(struct json_conn);

	peer_init(&c->peer, s->config.peers, &ops, s->config.framing->framing, r->address);
	peer_set_host(&c->peer, r->host);
	if (only)
		peer_must_be(&c->peer, only);
	c->peer.member.ops = &member_ops;
	c->server = s;
	c->since_us = c->alive_us = now_of(s);
	list_init(&c->wait);
	return c;
}

/* True if it may come in; else it was answered. */
static bool identify(struct json_conn *c, const struct ws_request *r, const char *token)
{
	const char *code = NULL, *why = NULL;

	switch (peer_identify(&c->peer, token, &code, &why)) {
	case PEER_IDENTIFIED:
		return true;
	case PEER_REFUSED:
		refuse(r, 401, code, why);
		return false;
	case PEER_ANOTHER:
		refuse(r, 403, "forbidden", "The path names another user than the token.");
		return false;
	case PEER_TOO_MANY:
		break;
	}
	refuse(r, 429, "too_many_sockets", "This user has too many sockets.");
	return false;
}

static void accept(struct json_conn *c, const struct ws_request *r)
{
	struct json_server *s = c->server;

	c->link = r->ops->accept(r->impl,
		&(struct ws_accept){.events = &link_events,
			.user = c,
			.max_message = s->config.max_message,
			.max_queue = s->config.max_queue});
	c->peer.member.line = c->link;
	if (c->peer.identified) {
		wait_idle(c);
		return;
	}
	c->due_us = c->since_us + s->config.auth_wait_us;
	list_append(&s->strangers, &c->wait);
}

void json_server_request(struct json_server *s, const struct ws_request *r, const char *only)
{
	char token[TOKEN_SIZE];
	struct json_conn *c;

	if (!r->upgrade) {
		refuse(r, 426, "upgrade_required", "This path speaks WebSocket.");
		return;
	}
	if (peers_draining(s->config.peers)) {
		refuse(r, 503, "draining", "This server is being stopped.");
		return;
	}
	if (!peers_admit(s->config.peers, r->address)) {
		refuse(r, 429, "rate_limited", "Too many connections from your address.");
		return;
	}
	c = conn_create(s, r, only);
	if (token_of(r, token) && !identify(c, r, token))
		peer_end(&c->peer, PEER_LEFT);
	else
		accept(c, r);
}

/* --- the server --- */

struct json_server *json_server_create(const struct json_server_config *config)
{
	struct json_server *s = mem_new(struct json_server);
	struct json_server_config *c = &s->config;

	*c = *config;
	c->max_message = c->max_message ? c->max_message : 64 * 1024;
	c->max_queue = c->max_queue ? c->max_queue : 256 * 1024;
	c->ping_interval_us = c->ping_interval_us ? c->ping_interval_us : 25 * SECOND;
	c->ping_timeout_us = c->ping_timeout_us ? c->ping_timeout_us : 20 * SECOND;
	c->auth_wait_us = c->auth_wait_us ? c->auth_wait_us : 10 * SECOND;
	list_init(&s->idle);
	list_init(&s->pinged);
	list_init(&s->strangers);
	/* Not empty: libwebsockets keeps an empty pong to itself. */
	s->ping = ws_frame(WS_PING, "?", 1);
	s->wheel = loop_timer_create(c->loop, "websocket wheel", on_wheel, s);
	timer_repeat(s->wheel, WHEEL_US);
	return s;
}

void json_server_destroy(struct json_server **pointer)
{
	struct json_server *s = *pointer;

	if (!s)
		return;
	*pointer = NULL;
	timer_destroy(&s->wheel);
	rcbuf_unref(&s->ping);
	free(s);
}

void json_server_limits(struct json_server *s, size_t max_message, size_t max_queue)
{
	s->config.max_message = max_message;
	s->config.max_queue = max_queue;
}
