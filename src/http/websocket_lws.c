#include <string.h>
#include <strings.h>

#include "loop/lws.h"
#include "websocket_private.h"

/*
 * WebSockets on TLS and on HTTP/2 (RFC 8441): libwebsockets does the handshake and the frames. It
 * overlooks unmasked ones; sizes, UTF-8 and close codes are judged here as everywhere. A stream of
 * HTTP/2 is written in pieces, as its window allows.
 */
#define PATH_MAX_HERE 8192
#define PIECE_H1 HTTP_SCRATCH
/* A frame of HTTP/2 less than its own and the WebSocket's head. */
#define PIECE_H2 (16384 - 32)

static struct http_session *session_of(struct lws *wsi)
{
	return lws_wsi_user(wsi);
}

static struct http_websocket *websocket_of(struct lws *wsi)
{
	struct http_session *session = session_of(wsi);

	return session ? session->websocket : NULL;
}

bool http_websocket_is_upgrade(const struct http_conn *c, const char *to)
{
	const struct http_server *s = c->edge->server;

	return to && strcasecmp(to, "websocket") == 0 && s->websockets && !s->draining;
}

static bool path_of(struct lws *wsi, char *out, int size)
{
	return lws_hdr_copy(wsi, out, size, WSI_TOKEN_GET_URI) > 0 ||
		lws_hdr_copy(wsi, out, size, WSI_TOKEN_HTTP_COLON_PATH) > 0;
}

static struct http_request *request_of(struct http_conn *c, struct lws *wsi)
{
	char path[PATH_MAX_HERE];
	struct http_request *r;

	if (!path_of(wsi, path, sizeof(path)))
		return NULL;
	r = http_request_begin(c, wsi, path, strlen(path));
	/* Nothing but an upgrade comes this way: CONNECT on HTTP/2. */
	r->method = HTTP_GET;
	r->close = true;
	c->served = true;
	c->active++;
	if (!r->h2)
		c->current = r;
	session_of(wsi)->request = r;
	return r;
}

/*
 * Refused, or put off: libwebsockets wants to know now. It forgets to reset a stream of HTTP/2,
 * which is closed as a WebSocket instead.
 */
static int not_accepted(struct http_conn *c, struct lws *wsi)
{
	struct http_session *session = session_of(wsi);
	struct http_request *r = session ? session->request : NULL;

	if (r) {
		session->request = NULL;
		http_request_lost(r);
	}
	return wsi == c->wsi ? -1 : 0;
}

static int close_refused(struct lws *wsi)
{
	lws_close_reason(wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, NULL, 0);
	return -1;
}

int http_websocket_on_filter(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_request *r;

	if (!http_websocket_is_upgrade(c, "websocket") || !session_of(wsi))
		return not_accepted(c, wsi);
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	http_wait_stop(&c->wait);
	r = request_of(c, wsi);
	if (r && http_request_accept(r))
		http_websocket_asked(r);
	return websocket_of(wsi) ? 0 : not_accepted(c, wsi);
}

void http_websocket_carry(struct http_websocket *ws, struct http_request *r)
{
	struct http_session *session = session_of(r->wsi);

	ws->wsi = r->wsi;
	ws->h2 = r->h2;
	session->websocket = ws;
	session->request = NULL;
}

void http_websocket_wake(struct http_websocket *ws)
{
	if (!ws->shaken)
		return;
	lws_callback_on_writable(ws->wsi);
	loop_lws_wake(ws->conn->edge->server->loop);
}

int http_websocket_on_established(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_websocket *ws = websocket_of(wsi);

	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	if (ws)
		ws->shaken = true;
	if (!ws || ws->count)
		lws_callback_on_writable(wsi);
	return 0;
}

static void receive(struct http_websocket *ws, struct lws *wsi, const uint8_t *data, size_t len)
{
	struct ws_event e = {.kind = WS_EVENT_ERROR};

	switch (ws_join_add(&ws->reader.message, data, len, lws_frame_is_binary(wsi),
		lws_is_final_fragment(wsi), &e.data, &e.len)) {
	case WS_JOIN_MORE:
		return;
	case WS_JOIN_WHOLE:
		e.kind = WS_EVENT_MESSAGE;
		e.binary = ws->reader.message.binary;
		break;
	case WS_JOIN_TOO_BIG:
		e.code = WS_CLOSE_TOO_BIG;
		e.why = "message too big";
		break;
	case WS_JOIN_NOT_UTF8:
		e.code = WS_CLOSE_NOT_UTF8;
		e.why = "text not UTF-8";
		break;
	}
	http_websocket_handle(ws, &e);
}

int http_websocket_on_receive(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_websocket *ws = websocket_of(wsi);

	if (!ws || ws->aborted)
		return -1;
	if (!ws->deaf && !ws->closed)
		receive(ws, wsi, in ? in : (const uint8_t *)"", len);
	return ws->aborted ? -1 : 0;
}

int http_websocket_on_pong(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_websocket *ws = websocket_of(wsi);

	if (ws)
		http_websocket_handle(ws, &(struct ws_event){.kind = WS_EVENT_PONG});
	return 0;
}

/* The frame that is next: its own bytes end at data + len. */
struct frame {
	enum ws_opcode opcode;
	const uint8_t *data;
	size_t head, len;
};

