#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "http"

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "http/reply.h"
#include "router_private.h"

/*
 * Idempotency keys (spec rest.md: "the same key within 24 h gives the first answer again").
 *
 * An answer may show a secret this one time (a stream key), of which the store has only a hash. So
 * the store gets a hash of the key in place of the key, and the answer sealed under the key
 * itself (AES-256-GCM): it can be read only with the key, which the client alone has.
 */
#define KEY_MAX 255
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define SEAL_OVERHEAD (NONCE_SIZE + TAG_SIZE)

static bool key_is_good(const char *key)
{
	size_t len = strlen(key);

	for (const char *c = key; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			return false;
	return len >= 1 && len <= KEY_MAX;
}

/* SHA-256 over texts, each with its NUL, and the bytes. */
static void hash(uint8_t out[static IDEMPOTENCY_HASH_SIZE], const char *const *texts, size_t n,
	const void *bytes, size_t len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(md, texts[i], strlen(texts[i]) + 1) == 1;
	ok = ok && EVP_DigestUpdate(md, bytes, len) == 1 && EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	must(ok);
}

static void set_hashes(struct outcome *o, const char *key)
{
	const struct http_request *r = o->request;
	const char *const name[] = {"souk idempotency key", o->user_id, key};
	const char *const secret[] = {"souk idempotency answer", o->user_id, key};
	const char *const request[] = {http_method_text(http_request_method(r)),
		http_request_path(r), http_request_query(r)};
	uint8_t digest[IDEMPOTENCY_HASH_SIZE];
	size_t len;
	const uint8_t *body = http_request_body(r, &len);

	hash(digest, name, 3, "", 0);
	text_hex(o->name, digest, sizeof(digest));
	hash(o->secret, secret, 3, "", 0);
	hash(o->fingerprint, request, 3, body, len);
}

static void answer_state(struct http_request *r, enum idempotency_state state)
{
	if (state == IDEMPOTENCY_TOO_MANY)
		reply_error(r, 409, "too_many_keys",
			"There are too many keys of yours: wait, or ask without one.",
			"Idempotency-Key");
	else if (state == IDEMPOTENCY_OTHER)
		reply_error(r, 422, "idempotency_key_reused",
			"This key was used for another request.", "Idempotency-Key");
	else
		reply_error(r, 409, "idempotency_unfinished",
			"The first request with this key was cut short: whether it was done is not "
			"known. Look, and ask again with a new key.",
			"Idempotency-Key");
}

/* True: the first request with the key runs now, and this one was answered. */
static bool is_running(struct outcome *o)
{
	struct router *router = o->router;
	const struct outcome *first = map_get_str(router->running, o->name);

	if (!first) {
		o->running = mem_strdup(o->name);
		map_put_str(router->running, o->running, o);
		return false;
	}
	if (memcmp(first->fingerprint, o->fingerprint, sizeof(o->fingerprint)) != 0)
		answer_state(o->request, IDEMPOTENCY_OTHER);
	else
		reply_error(o->request, 409, "idempotency_in_progress",
			"The first request with this key is still being answered.",
			"Idempotency-Key");
	return true;
}

bool idempotency_prepare(struct outcome *o, const struct routed *d, bool *refused)
{
	const char *key = http_request_header(o->request, "idempotency-key");

	if (!key || d->route->method != HTTP_POST)
		return false;
	if (!key_is_good(key)) {
		*refused = true;
		reply_error(o->request, 422, "invalid_value",
			"Idempotency-Key must be 1 to 255 visible characters of ASCII.",
			"Idempotency-Key");
		return false;
	}
	o->user_id = mem_strdup(d->identity.user_id);
	set_hashes(o, key);
	*refused = is_running(o);
	return !*refused;
}

void idempotency_forget(struct outcome *o)
{
	if (o->running)
		map_remove_str(o->router->running, o->running);
	free(o->running);
	o->running = NULL;
}

/* nonce, tag, cipher text; the out text is base64url. */
static char *seal(const uint8_t secret[static IDEMPOTENCY_HASH_SIZE], const struct clock *clock,
	const char *text, size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *sealed = mem_alloc(len + SEAL_OVERHEAD), *body = sealed + SEAL_OVERHEAD;
	char *out = mem_alloc(text_base64url_size(len + SEAL_OVERHEAD));
	int n = 0, rest = 0;

	clock_random(clock, sealed, NONCE_SIZE);
	must(c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, secret, sealed) == 1 &&
		EVP_EncryptUpdate(c, body, &n, (const uint8_t *)text, (int)len) == 1 &&
		EVP_EncryptFinal_ex(c, body + n, &rest) == 1 &&
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, sealed + NONCE_SIZE) == 1);
	EVP_CIPHER_CTX_free(c);
	text_base64url(out, sealed, len + SEAL_OVERHEAD);
	free(sealed);
	return out;
}

