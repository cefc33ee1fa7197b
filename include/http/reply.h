#pragma once

#include <jansson.h>

#include "http/server.h"

/*
 * The envelope of spec rest.md. Every function answers the request; json_t references are taken
 * over, also on failure. Loop thread only.
 */

/* {"data": …} */
void reply_data(struct http_request *r, int status, json_t *data);
/* {"data": […], "nextCursor": "…" or null} */
void reply_page(struct http_request *r, json_t *items, const char *next_cursor);
/* {"error": {"code": …, "message": …, "field": …}}; field NULL: not one field's fault. */
void reply_error(struct http_request *r, int status, const char *code, const char *message,
	const char *field);
/* With further header lines ("Name: value\r\n"). */
void reply_error_with(struct http_request *r, int status, const char *code, const char *message,
	const char *field, const char *extra_headers);
/* With Retry-After. */
void reply_retry(struct http_request *r, int status, const char *code, const char *message,
	unsigned after_seconds);
/* A document as it is, without the envelope. */
void reply_json(struct http_request *r, int status, json_t *document);
