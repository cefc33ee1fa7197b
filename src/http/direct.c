#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/mem.h"
#include "http/head.h"
#include "http_private.h"
#include "loop/lws.h"

/*
 * The short way: HTTP/1 on clear sockets. libwebsockets sets and unsets interest in a descriptor
 * six times a request, parses byte by byte, and takes the bytes of a pipelined request for the body
 * of the one before; here a connection is registered once, edge-triggered, and costs one look, one
 * take and one send a request. Bytes are looked at in the socket (MSG_PEEK) and taken only when
 * they are a whole head. A WebSocket stays here (websocket.c); with another upgrade, and with
 * what is not HTTP/1, the connection goes to libwebsockets for good, its bytes untouched.
 */
#define HEAD_MAX HTTP_HEAD_MAX
#define STEPS_PER_TURN 32
#define BODY_PIECE 65536

/* Takes up to n bytes out of the socket, unlooked at. */
static void discard(int fd, size_t n)
{
	uint8_t bytes[HEAD_MAX];

	while (n) {
		size_t want = n < sizeof(bytes) ? n : sizeof(bytes);
		ssize_t got = recv(fd, bytes, want, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		n -= (size_t)got;
	}
}

void http_direct_finish(struct http_conn *c)
{
	/* Closing with unread bytes would reset the connection, and the last answer with it. */
	discard(c->fd, HEAD_MAX * 4);
	http_poller_remove(c->edge->server->poller, c);
	shutdown(c->fd, SHUT_WR);
	close(c->fd);
}

static void hand_over(struct http_conn *c)
{
	c->direct = false;
	http_wait_stop(&c->wait);
	if (!http_poller_quiet(c->edge->server->poller, c)) {
		c->direct = true;
		http_conn_kill(c);
		return;
	}
	http_conn_adopt(c);
}

static void begin(struct http_conn *c, struct http_request *r)
{
	http_wait_stop(&c->wait);
	c->active++;
	c->current = r;
}

static void refuse(struct http_conn *c, enum http_refusal why)
{
	static const struct http_head none = {
		.method = HTTP_GET, .path = "", .query = "", .lines = ""};
	struct http_request *r = http_request_begin_direct(c, NULL, &none);

	begin(c, r);
	http_request_refuse(r, why);
}

/* A whole head of this length lies in the socket, its copy in bytes. */
static void take(struct http_conn *c, const char *bytes, size_t len)
{
	char *copy = mem_dup(bytes, len);
	struct http_head head;
	enum head_result result = http_head_parse(copy, len, &head);
	struct http_request *r;

	if (result == HEAD_OTHER) {
		free(copy);
		hand_over(c);
		return;
	}
	discard(c->fd, len);
	if (result == HEAD_MALFORMED) {
		free(copy);
		refuse(c, HTTP_REFUSE_HEAD_MALFORMED);
		return;
	}
	r = http_request_begin_direct(c, copy, &head);
	begin(c, r);
	if (!http_request_accept(r))
		return;
	if (head.websocket)
		http_websocket_asked(r);
	else if (!r->length)
		http_request_handle(r);
}

/* More of the body that is on its way. */
static void take_body(struct http_conn *c, struct http_request *r)
{
	size_t left = (size_t)r->length - r->body.len;
	size_t want = left < BODY_PIECE ? left : BODY_PIECE;
	ssize_t n = recv(c->fd, buf_reserve(&r->body, want), want, MSG_DONTWAIT);

	if (n > 0) {
		r->body.len += (size_t)n;
		if ((size_t)n == left)
			http_request_handle(r);
	} else if (n < 0 && errno == EAGAIN) {
		c->readable = false;
	} else if (n == 0 || errno != EINTR) {
		http_conn_kill(c);
	}
}

static void partial(struct http_conn *c, size_t len)
{
	if (len == HEAD_MAX)
		refuse(c, HTTP_REFUSE_HEAD_TOO_LARGE);
	else if (c->wait.kind == HTTP_WAIT_IDLE)
		http_wait_start(c->edge->server, &c->wait, HTTP_WAIT_HEADER);
}

/* Looks once; c->readable tells whether to look again. */
static void look(struct http_conn *c)
{
	char bytes[HEAD_MAX];
	size_t head_len = 0;
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return;
	c->readable = false;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		http_conn_kill(c);
		return;
	}
	switch (http_head_look(bytes, (size_t)n, &head_len)) {
	case HEAD_PARTIAL:
		partial(c, (size_t)n);
		break;
	case HEAD_TAKEN:
		c->readable = (size_t)n > head_len;
		take(c, bytes, head_len);
		break;
	case HEAD_OTHER:
		hand_over(c);
		break;
	case HEAD_MALFORMED:
		discard(c->fd, (size_t)n);
		refuse(c, HTTP_REFUSE_HEAD_MALFORMED);
		break;
	}
}

static bool can_read(const struct http_conn *c)
{
	return c->direct && c->readable && !c->killed && !c->websocket &&
		(!c->current || c->current->phase == HTTP_RECEIVING);
}

void http_direct_serve(struct http_conn *c)
{
	struct loop *l = c->edge->server->loop;

	if (c->serving)
		return;
	c->serving = true;
	loop_enter(l, "http direct");
	if (c->websocket)
		http_websocket_read(c);
	for (unsigned i = 0; can_read(c); i++) {
		if (i == STEPS_PER_TURN) {
			http_conn_retry(c);
			break;
		}
		if (c->current)
			take_body(c, c->current);
		else
			look(c);
	}
	loop_leave(l);
	c->serving = false;
}

static void request_event(struct http_conn *c, struct http_request *r, bool writable, bool gone)
{
	switch (r->phase) {
	case HTTP_RECEIVING:
		http_direct_serve(c);
		break;
	case HTTP_HANDLING:
		if (gone)
			http_conn_kill(c);
		break;
	case HTTP_ANSWERING:
		if (gone && r->out.is_stream)
			http_conn_kill(c);
		else if (writable)
			http_write(r, false);
		break;
	case HTTP_REFUSED:
		discard(c->fd, HEAD_MAX * 4);
		if (gone)
			http_conn_kill(c);
		break;
	}
}

void http_direct_event(struct http_conn *c, bool readable, bool writable, bool gone)
{
	c->readable = c->readable || readable || gone;
	if (c->killed)
		return;
	if (c->websocket)
		http_websocket_event(c, writable, gone);
	else if (c->current)
		request_event(c, c->current, writable, gone);
	else
		http_direct_serve(c);
}

/* The answer is out: the next request, if it is there already. */
void http_direct_next(struct http_conn *c)
{
	http_wait_start(c->edge->server, &c->wait, HTTP_WAIT_IDLE);
	if (c->readable)
		http_direct_serve(c);
}
