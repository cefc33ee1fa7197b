#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "http_private.h"
#include "proto/http_range.h"

#define EXPOSED_HEADERS \
	"Content-Length, Content-Range, Date, ETag, Idempotency-Replayed, Retry-After, " \
	"X-Request-Id"

/* What is decided about an answer before its head is written. */
struct plan {
	const struct http_response *response;
	int status;
	uint64_t size; /* of the whole representation */
	uint64_t first, length; /* of what is sent */
	bool has_body; /* the status allows one */
	bool compressed;
	struct rcbuf *gzip; /* in place of the response's pieces */
};

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{206, "Partial Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{411, "Length Required"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{422, "Unprocessable Content"},
		{426, "Upgrade Required"},
		{431, "Request Header Fields Too Large"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}

const char *http_server_date(struct http_server *s)
{
	uint64_t second = clock_wall_us(loop_clock(s->loop)) / 1000000;

	if (second != s->date_second) {
		time_t t = (time_t)second;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(s->date, sizeof(s->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		s->date_second = second;
	}
	return s->date;
}

/* Weak comparison (RFC 9110 section 8.8.3.2) of our tag with a list of theirs. */
static bool etag_listed(const char *list, const char *etag)
{
	size_t len = strlen(etag);

	while (*list) {
		list += strspn(list, " \t,");
		if (*list == '*')
			return true;
		if (text_starts(list, "W/"))
			list += 2;
		if (strncmp(list, etag, len) == 0 && strchr(" \t,", list[len]))
			return true;
		if (*list == '"') {
			const char *end = strchr(list + 1, '"');
			list = end ? end + 1 : list + strlen(list);
		} else {
			list += strcspn(list, ",");
		}
	}
	return false;
}

static bool is_reading(const struct http_request *r)
{
	return r->method == HTTP_GET || r->method == HTTP_HEAD;
}

static bool not_modified(struct http_request *r, const struct http_response *p)
{
	const char *list;

	if (!p->etag || p->status != 200 || !is_reading(r))
		return false;
	list = http_headers_get(r, "if-none-match");
	return list && etag_listed(list, p->etag);
}

/* If-Range (RFC 9110 section 13.1.5): only the same strong tag lets the range stand. */
static const char *range_of(struct http_request *r, const struct http_response *p)
{
	const char *condition;

	if (!p->ranges || p->status != 200 || r->method != HTTP_GET)
		return NULL;
	condition = http_headers_get(r, "if-range");
	if (condition && (!p->etag || strcmp(condition, p->etag) != 0))
		return NULL;
	return http_headers_get(r, "range");
}

static void plan_range(struct http_request *r, struct plan *plan)
{
	uint64_t first = 0, last = 0;
	const char *range = range_of(r, plan->response);

	plan->length = plan->size;
	if (!range)
		return;
	switch (http_range_parse(range, plan->size, &first, &last)) {
	case HTTP_RANGE_FULL:
		break;
	case HTTP_RANGE_PARTIAL:
		plan->status = 206;
		plan->first = first;
		plan->length = last - first + 1;
		break;
	case HTTP_RANGE_UNSATISFIABLE:
		plan->status = 416;
		plan->length = 0;
		break;
	}
}

static void plan_gzip(struct http_request *r, struct plan *plan)
{
	const struct http_response *p = plan->response;

	plan->compressed = p->encoded;
	if (!p->gzip || p->kind != HTTP_BODY_PIECES || !http_request_accepts_gzip(r))
		return;
	plan->gzip = http_gzip(p->pieces, p->n_pieces);
	if (!plan->gzip)
		return;
	plan->compressed = true;
	plan->size = rcbuf_len(plan->gzip);
}

/* False: the file is not there. */
static bool plan_file(struct http_request *r, struct plan *plan)
{
	const struct http_response *p = plan->response;
	struct stat st;

	r->out.fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->out.fd < 0)
		return false;
	if (fstat(r->out.fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < p->offset)
		return false;
	plan->size = (uint64_t)st.st_size - p->offset;
	if (p->len && p->len > plan->size)
		return false;
	if (p->len)
		plan->size = p->len;
	return true;
}

static uint64_t pieces_size(const struct http_response *p)
{
	uint64_t size = 0;

	for (size_t i = 0; i < p->n_pieces; i++)
		size += rcbuf_len(p->pieces[i]);
	return size;
}

static bool plan_make(struct http_request *r, struct plan *plan)
{
	const struct http_response *p = plan->response;

	plan->status = p->status;
	plan->has_body = p->status != 204 && p->status != 304;
	if (p->kind == HTTP_BODY_FILE && !plan_file(r, plan))
		return false;
	if (p->kind == HTTP_BODY_PIECES)
		plan->size = pieces_size(p);
	if (not_modified(r, p)) {
		plan->status = 304;
		plan->has_body = false;
		plan->compressed = p->encoded || (p->gzip && http_request_accepts_gzip(r));
		return true;
	}
	plan_gzip(r, plan);
	plan_range(r, plan);
	return true;
}

static void put_line(struct buf *b, const char *name, const char *value)
{
	buf_put_str(b, name);
	buf_put(b, ": ", 2);
	buf_put_str(b, value);
	buf_put(b, "\r\n", 2);
}

static void put_number(struct buf *b, const char *name, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_line(b, name, text);
}

static void put_representation(struct buf *b, const struct plan *plan)
{
	const struct http_response *p = plan->response;

	if (p->etag) {
		buf_put_str(b, plan->compressed ? "etag: W/" : "etag: ");
		buf_put_str(b, p->etag);
		buf_put(b, "\r\n", 2);
	}
	if (p->gzip || p->encoded)
		put_line(b, "vary", "Accept-Encoding");
	if (!plan->has_body)
		return;
	if (p->content_type)
		put_line(b, "content-type", p->content_type);
	if (plan->compressed)
		put_line(b, "content-encoding", "gzip");
	if (p->kind != HTTP_BODY_STREAM)
		put_number(b, "content-length", plan->length);
	if (p->ranges)
		put_line(b, "accept-ranges", "bytes");
	if (plan->status == 206)
		buf_printf(b, "content-range: bytes %llu-%llu/%llu\r\n",
			(unsigned long long)plan->first,
			(unsigned long long)(plan->first + plan->length - 1),
			(unsigned long long)plan->size);
	else if (plan->status == 416)
		buf_printf(b, "content-range: bytes */%llu\r\n", (unsigned long long)plan->size);
}

static bool is_chunked(const struct http_request *r, const struct http_response *p)
{
	return p->kind == HTTP_BODY_STREAM && !r->h2 && !r->http10 && r->method != HTTP_HEAD;
}

static void put_head(struct http_request *r, const struct plan *plan)
{
	const struct http_response *p = plan->response;
	struct buf *b = &r->out.head;

	buf_reserve(b, 512);
	if (!r->h2)
		buf_printf(b, "HTTP/1.1 %d %s\r\n", plan->status, http_status_text(plan->status));
	put_line(b, "date", http_server_date(r->server));
	put_representation(b, plan);
	put_line(b, "cache-control", p->cache_control ? p->cache_control : "no-store");
	if (p->cors) {
		put_line(b, "access-control-allow-origin", "*");
		put_line(b, "access-control-expose-headers", EXPOSED_HEADERS);
	}
	if (p->location)
		put_line(b, "location", p->location);
	if (p->extra_headers)
		buf_put_str(b, p->extra_headers);
	put_line(b, "x-request-id", r->id);
	if (is_chunked(r, p))
		put_line(b, "transfer-encoding", "chunked");
	if (!r->h2 && r->close)
		put_line(b, "connection", "close");
	if (!r->h2)
		buf_put(b, "\r\n", 2);
}

static void out_pieces(struct http_out *o, struct rcbuf *const *pieces, size_t n)
{
	if (n > HTTP_PIECES_INLINE)
		o->pieces = mem_alloc(n * sizeof(*o->pieces));
	for (size_t i = 0; i < n; i++)
		o->pieces[i] = rcbuf_ref(pieces[i]);
	o->n_pieces = n;
}

/* Moves past the bytes that a range leaves out. */
static void out_skip(struct http_out *o, uint64_t skip)
{
	while (skip && o->piece < o->n_pieces) {
		size_t len = rcbuf_len(o->pieces[o->piece]);
		if (skip < len) {
			o->piece_at = (size_t)skip;
			return;
		}
		skip -= len;
		o->piece++;
	}
}

static void put_body(struct http_request *r, const struct plan *plan)
{
	const struct http_response *p = plan->response;
	struct http_out *o = &r->out;

	if (p->kind == HTTP_BODY_STREAM && plan->has_body && r->method != HTTP_HEAD) {
		o->is_stream = true;
		o->stream = p->stream;
		o->is_chunked = is_chunked(r, p);
	}
	if (!plan->has_body || r->method == HTTP_HEAD || !plan->length)
		return;
	o->left = plan->length;
	o->offset = (off_t)(p->offset + plan->first);
	if (plan->gzip)
		out_pieces(o, (struct rcbuf *const *)&plan->gzip, 1);
	else if (p->kind == HTTP_BODY_PIECES)
		out_pieces(o, p->pieces, p->n_pieces);
	out_skip(o, plan->first);
}

static void out_close_file(struct http_out *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

void http_out_finish(struct http_out *o)
{
	for (size_t i = 0; i < o->n_pieces; i++)
		rcbuf_unref(&o->pieces[i]);
	if (o->pieces != o->inline_pieces)
		free(o->pieces);
	out_close_file(o);
	buf_finish(&o->head);
}

/* True: the answer goes later, or never, as nobody is there for it. */
static bool is_kept_back(struct http_request *r, const struct http_response *response)
{
	bool (*before)(void *user, struct http_request *r, const struct http_response *response) =
		r->before;

	r->before = NULL;
	if (before && before(r->before_user, r, response))
		return true;
	if (!r->orphan)
		return false;
	http_request_free(r);
	return true;
}

void http_respond(struct http_request *r, const struct http_response *response)
{
	struct plan plan = {.response = response};

	must(r->phase == HTTP_HANDLING);
	if (is_kept_back(r, response))
		return;
	r->close = r->close || response->close || r->server->draining ||
		response->kind == HTTP_BODY_STREAM;
	if (!plan_make(r, &plan)) {
		out_close_file(&r->out);
		http_respond_text(r, 404, "application/json; charset=utf-8",
			"{\"error\":{\"code\":\"not_found\",\"message\":\"There is no such "
			"file.\"}}");
		return;
	}
	r->phase = HTTP_ANSWERING;
	r->out.status = plan.status;
	put_head(r, &plan);
	put_body(r, &plan);
	rcbuf_unref(&plan.gzip);
	if (!r->out.left)
		out_close_file(&r->out);
	http_write(r, false);
}

void http_respond_text(
	struct http_request *r, int status, const char *content_type, const char *text)
{
	struct rcbuf *body = rcbuf_from(text, strlen(text));

	http_respond(r,
		&(struct http_response){.status = status,
			.content_type = content_type,
			.kind = HTTP_BODY_PIECES,
			.pieces = &body,
			.n_pieces = 1});
	rcbuf_unref(&body);
}
