#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"

/*
 * What this floor needs of an HTTP server. The two are siblings that do not include each other:
 * whoever wires them fills these vtables (src/daemon/ws_http.h). Loop thread only.
 */

/* An established WebSocket. Frames are whole ones of proto/ws_frame.h. */
struct ws_link_ops {
	/* Queued until the end of the turn. False, with nothing queued: no room, or it is closed.
	 * True for one that has failed under the owner, who will hear of it. */
	bool (*send)(void *impl, struct rcbuf *frames);
	/* The same at once, for those who gather a turn's frames themselves. */
	bool (*write)(void *impl, struct rcbuf *frames);
	size_t (*queued)(void *impl); /* bytes that wait for the peer */
	/* Both end it for its owner at once: no event comes after. code 0: a frame without one. */
	void (*close)(void *impl, unsigned code, const char *reason);
	void (*abort)(void *impl);
};

struct ws_link {
	const struct ws_link_ops *ops; /* NULL: none */
	void *impl;
};

struct ws_link_events {
	void (*message)(void *user, const uint8_t *data, size_t len, bool binary);
	void (*pong)(void *user); /* may be NULL */
	void (*closed)(void *user, unsigned code); /* the last one */
};

enum ws_method { WS_GET, WS_POST, WS_OPTIONS, WS_OTHER };

struct ws_answer {
	int status;
	const char *content_type; /* NULL: none */
	const void *body;
	size_t len;
	const char *extra_headers; /* whole lines, or NULL */
};

struct ws_accept {
	const struct ws_link_events *events; /* static */
	void *user;
	size_t max_message, max_queue;
};

struct ws_request_ops {
	/* Decoded value of a query argument; false if absent or too long. */
	bool (*arg)(void *impl, const char *name, char *out, size_t size);
	const char *(*header)(void *impl, const char *lower_case_name); /* NULL: absent */
	/* It is answered later; `gone` tells that the peer went before, the request with it. */
	void (*hold)(void *impl, void (*gone)(void *user), void *user);
	/* Cross-origin reading is allowed by every answer (CORS), without credentials. */
	void (*respond)(void *impl, const struct ws_answer *answer);
	/* Of an upgrade: instead of respond. No event comes inside the call. */
	struct ws_link (*accept)(void *impl, const struct ws_accept *accept);
};

/* Copied freely; valid, with its texts, until it is answered or gone. */
struct ws_request {
	const struct ws_request_ops *ops; /* NULL: none */
	void *impl;
	enum ws_method method;
	bool upgrade; /* a well-formed wish for WebSocket */
	const char *path, *address;
	const char *host; /* as the peer calls this server, unchecked; NULL: not said */
	const uint8_t *body;
	size_t body_len;
};
