#pragma once

#include <stddef.h>

#include "http/server.h"

/*
 * The head of an HTTP/1 request (RFC 9112 sections 3 and 5). Strict: what could be read in two ways
 * is malformed. An upgrade to anything but WebSocket, and what is not HTTP/1 at all, is told apart
 * (HEAD_OTHER) and left to libwebsockets. Sans-io.
 */
enum head_result {
	HEAD_PARTIAL, /* more bytes are needed */
	HEAD_TAKEN,
	HEAD_OTHER, /* another upgrade, protocol or form of target: not for here */
	HEAD_MALFORMED,
};

struct http_head {
	enum http_method method; /* 0: one that nobody here knows */
	const char *path; /* percent-decoded, valid UTF-8, without dot segments */
	const char *query; /* raw, without '?' */
	const char *lines; /* name NUL value NUL …, names in lower case; ends with an empty name */
	bool http10;
	bool close; /* Connection: close, or HTTP/1.0 */
	bool websocket; /* Upgrade: websocket */
};

/*
 * Looks at what came so far: PARTIAL, OTHER or MALFORMED (as soon as the method tells), or TAKEN
 * with the length of the whole head, which then goes to http_head_parse.
 */
enum head_result http_head_look(const char *bytes, size_t len, size_t *head_len);
/*
 * Parses a whole head in place: `bytes` is overwritten and holds the texts of *out. Gives TAKEN,
 * OTHER or MALFORMED; after OTHER the bytes are spoilt.
 */
enum head_result http_head_parse(char *bytes, size_t len, struct http_head *out);
/* NULL: no such line; the first of several. */
const char *http_head_get(const char *lines, const char *lower_case_name);
