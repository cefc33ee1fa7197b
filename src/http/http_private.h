#pragma once

#include <libwebsockets.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/metrics.h"
#include "http/server.h"
#include "loop/net_listener.h"
#include "loop/timer.h"

/*
 * What the files of the HTTP server share (server, conn, request, response, write, poller, wait);
 * nobody else includes it.
 *
 * A connection (http_conn) is ours alone (direct.c) or libwebsockets' network wsi; a request
 * (http_request) hangs off the wsi that carries it: on HTTP/1 the same one, on HTTP/2 a stream's.
 * Its life:
 *
 *   RECEIVING ──body complete──▶ HANDLING ──http_respond──▶ ANSWERING ──all written──▶ freed
 *       └──────────── refused, or the peer is gone ────────────┘
 */

#define HTTP_EDGES 3
#define HTTP_ID_SIZE 65
#define HTTP_HEADERS_KEPT 16
#define HTTP_PIECES_INLINE 4
#define HTTP_SCRATCH (128 * 1024)

/* Why a request is refused before it is handled: enum, status, code, sentence, close. */
#define HTTP_REFUSALS(X) \
	X(TRANSFER_ENCODING, 411, "length_required", "Transfer-Encoding is not accepted here.") \
	X(LENGTH_MISSING, 411, "length_required", "A body needs a Content-Length.") \
	X(LENGTH_MALFORMED, 400, "bad_request", "Content-Length is not one number.") \
	X(BODY_UNEXPECTED, 400, "bad_request", "This method takes no body.") \
	X(BODY_TOO_LARGE, 413, "body_too_large", "The body is larger than allowed.") \
	X(HEAD_MALFORMED, 400, "bad_request", "The request is malformed.") \
	X(HEAD_TOO_LARGE, 431, "headers_too_large", "The request's head is too large.") \
	X(METHOD, 501, "method_not_implemented", "The method is not implemented.") \
	X(UPGRADE, 426, "upgrade_refused", "There is nothing to upgrade to here.") \
	X(PATH, 400, "bad_request", "The path is not valid UTF-8 or too long.")

enum http_refusal {
#define X(name, status, code, text) HTTP_REFUSE_##name,
	HTTP_REFUSALS(X)
#undef X
		HTTP_REFUSAL_COUNT,
};

/* Deadlines in lists of equal length of time: append at the tail, expire from the head. */
enum http_wait_kind {
	HTTP_WAIT_NONE = -1,
	HTTP_WAIT_HEADER, /* connection: accepted, no request yet */
	HTTP_WAIT_IDLE, /* connection: between requests */
	HTTP_WAIT_BODY, /* request: its body is coming */
	HTTP_WAIT_WRITE, /* request: the peer takes nothing of the answer */
	HTTP_WAIT_LINGER, /* request: refused, the rest of its body is thrown away */
	HTTP_WAIT_KINDS,
};

struct http_wait {
	struct list link;
	enum http_wait_kind kind;
	uint64_t deadline_us;
	struct http_conn *conn;
};

struct http_edge {
	struct http_server *server;
	struct net_listener *listener;
	struct lws_vhost *vhost;
	bool tls, local;
};

struct http_metrics {
	struct metric *requests[6]; /* by hundreds of the status, 0: all others */
	struct metric *connections, *seconds, *sent, *stalled, *malformed;
	struct metric *refused[HTTP_REFUSAL_COUNT];
};

struct http_server {
	struct loop *loop;
	void (*handle)(void *user, struct http_request *r);
	void *user;
	unsigned max_body;
	bool by_libwebsockets;
	char *cert, *key;
	struct http_edge edges[HTTP_EDGES];
	unsigned n_edges;
	struct list conns;
	uint64_t conn_next;
	struct list orphans; /* kept requests whose connection is gone */
	unsigned connections;
	bool draining;

	struct list waits[HTTP_WAIT_KINDS];
	uint64_t wait_us[HTTP_WAIT_KINDS];
	struct timer *wheel;
	struct http_poller *poller;
	struct http_websockets *websockets; /* NULL: all upgrades are refused */

	uint8_t *scratch; /* LWS_PRE + HTTP_SCRATCH: joined pieces for libwebsockets */
	char id_prefix[9];
	uint64_t id_next;
	char date[40];
	uint64_t date_second;
	struct http_metrics metrics;
};

