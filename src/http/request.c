#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/head.h"
#include "http_private.h"

#define QUERY_FRAGMENT 8192

static const struct {
	const char *text;
	enum http_method method;
	int token;
} methods[] = {
	{"GET", HTTP_GET, WSI_TOKEN_GET_URI},
	{"HEAD", HTTP_HEAD, WSI_TOKEN_HEAD_URI},
	{"POST", HTTP_POST, WSI_TOKEN_POST_URI},
	{"PUT", HTTP_PUT, WSI_TOKEN_PUT_URI},
	{"PATCH", HTTP_PATCH, WSI_TOKEN_PATCH_URI},
	{"DELETE", HTTP_DELETE, WSI_TOKEN_DELETE_URI},
	{"OPTIONS", HTTP_OPTIONS, WSI_TOKEN_OPTIONS_URI},
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

static const struct {
	int status;
	const char *name, *code, *text;
} refusals[] = {
#define X(name, status, code, text) [HTTP_REFUSE_##name] = {status, #name, code, text},
	HTTP_REFUSALS(X)
#undef X
};

const char *http_method_text(enum http_method m)
{
	for (size_t i = 0; i < N_METHODS; i++)
		if (methods[i].method == m)
			return methods[i].text;
	return "?";
}

/* 0: none of ours. */
static enum http_method method_of(struct lws *wsi)
{
	char text[16];
	bool h2 = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_COLON_METHOD) > 0;

	if (h2 && lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_COLON_METHOD) <= 0)
		return 0;
	for (size_t i = 0; i < N_METHODS; i++)
		if (h2 ? strcmp(text, methods[i].text) == 0
		       : lws_hdr_total_length(wsi, (enum lws_token_indexes)methods[i].token) > 0)
			return methods[i].method;
	return 0;
}

static bool must_encode(unsigned char c)
{
	return c <= 0x20 || c >= 0x7f || c == '%' || c == '&' || c == '+' || c == '#';
}

/* libwebsockets hands the arguments out one by one and decoded: back to what a URL looks like. */
static char *query_of(struct lws *wsi)
{
	struct buf out = {0};
	char fragment[QUERY_FRAGMENT];

	for (int i = 0;; i++) {
		int len = lws_hdr_copy_fragment(
			wsi, fragment, sizeof(fragment), WSI_TOKEN_HTTP_URI_ARGS, i);
		if (len < 0)
			break;
		if (i)
			buf_put_u8(&out, '&');
		for (int j = 0; j < len; j++) {
			unsigned char c = (unsigned char)fragment[j];
			if (must_encode(c))
				buf_printf(&out, "%%%02X", c);
			else
				buf_put_u8(&out, c);
		}
	}
	char *text = mem_strdup(buf_text(&out));
	buf_finish(&out);
	return text;
}

static bool id_valid(const char *id)
{
	size_t len =
		strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	return len > 0 && len < HTTP_ID_SIZE && !id[len];
}

static void id_set(struct http_request *r)
{
	const char *theirs = http_headers_get(r, "x-request-id");

	if (theirs && id_valid(theirs))
		text_copy(r->id, sizeof(r->id), theirs);
	else
		snprintf(r->id, sizeof(r->id), "%s-%llx", r->server->id_prefix,
			(unsigned long long)r->server->id_next++);
}

static bool wants_close(struct http_request *r)
{
	const char *connection = http_headers_get(r, "connection");
	char version[16] = "";

	if (r->h2)
		return false;
	if (lws_hdr_copy(r->wsi, version, sizeof(version), WSI_TOKEN_HTTP) > 0 &&
		strcmp(version, "HTTP/1.1") != 0)
		r->http10 = true;
	return r->http10 || (connection && strcasestr(connection, "close"));
}

static struct http_request *request_create(struct http_conn *c)
{
	struct http_request *r = mem_new(struct http_request);

	r->server = c->edge->server;
	r->conn = c;
	r->began_us = loop_now_us(r->server->loop);
	r->out.fd = -1;
	r->out.pieces = r->out.inline_pieces;
	list_append(&c->requests, &r->link);
	http_wait_init(&r->wait, c);
	return r;
}

