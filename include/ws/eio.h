#pragma once

#include "loop/loop.h"
#include "ws/transport.h"

/*
 * Engine.IO v4 (docs/engine.io-protocol of github.com/socketio/socket.io): sessions over HTTP
 * polling, over WebSocket, and from the first to the second. Loop thread only.
 *
 * All that is sent are frames of proto/ws_frame.h, made once and shared: a text frame begins with
 * the packet's digit. A session that polls gets the same packets out of them.
 */
struct eio_server;
struct eio_session;

enum eio_end {
	EIO_END_CLIENT, /* it said so, or closed its WebSocket */
	EIO_END_LOST, /* the connection broke, or a poll was given up */
	EIO_END_TIMEOUT, /* no pong */
	EIO_END_MALFORMED, /* a packet, or a request out of order */
	EIO_END_TOO_LARGE, /* a message or a body of polling over max_payload */
	EIO_END_SLOW, /* its queue was full */
	EIO_END_SERVER, /* eio_session_close, or the server's end */
};
const char *eio_end_text(enum eio_end end);

struct eio_handler {
	/* A new session; what it returns comes back in the other two. Nothing may be sent inside.
	 */
	void *(*opened)(void *user, struct eio_session *s, const struct ws_request *r);
	/* The bytes are borrowed for the call; text is valid UTF-8. */
	void (*message)(void *session, const uint8_t *data, size_t len, bool binary);
	/* A pong came: it is there. May be NULL. */
	void (*alive)(void *session);
	/* The last call; the session is not to be touched after it. */
	void (*closed)(void *session, enum eio_end end);
};

/* 0 takes what stands behind it. */
struct eio_config {
	uint64_t ping_interval_us; /* 25 s */
	uint64_t ping_timeout_us; /* 20 s */
	uint64_t upgrade_timeout_us; /* 10 s, from the WebSocket to its upgrade packet */
	size_t max_payload; /* 64 KiB: of a message, and of a body of polling */
	size_t max_queue; /* 256 KiB that wait for one client */
	unsigned max_sessions; /* no limit */
	unsigned max_per_address; /* sessions; no limit */
	const struct eio_handler *handler; /* static */
	void *user;
};

struct eio_server *eio_server_create(struct loop *l, const struct eio_config *config);
/* Closes all sessions; NULL is fine. Before the HTTP server is destroyed. */
void eio_server_destroy(struct eio_server **s);
/* Every request, upgrades too, of the path that the server stands at. */
void eio_server_request(struct eio_server *s, const struct ws_request *r);
/* After a reload: for sessions that open from now on, and what these and others send by polling. */
void eio_server_limits(struct eio_server *server, size_t max_payload, size_t max_queue);

/*
 * Sends a frame, or several in one buffer. False if the session is at its end, or comes to it
 * because its queue is full
 * (`closed` is then called before this returns).
 */
bool eio_session_send(struct eio_session *s, struct rcbuf *frame);
/* Ends it; the handler's `closed` is not called. code: of the WebSocket's close frame. */
void eio_session_close(struct eio_session *s, unsigned code, const char *reason);
/* The same for what the client did wrong. */
void eio_session_refuse(struct eio_session *s);
const char *eio_session_id(const struct eio_session *s);
const char *eio_session_address(const struct eio_session *s);
/* As the handshake's request has it, unchecked; NULL: it has none. */
const char *eio_session_host(const struct eio_session *s);
size_t eio_session_queued(const struct eio_session *s); /* bytes */
bool eio_session_is_websocket(const struct eio_session *s);
/* The WebSocket, to write frames to until `closed`; left as it is while there is none. */
void eio_session_link(const struct eio_session *s, struct ws_link *out);
