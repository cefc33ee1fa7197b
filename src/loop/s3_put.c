#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "s3_private.h"

#define ID_SIZE 1024
#define PARTS_MAX 10000

/* An upload in parts under way. */
struct upload {
	struct s3 *s;
	const char *key;
	const struct s3_file *file;
	int fd;
	struct buf id; /* encoded for a query */
	struct buf list; /* <Part>s for its end */
};

static void hash_text(char out[static S3_HASH_TEXT], const uint8_t hash[32])
{
	text_hex(out, hash, 32);
}

static void sha256_of(const struct buf *text, char out[static S3_HASH_TEXT])
{
	uint8_t hash[SHA256_DIGEST_LENGTH];

	SHA256(text->data, text->len, hash);
	hash_text(out, hash);
}

static bool is_md5(const char *etag)
{
	return strspn(etag, "0123456789abcdef") >= 32;
}

/* Where a server's ETag is no MD5 (it encrypts), the checks of the bodies' SHA-256 stand alone. */
static enum s3_result compare(struct s3 *s, const char *key, const char *etag, const char *wanted)
{
	if (!is_md5(etag) || text_eq(etag, wanted) || strlen(etag) != strlen(wanted))
		return S3_OK;
	return s3_fail(s, S3_MISMATCH, "%s: the server has %s, not %s", key, etag, wanted);
}

/* The five headers of a new object. */
struct labels {
	char *type, *cache, *digest;
};

static void labels_init(struct labels *l, const struct s3_file *file, const char *content_type,
	const char *cache_control)
{
	l->type = mem_printf("content-type: %s", content_type);
	l->cache = mem_printf("cache-control: %s", cache_control);
	l->digest = mem_printf("x-amz-meta-souk-digest: %s", file->digest);
}

static void labels_finish(struct labels *l)
{
	free(l->type);
	free(l->cache);
	free(l->digest);
}

static enum s3_result put_whole(
	struct s3 *s, const char *key, const struct s3_file *file, int fd, const struct labels *l)
{
	struct s3_body body = {.fd = fd, .size = file->size};
	char hash[S3_HASH_TEXT];
	enum s3_result result;

	hash_text(hash, file->parts[0]);
	result = s3_perform(s,
		&(struct s3_request){.method = "PUT",
			.key = key,
			.headers = {l->type, l->cache, l->digest},
			.sha256 = hash,
			.file = &body});
	return result == S3_OK ? compare(s, key, s->etag, file->etag) : result;
}

static enum s3_result begin(struct upload *u, const struct labels *l)
{
	enum s3_result result = s3_perform(u->s,
		&(struct s3_request){.method = "POST",
			.key = u->key,
			.query = "uploads=",
			.headers = {l->type, l->cache, l->digest}});
	const char *at = buf_text(&u->s->answer);
	char id[ID_SIZE];

	if (result != S3_OK)
		return result;
	if (!s3_xml_text(&at, at + u->s->answer.len, "UploadId", id, sizeof(id)) || !id[0])
		return s3_fail(u->s, S3_REFUSED, "POST %s: no UploadId in the answer", u->key);
	s3_encode(&u->id, id);
	return S3_OK;
}

static enum s3_result put_part(struct upload *u, unsigned i)
{
	uint64_t part = u->s->config.part_size, from = i * part, left = u->file->size - from;
	struct s3_body body = {.fd = u->fd, .from = from, .size = left < part ? left : part};
	char *query = mem_printf("partNumber=%u&uploadId=%s", i + 1, buf_text(&u->id));
	char hash[S3_HASH_TEXT];
	enum s3_result result;

	hash_text(hash, u->file->parts[i]);
	result = s3_perform(u->s,
		&(struct s3_request){.method = "PUT",
			.key = u->key,
			.query = query,
			.headers = {"content-type: application/octet-stream"},
			.sha256 = hash,
			.file = &body});
	free(query);
	if (result == S3_OK)
		buf_printf(&u->list, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>",
			i + 1, u->s->etag);
	return result;
}

/* An answer of 200 may hold an error: it begins before the server knows. */
static enum s3_result end(struct upload *u)
{
	char *query = mem_printf("uploadId=%s", buf_text(&u->id)), hash[S3_HASH_TEXT];
	char etag[S3_ETAG_SIZE], code[64];
	enum s3_result result;
	const char *at, *stop;

	buf_put_str(&u->list, "</CompleteMultipartUpload>");
	sha256_of(&u->list, hash);
	result = s3_perform(u->s,
		&(struct s3_request){.method = "POST",
			.key = u->key,
			.query = query,
			.headers = {"content-type: application/xml"},
			.sha256 = hash,
			.text = buf_text(&u->list)});
	free(query);
	if (result != S3_OK)
		return result;
	at = buf_text(&u->s->answer);
	stop = at + u->s->answer.len;
	if (s3_xml_text(&(const char *){at}, stop, "Code", code, sizeof(code)))
		return s3_fail(u->s, S3_AGAIN, "POST %s: %s", u->key, code);
	if (!s3_xml_text(&at, stop, "ETag", etag, sizeof(etag)))
		return s3_fail(u->s, S3_AGAIN, "POST %s: the end was not confirmed", u->key);
	if (etag[0] == '"' && strlen(etag) > 2) {
		memmove(etag, etag + 1, strlen(etag));
		etag[strlen(etag) - 1] = '\0';
	}
	return compare(u->s, u->key, etag, u->file->etag);
}

static void abort_upload(struct upload *u)
{
	char *query = mem_printf("uploadId=%s", buf_text(&u->id)), *error;
	uint64_t wait = u->s->retry_after_us;

	/* What it failed by is what the caller wants to know. */
	error = mem_strdup(u->s->error);
	s3_perform(u->s, &(struct s3_request){.method = "DELETE", .key = u->key, .query = query});
	text_copy(u->s->error, sizeof(u->s->error), error);
	u->s->retry_after_us = wait;
	free(error);
	free(query);
}

static enum s3_result put_parts(
	struct s3 *s, const char *key, const struct s3_file *file, int fd, const struct labels *l)
{
	struct upload u = {.s = s, .key = key, .file = file, .fd = fd};
	enum s3_result result = begin(&u, l);
	bool begun = result == S3_OK;

	buf_put_str(&u.list, "<CompleteMultipartUpload>");
	for (unsigned i = 0; i < file->n_parts && result == S3_OK; i++)
		result = put_part(&u, i);
	if (result == S3_OK)
		result = end(&u);
	if (begun && result != S3_OK)
		abort_upload(&u);
	buf_finish(&u.id);
	buf_finish(&u.list);
	return result;
}

enum s3_result s3_put(struct s3 *s, const char *key, const struct s3_file *file,
	const char *content_type, const char *cache_control)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum s3_result result;
	struct labels l;

	if (fd < 0)
		return s3_fail(s, S3_LOCAL, "%s: %s", file->path, strerror(errno));
	labels_init(&l, file, content_type, cache_control);
	if (file->n_parts > PARTS_MAX)
		result = s3_fail(
			s, S3_REFUSED, "%s: over %d parts: choose larger ones", key, PARTS_MAX);
	else if (file->n_parts > 1)
		result = put_parts(s, key, file, fd, &l);
	else
		result = put_whole(s, key, file, fd, &l);
	labels_finish(&l);
	close(fd);
	return result;
}
