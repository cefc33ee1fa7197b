#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/mem.h"
#include "websocket_private.h"

#define READ_BYTES 65536
#define READS_PER_TURN 16
#define IOV_FRAMES 64
#define QUEUE_FIRST 4

/* --- writing --- */

static void queue_grow(struct http_websocket *ws)
{
	unsigned cap = ws->cap ? ws->cap * 2 : QUEUE_FIRST;
	struct rcbuf **frames = mem_alloc(cap * sizeof(struct rcbuf *));

	for (unsigned i = 0; i < ws->count; i++)
		frames[i] = ws->frames[(ws->first + i) % ws->cap];
	free(ws->frames);
	ws->frames = frames;
	ws->cap = cap;
	ws->first = 0;
}

static void queue_add(struct http_websocket *ws, struct rcbuf *frames, size_t skip)
{
	if (ws->count == ws->cap)
		queue_grow(ws);
	if (!ws->count)
		ws->first_at = skip;
	ws->frames[(ws->first + ws->count++) % ws->cap] = rcbuf_ref(frames);
	ws->queued += rcbuf_len(frames) - skip;
}

void http_websocket_drop(struct http_websocket *ws)
{
	for (unsigned i = 0; i < ws->count; i++)
		rcbuf_unref(&ws->frames[(ws->first + i) % ws->cap]);
	free(ws->frames);
	ws->frames = NULL;
	ws->first = ws->count = ws->cap = 0;
	ws->queued = ws->first_at = 0;
}

void http_websocket_consume(struct http_websocket *ws, size_t n)
{
	ws->queued -= n;
	while (n) {
		struct rcbuf **frame = &ws->frames[ws->first];
		size_t left = rcbuf_len(*frame) - ws->first_at;
		if (n < left) {
			ws->first_at += n;
			return;
		}
		n -= left;
		ws->first_at = 0;
		rcbuf_unref(frame);
		ws->first = (ws->first + 1) % ws->cap;
		ws->count--;
	}
	/* An idle connection keeps no queue. */
	if (!ws->count)
		http_websocket_drop(ws);
}

static unsigned queue_iov(const struct http_websocket *ws, struct iovec *iov)
{
	unsigned n = ws->count < IOV_FRAMES ? ws->count : IOV_FRAMES;

	for (unsigned i = 0; i < n; i++) {
		struct rcbuf *frame = ws->frames[(ws->first + i) % ws->cap];
		size_t skip = i ? 0 : ws->first_at;
		iov[i] = (struct iovec){
			(void *)(uintptr_t)(rcbuf_data(frame) + skip), rcbuf_len(frame) - skip};
	}
	return n;
}

/* All frames are out: the end, if both sides have said it. */
static void flushed(struct http_websocket *ws)
{
	struct http_conn *c = ws->conn;

	if (ws->wsi)
		return;
	if (c->wait.kind == HTTP_WAIT_WRITE)
		http_wait_stop(&c->wait);
	if (ws->ending && ws->closed)
		http_conn_kill(c);
	else if (ws->deaf)
		shutdown(c->fd, SHUT_WR);
}

/* The peer takes no more: the poller tells when it does, and the wheel if it never does. */
static void stalled(struct http_websocket *ws, size_t moved)
{
	struct http_conn *c = ws->conn;

	if (!ws->ending && (moved || c->wait.kind != HTTP_WAIT_WRITE))
		http_wait_start(ws->server, &c->wait, HTTP_WAIT_WRITE);
}

static void flush(struct http_websocket *ws)
{
	struct http_conn *c = ws->conn;
	struct iovec iov[IOV_FRAMES];
	size_t moved = 0;

	list_remove(&ws->flush_link);
	if (c->killed)
		return;
	while (ws->count) {
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = queue_iov(ws, iov)};
		ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			http_conn_kill(c);
		if (n < 0)
			break;
		http_websocket_consume(ws, (size_t)n);
		moved += (size_t)n;
	}
	metric_add(ws->server->metrics.sent, moved);
	if (ws->count)
		stalled(ws, moved);
	else
		flushed(ws);
}

void http_websockets_free(struct http_websockets *w)
{
	free(w->received);
	free(w);
}

static void flush_all(void *arg)
{
	struct http_websockets *w = arg;

	w->flush_asked = false;
	while (!list_empty(&w->due))
		flush(container_of(w->due.next, struct http_websocket, flush_link));
	if (w->orphaned)
		http_websockets_free(w);
}

static void flush_later(struct http_websocket *ws)
{
	struct http_websockets *w = ws->server->websockets;

	if (!list_empty(&ws->flush_link))
		return;
	list_append(&w->due, &ws->flush_link);
	if (w->flush_asked)
		return;
	w->flush_asked = true;
	loop_defer(ws->server->loop, flush_all, w);
}

void http_websocket_put(struct http_websocket *ws, struct rcbuf *frames)
{
	bool idle = !ws->count;

	queue_add(ws, frames, 0);
	/* What waits for the peer goes by the poller's word, or by libwebsockets'. */
	if (idle && ws->wsi)
		http_websocket_wake(ws);
	else if (idle)
		flush_later(ws);
}

