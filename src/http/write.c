#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/must.h"
#include "http_private.h"

#define IOV_MAX_HERE 64
/* What one connection writes before the others have their turn. */
#define TURN_BYTES (1024 * 1024)
#define FILE_PIECE (512 * 1024)
#define TLS_PIECE HTTP_SCRATCH
/* RFC 9113 section 4.2: every peer takes frames of this size. */
#define H2_FRAME 16384
#define H2_HEAD 8192

enum progress {
	PROGRESS_DONE,
	PROGRESS_AGAIN,
	PROGRESS_IDLE, /* of a stream: nothing to write now */
	PROGRESS_TURN_OVER,
	PROGRESS_FAILED,
};

static bool out_empty(const struct http_out *o)
{
	return !o->head.len && !o->left;
}

static unsigned out_iov(const struct http_out *o, struct iovec *iov)
{
	unsigned n = 0;
	uint64_t left = o->left;
	size_t at = o->piece_at;

	if (o->head.len)
		iov[n++] = (struct iovec){o->head.data, o->head.len};
	for (size_t i = o->piece; i < o->n_pieces && left && n < IOV_MAX_HERE; i++, at = 0) {
		size_t len = rcbuf_len(o->pieces[i]) - at;
		if (len > left)
			len = (size_t)left;
		iov[n++] = (struct iovec){(void *)(uintptr_t)(rcbuf_data(o->pieces[i]) + at), len};
		left -= len;
	}
	return n;
}

static void out_consume_pieces(struct http_out *o, size_t n)
{
	o->left -= n;
	while (n) {
		size_t len = rcbuf_len(o->pieces[o->piece]) - o->piece_at;
		if (n < len) {
			o->piece_at += n;
			return;
		}
		n -= len;
		o->piece++;
		o->piece_at = 0;
	}
}

static void out_consume(struct http_out *o, size_t n)
{
	size_t head = n < o->head.len ? n : o->head.len;

	buf_consume(&o->head, head);
	if (n > head)
		out_consume_pieces(o, n - head);
}

static enum progress failure(void)
{
	return errno == EAGAIN ? PROGRESS_AGAIN : PROGRESS_FAILED;
}

/* Head and pieces; what lies in a file follows. */
static enum progress send_some(struct http_request *r, uint64_t *moved)
{
	struct http_out *o = &r->out;
	struct iovec iov[IOV_MAX_HERE + 1];
	bool file_follows = o->fd >= 0 && o->left;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = out_iov(o, iov)};
	ssize_t n = sendmsg(
		r->conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | (file_follows ? MSG_MORE : 0));

	if (n < 0)
		return errno == EINTR ? PROGRESS_DONE : failure();
	*moved += (uint64_t)n;
	out_consume(o, (size_t)n);
	return PROGRESS_DONE;
}

static enum progress sendfile_some(struct http_request *r, uint64_t *moved)
{
	struct http_out *o = &r->out;
	size_t want = o->left < FILE_PIECE ? (size_t)o->left : FILE_PIECE;
	ssize_t n = sendfile(r->conn->fd, o->fd, &o->offset, want);

	if (n < 0)
		return errno == EINTR ? PROGRESS_DONE : failure();
	/* The file has become shorter: the promised length cannot be kept. */
	if (n == 0)
		return PROGRESS_FAILED;
	*moved += (uint64_t)n;
	o->left -= (uint64_t)n;
	return PROGRESS_DONE;
}

static enum progress write_clear(struct http_request *r, uint64_t *moved)
{
	struct http_out *o = &r->out;
	enum progress progress = PROGRESS_DONE;

	while (progress == PROGRESS_DONE && !out_empty(o)) {
		if (*moved >= TURN_BYTES)
			return PROGRESS_TURN_OVER;
		if (o->head.len || o->fd < 0)
			progress = send_some(r, moved);
		else
			progress = sendfile_some(r, moved);
	}
	return progress;
}

/* Copies up to size bytes of what comes next, consuming nothing; -1: the file failed. */
static ssize_t out_peek(const struct http_out *o, uint8_t *to, size_t size)
{
	struct iovec iov[IOV_MAX_HERE + 1];
	unsigned n = out_iov(o, iov);
	size_t len = 0;

	for (unsigned i = 0; i < n && len < size; i++) {
		size_t take = iov[i].iov_len < size - len ? iov[i].iov_len : size - len;
		memcpy(to + len, iov[i].iov_base, take);
		len += take;
	}
	if (o->fd < 0 || !o->left || len == size)
		return (ssize_t)len;
	size_t want = o->left < size - len ? (size_t)o->left : size - len;
	ssize_t read = pread(o->fd, to + len, want, o->offset);
	return read > 0 ? (ssize_t)len + read : -1;
}

static void out_advance(struct http_out *o, size_t n)
{
	size_t head = n < o->head.len ? n : o->head.len;

	if (o->fd < 0 || n == head) {
		out_consume(o, n);
		return;
	}
	buf_consume(&o->head, head);
	o->offset += (off_t)(n - head);
	o->left -= n - head;
}

/*
 * Past libwebsockets, as on clear sockets: its own buffer of what did not go through copies, and
 * asks for WRITEABLE, which it does not handle while reading is paused. A write that would block is
 * repeated with the same bytes, as OpenSSL wants it.
 */