struct http_request *http_request_begin_direct(
	struct http_conn *c, char *bytes, const struct http_head *head)
{
	struct http_request *r = request_create(c);

	r->head = bytes;
	r->lines = head->lines;
	r->method = head->method;
	r->path = head->path;
	r->query = head->query;
	r->close = head->close;
	r->http10 = head->http10;
	id_set(r);
	return r;
}

struct http_request *http_request_begin(
	struct http_conn *c, struct lws *wsi, const char *path, size_t path_len)
{
	struct http_request *r = request_create(c);

	r->wsi = wsi;
	r->h2 = wsi != c->wsi;
	r->method = method_of(wsi);
	r->path = mem_strndup(path, path_len);
	r->query = query_of(wsi);
	r->close = wants_close(r);
	id_set(r);
	return r;
}

static bool has_body(enum http_method m)
{
	return m == HTTP_POST || m == HTTP_PUT || m == HTTP_PATCH || m == HTTP_DELETE;
}

static bool needs_length(enum http_method m)
{
	return m == HTTP_POST || m == HTTP_PUT || m == HTTP_PATCH;
}

/* libwebsockets accepts all of these, and parses what it took for no body as the next request. */
static bool check(struct http_request *r, enum http_refusal *why)
{
	const char *length = http_headers_get(r, "content-length");

	*why = HTTP_REFUSE_METHOD;
	if (!r->method)
		return false;
	*why = HTTP_REFUSE_TRANSFER_ENCODING;
	if (http_headers_get(r, "transfer-encoding"))
		return false;
	*why = HTTP_REFUSE_LENGTH_MALFORMED;
	if (length && !text_u64(length, 0, INT64_MAX, &r->length))
		return false;
	*why = HTTP_REFUSE_LENGTH_MISSING;
	if (!length && needs_length(r->method))
		return false;
	*why = HTTP_REFUSE_BODY_UNEXPECTED;
	if (r->length && !has_body(r->method))
		return false;
	*why = HTTP_REFUSE_BODY_TOO_LARGE;
	if (r->length > r->server->max_body)
		return false;
	*why = HTTP_REFUSE_PATH;
	return text_utf8_valid(r->path, strlen(r->path));
}

static void send_continue(struct http_request *r)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const char *expect = http_headers_get(r, "expect");
	uint8_t copy[LWS_PRE + sizeof(text)];

	if (r->h2 || r->http10 || !expect || strcasecmp(expect, "100-continue") != 0)
		return;
	if (!r->wsi) {
		(void)!send(r->conn->fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	memcpy(copy + LWS_PRE, text, sizeof(text));
	lws_write(r->wsi, copy + LWS_PRE, sizeof(text) - 1, LWS_WRITE_HTTP);
}

bool http_request_accept(struct http_request *r)
{
	enum http_refusal why;

	if (!check(r, &why)) {
		http_request_refuse(r, why);
		return false;
	}
	if (r->length) {
		send_continue(r);
		http_wait_start(r->server, &r->wait, HTTP_WAIT_BODY);
	}
	return true;
}

/*
 * libwebsockets (4.1.6) gives the head of a pipelined request with a body as the beginning of that
 * body. No body that is understood here begins with a method.
 */
static bool body_is_head(const struct http_request *r, const void *data, size_t len)
{
	const char *method = http_method_text(r->method);
	size_t want = strlen(method);

	return !r->h2 && !r->body.len && memcmp(data, method, len < want ? len : want) == 0;
}

void http_request_body_add(struct http_request *r, const void *data, size_t len)
{
	if (len && body_is_head(r, data, len)) {
		http_conn_kill(r->conn);
		return;
	}
	/* libwebsockets counts to the declared length, which was checked. */
	if (len && r->body.len + len <= r->length)
		buf_put(&r->body, data, len);
}

void http_request_handle(struct http_request *r)
{
	struct http_conn *c = r->conn;
	bool h2 = r->h2;

	http_wait_stop(&r->wait);
	r->phase = HTTP_HANDLING;
	r->server->handle(r->server->user, r);
	if (!h2 && c->current)
		http_conn_pause(c);
}

/*
 * The rest of a body that is on its way is read and thrown away for a while: closing with unread
 * bytes would reset the connection and with it the answer.
 */
static bool lingers(const struct http_request *r, enum http_refusal why)
{
	return !r->h2 && needs_length(r->method) &&
		(why == HTTP_REFUSE_BODY_TOO_LARGE || why == HTTP_REFUSE_LENGTH_MISSING ||
			why == HTTP_REFUSE_TRANSFER_ENCODING);
}

void http_request_refuse(struct http_request *r, enum http_refusal why)
{
	char text[256];

	metric_add(r->server->metrics.refused[why], 1);
	log_debug("request refused", kv_str("request", r->id), kv_str("address", r->conn->address),
		kv_str("reason", refusals[why].name));
	snprintf(text, sizeof(text), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}",
		refusals[why].code, refusals[why].text);
	r->close = true;
	r->lingers = lingers(r, why);
	r->phase = HTTP_HANDLING;
	http_respond_text(r, refusals[why].status, "application/json; charset=utf-8", text);
}