/* NULL: not what was sealed. */
static char *unseal(const uint8_t secret[static IDEMPOTENCY_HASH_SIZE], const char *text)
{
	size_t size = strlen(text), len;
	uint8_t *sealed = mem_alloc(size + 1);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	char *out = mem_zalloc(size + 1);
	int n = 0, rest = 0;
	bool ok = text_unbase64url(text, size, sealed, size, &len) && len >= SEAL_OVERHEAD && c &&
		EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, secret, sealed) == 1 &&
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, sealed + NONCE_SIZE) == 1 &&
		EVP_DecryptUpdate(c, (uint8_t *)out, &n, sealed + SEAL_OVERHEAD,
			(int)(len - SEAL_OVERHEAD)) == 1 &&
		EVP_DecryptFinal_ex(c, (uint8_t *)out + n, &rest) == 1;

	EVP_CIPHER_CTX_free(c);
	free(sealed);
	if (ok)
		return out;
	free(out);
	return NULL;
}

static void replay(struct outcome *o, int status, const char *sealed)
{
	char *text = sealed ? unseal(o->secret, sealed) : NULL;
	struct rcbuf *body = text ? rcbuf_from(text, strlen(text)) : NULL;

	if (sealed && !text)
		answer_state(o->request, IDEMPOTENCY_UNFINISHED);
	else
		http_respond(o->request,
			&(struct http_response){.status = status,
				.content_type = body ? "application/json; charset=utf-8" : NULL,
				.gzip = body != NULL,
				.cors = true,
				.extra_headers = "idempotency-replayed: true\r\n",
				.kind = body ? HTTP_BODY_PIECES : HTTP_BODY_NONE,
				.pieces = &body,
				.n_pieces = body ? 1 : 0});
	rcbuf_unref(&body);
	free(text);
}

static void on_begun(void *user, const struct repo_idempotency *begun)
{
	struct outcome *o = user;

	o->in_flight--;
	if (!o->request) {
		outcome_finish(o);
		return;
	}
	if (begun->result == REPO_OK && begun->state == IDEMPOTENCY_FIRST) {
		outcome_handle(o);
		return;
	}
	outcome_skip(o);
	if (begun->result != REPO_OK)
		reply_error(
			o->request, 503, "unavailable", "The server cannot store this now.", NULL);
	else if (begun->state == IDEMPOTENCY_ANSWERED)
		replay(o, begun->status, begun->body);
	else
		answer_state(o->request, begun->state);
}

void idempotency_begin(struct outcome *o)
{
	const struct router_config *config = &o->router->config;
	uint64_t now = clock_wall_ms(loop_clock(config->loop));
	uint64_t ttl = config->idempotency_ttl_us / 1000;

	o->in_flight++;
	config->repo.ledger->idempotency_begin(config->repo.impl, o->user_id, o->name,
		o->fingerprint, now > ttl ? now - ttl : 0, config->idempotency_keys, on_begun, o);
}

/* What says nothing about the request but about the moment is not the answer of the key. */
static bool is_of_the_moment(int status)
{
	return status >= 500 || status == 429;
}

void idempotency_end(struct outcome *o, const char *text, size_t len, repo_done done)
{
	const struct repo *repo = &o->router->config.repo;
	int status = o->response.status;
	char *sealed = NULL;

	if (is_of_the_moment(status)) {
		repo->ledger->idempotency_drop(repo->impl, o->user_id, o->name, done, o);
		return;
	}
	if (o->response.n_pieces)
		sealed = seal(o->secret, loop_clock(o->router->config.loop), text, len);
	repo->ledger->idempotency_end(repo->impl, o->user_id, o->name, status, sealed, done, o);
	free(sealed);
}