static bool has_room(const struct http_websocket *ws, const struct rcbuf *frames)
{
	return !ws->ending && !ws->aborted && ws->queued + rcbuf_len(frames) <= ws->max_queue;
}

bool http_websocket_send(struct http_websocket *ws, struct rcbuf *frames)
{
	/* Its owner is about to hear of the end, and need not be told by a refusal. */
	if (ws->conn->killed && !ws->ending && !ws->aborted)
		return true;
	if (!has_room(ws, frames))
		return false;
	http_websocket_put(ws, frames);
	return true;
}

/* What the kernel has not taken waits. */
static void write_rest(struct http_websocket *ws, struct rcbuf *frames, size_t sent)
{
	queue_add(ws, frames, sent);
	stalled(ws, 0);
}

bool http_websocket_write(struct http_websocket *ws, struct rcbuf *frames)
{
	size_t len = rcbuf_len(frames);
	ssize_t n;

	if (ws->wsi || ws->count || ws->killed || !has_room(ws, frames))
		return http_websocket_send(ws, frames);
	n = send(ws->fd, rcbuf_data(frames), len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		http_conn_kill(ws->conn);
		return true;
	}
	n = n < 0 ? 0 : n;
	metric_add(ws->server->metrics.sent, (uint64_t)n);
	if ((size_t)n < len)
		write_rest(ws, frames, (size_t)n);
	return true;
}

size_t http_websocket_queued(const struct http_websocket *ws)
{
	return ws->queued;
}

/* --- reading --- */

static void pong(struct http_websocket *ws, const struct ws_event *e)
{
	struct rcbuf *frame = ws_frame(WS_PONG, e->data, e->len);

	/* One that asks without taking the answers has its queue full of them: no more then. */
	http_websocket_send(ws, frame);
	rcbuf_unref(&frame);
}

static void failed(struct http_websocket *ws, const struct ws_event *e)
{
	log_debug("websocket error", kv_str("address", ws->conn->address), kv_u64("code", e->code),
		kv_str("reason", e->why));
	metric_add(ws->server->websockets->malformed, 1);
	/* Closing with unread bytes would reset the connection, and the close frame with it. */
	ws->deaf = true;
	http_websocket_end(ws, e->code, e->why);
	http_websocket_over(ws, e->code);
}

void http_websocket_handle(struct http_websocket *ws, const struct ws_event *e)
{
	switch (e->kind) {
	case WS_EVENT_NONE:
		break;
	case WS_EVENT_MESSAGE:
		if (ws->ops)
			ws->ops->message(ws->user, e->data, e->len, e->binary);
		break;
	case WS_EVENT_PING:
		pong(ws, e);
		break;
	case WS_EVENT_PONG:
		if (ws->ops && ws->ops->pong)
			ws->ops->pong(ws->user);
		break;
	case WS_EVENT_CLOSE:
		ws->closed = true;
		http_websocket_end(ws, e->code, NULL);
		http_websocket_over(ws, e->code);
		break;
	case WS_EVENT_ERROR:
		failed(ws, e);
		break;
	}
	/* Sent before they closed, and nothing waits: the last frame was seen already. */
	if (ws->closed && !ws->count)
		flushed(ws);
}

static void on_bytes(struct http_websocket *ws, uint8_t *data, size_t len)
{
	struct ws_event e = {.kind = WS_EVENT_PING};
	size_t used;

	while (e.kind != WS_EVENT_NONE && !ws->closed && !ws->deaf && !ws->conn->killed) {
		ws_reader_read(&ws->reader, data, len, &used, &e);
		http_websocket_handle(ws, &e);
		data += used;
		len -= used;
	}
}

/* False: there is nothing more to read now. */
static bool read_some(struct http_conn *c)
{
	uint8_t *bytes = c->edge->server->websockets->received;
	ssize_t n = recv(c->fd, bytes, READ_BYTES, MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return true;
	/* Less than asked for: the socket was empty, and the poller tells of more. */
	c->readable = n == READ_BYTES;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		http_conn_kill(c);
		return false;
	}
	on_bytes(c->websocket, bytes, (size_t)n);
	return c->readable;
}

void http_websocket_read(struct http_conn *c)
{
	struct http_websockets *w = c->edge->server->websockets;
	unsigned reads = 0;

	/* Inside another's message: the bytes have one place only. */
	if (w->receiving) {
		http_conn_retry(c);
		return;
	}
	if (!w->received)
		w->received = mem_alloc(READ_BYTES);
	w->receiving = true;
	while (c->readable && !c->killed && reads++ < READS_PER_TURN)
		if (!read_some(c))
			break;
	w->receiving = false;
	if (c->readable && !c->killed)
		http_conn_retry(c);
}

void http_websocket_event(struct http_conn *c, bool writable, bool gone)
{
	if (writable && c->websocket->count)
		flush(c->websocket);
	if (c->readable && !c->killed)
		http_websocket_read(c);
	/* Half a connection is none: what was to come has been read. */
	if (gone && !c->killed && !c->readable)
		http_conn_kill(c);
}
