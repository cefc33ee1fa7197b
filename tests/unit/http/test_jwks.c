#include <jansson.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/jwks.h"
#include "http/jwt.h"
#include "support/test.h"

#define RSA_N \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-" \
	"4qPCJrcS2mJPMEzP1Pt0" \
	"Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-" \
	"bSf63kpaSHSXnd" \
	"S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_" \
	"I5Ihl" \
	"JH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define JOE \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
	"cnVlfQ"

#define RSA_KEY "{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}"
#define EC_KEY \
	"{\"kty\":\"EC\",\"kid\":\"e\",\"crv\":\"P-256\"," \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define OKP_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OKP_KEY "{\"kty\":\"OKP\",\"kid\":\"o\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\"}"
#define ALL_KEYS "{\"keys\":[" RSA_KEY "," EC_KEY "," OKP_KEY "]}"

/* RFC 7515 appendices A.2 and A.3, RFC 8037 appendix A.4. */
static const char rs256_token[] =
	"eyJhbGciOiJSUzI1NiJ9." JOE
	".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
	"2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSj"
	"tQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh"
	"6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
static const char es256_token[] =
	"eyJhbGciOiJFUzI1NiJ9." JOE ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxL"
	"a8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char eddsa_token[] =
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PG"
	"cvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static struct jwks *parse(const char *text)
{
	char error[256] = "";
	struct jwks *k = jwks_parse(text, strlen(text), error, sizeof(error));

	if (!k)
		assert_true(error[0]);
	return k;
}

static struct jwks_signed cut(const char *token)
{
	const char *first = strchr(token, '.'), *second = strchr(first + 1, '.');

	return (struct jwks_signed){
		.token = token,
		.header_len = (size_t)(first - token),
		.payload_len = (size_t)(second - first - 1),
		.signature_len = strlen(second + 1),
	};
}

static enum jwt_result check(
	const struct jwks *k, enum jwks_alg alg, const char *kid, const char *token)
{
	const struct jwks_signed s = cut(token);

	return jwks_verify(k, alg, kid, &s);
}

static void test_vectors(void **state)
{
	struct jwks *k = parse(ALL_KEYS);

	assert_int_equal(jwks_count(k), 3);
	assert_int_equal(check(k, JWKS_RS256, NULL, rs256_token), JWT_OK);
	assert_int_equal(check(k, JWKS_ES256, NULL, es256_token), JWT_OK);
	assert_int_equal(check(k, JWKS_EDDSA, NULL, eddsa_token), JWT_OK);
	assert_int_equal(check(k, JWKS_RS256, "r", rs256_token), JWT_OK);
	assert_int_equal(check(k, JWKS_RS256, "e", rs256_token), JWT_UNKNOWN_KEY);
	assert_int_equal(check(k, JWKS_EDDSA, "x", eddsa_token), JWT_UNKNOWN_KEY);
	jwks_destroy(&k);
	assert_null(k);
}

static void refuse_changes(const struct jwks *k, enum jwks_alg alg, const char *good)
{
	char *token = mem_strdup(good);

	for (size_t i = 0, len = strlen(token); i < len; i += 3) {
		char was = token[i];

		if (was == '.')
			continue;
		token[i] = was == 'Q' ? 'g' : 'Q';
		assert_int_not_equal(check(k, alg, NULL, token), JWT_OK);
		token[i] = was;
	}
	free(token);
}

static void test_changed_bytes_are_refused(void **state)
{
	struct jwks *k = parse(ALL_KEYS);

	refuse_changes(k, JWKS_RS256, rs256_token);
	refuse_changes(k, JWKS_ES256, es256_token);
	refuse_changes(k, JWKS_EDDSA, eddsa_token);
	jwks_destroy(&k);
}

static void test_algorithm_does_not_choose_the_key(void **state)
{
	struct jwks *k = parse(ALL_KEYS);

	assert_int_equal(check(k, JWKS_ES256, NULL, rs256_token), JWT_BAD_SIGNATURE);
	assert_int_equal(check(k, JWKS_EDDSA, NULL, rs256_token), JWT_BAD_SIGNATURE);
	assert_int_equal(check(k, JWKS_RS256, NULL, es256_token), JWT_BAD_SIGNATURE);
	jwks_destroy(&k);
	k = parse("{\"keys\":[" RSA_KEY "]}");
	assert_int_equal(check(k, JWKS_ES256, NULL, es256_token), JWT_UNKNOWN_KEY);
	jwks_destroy(&k);
}