struct http_conn {
	struct list link;
	struct http_edge *edge;
	struct lws *wsi;
	uint64_t id, since_us;
	int fd, uid;
	char address[64];
	struct http_wait wait;
	struct list requests;
	struct http_request *current; /* HTTP/1's one request */
	struct http_websocket *websocket; /* what became of it; NULL: HTTP */
	unsigned active; /* requests under way, on HTTP/2 several */
	bool closing; /* libwebsockets is at it: the wsi is not to be touched */
	bool killed; /* we asked for it */
	bool polled; /* known to the poller */
	bool paused; /* reading stopped while a request is under way */
	bool served; /* had a request */
	struct lws *inside; /* whose callback is running, NULL: none */
	int verdict; /* what it returns */
	bool retry; /* a deferred call goes on with it */
	bool dead; /* only that call still knows it */
	bool direct; /* ours alone; wsi is NULL */
	bool readable, serving; /* direct: bytes may be there; http_direct_serve is running */
};

/* libwebsockets' memory for one transaction (HTTP/1) or stream (HTTP/2). */
struct http_session {
	struct http_request *request;
	struct http_websocket *websocket; /* what became of it */
};

enum http_phase { HTTP_RECEIVING, HTTP_HANDLING, HTTP_ANSWERING, HTTP_REFUSED };

/* What is still to be written. */
struct http_out {
	struct buf head; /* HTTP/1: the whole head; HTTP/2: the lines alone */
	int status;
	struct rcbuf **pieces, *inline_pieces[HTTP_PIECES_INLINE];
	size_t n_pieces, piece, piece_at;
	uint64_t left; /* of the body */
	int fd; /* -1: no file */
	off_t offset;
	bool head_sent; /* HTTP/2 */
	/* A body that is given bit by bit (stream.c). */
	bool is_stream, has_ended, is_aborted, filling;
	bool is_chunked, has_chunks; /* RFC 9112, 7.1; HTTP/1.1 only */
	struct http_stream stream; /* more NULL: its owner is through with it */
	size_t room; /* of pieces */
};

struct http_kept_header {
	const char *name;
	char *value;
};

struct http_request {
	struct list link;
	struct http_server *server;
	struct http_conn *conn;
	struct lws *wsi; /* NULL: direct */
	char *head; /* direct: the memory of path, query and lines */
	const char *lines;
	enum http_phase phase;
	enum http_method method;
	bool h2, close, http10, lingers;
	const char *path, *query; /* owned, unless head has them */
	char id[HTTP_ID_SIZE];
	struct buf body;
	uint64_t length;
	uint64_t began_us;
	struct http_kept_header headers[HTTP_HEADERS_KEPT];
	unsigned n_headers;
	void *data;
	void (*data_free)(void *data);
	void (*gone)(void *user);
	void *gone_user;
	bool kept, orphan; /* orphan: conn is a copy of its own, wsi NULL */
	bool (*before)(void *user, struct http_request *r, const struct http_response *response);
	void *before_user;
	struct http_wait wait;
	struct http_out out;
};

/* conn.c */
void http_conn_accepted(void *edge, int fd, const char *address);
void http_conn_kill(struct http_conn *c);
/* At once; nothing of the connection is left but what libwebsockets has. */
void http_conn_abandon(struct http_conn *c);
/* After a request is over: next one, or the end of the connection or stream. */
void http_conn_next(struct http_conn *c, struct lws *wsi, bool h2, bool close);
void http_conn_pause(struct http_conn *c);
/* To libwebsockets with it. */
void http_conn_adopt(struct http_conn *c);
/* Goes on with writing or reading in a deferred call. */
void http_conn_retry(struct http_conn *c);
extern const struct lws_protocols http_protocols[];

/* direct.c */
void http_direct_serve(struct http_conn *c);
void http_direct_event(struct http_conn *c, bool readable, bool writable, bool gone);
void http_direct_next(struct http_conn *c);
void http_direct_finish(struct http_conn *c);

/* request.c */
struct http_head;
/* Takes `bytes`, which hold the texts of the head. */
struct http_request *http_request_begin_direct(
	struct http_conn *c, char *bytes, const struct http_head *head);
struct http_request *http_request_begin(
	struct http_conn *c, struct lws *wsi, const char *path, size_t path_len);
