#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "loop/loop.h"

/*
 * HTTP/1.1 and HTTP/2 over libwebsockets, with our own listeners and write paths (lws.md): a small
 * answer leaves in one write, bodies on clear HTTP/1.1 by send() and sendfile(), the rest in
 * pieces by lws. A request is handled when its body is complete (bounded); its answer may come at
 * once or later. Loop thread only.
 */
struct http_server;
struct http_request;

#define HTTP_HEAD_MAX 16384 /* bytes of a request's head on clear HTTP/1 */

enum http_method {
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_PUT = 8,
	HTTP_PATCH = 16,
	HTTP_DELETE = 32,
	HTTP_OPTIONS = 64,
};
const char *http_method_text(enum http_method m);

struct http_config {
	const char *listen; /* see net_listener.h; NULL: none */
	const char *tls_listen; /* NULL: none; needs cert and key */
	const char *cert, *key;
	const char *unix_path; /* the admin socket; NULL: none */
	unsigned max_connections, max_per_address;
	unsigned max_body; /* 256 KiB */
	uint64_t idle_us; /* keep-alive connections without a request */
	uint64_t header_us; /* until a request's headers are complete */
	bool by_libwebsockets; /* clear HTTP/1 too, which we serve ourselves: for comparing the two
				*/
	uint64_t stall_us; /* a peer that takes nothing of its answer; 0: 30 s */
	/* As in net_listener.h; not asked at the Unix socket. */
	bool (*admit)(void *admit_user, const char *address);
	void *admit_user;
	/* Called for every request that is well-formed enough to have an answer. */
	void (*handle)(void *user, struct http_request *r);
	void *user;
};

struct http_server *http_server_create(
	struct loop *l, const struct http_config *config, char *error, unsigned error_size);
void http_server_destroy(struct http_server **s);
/* Stops accepting, closes idle connections; active ones get `Connection: close`. */
void http_server_drain(struct http_server *s);
unsigned http_server_connections(const struct http_server *s);

/* A connection, for operators. Texts live for the call. */
struct http_server_entry {
	uint64_t id;
	const char *address;
	uint64_t since_us; /* by the loop's clock */
	unsigned requests; /* under way */
	bool tls, local;
};
void http_server_each(const struct http_server *s,
	void (*each)(void *arg, const struct http_server_entry *entry), void *arg);
/*
 * Closes those that `which` names at once, whatever is under way; returns how many. A WebSocket on
 * HTTP/1.1 gets a close frame (1008 and the reason) and two seconds to answer it.
 */
unsigned http_server_close(struct http_server *s,
	bool (*which)(void *arg, const struct http_server_entry *entry), void *arg,
	const char *reason);
bool http_server_reload_tls(struct http_server *s);
/* New limits after a reload. */
void http_server_limits(struct http_server *s, unsigned max_connections, unsigned max_per_address);
struct loop *http_server_loop(struct http_server *s);
unsigned http_server_port(const struct http_server *s);

/* The request: texts live until it is answered. */
enum http_method http_request_method(const struct http_request *r);
const char *http_request_path(const struct http_request *r); /* percent-decoded, no query */
const char *http_request_query(const struct http_request *r); /* raw, without '?'; "" if none */
/* Decoded value of a query argument into out; false if absent or too long. */
bool http_request_arg(const struct http_request *r, const char *name, char *out, size_t size);
/* NULL if absent. Names: the ones that are listed in http/server.c's table. */
const char *http_request_header(const struct http_request *r, const char *lower_case_name);
const uint8_t *http_request_body(const struct http_request *r, size_t *len);
const char *http_request_id(const struct http_request *r); /* X-Request-Id, ours or theirs */
const char *http_request_address(const struct http_request *r);
bool http_request_tls(const struct http_request *r);
bool http_request_local(const struct http_request *r); /* came by the Unix socket */
int http_request_peer_uid(const struct http_request *r); /* of a Unix socket's peer, else -1 */
bool http_request_accepts_gzip(const struct http_request *r);
bool http_request_draining(const struct http_request *r); /* the server is being drained */
struct http_server *http_request_server(const struct http_request *r);

/* What a router keeps with the request (path parameters, identity); freed by free_fn at its end. */
void http_request_set_data(struct http_request *r, void *data, void (*free_fn)(void *data));
void *http_request_data(const struct http_request *r);

/*
 * A request that is answered later: `gone` tells that the peer closed before; the request must not
 * be touched after. At most one answer a request.
 */
void http_request_hold(struct http_request *r, void (*gone)(void *user), void *user);

struct http_response;
/*
 * From here on the request outlives its connection: what its handler began has an answer that
 * somebody wants, although the peer that asked is gone. It is then freed by its answer, or (`gone`
 * is told) with the server.
 */
void http_request_keep(struct http_request *r);
/*
 * `before` sees the answer first. True: it keeps the answer back (copied, it is borrowed), and
 * calls http_respond later; false: the answer goes out. It sees one answer, and may be set again.
 */
void http_request_intercept(struct http_request *r,
	bool (*before)(void *user, struct http_request *r, const struct http_response *response),
	void *user);

enum http_body_kind { HTTP_BODY_NONE, HTTP_BODY_PIECES, HTTP_BODY_FILE, HTTP_BODY_STREAM };

/*
 * A body without a known end, given in pieces as the peer takes them; on HTTP/1 the connection ends
 * with it, on 1.1 as the last of its chunks. `more` is called whenever something can be given, with
 * http_stream_put, as much as http_stream_left should be; `gone` when the peer went, after which
 * the request must not be touched. Neither is called after http_stream_end or http_stream_abort.
 */
struct http_stream {
	void (*more)(void *user);
	void (*gone)(void *user);
	void *user;
};

struct http_response {
	int status;
	const char *content_type; /* NULL: none */
	const char *cache_control; /* NULL: "no-store" */
	/*
	 * With quotes; If-None-Match is then honoured (GET, HEAD with status 200). Given together
	 * with a Content-Encoding of the caller's or with gzip it goes out as a weak one.
	 */
	const char *etag;
	bool ranges; /* Accept-Ranges, Range and If-Range are honoured */
	bool gzip; /* compress if the peer accepts and it pays */
	bool cors; /* Access-Control-Allow-Origin: * and exposed headers */
	const char *location; /* redirects */
	const char *extra_headers; /* whole lines "Name: value\r\n", or NULL */
	bool encoded; /* the pieces are gzip already (the caller asked accepts_gzip) */
	bool close; /* HTTP/1: the connection ends with this answer */
	enum http_body_kind kind;
	struct rcbuf **pieces; /* referenced by the call as needed; caller keeps its own */
	size_t n_pieces;
	const char *path; /* HTTP_BODY_FILE: opened by the server; 404 if it is gone */
	uint64_t offset, len; /* of the file; len 0: to its end */
	struct http_stream stream; /* HTTP_BODY_STREAM; copied */
};

void http_respond(struct http_request *r, const struct http_response *response);
/* Of a request that was answered with a stream. */
void http_stream_put(struct http_request *r, struct rcbuf *piece); /* referenced; inside `more` */
uint64_t http_stream_left(const struct http_request *r); /* bytes put and not yet taken */
void http_stream_wake(struct http_request *r); /* there is more to give */
/* After what was put; at once, without. The request is not to be touched any more. */
void http_stream_end(struct http_request *r);
void http_stream_abort(struct http_request *r);
/* Shorthand: one text body. */
void http_respond_text(
	struct http_request *r, int status, const char *content_type, const char *text);
