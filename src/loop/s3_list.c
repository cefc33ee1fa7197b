#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "s3_private.h"

#define KEY_SIZE 1100
#define TOKEN_SIZE 2048
#define PAGES_MAX 1000

enum s3_result s3_head(struct s3 *s, const char *key, struct s3_head *out)
{
	enum s3_result result = s3_perform(s, &(struct s3_request){.method = "HEAD", .key = key});

	*out = (struct s3_head){0};
	if (result != S3_OK)
		return result;
	out->size = s->length;
	text_copy(out->etag, sizeof(out->etag), s->etag);
	text_copy(out->digest, sizeof(out->digest), s->digest);
	return S3_OK;
}

enum s3_result s3_delete(struct s3 *s, const char *key)
{
	enum s3_result result = s3_perform(s, &(struct s3_request){.method = "DELETE", .key = key});

	return result == S3_MISSING ? S3_OK : result;
}

static void unquote(char *etag)
{
	size_t len = strlen(etag);

	if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"') {
		memmove(etag, etag + 1, len - 2);
		etag[len - 2] = '\0';
	}
}

static void tell(const char *inside, size_t len, s3_listed listed, void *user)
{
	const char *end = inside + len;
	char key[KEY_SIZE], etag[S3_ETAG_SIZE + 2], number[24];
	uint64_t size = 0;

	if (!s3_xml_text(&(const char *){inside}, end, "Key", key, sizeof(key)) ||
		!s3_xml_text(&(const char *){inside}, end, "Size", number, sizeof(number)) ||
		!text_u64(number, 0, INT64_MAX, &size))
		return;
	/* One that is longer is no MD5, and equals none. */
	s3_xml_text(&(const char *){inside}, end, "ETag", etag, sizeof(etag));
	unquote(etag);
	listed(user, key, size, etag);
}

/* Tells a page; the next one's token, "": this was the last. */
static enum s3_result read_page(
	struct s3 *s, s3_listed listed, void *user, char token[static TOKEN_SIZE])
{
	const char *at = buf_text(&s->answer), *end = at + s->answer.len, *inside;
	char truncated[8];
	size_t len;

	if (!memmem(at, s->answer.len, "<ListBucketResult", 17))
		return s3_fail(s, S3_REFUSED, "GET %s: the answer is no list", s->config.bucket);
	s3_xml_text(&(const char *){at}, end, "IsTruncated", truncated, sizeof(truncated));
	s3_xml_text(&(const char *){at}, end, "NextContinuationToken", token, TOKEN_SIZE);
	if (!text_eq(truncated, "true"))
		token[0] = '\0';
	else if (!token[0])
		return s3_fail(s, S3_REFUSED, "GET %s: a list without end", s->config.bucket);
	while (s3_xml_inside(&at, end, "Contents", &inside, &len))
		tell(inside, len, listed, user);
	return S3_OK;
}

static char *list_query(const char *prefix, const char *token)
{
	struct buf q = {0};
	char *text;

	if (token[0]) {
		buf_put_str(&q, "continuation-token=");
		s3_encode(&q, token);
		buf_put_str(&q, "&");
	}
	buf_put_str(&q, "list-type=2&max-keys=1000&prefix=");
	s3_encode(&q, prefix);
	text = mem_strdup(buf_text(&q));
	buf_finish(&q);
	return text;
}

enum s3_result s3_list(struct s3 *s, const char *prefix, s3_listed listed, void *user)
{
	char *token = mem_zalloc(TOKEN_SIZE);
	enum s3_result result = S3_OK;
	unsigned pages = 0;

	do {
		char *query = list_query(prefix, token);
		result = s3_perform(s, &(struct s3_request){.method = "GET", .query = query});
		free(query);
		if (result == S3_OK)
			result = read_page(s, listed, user, token);
	} while (result == S3_OK && token[0] && ++pages < PAGES_MAX);
	free(token);
	return result;
}

static enum s3_result abort_one(struct s3 *s, const char *inside, size_t len)
{
	const char *end = inside + len;
	char key[KEY_SIZE], id[KEY_SIZE];
	struct buf query = {0};
	enum s3_result result;

	if (!s3_xml_text(&(const char *){inside}, end, "Key", key, sizeof(key)) ||
		!s3_xml_text(&(const char *){inside}, end, "UploadId", id, sizeof(id)))
		return S3_OK;
	buf_put_str(&query, "uploadId=");
	s3_encode(&query, id);
	result = s3_perform(
		s, &(struct s3_request){.method = "DELETE", .key = key, .query = buf_text(&query)});
	buf_finish(&query);
	return result == S3_MISSING ? S3_OK : result;
}

enum s3_result s3_abort_all(struct s3 *s, const char *prefix, unsigned *aborted)
{
	struct buf query = {0};
	const char *at, *end, *inside;
	enum s3_result result;
	char *text;
	size_t len;

	*aborted = 0;
	buf_put_str(&query, "prefix=");
	s3_encode(&query, prefix);
	buf_put_str(&query, "&uploads=");
	result = s3_perform(s, &(struct s3_request){.method = "GET", .query = buf_text(&query)});
	buf_finish(&query);
	if (result != S3_OK)
		return result;
	len = s->answer.len;
	text = mem_strndup(buf_text(&s->answer), len);
	at = text;
	end = text + len;
	while (result == S3_OK && s3_xml_inside(&at, end, "Upload", &inside, &len)) {
		result = abort_one(s, inside, len);
		*aborted += result == S3_OK;
	}
	free(text);
	return result;
}
