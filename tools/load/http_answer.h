#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* An HTTP/1.1 answer (RFC 9112) as it comes in, in pieces of any size. */
enum http_answer_state {
	HTTP_ANSWER_HEAD, /* status line and fields */
	HTTP_ANSWER_LENGTH, /* body of known length */
	HTTP_ANSWER_CHUNK_SIZE,
	HTTP_ANSWER_CHUNK,
	HTTP_ANSWER_CHUNK_END,
	HTTP_ANSWER_TRAILER,
	HTTP_ANSWER_DONE,
	HTTP_ANSWER_BROKEN,
};

struct http_answer {
	enum http_answer_state state;
	bool keep_body; /* else the body is only counted */
	int status;
	bool close; /* the server closes the connection after this */
	uint64_t left; /* bytes of the body or chunk still to come */
	uint64_t body_bytes;
	struct buf line;
	struct buf body;
};

void http_answer_begin(struct http_answer *a, bool keep_body);
void http_answer_finish(struct http_answer *a);
/* Takes bytes up to the answer's end; returns how many. Look at the state afterwards. */
size_t http_answer_input(struct http_answer *a, const uint8_t *data, size_t len);
/* Says that n bytes of a body that is only counted were taken elsewhere; n <= left. */
void http_answer_skip(struct http_answer *a, uint64_t n);
