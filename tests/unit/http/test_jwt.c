#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/jwks.h"
#include "http/jwt.h"
#include "model/record.h"
#include "support/test.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW_S 1800000000
#define GOOD "{\"sub\":\"u1\",\"exp\":1800000060}"
#define HS256 "{\"alg\":\"HS256\"}"

static void put_part(struct buf *b, const void *data, size_t len)
{
	char *text = mem_alloc(text_base64url_size(len));

	text_base64url(text, data, len);
	buf_put_str(b, text);
	free(text);
}

static void put_parts(struct buf *b, const char *header, const char *claims)
{
	put_part(b, header, strlen(header));
	buf_put_u8(b, '.');
	put_part(b, claims, strlen(claims));
}

/* A token with any header, signed with HMAC-SHA-256 under any key. */
static char *hmac_token(const char *header, const char *claims, const void *key, size_t key_len)
{
	struct buf b = {0};
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n;
	char *token;

	put_parts(&b, header, claims);
	HMAC(EVP_sha256(), key, (int)key_len, b.data, b.len, mac, &n);
	buf_put_u8(&b, '.');
	put_part(&b, mac, n);
	token = mem_strdup(buf_text(&b));
	buf_finish(&b);
	return token;
}

static struct jwt_checks checks_now(void)
{
	return (struct jwt_checks){.now_ms = NOW_S * 1000ull};
}

static enum jwt_result verify_with(const char *token, const struct jwt_keys *keys,
	const struct jwt_checks *checks, struct jwt_claims *out)
{
	struct jwt_claims claims = {0};
	enum jwt_result r = jwt_verify(token, strlen(token), keys, checks, &claims);

	if (out)
		*out = claims;
	else
		jwt_claims_finish(&claims);
	return r;
}

static enum jwt_result verify(const char *token)
{
	const struct jwt_keys keys = {.secret = SECRET, .secret_len = strlen(SECRET)};
	const struct jwt_checks checks = checks_now();

	return verify_with(token, &keys, &checks, NULL);
}

static enum jwt_result verify_claims(const char *claims, const struct jwt_checks *checks)
{
	const struct jwt_keys keys = {.secret = SECRET, .secret_len = strlen(SECRET)};
	char *token = hmac_token(HS256, claims, SECRET, strlen(SECRET));
	enum jwt_result r = verify_with(token, &keys, checks, NULL);

	free(token);
	return r;
}

static enum jwt_result verify_header(const char *header)
{
	char *token = hmac_token(header, GOOD, SECRET, strlen(SECRET));
	enum jwt_result r = verify(token);

	free(token);
	return r;
}

static void test_reads_all_claims(void **state)
{
	const struct jwt_keys keys = {.secret = SECRET, .secret_len = strlen(SECRET)};
	const struct jwt_checks checks = checks_now();
	char *token = hmac_token(HS256,
		"{\"sub\":\"u1\",\"exp\":1800000060.5,\"nbf\":1800000000,\"iat\":5,\"name\":"
		"\"Ana\","
		"\"avatar\":\"a.png\",\"neighborhood\":\"north\",\"roles\":[\"seller\",\"wizard\","
		"\"admin\"]}",
		SECRET, strlen(SECRET));
	struct jwt_claims c;

	assert_int_equal(verify_with(token, &keys, &checks, &c), JWT_OK);
	assert_string_equal(c.sub, "u1");
	assert_string_equal(c.name, "Ana");
	assert_string_equal(c.avatar, "a.png");
	assert_string_equal(c.neighborhood, "north");
	assert_int_equal(c.roles, ROLE_SELLER | ROLE_ADMIN);
	assert_true(c.has_roles);
	assert_int_equal(c.expires_ms, 1800000060500);
	jwt_claims_finish(&c);
	free(token);
}

