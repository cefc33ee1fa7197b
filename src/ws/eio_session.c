#include <stdio.h>
#include <stdlib.h>

#define LOG_MODULE "ws"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "eio_private.h"

const char *eio_end_text(enum eio_end end)
{
	switch (end) {
	case EIO_END_CLIENT:
		return "client";
	case EIO_END_LOST:
		return "lost";
	case EIO_END_TIMEOUT:
		return "ping_timeout";
	case EIO_END_MALFORMED:
		return "malformed";
	case EIO_END_TOO_LARGE:
		return "too_large";
	case EIO_END_SLOW:
		return "slow_consumer";
	case EIO_END_SERVER:
		return "server";
	}
	return "unknown";
}

static unsigned close_code(enum eio_end end)
{
	switch (end) {
	case EIO_END_CLIENT:
	case EIO_END_LOST:
		return WS_CLOSE_NORMAL;
	case EIO_END_TIMEOUT:
	case EIO_END_MALFORMED:
		return WS_CLOSE_POLICY;
	case EIO_END_TOO_LARGE:
		return WS_CLOSE_TOO_BIG;
	case EIO_END_SLOW:
		return WS_CLOSE_TRY_LATER;
	case EIO_END_SERVER:
		return WS_CLOSE_GOING_AWAY;
	}
	return WS_CLOSE_INTERNAL;
}

struct rcbuf *eio_packet_frame(enum eio_type type)
{
	return ws_frame_prefixed(eio_digit(type), NULL, 0);
}

struct rcbuf *eio_open_packet(const struct eio_session *s, bool upgrades)
{
	const struct eio_config *c = &s->server->config;
	char json[256];
	int len = snprintf(json, sizeof(json),
		"{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%llu,\"pingTimeout\":%llu,"
		"\"maxPayload\":%zu}",
		s->sid, upgrades ? "\"websocket\"" : "",
		(unsigned long long)(c->ping_interval_us / 1000),
		(unsigned long long)(c->ping_timeout_us / 1000), c->max_payload);

	return ws_frame_prefixed(eio_digit(EIO_OPEN), json, (size_t)len);
}

static struct eio_source *source_enter(struct eio_server *server, const char *address)
{
	struct eio_source *source = map_get_str(server->sources, address);

	if (!source) {
		source = mem_new(struct eio_source);
		text_copy(source->address, sizeof(source->address), address);
		map_put_str(server->sources, source->address, source);
	}
	source->sessions++;
	return source;
}

static void source_leave(struct eio_server *server, struct eio_source *source)
{
	if (--source->sessions)
		return;
	map_remove_str(server->sources, source->address);
	free(source);
}

struct eio_session *eio_session_open(struct eio_server *server, const struct ws_request *r)
{
	struct eio_session *s = mem_new(struct eio_session);
	uint8_t random[EIO_SID_BYTES];

	s->server = server;
	s->source = source_enter(server, r->address);
	s->host = r->host ? mem_strdup(r->host) : NULL;
	clock_random(loop_clock(server->loop), random, sizeof(random));
	text_base64url(s->sid, random, sizeof(random));
	map_put_str(server->sessions, s->sid, s);
	eio_wait_init(&s->wait, EIO_WAIT_PING);
	eio_ping_schedule(s);
	metric_change(server->open, 1);
	metric_add(server->opened, 1);
	s->user = server->config.handler->opened(server->config.user, s, r);
	return s;
}

static void session_free(void *arg)
{
	struct eio_session *s = arg;

	eio_queue_finish(s);
	free(s->host);
	free(s);
}

/* Out of every list; its memory stays for those up the stack who are at it. */
static void session_detach(struct eio_session *s, enum eio_end end)
{
	struct eio_server *server = s->server;

	s->ended = true;
	map_remove_str(server->sessions, s->sid);
	eio_wait_stop(&s->wait);
	source_leave(server, s->source);
	s->source = NULL;
	metric_change(server->open, -1);
	metric_add(server->ended[end], 1);
	loop_defer(server->loop, session_free, s);
}

static void session_end(struct eio_session *s, enum eio_end end, enum eio_type last, unsigned code,
	const char *reason)
{
	void *user = s->user;

	if (s->ended)
		return;
	log_debug("session ended", kv_str("sid", s->sid), kv_str("address", s->source->address),
		kv_str("reason", eio_end_text(end)));
	session_detach(s, end);
	if (s->poll.ops)
		eio_poll_answer(s, (int)last);
	if (s->probed)
		eio_socket_part(&s->probe);
	eio_socket_close(&s->probe, code, reason);
	eio_socket_close(&s->socket, code, reason);
	s->user = NULL;
	if (user)
		s->server->config.handler->closed(user, end);
}

void eio_session_end(struct eio_session *s, enum eio_end end, enum eio_type last)
{
	session_end(s, end, last, close_code(end), eio_end_text(end));
}

void eio_session_close(struct eio_session *s, unsigned code, const char *reason)
{
	s->user = NULL;
	session_end(s, EIO_END_SERVER, EIO_CLOSE, code, reason);
}

void eio_session_refuse(struct eio_session *s)
{
	eio_session_end(s, EIO_END_MALFORMED, EIO_CLOSE);
}

bool eio_session_send(struct eio_session *s, struct rcbuf *frame)
{
	size_t len = rcbuf_len(frame);

	if (s->ended)
		return false;
	if (s->socket) {
		if (s->socket->link.ops->send(s->socket->link.impl, frame))
			return true;
	} else if (s->queued + len <= s->server->config.max_queue) {
		eio_queue_add(s, frame);
		eio_poll_answer_later(s);
		return true;
	}
	eio_session_end(s, EIO_END_SLOW, EIO_CLOSE);
	return false;
}

bool eio_session_packet(struct eio_session *s, const struct eio_packet *p)
{
	if (s->ended)
		return false;
	switch (p->type) {
	case EIO_MESSAGE:
		s->server->config.handler->message(s->user, p->data, p->len, p->binary);
		break;
	case EIO_PONG:
		if (s->wait.kind == EIO_WAIT_PONG)
			eio_ping_schedule(s);
		if (s->server->config.handler->alive)
			s->server->config.handler->alive(s->user);
		break;
	case EIO_CLOSE:
		if (!s->socket && !s->poll.ops)
			eio_parting_add(s->server, s->sid);
		eio_session_end(s, EIO_END_CLIENT, EIO_NOOP);
		break;
	case EIO_NOOP:
		break;
	case EIO_OPEN:
	case EIO_PING:
	case EIO_UPGRADE:
		eio_session_refuse(s);
		break;
	}
	return !s->ended;
}

const char *eio_session_id(const struct eio_session *s)
{
	return s->sid;
}

const char *eio_session_address(const struct eio_session *s)
{
	return s->source ? s->source->address : "";
}

const char *eio_session_host(const struct eio_session *s)
{
	return s->host;
}

size_t eio_session_queued(const struct eio_session *s)
{
	return s->socket ? s->socket->link.ops->queued(s->socket->link.impl) : s->queued;
}

void eio_session_link(const struct eio_session *s, struct ws_link *out)
{
	if (s->socket)
		*out = s->socket->link;
}

bool eio_session_is_websocket(const struct eio_session *s)
{
	return s->socket;
}