/* The classic confusion: a token signed by HMAC under the public key's text. */
static void test_public_key_is_no_secret(void **state)
{
	static const char *const guesses[] = {RSA_N, RSA_KEY, ALL_KEYS};
	static const char input[] = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSIsImV4cCI6MTgwMDAwMDA2MH0";
	struct jwks *k = parse(ALL_KEYS);
	const struct jwt_keys keys = {.jwks = k};
	const struct jwt_checks checks = {.now_ms = 1};
	struct jwt_claims claims;

	for (size_t i = 0; i < 3; i++) {
		uint8_t mac[EVP_MAX_MD_SIZE];
		char text[64], *token;
		unsigned n;

		HMAC(EVP_sha256(), guesses[i], (int)strlen(guesses[i]), (const uint8_t *)input,
			strlen(input), mac, &n);
		text_base64url(text, mac, n);
		token = mem_printf("%s.%s", input, text);
		assert_int_equal(jwt_verify(token, strlen(token), &keys, &checks, &claims),
			JWT_BAD_ALGORITHM);
		free(token);
	}
	jwks_destroy(&k);
}

static void test_signature_lengths(void **state)
{
	struct jwks *k = parse(ALL_KEYS);
	char *token = mem_strdup(eddsa_token);

	token[strlen(token) - 4] = '\0';
	assert_int_equal(check(k, JWKS_EDDSA, NULL, token), JWT_BAD_SIGNATURE);
	free(token);
	token = mem_printf("%sAAAA", es256_token);
	assert_int_equal(check(k, JWKS_ES256, NULL, token), JWT_BAD_SIGNATURE);
	free(token);
	token = mem_strdup(rs256_token);
	token[strlen(token) - 8] = '\0';
	assert_int_equal(check(k, JWKS_RS256, NULL, token), JWT_BAD_SIGNATURE);
	free(token);
	jwks_destroy(&k);
}

static void test_keys_left_out(void **state)
{
	static const char *const bad[] = {"1", "{}", "{\"kty\":\"RSA\"}",
		"{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}",
		"{\"kty\":\"RSA\",\"alg\":\"RS512\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}",
		"{\"kty\":\"RSA\",\"use\":\"enc\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}",
		"{\"kty\":\"RSA\",\"key_ops\":[\"sign\"],\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}",
		"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
		"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" OKP_X "\"}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *alone = mem_printf("{\"keys\":[%s]}", bad[i]);
		char *beside = mem_printf("{\"keys\":[%s," OKP_KEY "]}", bad[i]);
		struct jwks *k = parse(alone);

		assert_null(k);
		k = parse(beside);
		assert_int_equal(jwks_count(k), 1);
		jwks_destroy(&k);
		free(alone);
		free(beside);
	}
}

static void test_texts_that_are_no_key_sets(void **state)
{
	static const char *const bad[] = {"", "x", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(parse(bad[i]));
}

/* Two keys of one kind while they are rolled over: each token finds its own. */
static void test_rollover(void **state)
{
	json_t *old = json_pack("{s:s, s:s}", "alg", "ES256", "kid", "old");
	json_t *new = json_pack("{s:s, s:s}", "alg", "ES256", "kid", "new");
	json_t *jws =
		json_pack("{s:s, s:{s:{s:s}}}", "payload", "e30", "x", "protected", "alg", "ES256");
	json_t *set, *sig = json_pack("{s:{s:s}}", "protected", "alg", "ES256");
	char *text, *token;
	struct jwks *k;

	assert_true(jose_jwk_gen(NULL, old) && jose_jwk_gen(NULL, new));
	assert_true(jose_jws_sig(NULL, jws, sig, old));
	token = mem_printf("%s.e30.%s", json_string_value(json_object_get(jws, "protected")),
		json_string_value(json_object_get(jws, "signature")));
	set = json_pack("{s:[O, O]}", "keys", new, old);
	json_object_del(new, "key_ops");
	json_object_del(old, "key_ops");
	text = json_dumps(set, 0);
	k = parse(text);
	assert_int_equal(jwks_count(k), 2);
	assert_int_equal(check(k, JWKS_ES256, NULL, token), JWT_OK);
	assert_int_equal(check(k, JWKS_ES256, "old", token), JWT_OK);
	assert_int_equal(check(k, JWKS_ES256, "new", token), JWT_BAD_SIGNATURE);
	jwks_destroy(&k);
	free(token);
	free(text);
	json_decref(set);
	json_decref(sig);
	json_decref(jws);
	json_decref(old);
	json_decref(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_changed_bytes_are_refused),
		cmocka_unit_test(test_algorithm_does_not_choose_the_key),
		cmocka_unit_test(test_public_key_is_no_secret),
		cmocka_unit_test(test_signature_lengths),
		cmocka_unit_test(test_keys_left_out),
		cmocka_unit_test(test_texts_that_are_no_key_sets),
		cmocka_unit_test(test_rollover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
