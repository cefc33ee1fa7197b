#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A client of S3-compatible object storage: libcurl's blocking interface, requests signed by it
 * (AWS Signature Version 4), bodies read from the disk as they are sent. For work lanes: every call
 * blocks, and ends within a second once `*stop` is true. One client belongs to one thread at a time
 * and keeps its connection. Certificates are verified, redirects are not followed, no proxy is
 * taken from the environment; plain http only where the endpoint says so.
 */
enum s3_result {
	S3_OK,
	S3_MISSING, /* no such object, or upload */
	S3_AGAIN, /* network, time, 5xx, 429: may go well later */
	S3_DENIED, /* 401, 403: credentials or their rights */
	S3_NO_BUCKET,
	S3_REFUSED, /* another 4xx, or an answer that is not S3's */
	S3_MISMATCH, /* what arrived is not what was sent */
	S3_LOCAL, /* the file cannot be read, or is another than before */
	S3_STOPPED,
};
const char *s3_result_text(enum s3_result r); /* a stable word: "denied", … */

/* All borrowed for the client's life. */
struct s3_config {
	const char *endpoint; /* http(s)://HOST[:PORT] */
	const char *region, *bucket;
	const char *access_key, *secret;
	const char *ca_file; /* NULL: the system's authorities */
	const char *user_agent;
	bool path_style; /* ENDPOINT/BUCKET/KEY, not BUCKET.ENDPOINT/KEY */
	uint64_t connect_us;
	uint64_t stall_us; /* a transfer that moves nothing for so long is given up */
	uint64_t part_size; /* larger files go up in parts of this size */
};

struct s3;

struct s3 *s3_create(const struct s3_config *config, const atomic_bool *stop);
void s3_destroy(struct s3 **s); /* nulls; *s may be NULL */
/* Of the last call that was not OK: for people, without any secret. */
const char *s3_error(const struct s3 *s);
/* What the server asked for with it; 0: nothing. */
uint64_t s3_retry_after_us(const struct s3 *s);

#define S3_ETAG_SIZE 48
#define S3_DIGEST_SIZE 72

/* What a file's object has to be. */
struct s3_file {
	const char *path; /* borrowed */
	uint64_t size;
	char etag[S3_ETAG_SIZE]; /* MD5 as S3 makes it: of the whole, or of the parts' and "-N" */
	char digest[S3_DIGEST_SIZE]; /* SHA-256 of the parts' SHA-256, "-N": kept as its metadata */
	uint8_t (*parts)[32]; /* SHA-256 of each; heap */
	unsigned n_parts;
};
/* Reads the file once. The caller finishes *out whatever the result. */
enum s3_result s3_file_digest(struct s3 *s, const char *path, struct s3_file *out);
void s3_file_finish(struct s3_file *f);

/*
 * Sends the file: one PUT, or an upload in parts that is aborted if it fails. The server checks the
 * SHA-256 of each body, and its answer's ETag is compared where it is an MD5.
 */
enum s3_result s3_put(struct s3 *s, const char *key, const struct s3_file *file,
	const char *content_type, const char *cache_control);

struct s3_head {
	uint64_t size;
	char etag[S3_ETAG_SIZE], digest[S3_DIGEST_SIZE]; /* "": none */
};
enum s3_result s3_head(struct s3 *s, const char *key, struct s3_head *out);

typedef void (*s3_listed)(void *user, const char *key, uint64_t size, const char *etag);
/* All objects under the prefix, in pages. */
enum s3_result s3_list(struct s3 *s, const char *prefix, s3_listed listed, void *user);
/* OK too if there is none. */
enum s3_result s3_delete(struct s3 *s, const char *key);
/* Uploads in parts under the prefix that were begun and not ended: aborted. */
enum s3_result s3_abort_all(struct s3 *s, const char *prefix, unsigned *aborted);
