#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eio_private.h"

static bool is_text(const struct eio_packet *p, enum eio_type type, const char *text)
{
	size_t len = strlen(text);

	return p->type == type && p->len == len && memcmp(p->data, text, len) == 0;
}

static void send_text(struct eio_socket *socket, const char *text)
{
	struct rcbuf *frame = ws_frame(WS_TEXT, text, strlen(text));

	socket->link.ops->send(socket->link.impl, frame);
	rcbuf_unref(&frame);
}

void eio_socket_close(struct eio_socket **pointer, unsigned code, const char *reason)
{
	struct eio_socket *socket = *pointer;

	if (!socket)
		return;
	*pointer = NULL;
	eio_wait_stop(&socket->wait);
	socket->link.ops->close(socket->link.impl, code, reason);
	free(socket);
}

/* The session, if there still is one, goes on polling. */
static void probe_close(struct eio_socket *socket, const char *reason)
{
	if (socket->session) {
		socket->session->probed = false;
		socket->session->probe = NULL;
	}
	eio_socket_close(&socket, WS_CLOSE_POLICY, reason);
}

void eio_socket_part(struct eio_socket **pointer)
{
	struct eio_socket *socket = *pointer;

	*pointer = NULL;
	if (socket)
		socket->session = NULL;
}

void eio_sockets_destroy(struct eio_server *server)
{
	struct list *probing = &server->waits[EIO_WAIT_UPGRADE];

	while (!list_empty(probing)) {
		struct eio_wait *w = container_of(probing->next, struct eio_wait, link);
		struct eio_socket *socket = container_of(w, struct eio_socket, wait);
		eio_socket_close(&socket, WS_CLOSE_GOING_AWAY, NULL);
	}
}

void eio_socket_expire(struct eio_wait *w)
{
	struct eio_socket *socket = container_of(w, struct eio_socket, wait);

	probe_close(socket, "no upgrade");
}

/* The client has stopped polling: what waits goes by the socket. */
static void upgrade(struct eio_socket *socket)
{
	struct eio_session *s = socket->session;

	eio_wait_stop(&socket->wait);
	s->probe = NULL;
	s->socket = socket;
	if (s->poll.ops)
		eio_poll_answer(s, s->n_frames ? -1 : EIO_NOOP);
	eio_queue_move(s);
}

/* Its poll comes back at once from here on, so that it can stop polling. */
static void probe(struct eio_socket *socket)
{
	struct eio_session *s = socket->session;

	s->probed = true;
	send_text(socket, "3probe");
	if (s->poll.ops)
		eio_poll_answer(s, s->n_frames ? -1 : EIO_NOOP);
}

static void on_probe_packet(struct eio_socket *socket, const struct eio_packet *p)
{
	struct eio_session *s = socket->session;

	if (is_text(p, EIO_PING, "probe") && !s->probed) {
		probe(socket);
	} else if (is_text(p, EIO_UPGRADE, "") && s->probed) {
		upgrade(socket);
	} else {
		probe_close(socket, "not a probe");
	}
}

static void on_message(void *user, const uint8_t *data, size_t len, bool binary)
{
	struct eio_socket *socket = user;
	struct eio_session *s = socket->session;
	struct eio_packet p;
	bool ok = eio_decode(data, len, binary, &p);

	if (!s) {
		probe_close(socket, "session is over");
	} else if (s->probe == socket && !ok) {
		probe_close(socket, "not a probe");
	} else if (s->probe == socket) {
		on_probe_packet(socket, &p);
	} else if (!ok) {
		eio_session_refuse(s);
	} else {
		eio_session_packet(s, &p);
	}
}

static enum eio_end end_of(unsigned code)
{
	switch (code) {
	case WS_CLOSE_PROTOCOL:
	case WS_CLOSE_NOT_UTF8:
		return EIO_END_MALFORMED;
	case WS_CLOSE_TOO_BIG:
		return EIO_END_TOO_LARGE;
	case WS_CLOSE_ABNORMAL:
		return EIO_END_LOST;
	}
	return EIO_END_CLIENT;
}

static void on_closed(void *user, unsigned code)
{
	struct eio_socket *socket = user;
	struct eio_session *s = socket->session;

	eio_wait_stop(&socket->wait);
	if (s && s->probe == socket) {
		s->probe = NULL;
		s->probed = false;
	} else if (s) {
		s->socket = NULL;
		eio_session_end(s, end_of(code), EIO_CLOSE);
	}
	free(socket);
}

static const struct ws_link_events events = {.message = on_message, .closed = on_closed};

static struct eio_socket *socket_accept(struct eio_session *s, const struct ws_request *r)
{
	struct eio_socket *socket = mem_new(struct eio_socket);

	socket->server = s->server;
	socket->session = s;
	eio_wait_init(&socket->wait, EIO_WAIT_UPGRADE);
	socket->link = r->ops->accept(r->impl,
		&(struct ws_accept){.events = &events,
			.user = socket,
			.max_message = s->server->config.max_payload,
			.max_queue = s->server->config.max_queue});
	return socket;
}

/* "The server MUST close the WebSocket connection": accepted first, so that it is one. */
static void accept_and_close(struct eio_server *server, const struct ws_request *r)
{
	static const struct ws_link_events none = {0};
	struct ws_link link = r->ops->accept(r->impl,
		&(struct ws_accept){.events = &none,
			.max_message = server->config.max_payload,
			.max_queue = server->config.max_queue});

	link.ops->close(link.impl, WS_CLOSE_POLICY, "session has a WebSocket");
}

static void probe_begin(struct eio_session *s, const struct ws_request *r)
{
	s->probe = socket_accept(s, r);
	eio_wait_start(s->server, &s->probe->wait,
		loop_now_us(s->server->loop) + s->server->config.upgrade_timeout_us);
}

void eio_socket_request(struct eio_server *server, const struct ws_request *r, const char *sid)
{
	struct eio_session *s = sid[0] ? eio_server_find(server, sid) : NULL;

	if (s && (s->socket || s->probe)) {
		accept_and_close(server, r);
	} else if (s) {
		probe_begin(s, r);
	} else {
		s = eio_session_open(server, r);
		s->socket = socket_accept(s, r);
		struct rcbuf *frame = eio_open_packet(s, false);
		eio_session_send(s, frame);
		rcbuf_unref(&frame);
	}
}
