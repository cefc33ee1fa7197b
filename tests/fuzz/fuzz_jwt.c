#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "fuzz.h"
#include "http/jwks.h"
#include "http/jwt.h"

/*
 * The first byte chooses: 't' the rest is a token; 's' the rest is header, a line feed and claims,
 * which are signed here so that the claims are reached; 'k' the rest is a key set, which a token of
 * each algorithm is then checked against.
 */
#define SECRET "0123456789abcdef0123456789abcdef"

#define A22 "AAAAAAAAAAAAAAAAAAAAAA"
#define A88 A22 A22 A22 A22
static const char *const tokens[] = {
	"eyJhbGciOiJSUzI1NiJ9.e30." A88,
	"eyJhbGciOiJFUzI1NiJ9.e30." A22 A22 A22 "AAAAAAAAAAAAAAAAAAAA",
	"eyJhbGciOiJFZERTQSJ9.e30." A22 A22 A22 "AAAAAAAAAAAAAAAAAAAA",
};

static void check(const char *token, size_t len, const struct jwks *jwks)
{
	const struct jwt_keys keys = {.secret = SECRET, .secret_len = 32, .jwks = jwks};
	const struct jwt_checks checks = {.now_ms = 1800000000000, .issuer = "us", .audience = "a"};
	struct jwt_claims claims;

	if (jwt_verify(token, len, &keys, &checks, &claims) == JWT_OK) {
		must(claims.sub && claims.sub[0]);
		jwt_claims_finish(&claims);
	}
}

static void put_part(struct buf *b, const uint8_t *data, size_t len)
{
	char *text = mem_alloc(text_base64url_size(len));

	text_base64url(text, data, len);
	buf_put_str(b, text);
	free(text);
}

static void check_signed(const uint8_t *data, size_t len)
{
	const uint8_t *cut = len ? memchr(data, '\n', len) : NULL;
	size_t header_len = cut ? (size_t)(cut - data) : len;
	uint8_t mac[EVP_MAX_MD_SIZE];
	struct buf b = {0};
	unsigned n = 0;

	put_part(&b, data, header_len);
	buf_put_u8(&b, '.');
	if (cut)
		put_part(&b, cut + 1, len - header_len - 1);
	HMAC(EVP_sha256(), SECRET, 32, b.data, b.len, mac, &n);
	buf_put_u8(&b, '.');
	put_part(&b, mac, n);
	check(buf_text(&b), b.len, NULL);
	buf_finish(&b);
}

static void check_key_set(const char *text, size_t len)
{
	char error[256];
	struct jwks *k = jwks_parse(text, len, error, sizeof(error));

	for (size_t i = 0; k && i < sizeof(tokens) / sizeof(*tokens); i++)
		check(tokens[i], strlen(tokens[i]), k);
	jwks_destroy(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	log_set_levels("off");
	if (!len)
		return 0;
	if (data[0] == 's')
		check_signed(data + 1, len - 1);
	else if (data[0] == 'k')
		check_key_set((const char *)data + 1, len - 1);
	else
		check((const char *)data + 1, len - 1, NULL);
	return 0;
}