/* Looks at what came: true if it may be handled (or its body awaited); else it was refused. */
bool http_request_accept(struct http_request *r);
void http_request_body_add(struct http_request *r, const void *data, size_t len);
void http_request_handle(struct http_request *r);
void http_request_refuse(struct http_request *r, enum http_refusal why);
/* The peer went away. */
void http_request_lost(struct http_request *r);
void http_request_free(struct http_request *r);
/* With the server; whoever holds it is told. */
void http_request_abandon_orphans(struct http_server *s);
/* The answer is written whole. */
void http_request_done(struct http_request *r);

/* headers.c: looks up, copies, keeps with the request. */
const char *http_headers_get(struct http_request *r, const char *name);

/* websocket_lws.c: callbacks of libwebsockets, as conn.c's */
bool http_websocket_is_upgrade(const struct http_conn *c, const char *to);
int http_websocket_on_filter(struct http_conn *c, struct lws *wsi, void *in, size_t len);
int http_websocket_on_established(struct http_conn *c, struct lws *wsi, void *in, size_t len);
int http_websocket_on_receive(struct http_conn *c, struct lws *wsi, void *in, size_t len);
int http_websocket_on_pong(struct http_conn *c, struct lws *wsi, void *in, size_t len);
int http_websocket_on_writeable(struct http_conn *c, struct lws *wsi, void *in, size_t len);
int http_websocket_on_peer_close(struct http_conn *c, struct lws *wsi, void *in, size_t len);
int http_websocket_on_closed(struct http_conn *c, struct lws *wsi, void *in, size_t len);
/* Its carrier is at its end; nothing happens if it is no WebSocket. */
void http_websocket_gone(struct lws *wsi);

/* websocket.c, websocket_io.c */
/* A whole head that asks for WebSocket: refuses it or hands it to the server's `upgrade`. */
void http_websocket_asked(struct http_request *r);
void http_websocket_read(struct http_conn *c);
void http_websocket_event(struct http_conn *c, bool writable, bool gone);
/* The connection is at its end; nothing happens if it is no WebSocket. */
void http_websocket_lost(struct http_conn *c);
void http_websockets_destroy(struct http_server *s);

/* response.c */
void http_out_finish(struct http_out *o);
const char *http_status_text(int status);
const char *http_server_date(struct http_server *s);

/*
 * write.c: writes what goes now; the rest when the peer can take it. Ends in http_request_done, or
 * in the connection's end. writable: called from libwebsockets' WRITEABLE.
 */
void http_write(struct http_request *r, bool writable);

/* stream.c */
void http_stream_fill(struct http_request *r);
/* All is said that there is to say now. */
bool http_stream_idle(const struct http_request *r);

/* gzip.c: NULL if it does not pay. */
struct rcbuf *http_gzip(struct rcbuf *const *pieces, size_t n);
/*
 * The same made of stretches that are compressed apart, and may be kept: the first and the last of
 * an answer, and any number between them. Each NULL if it fails.
 */
struct gzip_sum {
	uint32_t crc;
	uint64_t len;
};
struct rcbuf *http_gzip_first(struct rcbuf *text, struct gzip_sum *sum);
/* *crc is that of the text alone, for http_gzip_add. */
struct rcbuf *http_gzip_between(struct rcbuf *text, uint32_t *crc);
void http_gzip_add(struct gzip_sum *sum, uint32_t crc, size_t len);
struct rcbuf *http_gzip_last(struct rcbuf *text, struct gzip_sum *sum);

/* poller.c: edge-triggered readiness of descriptors that libwebsockets owns. */
struct http_poller *http_poller_create(struct http_server *s);
void http_poller_destroy(struct http_poller **p);
bool http_poller_add(struct http_poller *p, struct http_conn *c);
/* Before its descriptor is closed: a copy of it in a child would keep the events coming. */
void http_poller_remove(struct http_poller *p, struct http_conn *c);
/* No more of reading: libwebsockets does that from now on. */
bool http_poller_quiet(struct http_poller *p, struct http_conn *c);

/* wait.c */
void http_wait_init(struct http_wait *w, struct http_conn *c);
void http_wait_start(struct http_server *s, struct http_wait *w, enum http_wait_kind kind);
void http_wait_stop(struct http_wait *w);
void http_wait_wheel(void *server);

void http_metrics_init(struct http_server *s);
