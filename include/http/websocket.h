#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "http/server.h"

/*
 * WebSocket connections (RFC 6455) of the HTTP server. On clear HTTP/1.1 they are read and written
 * by us alone (proto/ws_frame.h): unmasked frames, wrong lengths, reserved bits and invalid UTF-8
 * close the connection with the code that the RFC names. On TLS and HTTP/2 libwebsockets reads the
 * frames: it takes unmasked ones, ends the connection without a word where a control frame is too
 * long, and says nothing of empty pongs; all else is judged alike (src/ws/README.md). Loop thread
 * only.
 *
 * What is sent are whole frames made beforehand (ws_frame), shared by as many connections as like.
 * They leave together at the end of the loop's turn: one send() a connection however many there
 * are. What the peer does not take waits here by reference, up to a bound.
 */
struct http_websocket;

struct http_websocket_ops {
	/* A whole message; text is valid UTF-8. The bytes are borrowed for the call. */
	void (*message)(void *user, const uint8_t *data, size_t len, bool binary);
	void (*pong)(void *user); /* may be NULL */
	/*
	 * The peer ended it, or the connection did. Code: the peer's, or why it was ended here
	 * (1002, 1007, 1009), 1005 without one, 1006 if there was no close frame. The last call;
	 * the connection is not to be touched after it.
	 */
	void (*closed)(void *user, unsigned code);
};

struct http_websocket_config {
	const struct http_websocket_ops *ops; /* static */
	void *user;
	size_t max_message; /* of the peer's; longer ones close with 1009 */
	size_t max_queue; /* bytes that wait for the peer */
	const char *protocol; /* Sec-WebSocket-Protocol of the answer; NULL: none */
};

/*
 * A request that asks for WebSocket and is well-formed goes to `upgrade` instead of the server's
 * handler. It is answered like any other (a refusal), now or later, or accepted. On TLS it must be
 * now, or it counts as refused; on HTTP/2 a refusal is a WebSocket that is closed with 1008.
 * Without a function (as at first) all are refused with 426.
 */
void http_server_on_upgrade(
	struct http_server *s, void (*upgrade)(void *user, struct http_request *r), void *user);

/*
 * Ends the request with 101. Messages come in later turns or after the caller returns, never inside
 * the call. The answer belongs to the caller until http_websocket_close, _abort or ops.closed.
 */
struct http_websocket *http_websocket_accept(
	struct http_request *r, const struct http_websocket_config *config);

/*
 * Queues whole frames; false if they would not fit max_queue (nothing is queued then) or the
 * connection is ending. True, with nothing queued, if it has failed: `closed` is about to come.
 * Takes a reference of its own.
 */
bool http_websocket_send(struct http_websocket *ws, struct rcbuf *frames);
/* The same at once, for those who gather a turn's frames themselves. */
bool http_websocket_write(struct http_websocket *ws, struct rcbuf *frames);
size_t http_websocket_queued(const struct http_websocket *ws); /* bytes that wait */
/*
 * Sends what waits and a close frame (code 0: one without a code), then ends the connection when
 * the peer answers, at the latest after two seconds. `ops` is not called any more.
 */
void http_websocket_close(struct http_websocket *ws, unsigned code, const char *reason);
/* Ends the connection in this turn, without a close frame. `ops` is not called any more. */
void http_websocket_abort(struct http_websocket *ws);
void *http_websocket_user(const struct http_websocket *ws);
