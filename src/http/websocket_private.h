#pragma once

#include "http/websocket.h"
#include "http_private.h"
#include "proto/ws_frame.h"

/*
 * What websocket.c (handshake, life), websocket_io.c (reading, writing) and websocket_lws.c (those
 * that libwebsockets carries) share.
 *
 * A connection becomes a WebSocket and stays one: http_conn.websocket is set by the accepted
 * request and freed with the connection. It is over for its owner (ops NULL) before that, when the
 * close frames are still on their way.
 */
struct http_websocket {
	/* What one write looks at comes first: with ten thousand of them it is out of every cache.
	 */
	struct http_server *server;
	struct lws *wsi; /* that carries it; NULL: ours alone */
	int fd; /* ours alone */
	unsigned count; /* of `frames` that wait */
	size_t queued, max_queue;
	bool ending; /* our close frame is queued or sent: no frame after it */
	bool killed; /* the connection is at its end */
	bool aborted; /* its callbacks are to end it */
	bool closed; /* their close frame has come */
	bool deaf; /* they sent nonsense: what comes is not looked at */
	bool h2; /* on a stream of HTTP/2 */
	bool shaken; /* libwebsockets has answered the handshake */
	struct http_conn *conn;
	const struct http_websocket_ops *ops; /* NULL: the owner is gone */
	void *user;
	size_t frame_at; /* bytes gone of the first frame's payload, in pieces of libwebsockets */
	struct ws_reader reader;
	struct list flush_link; /* in the server's, if something was queued in this turn */
	struct rcbuf **frames; /* ring of `cap`, from `first` on */
	unsigned first, cap;
	size_t first_at; /* bytes of the first one that are gone */
};

/* What the WebSockets of a server share; there from the first http_server_on_upgrade on. */
struct http_websockets {
	void (*upgrade)(void *user, struct http_request *r);
	void *user;
	struct list due; /* to be flushed at the end of this turn */
	bool flush_asked, orphaned; /* orphaned: the server is gone, the deferred call frees */
	uint8_t *received; /* what one recv() brought */
	bool receiving; /* it is being looked at */
	struct metric *open, *malformed;
};

/* websocket.c */
void http_websocket_over(struct http_websocket *ws, unsigned code);
void http_websocket_end(struct http_websocket *ws, unsigned code, const char *reason);

/* Its owner is told, and the peer gets a close frame (1008), whatever it sends. */
void http_websocket_turn_out(struct http_websocket *ws, const char *reason);
void http_websocket_free(struct http_websocket *ws);

/* websocket_lws.c */
/* Of a request that libwebsockets carries, instead of the answer's head. */
void http_websocket_carry(struct http_websocket *ws, struct http_request *r);
void http_websocket_wake(struct http_websocket *ws);

/* websocket_io.c */
void http_websocket_handle(struct http_websocket *ws, const struct ws_event *e);
void http_websocket_consume(struct http_websocket *ws, size_t n); /* bytes that have gone out */
/* Queues without asking for room; it goes at the end of the turn. */
void http_websocket_put(struct http_websocket *ws, struct rcbuf *frames);
void http_websocket_drop(struct http_websocket *ws); /* empties and frees the queue */
void http_websockets_free(struct http_websockets *w);
