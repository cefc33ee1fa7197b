#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcbuf.h"

#define JSON_TYPE "application/json; charset=utf-8"

static void reply_text(struct http_request *r, int status, const char *text, const char *extra)
{
	struct rcbuf *body = rcbuf_from(text, strlen(text));

	http_respond(r,
		&(struct http_response){.status = status,
			.content_type = JSON_TYPE,
			.gzip = true,
			.cors = true,
			.extra_headers = extra,
			.kind = HTTP_BODY_PIECES,
			.pieces = &body,
			.n_pieces = 1});
	rcbuf_unref(&body);
}

static void reply_with(struct http_request *r, int status, json_t *document, const char *extra)
{
	char *text = document
		? json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
		: NULL;

	json_decref(document);
	if (text)
		reply_text(r, status, text, extra);
	else
		reply_text(r, 500,
			"{\"error\":{\"code\":\"internal\",\"message\":\"The answer cannot be "
			"written.\"}}",
			NULL);
	free(text);
}

void reply_json(struct http_request *r, int status, json_t *document)
{
	reply_with(r, status, document, NULL);
}

void reply_data(struct http_request *r, int status, json_t *data)
{
	reply_with(r, status, json_pack("{s:o}", "data", data ? data : json_null()), NULL);
}

void reply_page(struct http_request *r, json_t *items, const char *next_cursor)
{
	reply_with(
		r, 200, json_pack("{s:o, s:s?}", "data", items, "nextCursor", next_cursor), NULL);
}

void reply_error_with(struct http_request *r, int status, const char *code, const char *message,
	const char *field, const char *extra_headers)
{
	json_t *error = json_pack("{s:s, s:s}", "code", code, "message", message);

	if (field)
		json_object_set_new(error, "field", json_string(field));
	reply_with(r, status, json_pack("{s:o}", "error", error), extra_headers);
}

void reply_error(struct http_request *r, int status, const char *code, const char *message,
	const char *field)
{
	reply_error_with(r, status, code, message, field, NULL);
}

void reply_retry(struct http_request *r, int status, const char *code, const char *message,
	unsigned after_seconds)
{
	char line[48];

	snprintf(line, sizeof(line), "retry-after: %u\r\n", after_seconds);
	reply_error_with(r, status, code, message, NULL, line);
}