void http_request_free(struct http_request *r)
{
	http_wait_stop(&r->wait);
	list_remove(&r->link);
	if (r->data_free)
		r->data_free(r->data);
	for (unsigned i = 0; i < r->n_headers; i++)
		free(r->headers[i].value);
	http_out_finish(&r->out);
	buf_finish(&r->body);
	if (r->orphan)
		free(r->conn);
	if (!r->lines) {
		free((char *)(uintptr_t)r->path);
		free((char *)(uintptr_t)r->query);
	}
	free(r->head);
	free(r);
}

/* What is still asked about the connection comes from a copy: address, edge, uid. */
static void orphan(struct http_request *r)
{
	http_wait_stop(&r->wait);
	list_remove(&r->link);
	r->conn = mem_dup(r->conn, sizeof(*r->conn));
	r->conn->closing = true;
	r->conn->wsi = NULL;
	r->conn->fd = -1;
	r->wsi = NULL;
	r->orphan = true;
	list_append(&r->server->orphans, &r->link);
}

void http_request_abandon_orphans(struct http_server *s)
{
	while (!list_empty(&s->orphans)) {
		struct http_request *r = container_of(s->orphans.next, struct http_request, link);
		if (r->gone)
			r->gone(r->gone_user);
		http_request_free(r);
	}
}

void http_request_lost(struct http_request *r)
{
	struct http_conn *c = r->conn;

	c->active--;
	if (c->current == r)
		c->current = NULL;
	if (r->phase == HTTP_HANDLING && r->kept) {
		orphan(r);
		return;
	}
	if (r->phase == HTTP_HANDLING && r->gone)
		r->gone(r->gone_user);
	if (r->phase == HTTP_ANSWERING && r->out.stream.gone)
		r->out.stream.gone(r->out.stream.user);
	http_request_free(r);
}

static void account(struct http_request *r)
{
	struct http_metrics *m = &r->server->metrics;
	unsigned hundreds = (unsigned)r->out.status / 100;
	uint64_t took = loop_now_us(r->server->loop) - r->began_us;

	metric_add(m->requests[hundreds < 6 ? hundreds : 0], 1);
	metric_observe(m->seconds, (double)took / 1e6);
	if (log_enabled(LOG_DEBUG, LOG_MODULE))
		log_debug("request", kv_str("request", r->id), kv_str("address", r->conn->address),
			kv_str("method", http_method_text(r->method)), kv_str("path", r->path),
			kv_i64("status", r->out.status), kv_u64("us", took));
}

void http_request_done(struct http_request *r)
{
	struct http_conn *c = r->conn;
	struct lws *wsi = r->wsi;
	bool h2 = r->h2, close = r->close;

	account(r);
	if (r->lingers) {
		r->phase = HTTP_REFUSED;
		if (!r->wsi)
			shutdown(c->fd, SHUT_WR);
		http_wait_start(r->server, &r->wait, HTTP_WAIT_LINGER);
		return;
	}
	http_request_free(r);
	http_conn_next(c, wsi, h2, close);
}
