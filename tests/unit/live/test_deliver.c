#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "deliver_rules.h"
#include "fcm.h"
#include "support/test.h"

/* The rules of delivery: signatures, back-off, what answers mean, FCM's tokens and messages. */

#define S UINT64_C(1000000)
#define RANDOM_MAX UINT64_MAX

static void test_signature(void **state)
{
	char signature[DELIVER_SIGNATURE_SIZE];
	/* By openssl: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
	deliver_sign(signature, "key", 1700000000, "{\"a\":1}");
	assert_string_equal(
		signature, "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
}

static void test_backoff_doubles_up_to_an_hour(void **state)
{
	uint64_t before = 0;
	for (unsigned n = 0; n < 200; n++) {
		uint64_t low = deliver_backoff_us(S, n, 0);
		uint64_t whole = n < 12 ? S << n : DELIVER_BACKOFF_MAX_US;
		if (whole > DELIVER_BACKOFF_MAX_US)
			whole = DELIVER_BACKOFF_MAX_US;
		assert_true(low == whole / 2);
		assert_true(low >= before);
		for (uint64_t r = 1; r; r *= 7) {
			uint64_t wait = deliver_backoff_us(S, n, r);
			assert_true(wait >= low && wait <= whole);
			if (r > RANDOM_MAX / 7)
				break;
		}
		before = low;
	}
	assert_true(deliver_backoff_us(S, 0, S / 2) == S);
	assert_true(deliver_backoff_us(0, 5, 1) == 0);
	assert_true(deliver_backoff_us(UINT64_MAX / 2, 5, 0) == DELIVER_BACKOFF_MAX_US / 2);
}

static void test_next_at(void **state)
{
	const struct deliver_patience p = {.base_us = S, .give_up_us = 3600 * S};
	struct outbox_record r = {.since = 1000000, .created_at = 5};
	const uint64_t end = r.since + 3600 * 1000;
	assert_true(deliver_next_at(&p, &r, 1000000, 0, 0) == 1000500);
	r.attempts = 3;
	assert_true(deliver_next_at(&p, &r, 1000000, 0, 0) == 1004000);
	/* The receiver's wish is the least; its own wait may be longer. */
	assert_true(deliver_next_at(&p, &r, 1000000, 60 * S, 0) == 1060000);
	assert_true(deliver_next_at(&p, &r, 1000000, S, 0) == 1004000);
	/* The last attempt is made when the time is up, and then there is none. */
	r.attempts = 30;
	assert_true(deliver_next_at(&p, &r, end - 1, 0, 0) == end);
	assert_true(deliver_next_at(&p, &r, 1000000, 864000 * S, 0) == end);
	assert_true(deliver_next_at(&p, &r, end, 0, 0) == 0);
	assert_true(deliver_next_at(&p, &r, end + 1, 60 * S, 0) == 0);
}

