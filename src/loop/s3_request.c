#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "s3_private.h"

#define ANSWER_MAX (4 * 1024 * 1024)
#define UPLOAD_BUFFER (512L * 1024)
/* Servers that do not know the header get the body after so long. */
#define EXPECT_MS 500L
#define RETRY_AFTER_MAX_S 3600
#define NOTHING_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

bool s3_stopping(const struct s3 *s)
{
	return atomic_load(s->stop);
}

enum s3_result s3_fail(struct s3 *s, enum s3_result result, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, args);
	va_end(args);
	return result;
}

static size_t on_answer(char *data, size_t size, size_t n, void *user)
{
	struct s3 *s = user;

	if (s->answer.len + size * n > ANSWER_MAX)
		return 0;
	buf_put(&s->answer, data, size * n);
	return size * n;
}

/* The value of a header of this name, without blanks and quotes around it. */
static bool header_value(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	line += n + 1;
	len -= n + 1;
	while (len && strchr(" \t\"", *line)) {
		line++;
		len--;
	}
	while (len && strchr(" \t\"\r\n", line[len - 1]))
		len--;
	if (len >= size)
		len = 0;
	memcpy(out, line, len);
	out[len] = '\0';
	return true;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
	struct s3 *s = user;
	size_t len = size * n;
	char number[24];

	/* The final answer's count, not a "100 Continue" before it. */
	if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
		s->etag[0] = s->digest[0] = '\0';
		s->length = 0;
	}
	header_value(data, len, "etag", s->etag, sizeof(s->etag));
	header_value(data, len, "x-amz-meta-souk-digest", s->digest, sizeof(s->digest));
	if (header_value(data, len, "content-length", number, sizeof(number)))
		text_u64(number, 0, INT64_MAX, &s->length);
	return len;
}

static size_t on_read(char *out, size_t size, size_t n, void *user)
{
	struct s3_body *b = user;
	uint64_t left = b->size - b->sent;
	size_t want = size * n < left ? size * n : (size_t)left;
	ssize_t got = want ? pread(b->fd, out, want, (off_t)(b->from + b->sent)) : 0;

	/* Shorter than it was: the server must not take it for whole. */
	if (got < 0 || (want && got == 0))
		return CURL_READFUNC_ABORT;
	b->sent += (uint64_t)got;
	return (size_t)got;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
	struct s3_body *b = user;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > b->size)
		return CURL_SEEKFUNC_FAIL;
	b->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(
	void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return s3_stopping(user);
}

static void set_safety(struct s3 *s)
{
	const struct s3_config *c = &s->config;
	CURL *e = s->easy;

	curl_easy_setopt(
		e, CURLOPT_PROTOCOLS_STR, text_starts(c->endpoint, "http://") ? "http" : "https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)(c->connect_us / 1000));
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)((c->stall_us + 999999) / 1000000));
	curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_MS);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	curl_easy_setopt(e, CURLOPT_USERNAME, c->access_key);
	curl_easy_setopt(e, CURLOPT_PASSWORD, c->secret);
	curl_easy_setopt(e, CURLOPT_AWS_SIGV4, s->sigv4);
	if (c->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
	if (c->user_agent)
		curl_easy_setopt(e, CURLOPT_USERAGENT, c->user_agent);
}

static void set_callbacks(struct s3 *s)
{
	CURL *e = s->easy;

	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->curl_error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
}

static void set_body(struct s3 *s, const struct s3_request *r)
{
	CURL *e = s->easy;

	if (r->file) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->file->size);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, r->file);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, r->file);
	} else if (text_eq(r->method, "POST")) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(r->text ? strlen(r->text) : 0));
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->text ? r->text : "");
	} else if (text_eq(r->method, "HEAD")) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else {
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	}
}

static struct curl_slist *headers_of(const struct s3_request *r)
{
	char *hash = mem_printf("x-amz-content-sha256: %s", r->sha256 ? r->sha256 : NOTHING_SHA256);
	struct curl_slist *list = curl_slist_append(NULL, hash);

	free(hash);
	for (size_t i = 0; i < sizeof(r->headers) / sizeof(r->headers[0]) && r->headers[i]; i++)
		list = curl_slist_append(list, r->headers[i]);
	return list;
}