static struct frame frame_next(const struct http_websocket *ws)
{
	const uint8_t *at = rcbuf_data(ws->frames[ws->first]) + ws->first_at;
	struct frame f = {.opcode = (enum ws_opcode)(at[0] & 0x0f), .head = 2, .len = at[1]};
	unsigned bytes = at[1] == 126 ? 2 : at[1] == 127 ? 8 : 0;

	f.len = bytes ? 0 : at[1];
	for (unsigned i = 0; i < bytes; i++)
		f.len = f.len << 8 | at[2 + i];
	f.head += bytes;
	f.data = at + f.head;
	return f;
}

static int write_kind(const struct frame *f, size_t at, bool last)
{
	int kind = LWS_WRITE_CONTINUATION;

	if (f->opcode == WS_PING)
		return LWS_WRITE_PING;
	if (f->opcode == WS_PONG)
		return LWS_WRITE_PONG;
	if (!at)
		kind = f->opcode == WS_BINARY ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
	return kind | (last ? 0 : LWS_WRITE_NO_FIN);
}

/*
 * 0: nothing may be written now. libwebsockets tells nothing of the window of a stream that carries
 * a WebSocket, and writes beyond it; what is left of the connection's, it tells. The peer's next
 * WINDOW_UPDATE ends the connection if the window was overdrawn.
 */
static size_t piece_max(const struct http_websocket *ws)
{
	lws_fileofs_t allowed;

	if (!ws->h2)
		return PIECE_H1;
	allowed = lws_get_peer_write_allowance(lws_get_network_wsi(ws->wsi));
	if (allowed < 0 || allowed > PIECE_H2 + 32)
		return PIECE_H2;
	return allowed > 32 ? (size_t)allowed - 32 : 0;
}

/*
 * Past the role on HTTP/1, which would end the connection with it instead of waiting for the
 * answer; on HTTP/2 only the role can, as it ends the stream.
 */
static bool write_close(struct http_websocket *ws, const struct frame *f)
{
	uint8_t copy[LWS_PRE + 2 + WS_CONTROL_MAX];
	unsigned code = f->len >= 2 ? (unsigned)f->data[0] << 8 | f->data[1] : WS_CLOSE_NORMAL;
	size_t size = f->head + f->len;

	memcpy(copy + LWS_PRE, f->data - f->head, size);
	http_websocket_consume(ws, size);
	if (!ws->h2)
		return lws_write(ws->wsi, copy + LWS_PRE, size, LWS_WRITE_RAW) >= (int)size;
	lws_close_reason(ws->wsi, (enum lws_close_status)code, copy + LWS_PRE + f->head + 2,
		f->len > 2 ? f->len - 2 : 0);
	return false;
}

/* False: the connection failed, or is to be closed. */
static bool write_piece(struct http_websocket *ws, const struct frame *f, size_t max)
{
	uint8_t *bytes = ws->conn->edge->server->scratch + LWS_PRE;
	size_t left = f->len - ws->frame_at, n = left < max ? left : max;
	int kind = write_kind(f, ws->frame_at, n == left);

	if (f->opcode == WS_CLOSE)
		return write_close(ws, f);
	memcpy(bytes, f->data + ws->frame_at, n);
	if (lws_write(ws->wsi, bytes, n, (enum lws_write_protocol)kind) < (int)n)
		return false;
	metric_add(ws->conn->edge->server->metrics.sent, n);
	ws->frame_at += n;
	if (n == left) {
		ws->frame_at = 0;
		http_websocket_consume(ws, f->head + f->len);
	}
	return true;
}

int http_websocket_on_writeable(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_websocket *ws = websocket_of(wsi);
	bool shut = false; /* the window; its opening wakes all streams */

	if (!ws)
		return close_refused(wsi);
	if (ws->aborted)
		return -1;
	while (ws->count && !lws_partial_buffered(wsi) && !lws_send_pipe_choked(wsi)) {
		struct frame f = frame_next(ws);
		size_t max = piece_max(ws);
		shut = !max;
		if (shut)
			break;
		if (!write_piece(ws, &f, max))
			return -1;
		/* One piece a callback is what its role allows on HTTP/2. */
		if (ws->h2)
			break;
	}
	if (ws->count && !shut)
		lws_callback_on_writable(wsi);
	return !ws->count && ws->ending && ws->closed ? -1 : 0;
}

static unsigned code_of(const uint8_t *in, size_t len)
{
	unsigned code = len >= 2 ? (unsigned)in[0] << 8 | in[1] : WS_CLOSE_NO_STATUS;

	return len < 2 || ws_close_code_valid(code) ? code : WS_CLOSE_PROTOCOL;
}

int http_websocket_on_peer_close(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	struct http_websocket *ws = websocket_of(wsi);
	bool answered;

	if (!ws)
		return -1;
	answered = ws->ending;
	ws->closed = ws->ending = true;
	http_websocket_over(ws, code_of(in, len));
	/* Zero: libwebsockets echoes the frame, and closes; but not on HTTP/2. */
	if (ws->h2 && !answered)
		lws_close_reason(wsi, (enum lws_close_status)code_of(in, len), NULL, 0);
	return answered || ws->h2 ? -1 : 0;
}

int http_websocket_on_closed(struct http_conn *c, struct lws *wsi, void *in, size_t len)
{
	http_websocket_gone(wsi);
	return 0;
}

void http_websocket_gone(struct lws *wsi)
{
	struct http_session *session = session_of(wsi);
	struct http_websocket *ws = session ? session->websocket : NULL;

	if (!ws)
		return;
	session->websocket = NULL;
	http_websocket_free(ws);
}