static void test_answers_to_webhooks(void **state)
{
	static const unsigned good[] = {200, 201, 202, 204, 299};
	static const unsigned bad[] = {0, 100, 199, 300, 301, 307, 400, 404, 410, 429, 500, 503};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(deliver_judge_webhook(good[i]), DELIVER_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(deliver_judge_webhook(bad[i]), DELIVER_RETRY);
}

static enum deliver_verdict judge(unsigned status, const char *body)
{
	return deliver_judge_push(status, body, strlen(body));
}

#define DETAIL(code) \
	"{\"error\":{\"status\":\"X\",\"details\":[{\"@type\":\"other\"},{\"errorCode\":\"" code \
	"\"}]}}"

static void test_answers_of_fcm(void **state)
{
	char text[128];
	assert_int_equal(judge(200, "{\"name\":\"projects/x\"}"), DELIVER_OK);
	assert_int_equal(judge(200, ""), DELIVER_OK);
	assert_int_equal(judge(401, "{}"), DELIVER_BAD_TOKEN);
	assert_int_equal(judge(404, DETAIL("UNREGISTERED")), DELIVER_GONE);
	assert_int_equal(judge(400, DETAIL("UNREGISTERED")), DELIVER_GONE);
	assert_int_equal(judge(410, ""), DELIVER_GONE);
	assert_int_equal(judge(400, DETAIL("INVALID_ARGUMENT")), DELIVER_GIVE_UP);
	assert_int_equal(
		judge(400, "{\"error\":{\"status\":\"INVALID_ARGUMENT\"}}"), DELIVER_GIVE_UP);
	assert_int_equal(judge(403, DETAIL("SENDER_ID_MISMATCH")), DELIVER_GIVE_UP);
	assert_int_equal(
		judge(403, "{\"error\":{\"status\":\"PERMISSION_DENIED\"}}"), DELIVER_RETRY);
	/* A proxy's page, or a project that is not there: not the device's fault. */
	assert_int_equal(judge(404, "<html>"), DELIVER_RETRY);
	assert_int_equal(judge(404, "{\"error\":{\"status\":\"NOT_FOUND\"}}"), DELIVER_RETRY);
	assert_int_equal(judge(404, "{\"error\":[]}"), DELIVER_RETRY);
	assert_int_equal(judge(429, DETAIL("QUOTA_EXCEEDED")), DELIVER_RETRY);
	assert_int_equal(judge(503, DETAIL("UNREGISTERED")), DELIVER_RETRY);
	assert_int_equal(deliver_judge_push(0, NULL, 0), DELIVER_RETRY);
	deliver_push_error(text, sizeof(text), 400, DETAIL("INVALID_ARGUMENT"),
		strlen(DETAIL("INVALID_ARGUMENT")));
	assert_string_equal(text, "FCM answered 400 INVALID_ARGUMENT");
	deliver_push_error(text, sizeof(text), 502, "<html>", 6);
	assert_string_equal(text, "FCM answered 502");
}

static void test_body_of_webhook(void **state)
{
	struct outbox_record r = {
		.event = (char *)"stream.ended",
		.payload = (char *)"{\"vodUrl\":\"/vod/x\",\"thumbnailUrl\":\"https://cdn/t.jpg\","
				   "\"title\":\"\\u00e9\"}",
		.created_at = 1700000000123,
	};
	char *text = deliver_webhook_body(&r, "https://shop.example/");
	json_t *body = json_loads(text, 0, NULL), *data = json_object_get(body, "data");
	assert_int_equal(json_object_size(body), 4);
	assert_string_equal(json_string_value(json_object_get(body, "id")),
		"00000000-0000-0000-0000-000000000000");
	assert_string_equal(json_string_value(json_object_get(body, "event")), "stream.ended");
	assert_string_equal(
		json_string_value(json_object_get(body, "createdAt")), "2023-11-14T22:13:20.123Z");
	assert_string_equal(
		json_string_value(json_object_get(data, "vodUrl")), "https://shop.example/vod/x");
	assert_string_equal(
		json_string_value(json_object_get(data, "thumbnailUrl")), "https://cdn/t.jpg");
	assert_string_equal(json_string_value(json_object_get(data, "title")), "é");
	json_decref(body);
	free(text);
	text = deliver_webhook_body(&r, NULL);
	assert_non_null(strstr(text, "\"vodUrl\":\"/vod/x\""));
	free(text);
	r.payload = (char *)"{broken";
	assert_null(deliver_webhook_body(&r, NULL));
}

/* A key of this run's own. */
static EVP_PKEY *new_key(char **pem)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	long len = BIO_get_mem_data(bio, &data);
	*pem = mem_strndup(data, (size_t)len);
	BIO_free(bio);
	return key;
}

static struct fcm_account *account_of(const char *pem, char *error)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "client_email", "a@b.example",
		"private_key", pem, "private_key_id", "kid-1", "token_uri",
		"https://oauth.example/token", "project_id", "shop-1");
	char *text = json_dumps(json, 0);
	struct fcm_account *a = fcm_account_parse(text, strlen(text), error, 128);
	json_decref(json);
	free(text);
	return a;
}

static json_t *decode_part(const char *part, size_t len)
{
	char json[2048];
	size_t n;
	assert_true(text_unbase64url(part, len, json, sizeof(json), &n));
	json_t *o = json_loadb(json, n, 0, NULL);
	assert_non_null(o);
	return o;
}

static void expect_signed(EVP_PKEY *key, const char *jwt, const char *last_dot)
{
	uint8_t signature[512];
	size_t len;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_true(text_unbase64url(
		last_dot + 1, strlen(last_dot + 1), signature, sizeof(signature), &len));
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, signature, len, (const uint8_t *)jwt,
				 (size_t)(last_dot - jwt)),
		1);
	EVP_MD_CTX_free(ctx);
}

