#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "loop/s3.h"

#define S3_HASH_TEXT 65 /* SHA-256 in hex, with NUL */

struct s3 {
	struct s3_config config;
	const atomic_bool *stop;
	CURL *easy;
	char *base, *sigv4;
	struct buf answer;
	char etag[S3_ETAG_SIZE], digest[S3_DIGEST_SIZE];
	uint64_t length; /* of the answer, by its header */
	uint64_t retry_after_us;
	char error[512];
	char curl_error[CURL_ERROR_SIZE];
};

/* A piece of a file as a request's body. */
struct s3_body {
	int fd;
	uint64_t from, size, sent;
};

struct s3_request {
	const char *method, *key; /* key NULL: of the bucket */
	const char *query; /* encoded and sorted, NULL: none */
	const char *headers[5]; /* "Name: value", up to the first NULL */
	const char *sha256; /* of the body in hex; NULL: of nothing */
	struct s3_body *file; /* the body: a PUT's file, or text */
	const char *text;
};

/* s3_request.c: the answer is in s->answer, etag, digest and length. */
enum s3_result s3_perform(struct s3 *s, const struct s3_request *r);
enum s3_result s3_fail(struct s3 *s, enum s3_result result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool s3_stopping(const struct s3 *s);

/* s3_xml.c: the text of the first <tag> in [*at, end), "&quot;" and the like resolved; *at goes
 * behind it. False: there is none, or it does not fit. */
bool s3_xml_text(const char **at, const char *end, const char *tag, char *out, size_t size);
/* The same without its text: where the element's inside is. */
bool s3_xml_inside(
	const char **at, const char *end, const char *tag, const char **inside, size_t *len);
/* Percent-encodes all but letters, digits and "-._~". */
void s3_encode(struct buf *out, const char *text);