static void test_mints_what_it_accepts(void **state)
{
	const struct jwt_keys keys = {.secret = SECRET, .secret_len = strlen(SECRET)};
	const struct jwt_mint m = {
		.sub = "u\"1",
		.name = "Zoë",
		.actor = "the-operator",
		.roles = ROLE_SELLER | ROLE_MODERATOR,
		.issuer = "us",
		.audience = "them",
		.now_ms = NOW_S * 1000ull,
		.ttl_ms = 3600000,
	};
	struct jwt_checks checks = checks_now();
	char *token = jwt_mint(&m, SECRET, strlen(SECRET));
	struct jwt_claims c;

	checks.issuer = "us";
	checks.audience = "them";
	assert_int_equal(verify_with(token, &keys, &checks, &c), JWT_OK);
	assert_string_equal(c.sub, "u\"1");
	assert_string_equal(c.name, "Zoë");
	assert_string_equal(c.actor, "the-operator");
	assert_int_equal(c.roles, ROLE_SELLER | ROLE_MODERATOR);
	assert_null(c.avatar);
	jwt_claims_finish(&c);
	checks.now_ms += 3600000;
	assert_int_equal(verify_with(token, &keys, &checks, NULL), JWT_EXPIRED);
	free(token);
}

static void test_mint_refuses_what_is_no_text(void **state)
{
	const struct jwt_mint m = {.sub = "\xff", .now_ms = 1, .ttl_ms = 1};

	assert_null(jwt_mint(&m, SECRET, strlen(SECRET)));
}

static void test_refuses_malformed_tokens(void **state)
{
	static const char *const bad[] = {"", ".", "..", "...", "a.b", "a..b", ".a.b", "a.b.",
		"eyJhbGciOiJIUzI1NiJ9.e30.x.y", "eyJhbGciOiJIUzI1NiJ9=.e30.AAAA",
		"eyJhbGciOiJIUzI1NiJ9 .e30.AAAA", "bm90IGpzb24.e30.AAAA", "W10.e30.AAAA",
		"eyJhbGciOiJIUzI1NiJ.e30.AAAA"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(verify(bad[i]), JWT_MALFORMED);
}

static void test_refuses_too_long_a_token(void **state)
{
	char *claims = mem_printf("{\"sub\":\"u1\",\"exp\":1800000060,\"x\":\"%06000d\"}", 0);
	char *token = hmac_token(HS256, claims, SECRET, strlen(SECRET));

	assert_true(strlen(token) <= JWT_MAX);
	assert_int_equal(verify(token), JWT_OK);
	free(claims);
	free(token);
	claims = mem_printf("{\"sub\":\"u1\",\"exp\":1800000060,\"x\":\"%07000d\"}", 0);
	token = hmac_token(HS256, claims, SECRET, strlen(SECRET));
	assert_true(strlen(token) > JWT_MAX);
	assert_int_equal(verify(token), JWT_MALFORMED);
	free(claims);
	free(token);
}

static void test_refuses_other_signatures(void **state)
{
	char *token = hmac_token(HS256, GOOD, SECRET, strlen(SECRET)), *other;
	size_t len = strlen(token);

	assert_int_equal(verify(token), JWT_OK);
	other = hmac_token(HS256, GOOD, "another secret of the same size..", 32);
	assert_int_equal(verify(other), JWT_BAD_SIGNATURE);
	free(other);
	/* The last digit holds two bits that must be zero, so the one before it is changed. */
	token[len - 2] = token[len - 2] == 'A' ? 'B' : 'A';
	assert_int_equal(verify(token), JWT_BAD_SIGNATURE);
	token[len - 4] = '\0';
	assert_int_equal(verify(token), JWT_BAD_SIGNATURE);
	free(token);
}

/* Whichever byte of header or payload is changed, the token is refused. */
static void test_every_byte_is_signed(void **state)
{
	char *token = hmac_token(HS256, GOOD, SECRET, strlen(SECRET));

	for (char *c = token; *c; c++) {
		char was = *c;

		*c = was == 'Q' ? 'g' : 'Q';
		assert_int_not_equal(verify(token), JWT_OK);
		*c = was;
	}
	free(token);
}

static void test_refuses_algorithms(void **state)
{
	static const char *const bad[] = {"{\"alg\":\"none\"}", "{\"alg\":\"None\"}",
		"{\"alg\":\"\"}", "{\"alg\":\"HS512\"}", "{\"alg\":\"hs256\"}",
		"{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}", "{\"alg\":\"EdDSA\"}",
		"{\"alg\":[\"HS256\"]}", "{}", "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"HS256\",\"crit\":[]}", "{\"alg\":\"HS256\",\"b64\":false}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(verify_header(bad[i]), JWT_BAD_ALGORITHM);
	assert_int_equal(verify_header("{\"alg\":\"HS256\",\"alg\":\"HS256\"}"), JWT_MALFORMED);
	assert_int_equal(verify_header("{\"alg\":\"HS256\",\"kid\":1}"), JWT_MALFORMED);
	assert_int_equal(verify_header("{\"alg\":\"HS256\",\"kid\":\"any\"}"), JWT_OK);
}

static void test_none_without_signature_is_refused(void **state)
{
	struct buf b = {0};

	put_parts(&b, "{\"alg\":\"none\"}", GOOD);
	buf_put_u8(&b, '.');
	assert_int_equal(verify(buf_text(&b)), JWT_MALFORMED);
	buf_finish(&b);
}

static void test_hs256_needs_a_secret(void **state)
{
	const struct jwt_checks checks = checks_now();
	const struct jwt_keys none = {0}, empty = {.secret = ""};
	char *token = hmac_token(HS256, GOOD, "", 0);

	assert_int_equal(verify_with(token, &none, &checks, NULL), JWT_BAD_ALGORITHM);
	assert_int_equal(verify_with(token, &empty, &checks, NULL), JWT_BAD_ALGORITHM);
	free(token);
}

static void test_dates(void **state)
{
	struct jwt_checks c = checks_now();

	assert_int_equal(verify_claims("{\"sub\":\"u1\"}", &c), JWT_BAD_CLAIMS);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":null}", &c), JWT_BAD_CLAIMS);
	assert_int_equal(
		verify_claims("{\"sub\":\"u1\",\"exp\":\"1800000060\"}", &c), JWT_BAD_CLAIMS);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":-1}", &c), JWT_BAD_CLAIMS);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1e300}", &c), JWT_BAD_CLAIMS);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000000}", &c), JWT_EXPIRED);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000001}", &c), JWT_OK);
	assert_int_equal(
		verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":1800000001}", &c),
		JWT_NOT_YET);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":\"x\"}", &c),
		JWT_BAD_CLAIMS);
	c.leeway_ms = 5000;
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1799999996}", &c), JWT_OK);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1799999995}", &c), JWT_EXPIRED);
	assert_int_equal(
		verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":1800000005}", &c),
		JWT_OK);
}