static void test_assertion_is_signed(void **state)
{
	char *pem, error[128];
	EVP_PKEY *key = new_key(&pem);
	struct fcm_account *a = account_of(pem, error);
	assert_non_null(a);
	char *form = fcm_token_form(a, 1700000000);
	const char *jwt = strstr(form, "&assertion=");
	assert_non_null(jwt);
	jwt += strlen("&assertion=");
	assert_true(text_starts(form,
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="));
	const char *dot = strchr(jwt, '.'), *last = strrchr(jwt, '.');
	expect_signed(key, jwt, last);
	json_t *header = decode_part(jwt, (size_t)(dot - jwt));
	json_t *claims = decode_part(dot + 1, (size_t)(last - dot - 1));
	json_t *want_header =
		json_pack("{s:s, s:s, s:s}", "alg", "RS256", "typ", "JWT", "kid", "kid-1");
	json_t *want_claims = json_pack("{s:s, s:s, s:s, s:i, s:i}", "iss", "a@b.example", "scope",
		"https://www.googleapis.com/auth/firebase.messaging", "aud",
		"https://oauth.example/token", "iat", 1700000000, "exp", 1700003600);
	assert_true(json_equal(header, want_header));
	assert_true(json_equal(claims, want_claims));
	json_decref(header);
	json_decref(claims);
	json_decref(want_header);
	json_decref(want_claims);
	free(form);
	char *url = fcm_send_url(a, "https://fcm.example/");
	assert_string_equal(url, "https://fcm.example/v1/projects/shop-1/messages:send");
	free(url);
	fcm_account_destroy(&a);
	assert_null(a);
	EVP_PKEY_free(key);
	free(pem);
}

static void expect_refused(const char *json, const char *why)
{
	char error[128] = "";
	assert_null(fcm_account_parse(json, strlen(json), error, sizeof(error)));
	assert_non_null(strstr(error, why));
}

static void test_bad_accounts(void **state)
{
	char error[128], *pem;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	expect_refused("", "not JSON");
	expect_refused("[1]", "lacks");
	expect_refused("{\"client_email\":\"a\",\"private_key\":3}", "lacks");
	expect_refused("{\"client_email\":\"a\",\"private_key\":\"x\",\"token_uri\":\"ftp://x\","
		       "\"project_id\":\"p\"}",
		"token_uri");
	expect_refused("{\"client_email\":\"a\",\"private_key\":\"x\","
		       "\"token_uri\":\"http://127.0.0.1.example/\",\"project_id\":\"p\"}",
		"token_uri");
	expect_refused("{\"client_email\":\"a\",\"private_key\":\"x\",\"token_uri\":\"https://x\","
		       "\"project_id\":\"../p\"}",
		"project_id");
	assert_null(account_of("-----BEGIN PRIVATE KEY-----\nAAAA\n", error));
	assert_non_null(strstr(error, "RSA"));
	/* Another kind of key. */
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	long len = BIO_get_mem_data(bio, &data);
	pem = mem_strndup(data, (size_t)len);
	assert_null(account_of(pem, error));
	assert_non_null(strstr(error, "RSA"));
	assert_null(fcm_account_load("/nonexistent/account.json", error, sizeof(error)));
	assert_non_null(strstr(error, "/nonexistent/account.json: No such file"));
	free(pem);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void test_token_answers(void **state)
{
	static const char *const bad[] = {"", "[]", "{\"access_token\":\"x\"}",
		"{\"access_token\":1,\"expires_in\":3600}",
		"{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":3600}",
		"{\"access_token\":\"\",\"expires_in\":3600}",
		"{\"access_token\":\"x\",\"expires_in\":-1}"};
	static const char good[] = "{\"access_token\":\"ya29.x\",\"expires_in\":3599}";
	char *token;
	uint64_t life;
	assert_true(fcm_token_parse(good, strlen(good), &token, &life));
	assert_string_equal(token, "ya29.x");
	assert_true(life == 3599);
	free(token);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(fcm_token_parse(bad[i], strlen(bad[i]), &token, &life));
		assert_null(token);
	}
}

static void test_message(void **state)
{
	struct outbox_record r = {
		.target = (char *)"device",
		.payload = (char *)"{\"title\":\"T\",\"body\":\"B\",\"data\":{\"a\":\"x\",\"n\":1,"
				   "\"o\":{\"k\":true},\"z\":null}}",
	};
	char *text = fcm_message(&r);
	json_t *got = json_loads(text, 0, NULL);
	json_t *want = json_pack("{s:{s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}}}", "message", "token",
		"device", "notification", "title", "T", "body", "B", "data", "a", "x", "n", "1",
		"o", "{\"k\": true}");
	assert_true(json_equal(got, want));
	json_decref(got);
	json_decref(want);
	free(text);
	r.payload = (char *)"{\"title\":\"T\",\"body\":null}";
	text = fcm_message(&r);
	assert_string_equal(text,
		"{\"message\":{\"token\":\"device\",\"notification\":{\"title\":\"T\"},"
		"\"data\":{}}}");
	free(text);
	r.payload = (char *)"{\"body\":\"B\"}";
	assert_null(fcm_message(&r));
	r.payload = (char *)"no JSON";
	assert_null(fcm_message(&r));
	r.payload = (char *)"{\"title\":\"T\"}";
	r.target = NULL;
	assert_null(fcm_message(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_backoff_doubles_up_to_an_hour),
		cmocka_unit_test(test_next_at),
		cmocka_unit_test(test_answers_to_webhooks),
		cmocka_unit_test(test_answers_of_fcm),
		cmocka_unit_test(test_body_of_webhook),
		cmocka_unit_test(test_assertion_is_signed),
		cmocka_unit_test(test_bad_accounts),
		cmocka_unit_test(test_token_answers),
		cmocka_unit_test(test_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
