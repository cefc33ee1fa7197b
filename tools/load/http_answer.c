#include "http_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { LINE_MAX_BYTES = 16384 };

void http_answer_begin(struct http_answer *a, bool keep_body)
{
	struct buf line = a->line, body = a->body;
	buf_reset(&line);
	buf_reset(&body);
	*a = (struct http_answer){.keep_body = keep_body, .line = line, .body = body};
}

void http_answer_finish(struct http_answer *a)
{
	buf_finish(&a->line);
	buf_finish(&a->body);
}

static void body_begin(struct http_answer *a, bool chunked)
{
	bool empty = a->status == 204 || a->status == 304;
	if (a->status >= 100 && a->status < 200) {
		a->status = 0;
		a->state = HTTP_ANSWER_HEAD;
	} else if (chunked && !empty) {
		a->state = HTTP_ANSWER_CHUNK_SIZE;
	} else {
		a->left = empty ? 0 : a->left;
		a->state = a->left ? HTTP_ANSWER_LENGTH : HTTP_ANSWER_DONE;
	}
}

static bool status_parse(struct http_answer *a, const char *line)
{
	uint64_t status;
	char digits[4];
	if (!text_starts(line, "HTTP/1.") || strlen(line) < 12)
		return false;
	text_copy(digits, sizeof(digits), line + 9);
	if (!text_u64(digits, 100, 599, &status))
		return false;
	a->status = (int)status;
	a->close = line[7] == '0';
	return true;
}

static const char *field_value(const char *line, const char *name)
{
	size_t n = strlen(name);
	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " \t");
}

static bool chunk_size_parse(struct http_answer *a, const char *line)
{
	char *end;
	a->left = strtoull(line, &end, 16);
	return end != line && (*end == '\0' || *end == ';' || *end == ' ');
}

/* While the head is read, a `left` of UINT64_MAX says that the body comes in chunks. */
static bool head_line(struct http_answer *a, const char *line)
{
	const char *value;
	if (a->status == 0)
		return status_parse(a, line);
	if (!*line) {
		body_begin(a, a->left == UINT64_MAX);
		return true;
	}
	if ((value = field_value(line, "Content-Length")))
		return text_u64(value, 0, INT64_MAX, &a->left);
	if ((value = field_value(line, "Transfer-Encoding")))
		a->left = UINT64_MAX;
	if ((value = field_value(line, "Connection")))
		a->close |= strcasecmp(value, "close") == 0;
	return true;
}

static bool line_take(struct http_answer *a, const char *line)
{
	switch (a->state) {
	case HTTP_ANSWER_HEAD:
		return head_line(a, line);
	case HTTP_ANSWER_CHUNK_SIZE:
		if (!chunk_size_parse(a, line))
			return false;
		a->state = a->left ? HTTP_ANSWER_CHUNK : HTTP_ANSWER_TRAILER;
		return true;
	case HTTP_ANSWER_CHUNK_END:
		a->state = HTTP_ANSWER_CHUNK_SIZE;
		return !*line;
	case HTTP_ANSWER_TRAILER:
		if (!*line)
			a->state = HTTP_ANSWER_DONE;
		return true;
	case HTTP_ANSWER_LENGTH:
	case HTTP_ANSWER_CHUNK:
	case HTTP_ANSWER_DONE:
	case HTTP_ANSWER_BROKEN:
		break;
	}
	return false;
}

static size_t line_input(struct http_answer *a, const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	size_t n = end ? (size_t)(end - data) + 1 : len;
	buf_put(&a->line, data, n);
	if (!end) {
		if (a->line.len > LINE_MAX_BYTES)
			a->state = HTTP_ANSWER_BROKEN;
		return n;
	}
	a->line.len -= a->line.len > 1 && a->line.data[a->line.len - 2] == '\r' ? 2 : 1;
	if (!line_take(a, buf_text(&a->line)))
		a->state = HTTP_ANSWER_BROKEN;
	buf_reset(&a->line);
	return n;
}

void http_answer_skip(struct http_answer *a, uint64_t n)
{
	a->left -= n;
	a->body_bytes += n;
	if (a->left > 0)
		return;
	a->state = a->state == HTTP_ANSWER_LENGTH ? HTTP_ANSWER_DONE : HTTP_ANSWER_CHUNK_END;
}

static size_t body_input(struct http_answer *a, const uint8_t *data, size_t len)
{
	size_t n = len < a->left ? len : (size_t)a->left;
	if (a->keep_body)
		buf_put(&a->body, data, n);
	http_answer_skip(a, n);
	return n;
}

size_t http_answer_input(struct http_answer *a, const uint8_t *data, size_t len)
{
	size_t used = 0;
	while (used < len && a->state < HTTP_ANSWER_DONE) {
		bool body = a->state == HTTP_ANSWER_LENGTH || a->state == HTTP_ANSWER_CHUNK;
		used += (body ? body_input : line_input)(a, data + used, len - used);
	}
	return used;
}