static void test_issuer_and_audience(void **state)
{
	struct jwt_checks c = checks_now();

	c.issuer = "us";
	assert_int_equal(verify_claims(GOOD, &c), JWT_WRONG_ISSUER);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"iss\":[\"us\"]}", &c),
		JWT_WRONG_ISSUER);
	assert_int_equal(
		verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"iss\":\"us\"}", &c), JWT_OK);
	c.issuer = NULL;
	c.audience = "souk";
	assert_int_equal(verify_claims(GOOD, &c), JWT_WRONG_AUDIENCE);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"aud\":\"other\"}", &c),
		JWT_WRONG_AUDIENCE);
	assert_int_equal(
		verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"aud\":\"souk\"}", &c), JWT_OK);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,"
				       "\"aud\":[1,\"other\",\"souk\"]}",
				 &c),
		JWT_OK);
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"aud\":[]}", &c),
		JWT_WRONG_AUDIENCE);
}

static enum jwt_result verify_sub(const char *sub)
{
	const struct jwt_checks c = checks_now();
	char *claims = mem_printf("{\"sub\":%s,\"exp\":1800000060}", sub);
	enum jwt_result r = verify_claims(claims, &c);

	free(claims);
	return r;
}

static void test_subject(void **state)
{
	char *longest = mem_printf("\"%0128d\"", 0), *longer = mem_printf("\"%0129d\"", 0);

	assert_int_equal(verify_sub("null"), JWT_BAD_CLAIMS);
	assert_int_equal(verify_sub("1"), JWT_BAD_CLAIMS);
	assert_int_equal(verify_sub("\"\""), JWT_BAD_CLAIMS);
	assert_int_equal(verify_sub("\"a\\nb\""), JWT_BAD_CLAIMS);
	assert_int_equal(verify_sub("\"a\\u0000b\""), JWT_MALFORMED);
	assert_int_equal(verify_sub("\"é\""), JWT_OK);
	assert_int_equal(verify_sub(longest), JWT_OK);
	assert_int_equal(verify_sub(longer), JWT_BAD_CLAIMS);
	free(longest);
	free(longer);
}

