#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/head.h"
#include "http_private.h"

#define NO_TOKEN (-1)
#define VALUE_MAX 16384

/* The request headers that can be asked for; all others are dropped. */
static const struct {
	const char *name;
	int token;
} known[] = {
	{"accept", WSI_TOKEN_HTTP_ACCEPT},
	{"accept-encoding", WSI_TOKEN_HTTP_ACCEPT_ENCODING},
	{"access-control-request-headers", WSI_TOKEN_HTTP_AC_REQUEST_HEADERS},
	{"authorization", WSI_TOKEN_HTTP_AUTHORIZATION},
	{"connection", WSI_TOKEN_CONNECTION},
	{"content-length", WSI_TOKEN_HTTP_CONTENT_LENGTH},
	{"content-type", WSI_TOKEN_HTTP_CONTENT_TYPE},
	{"cookie", WSI_TOKEN_HTTP_COOKIE},
	{"expect", WSI_TOKEN_HTTP_EXPECT},
	{"host", WSI_TOKEN_HOST},
	{":authority", WSI_TOKEN_HTTP_COLON_AUTHORITY},
	{"idempotency-key", NO_TOKEN},
	{"if-none-match", WSI_TOKEN_HTTP_IF_NONE_MATCH},
	{"if-range", WSI_TOKEN_HTTP_IF_RANGE},
	{"origin", WSI_TOKEN_ORIGIN},
	{"range", WSI_TOKEN_HTTP_RANGE},
	{"referer", WSI_TOKEN_HTTP_REFERER},
	{"sec-websocket-key", WSI_TOKEN_KEY},
	{"sec-websocket-protocol", WSI_TOKEN_PROTOCOL},
	{"sec-websocket-version", WSI_TOKEN_VERSION},
	{"transfer-encoding", WSI_TOKEN_HTTP_TRANSFER_ENCODING},
	{"user-agent", WSI_TOKEN_HTTP_USER_AGENT},
	{"x-forwarded-for", WSI_TOKEN_X_FORWARDED_FOR},
	{"x-forwarded-proto", NO_TOKEN},
	{"x-request-id", NO_TOKEN},
};

static int known_index(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return (int)i;
	return -1;
}

static char *copy_token(struct lws *wsi, int token)
{
	int len = lws_hdr_total_length(wsi, (enum lws_token_indexes)token);
	if (len <= 0 || len > VALUE_MAX)
		return NULL;
	/* Fragments of a repeated header are joined with commas: room for them. */
	size_t size = (size_t)len + 32;
	char *value = mem_zalloc(size);
	if (lws_hdr_copy(wsi, value, (int)size, (enum lws_token_indexes)token) >= 0)
		return value;
	free(value);
	return NULL;
}

/* Headers that libwebsockets does not know by number; on HTTP/2 it drops them. */
static char *copy_custom(struct lws *wsi, const char *name)
{
	char key[48];
	int key_len = snprintf(key, sizeof(key), "%s:", name);
	int len = lws_hdr_custom_length(wsi, key, key_len);
	if (len <= 0 || len > VALUE_MAX)
		return NULL;
	char *value = mem_zalloc((size_t)len + 1);
	if (lws_hdr_custom_copy(wsi, value, len + 1, key, key_len) >= 0)
		return value;
	free(value);
	return NULL;
}

const char *http_headers_get(struct http_request *r, const char *name)
{
	int at = known_index(name);

	if (at < 0)
		return NULL;
	if (r->lines)
		return http_head_get(r->lines, name);
	for (unsigned i = 0; i < r->n_headers; i++)
		if (r->headers[i].name == known[at].name)
			return r->headers[i].value;
	if (r->n_headers == HTTP_HEADERS_KEPT || r->conn->closing)
		return NULL;
	char *value = known[at].token == NO_TOKEN ? copy_custom(r->wsi, name)
						  : copy_token(r->wsi, known[at].token);
	if (value)
		r->headers[r->n_headers++] =
			(struct http_kept_header){.name = known[at].name, .value = value};
	return value;
}

const char *http_request_header(const struct http_request *r, const char *lower_case_name)
{
	/* Keeping what was looked up does not change the request for its reader. */
	struct http_request *keeper = (struct http_request *)(uintptr_t)r;
	const char *value = http_headers_get(keeper, lower_case_name);

	if (!value && strcmp(lower_case_name, "host") == 0)
		value = http_headers_get(keeper, ":authority");
	return value;
}

/* "gzip" or "*" in Accept-Encoding without q=0 (RFC 9110 section 12.5.3). */
bool http_request_accepts_gzip(const struct http_request *r)
{
	const char *at = http_request_header(r, "accept-encoding");

	while (at && *at) {
		at += strspn(at, " \t,");
		size_t len = strcspn(at, ",");
		size_t name = strcspn(at, " \t,;");
		const char *q = memchr(at, ';', len);
		bool zero = false;
		if (q) {
			q += 1 + strspn(q + 1, " \t");
			zero = (q[0] == 'q' || q[0] == 'Q') && q[1] == '=' &&
				strtod(q + 2, NULL) <= 0;
		}
		if (!zero &&
			((name == 4 && strncasecmp(at, "gzip", 4) == 0) ||
				(name == 1 && *at == '*')))
			return true;
		at += len;
	}
	return false;
}