/* What the server says in words: "SlowDown: Reduce your request rate". */
static void read_complaint(struct s3 *s, char code[static 64], char text[static 256])
{
	const char *body = buf_text(&s->answer), *at = body, *end = body + s->answer.len;

	if (!s3_xml_text(&at, end, "Code", code, 64))
		code[0] = '\0';
	at = body;
	if (!s3_xml_text(&at, end, "Message", text, 256))
		text[0] = '\0';
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

static enum s3_result judge_status(const struct s3_request *r, long status, const char *code)
{
	if (status >= 500 || status == 429 || status == 408 || text_eq(code, "SlowDown") ||
		text_eq(code, "RequestTimeout"))
		return S3_AGAIN;
	if (text_eq(code, "NoSuchBucket"))
		return S3_NO_BUCKET;
	if (text_eq(code, "BadDigest") || text_eq(code, "XAmzContentSHA256Mismatch") ||
		text_eq(code, "InvalidDigest"))
		return S3_MISMATCH;
	if (status == 401 || status == 403)
		return S3_DENIED;
	if (status == 404)
		return r->key ? S3_MISSING : S3_NO_BUCKET;
	return S3_REFUSED;
}

static enum s3_result judge(struct s3 *s, const struct s3_request *r)
{
	char code[64], text[256];
	curl_off_t wait = 0;
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return S3_OK;
	curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &wait);
	if (wait > 0)
		s->retry_after_us =
			(uint64_t)(wait < RETRY_AFTER_MAX_S ? wait : RETRY_AFTER_MAX_S) * 1000000;
	read_complaint(s, code, text);
	return s3_fail(s, judge_status(r, status, code), "%s %s: HTTP %ld%s%s%s%s", r->method,
		r->key ? r->key : s->config.bucket, status, *code ? " " : "", code,
		*text ? ": " : "", text);
}

static enum s3_result judge_failure(struct s3 *s, const struct s3_request *r, CURLcode code)
{
	const char *why = s->curl_error[0] ? s->curl_error : curl_easy_strerror(code);

	if (s3_stopping(s))
		return s3_fail(s, S3_STOPPED, "stopped");
	return s3_fail(s, code == CURLE_ABORTED_BY_CALLBACK && r->file ? S3_LOCAL : S3_AGAIN,
		"%s %s: %s", r->method, r->key ? r->key : s->config.bucket,
		code == CURLE_ABORTED_BY_CALLBACK ? "the file cannot be read" : why);
}

static char *url_of(const struct s3 *s, const struct s3_request *r)
{
	struct buf url = {0};
	char *text;

	buf_put_str(&url, s->base);
	for (const char *key = r->key; key && *key;) {
		size_t len = strcspn(key, "/");
		char *name = mem_strndup(key, len);
		buf_put_str(&url, "/");
		s3_encode(&url, name);
		free(name);
		key += len + (key[len] == '/');
	}
	if (r->query)
		buf_printf(&url, "?%s", r->query);
	text = mem_strdup(buf_text(&url));
	buf_finish(&url);
	return text;
}

enum s3_result s3_perform(struct s3 *s, const struct s3_request *r)
{
	struct curl_slist *headers;
	char *url = url_of(s, r);
	CURLcode code;

	if (s3_stopping(s)) {
		free(url);
		return s3_fail(s, S3_STOPPED, "stopped");
	}
	curl_easy_reset(s->easy); /* keeps the connection */
	buf_reset(&s->answer);
	s->etag[0] = s->digest[0] = s->curl_error[0] = '\0';
	s->length = s->retry_after_us = 0;
	set_safety(s);
	set_callbacks(s);
	set_body(s, r);
	headers = headers_of(r);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	code = curl_easy_perform(s->easy);
	curl_slist_free_all(headers);
	free(url);
	return code == CURLE_OK ? judge(s, r) : judge_failure(s, r, code);
}

/* https://BUCKET.HOST, or https://HOST/BUCKET. */
static char *base_of(const struct s3_config *c)
{
	const char *host = strstr(c->endpoint, "://") + 3;
	size_t len = strlen(host);

	while (len && host[len - 1] == '/')
		len--;
	if (c->path_style)
		return mem_printf("%.*s%.*s/%s", (int)(host - c->endpoint), c->endpoint, (int)len,
			host, c->bucket);
	return mem_printf(
		"%.*s%s.%.*s", (int)(host - c->endpoint), c->endpoint, c->bucket, (int)len, host);
}

struct s3 *s3_create(const struct s3_config *config, const atomic_bool *stop)
{
	struct s3 *s = mem_new(struct s3);

	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	s->config = *config;
	s->stop = stop;
	s->base = base_of(config);
	s->sigv4 = mem_printf("aws:amz:%s:s3", config->region);
	s->easy = curl_easy_init();
	must(s->easy != NULL);
	return s;
}

void s3_destroy(struct s3 **client)
{
	struct s3 *s = *client;

	if (!s)
		return;
	*client = NULL;
	curl_easy_cleanup(s->easy);
	free(s->base);
	free(s->sigv4);
	buf_finish(&s->answer);
	free(s);
	curl_global_cleanup();
}

const char *s3_error(const struct s3 *s)
{
	return s->error;
}

uint64_t s3_retry_after_us(const struct s3 *s)
{
	return s->retry_after_us;
}

static const char *const results[] = {
	[S3_OK] = "ok",
	[S3_MISSING] = "missing",
	[S3_AGAIN] = "unavailable",
	[S3_DENIED] = "denied",
	[S3_NO_BUCKET] = "no_bucket",
	[S3_REFUSED] = "refused",
	[S3_MISMATCH] = "mismatch",
	[S3_LOCAL] = "local",
	[S3_STOPPED] = "stopped",
};

const char *s3_result_text(enum s3_result r)
{
	return results[r];
}
