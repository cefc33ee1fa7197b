#include "http/websocket.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/must.h"
#include "loop/lws.h"
#include "websocket_private.h"

/* RFC 6455 sections 1.3 and 4.1 */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24
#define VERSION "13"

void http_server_on_upgrade(
	struct http_server *s, void (*upgrade)(void *user, struct http_request *r), void *user)
{
	struct http_websockets *w = s->websockets;
	struct metrics *m = loop_metrics(s->loop);

	if (!w) {
		w = s->websockets = mem_new(struct http_websockets);
		list_init(&w->due);
		w->open = metrics_gauge(
			m, "souk_websockets", NULL, "WebSocket connections that are open.");
		w->malformed = metrics_counter(m, "souk_websocket_errors_total", NULL,
			"WebSocket connections that were closed for what the peer sent.");
	}
	w->upgrade = upgrade;
	w->user = user;
}

void http_websockets_destroy(struct http_server *s)
{
	struct http_websockets *w = s->websockets;

	s->websockets = NULL;
	if (w && w->flush_asked)
		w->orphaned = true;
	else if (w)
		http_websockets_free(w);
}

/* One of the words of a list between commas? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (list && *list) {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,");
		if (n == len && strncasecmp(list, word, len) == 0)
			return true;
		list += n;
	}
	return false;
}

/* 16 bytes in base64. */
static bool key_valid(const char *key)
{
	size_t letters = key ? strspn(key,
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789+/")
			     : 0;

	return letters == KEY_LEN - 2 && strcmp(key + letters, "==") == 0;
}

static void refuse_version(struct http_request *r)
{
	r->phase = HTTP_HANDLING;
	http_respond(r,
		&(struct http_response){.status = 426,
			.extra_headers = "sec-websocket-version: " VERSION "\r\n",
			.close = true});
}

/* Section 4.2.1, what is left of it after the head was parsed. */
static bool asked_rightly(struct http_request *r)
{
	return r->h2 ||
		(r->method == HTTP_GET && !r->http10 &&
			has_word(http_headers_get(r, "connection"), "upgrade") &&
			key_valid(http_headers_get(r, "sec-websocket-key")));
}

void http_websocket_asked(struct http_request *r)
{
	struct http_server *s = r->server;
	const char *version = http_headers_get(r, "sec-websocket-version");

	if (!s->websockets || s->draining) {
		http_request_refuse(r, HTTP_REFUSE_UPGRADE);
		return;
	}
	if (!version || strcmp(version, VERSION) != 0) {
		refuse_version(r);
		return;
	}
	if (!asked_rightly(r)) {
		http_request_refuse(r, HTTP_REFUSE_HEAD_MALFORMED);
		return;
	}
	http_wait_stop(&r->wait);
	r->phase = HTTP_HANDLING;
	s->websockets->upgrade(s->websockets->user, r);
}

static void accept_key(const char *key, char out[static 32])
{
	char text[KEY_LEN + sizeof(GUID)];
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	snprintf(text, sizeof(text), "%s%s", key, GUID);
	must(EVP_Digest(text, strlen(text), hash, &len, EVP_sha1(), NULL) == 1);
	EVP_EncodeBlock((unsigned char *)out, hash, (int)len);
}

static struct rcbuf *answer_head(struct http_request *r, const char *protocol)
{
	struct buf b = {0};
	char accepted[32];

	accept_key(http_headers_get(r, "sec-websocket-key"), accepted);
	buf_printf(&b,
		"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
		"connection: Upgrade\r\nsec-websocket-accept: %s\r\n",
		accepted);
	if (protocol)
		buf_printf(&b, "sec-websocket-protocol: %s\r\n", protocol);
	buf_printf(&b, "x-request-id: %s\r\n\r\n", r->id);
	struct rcbuf *head = rcbuf_from(b.data, b.len);
	buf_finish(&b);
	return head;
}

static void begin_direct(struct http_websocket *ws, struct http_request *r, const char *protocol)
{
	struct rcbuf *head = answer_head(r, protocol);

	r->conn->websocket = ws;
	http_websocket_put(ws, head);
	rcbuf_unref(&head);
	/* Frames may lie in the socket already, behind the head. */
	http_conn_retry(r->conn);
}

struct http_websocket *http_websocket_accept(
	struct http_request *r, const struct http_websocket_config *config)
{
	struct http_conn *c = r->conn;
	struct http_websocket *ws = mem_new(struct http_websocket);

	must(r->phase == HTTP_HANDLING && !c->websocket);
	ws->conn = c;
	ws->server = c->edge->server;
	ws->fd = c->fd;
	ws->ops = config->ops;
	ws->user = config->user;
	ws->max_queue = config->max_queue;
	list_init(&ws->flush_link);
	ws_reader_init(&ws->reader, config->max_message);
	metric_add(c->edge->server->metrics.requests[1], 1);
	metric_change(c->edge->server->websockets->open, 1);
	if (c->direct)
		begin_direct(ws, r, config->protocol);
	else
		http_websocket_carry(ws, r);
	if (c->current == r)
		c->current = NULL;
	http_request_free(r);
	return ws;
}

void *http_websocket_user(const struct http_websocket *ws)
{
	return ws->user;
}

/* The owner is told, once; from then on it is gone. */
void http_websocket_over(struct http_websocket *ws, unsigned code)
{
	const struct http_websocket_ops *ops = ws->ops;

	ws->ops = NULL;
	if (ops)
		ops->closed(ws->user, code);
}

void http_websocket_free(struct http_websocket *ws)
{
	struct http_conn *c = ws->conn;

	http_websocket_over(ws, WS_CLOSE_ABNORMAL);
	c->active--;
	metric_change(c->edge->server->websockets->open, -1);
	list_remove(&ws->flush_link);
	http_websocket_drop(ws);
	ws_reader_finish(&ws->reader);
	free(ws);
}

void http_websocket_lost(struct http_conn *c)
{
	struct http_websocket *ws = c->websocket;

	c->websocket = NULL;
	if (ws)
		http_websocket_free(ws);
}

/* Nothing more goes out after this frame. */
void http_websocket_end(struct http_websocket *ws, unsigned code, const char *reason)
{
	struct rcbuf *frame;

	if (ws->ending)
		return;
	frame = ws_frame_close(code == WS_CLOSE_NO_STATUS ? 0 : code, reason);
	http_websocket_put(ws, frame);
	rcbuf_unref(&frame);
	ws->ending = true;
	/* A stream of HTTP/2 is closed when the frame is out; its connection has others. */
	if (!ws->h2)
		http_wait_start(ws->conn->edge->server, &ws->conn->wait, HTTP_WAIT_LINGER);
}

void http_websocket_turn_out(struct http_websocket *ws, const char *reason)
{
	/* As after nonsense: closing with unread bytes would lose the close frame. */
	ws->deaf = true;
	http_websocket_end(ws, WS_CLOSE_POLICY, reason);
	http_websocket_over(ws, WS_CLOSE_POLICY);
}

void http_websocket_close(struct http_websocket *ws, unsigned code, const char *reason)
{
	ws->ops = NULL;
	http_websocket_end(ws, code, reason);
}

void http_websocket_abort(struct http_websocket *ws)
{
	ws->ops = NULL;
	ws->aborted = true;
	if (ws->h2)
		loop_lws_kill(ws->conn->edge->server->loop, ws->wsi);
	else
		http_conn_kill(ws->conn);
}
