#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/playback.h"
#include "support/test.h"

#define NOW 1800000000u
#define GOOD_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

static const uint8_t key[PLAYBACK_KEY_SIZE] = "a key of thirty-two bytes, so so";
static const struct uuid stream = {{1, 2, 3}};

static enum playback_result check(struct uuid id, const char *token, uint64_t now, char *viewer)
{
	char room[PLAYBACK_VIEWER_SIZE];

	return playback_check(key, id, token, now, viewer ? viewer : room);
}

static void a_token_says_who_may_watch_what(void **state)
{
	char token[PLAYBACK_TOKEN_SIZE], viewer[PLAYBACK_VIEWER_SIZE];

	assert_true(playback_token(key, stream, "user-\xc3\xa4", NOW + 60, token));
	assert_int_equal(strspn(token, GOOD_CHARACTERS), strlen(token));
	assert_true(strlen(token) < 50);
	assert_int_equal(check(stream, token, NOW, viewer), PLAYBACK_OK);
	assert_string_equal(viewer, "user-\xc3\xa4");
	assert_int_equal(check(stream, token, NOW + 59, NULL), PLAYBACK_OK);
	assert_int_equal(check(stream, token, NOW + 60, NULL), PLAYBACK_EXPIRED);
}

static void it_is_of_one_stream_and_one_key(void **state)
{
	const struct uuid other = {{1, 2, 4}};
	char token[PLAYBACK_TOKEN_SIZE], viewer[PLAYBACK_VIEWER_SIZE];
	uint8_t another[PLAYBACK_KEY_SIZE];

	assert_true(playback_token(key, stream, "u", NOW + 60, token));
	assert_int_equal(check(other, token, NOW, NULL), PLAYBACK_BAD);
	memcpy(another, key, sizeof(another));
	another[31] ^= 1;
	assert_int_equal(playback_check(another, stream, token, NOW, viewer), PLAYBACK_BAD);
}

static void every_changed_character_is_noticed(void **state)
{
	char token[PLAYBACK_TOKEN_SIZE];

	assert_true(playback_token(key, stream, "viewer", NOW + 60, token));
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];
		for (const char *c = GOOD_CHARACTERS; *c; c++) {
			token[i] = *c;
			assert_int_equal(check(stream, token, NOW, NULL),
				*c == was ? PLAYBACK_OK : PLAYBACK_BAD);
		}
		token[i] = was;
	}
}

static void what_is_no_token_is_refused(void **state)
{
	char token[PLAYBACK_TOKEN_SIZE], text[2 * PLAYBACK_TOKEN_SIZE];
	static const char *const bad[] = {"", ".", "..", "a.b", "AQAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA",
		"AQ.AAAAAAAAAAAAAAAAAAAAAA", "!!!!!!!!!!!.AAAAAAAAAAAAAAAAAAAAAA"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(check(stream, bad[i], NOW, NULL), PLAYBACK_BAD);
	assert_true(playback_token(key, stream, "viewer", NOW + 60, token));
	snprintf(text, sizeof(text), "%s.", token);
	assert_int_equal(check(stream, text, NOW, NULL), PLAYBACK_BAD);
	snprintf(text, sizeof(text), "%sA", token);
	assert_int_equal(check(stream, text, NOW, NULL), PLAYBACK_BAD);
	snprintf(text, sizeof(text), "%s=", token);
	assert_int_equal(check(stream, text, NOW, NULL), PLAYBACK_BAD);
	for (size_t len = strlen(token); len-- > 0;) {
		snprintf(text, sizeof(text), "%.*s", (int)len, token);
		assert_int_equal(check(stream, text, NOW, NULL), PLAYBACK_BAD);
	}
	memset(text, 'A', 1400);
	memcpy(text + 1400, ".AAAAAAAAAAAAAAAAAAAAAA", 24);
	assert_int_equal(check(stream, text, NOW, NULL), PLAYBACK_BAD);
}

static void ids_may_be_as_long_as_ids_are(void **state)
{
	char token[PLAYBACK_TOKEN_SIZE], viewer[PLAYBACK_VIEWER_SIZE];
	char id[PLAYBACK_VIEWER_SIZE + 1];

	memset(id, 'x', sizeof(id));
	id[PLAYBACK_VIEWER_SIZE - 1] = '\0';
	assert_true(playback_token(key, stream, id, NOW + 60, token));
	assert_int_equal(check(stream, token, NOW, viewer), PLAYBACK_OK);
	assert_string_equal(viewer, id);
	id[PLAYBACK_VIEWER_SIZE - 1] = 'x';
	id[PLAYBACK_VIEWER_SIZE] = '\0';
	assert_false(playback_token(key, stream, id, NOW + 60, token));
	assert_string_equal(token, "");
	assert_false(playback_token(key, stream, "", NOW + 60, token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_says_who_may_watch_what),
		cmocka_unit_test(it_is_of_one_stream_and_one_key),
		cmocka_unit_test(every_changed_character_is_noticed),
		cmocka_unit_test(what_is_no_token_is_refused),
		cmocka_unit_test(ids_may_be_as_long_as_ids_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