static enum progress write_tls(struct http_request *r, uint64_t *moved)
{
	SSL *ssl = lws_get_ssl(r->wsi);
	uint8_t *bytes = r->server->scratch;

	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	while (!out_empty(&r->out)) {
		if (*moved >= TURN_BYTES)
			return PROGRESS_TURN_OVER;
		ssize_t len = out_peek(&r->out, bytes, TLS_PIECE);
		if (len < 0)
			return PROGRESS_FAILED;
		ERR_clear_error();
		int n = SSL_write(ssl, bytes, (int)len);
		if (n <= 0)
			return SSL_get_error(ssl, n) == SSL_ERROR_WANT_WRITE ? PROGRESS_AGAIN
									     : PROGRESS_FAILED;
		out_advance(&r->out, (size_t)n);
		*moved += (uint64_t)n;
	}
	return PROGRESS_DONE;
}

/* The lines of the head as HTTP/2 header fields. */
static bool h2_lines(struct http_request *r, uint8_t **p, uint8_t *end)
{
	const char *at = buf_text(&r->out.head);

	while (*at) {
		size_t line = strcspn(at, "\r"), name = strcspn(at, ":");
		char key[64];
		if (name + 2 > line || name + 2 > sizeof(key))
			return false;
		for (size_t i = 0; i <= name; i++)
			key[i] = (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]);
		key[name + 1] = '\0';
		if (lws_add_http_header_by_name(r->wsi, (unsigned char *)key,
			    (const unsigned char *)at + name + 2, (int)(line - name - 2), p, end))
			return false;
		at += line + 2;
	}
	return true;
}

static enum progress h2_head(struct http_request *r, uint64_t *moved)
{
	uint8_t *start = r->server->scratch + LWS_PRE, *p = start, *end = start + H2_HEAD;
	bool body_follows = r->out.left || r->out.is_stream;
	int flags = LWS_WRITE_HTTP_HEADERS | (body_follows ? 0 : LWS_WRITE_H2_STREAM_END);

	if (lws_add_http_header_status(r->wsi, (unsigned)r->out.status, &p, end) ||
		!h2_lines(r, &p, end) || lws_finalize_http_header(r->wsi, &p, end))
		return PROGRESS_FAILED;
	if (lws_write(r->wsi, start, (size_t)(p - start), (enum lws_write_protocol)flags) < 0)
		return PROGRESS_FAILED;
	*moved += (uint64_t)(p - start);
	buf_reset(&r->out.head);
	r->out.head_sent = true;
	return body_follows ? PROGRESS_AGAIN : PROGRESS_DONE;
}

static enum progress h2_body(struct http_request *r, uint64_t *moved)
{
	uint8_t *start = r->server->scratch + LWS_PRE;
	lws_fileofs_t allowed = lws_get_peer_write_allowance(r->wsi);
	size_t size = H2_FRAME;

	bool final;

	if (allowed == 0 && r->out.left)
		return PROGRESS_AGAIN;
	if (allowed > 0 && (uint64_t)allowed < size)
		size = (size_t)allowed;
	ssize_t len = out_peek(&r->out, start, size);
	if (len < 0)
		return PROGRESS_FAILED;
	out_advance(&r->out, (size_t)len);
	final = !r->out.left && (!r->out.is_stream || r->out.has_ended);
	if (lws_write(r->wsi, start, (size_t)len, final ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
		0)
		return PROGRESS_FAILED;
	*moved += (uint64_t)len;
	return final ? PROGRESS_DONE : PROGRESS_AGAIN;
}

static enum progress write_h2(struct http_request *r, bool writable, uint64_t *moved)
{
	if (!writable)
		return PROGRESS_AGAIN;
	return r->out.head_sent ? h2_body(r, moved) : h2_head(r, moved);
}

/* The rest goes when there is room: the poller tells on HTTP/1, libwebsockets on HTTP/2. */
static void await(struct http_request *r)
{
	struct http_conn *c = r->conn;

	if (r->h2)
		lws_callback_on_writable(r->wsi);
	else if (!http_poller_add(r->server->poller, c))
		http_conn_kill(c);
}

static enum progress write_some(struct http_request *r, bool writable, uint64_t *moved)
{
	if (r->h2)
		return write_h2(r, writable, moved);
	return r->conn->edge->tls ? write_tls(r, moved) : write_clear(r, moved);
}

/* What there is, and what comes when that is out. */
static enum progress write_stream(struct http_request *r, bool writable, uint64_t *moved)
{
	enum progress progress;

	do {
		http_stream_fill(r);
		if (http_stream_idle(r))
			return PROGRESS_IDLE;
		progress = write_some(r, writable, moved);
	} while (progress == PROGRESS_DONE && !r->out.has_ended);
	return progress;
}

void http_write(struct http_request *r, bool writable)
{
	struct http_conn *c = r->conn;
	uint64_t moved = 0;
	enum progress progress;

	if (c->closing || c->killed)
		return;
	progress = r->out.is_stream ? write_stream(r, writable, &moved)
				    : write_some(r, writable, &moved);
	metric_add(r->server->metrics.sent, moved);
	if (moved || r->wait.kind != HTTP_WAIT_WRITE)
		http_wait_start(r->server, &r->wait, HTTP_WAIT_WRITE);
	switch (progress) {
	case PROGRESS_DONE:
		http_request_done(r);
		break;
	case PROGRESS_AGAIN:
		await(r);
		break;
	case PROGRESS_IDLE:
		http_wait_stop(&r->wait);
		break;
	case PROGRESS_TURN_OVER:
		http_conn_retry(c);
		break;
	case PROGRESS_FAILED:
		http_conn_kill(c);
		break;
	}
}