static void test_other_claims_of_wrong_type(void **state)
{
	static const char *const bad[] = {"\"name\":1", "\"avatar\":{}", "\"neighborhood\":[]",
		"\"roles\":\"admin\"", "\"roles\":[1]", "\"roles\":{\"admin\":true}", "\"act\":{}",
		"\"act\":\"x\"", "\"act\":{\"sub\":1}", "\"act\":{\"sub\":\"\"}"};
	const struct jwt_checks c = checks_now();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *claims = mem_printf("{\"sub\":\"u1\",\"exp\":1800000060,%s}", bad[i]);

		assert_int_equal(verify_claims(claims, &c), JWT_BAD_CLAIMS);
		free(claims);
	}
	assert_int_equal(verify_claims("{\"sub\":\"u1\",\"exp\":1800000060,\"name\":null,"
				       "\"roles\":null}",
				 &c),
		JWT_OK);
}

/* RFC 7515 appendix A.1: the signature is good, the claims (no sub, long expired) are not. */
static void test_rfc7515_hs256(void **state)
{
	static const char key[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
				  "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	static const char token[] =
		"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
		"ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU"
		"1p1r_wW1gFWFOEjXk";
	char secret[64];
	struct jwt_keys keys = {.secret = secret};
	struct jwt_checks checks = {.now_ms = 1300819379000, .issuer = "joe"};

	assert_true(text_unbase64url(key, strlen(key), secret, sizeof(secret), &keys.secret_len));
	assert_int_equal(verify_with(token, &keys, &checks, NULL), JWT_BAD_CLAIMS);
	checks.now_ms += 1000;
	assert_int_equal(verify_with(token, &keys, &checks, NULL), JWT_EXPIRED);
	secret[0] ^= 1;
	assert_int_equal(verify_with(token, &keys, &checks, NULL), JWT_BAD_SIGNATURE);
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static void test_secret_file(void **state)
{
	char dir[] = "/tmp/souk-jwt-XXXXXX", error[256] = "", *path, *secret, *again;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	path = mem_printf("%s/deep/secret", dir);
	assert_null(jwt_secret_load(path, false, error, sizeof(error)));
	secret = jwt_secret_load(path, true, error, sizeof(error));
	assert_int_equal(strlen(secret), 43);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	again = jwt_secret_load(path, true, error, sizeof(error));
	assert_string_equal(again, secret);
	free(secret);
	free(again);

	write_text(path, SECRET "\n", 0644);
	assert_null(jwt_secret_load(path, true, error, sizeof(error)));
	assert_non_null(strstr(error, "readable by everybody"));
	write_text(path, "short\n", 0600);
	assert_null(jwt_secret_load(path, true, error, sizeof(error)));
	assert_non_null(strstr(error, "shorter than 32"));
	write_text(path, SECRET " \r\n", 0640);
	secret = jwt_secret_load(path, true, error, sizeof(error));
	assert_string_equal(secret, SECRET);
	free(secret);
	unlink(path);
	free(path);
	path = mem_printf("%s/deep", dir);
	assert_null(jwt_secret_load(path, true, error, sizeof(error)));
	rmdir(path);
	rmdir(dir);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_all_claims),
		cmocka_unit_test(test_mints_what_it_accepts),
		cmocka_unit_test(test_mint_refuses_what_is_no_text),
		cmocka_unit_test(test_refuses_malformed_tokens),
		cmocka_unit_test(test_refuses_too_long_a_token),
		cmocka_unit_test(test_refuses_other_signatures),
		cmocka_unit_test(test_every_byte_is_signed),
		cmocka_unit_test(test_refuses_algorithms),
		cmocka_unit_test(test_none_without_signature_is_refused),
		cmocka_unit_test(test_hs256_needs_a_secret),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_issuer_and_audience),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_other_claims_of_wrong_type),
		cmocka_unit_test(test_rfc7515_hs256),
		cmocka_unit_test(test_secret_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
