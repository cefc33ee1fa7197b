#include <string.h>

#include "base/text.h"
#include "support/test.h"

static void test_copy_eq_starts(void **state)
{
	char out[4];
	assert_true(text_copy(out, sizeof(out), "abc"));
	assert_string_equal(out, "abc");
	assert_false(text_copy(out, sizeof(out), "abcd"));
	assert_string_equal(out, "abc");
	assert_true(text_eq(NULL, NULL));
	assert_false(text_eq(NULL, ""));
	assert_true(text_eq("a", "a"));
	assert_true(text_starts("abc", "ab"));
	assert_false(text_starts("ab", "abc"));
}

static void test_hex(void **state)
{
	uint8_t bytes[3];
	char hex[7];
	assert_true(text_unhex(bytes, 3, "00aBfF"));
	text_hex(hex, bytes, 3);
	assert_string_equal(hex, "00abff");
	assert_false(text_unhex(bytes, 3, "00abf"));
	assert_false(text_unhex(bytes, 3, "00abff0"));
	assert_false(text_unhex(bytes, 3, "00abfg"));
}

/* RFC 4648 section 10, without padding. */
static void test_base64url(void **state)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"},
		{"\xfb\xff", "-_8"}};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char text[16];
		uint8_t bytes[16];
		size_t len = strlen(pairs[i][0]), n;
		text_base64url(text, pairs[i][0], len);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(text_base64url_size(len), strlen(text) + 1);
		assert_true(text_unbase64url(text, strlen(text), bytes, len, &n));
		assert_int_equal(n, len);
		assert_memory_equal(bytes, pairs[i][0], len);
	}
}

static void test_base64url_refuses(void **state)
{
	static const char *const bad[] = {"Z", "Zg==", "Zh", "Zm9+", "Zm9/", "Zm 9", "Zm9vY"};
	uint8_t bytes[16];
	size_t n;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(text_unbase64url(bad[i], strlen(bad[i]), bytes, sizeof(bytes), &n));
	}
	assert_false(text_unbase64url("Zm9v", 4, bytes, 2, &n));
}

static void test_u64(void **state)
{
	uint64_t v = 0;
	assert_true(text_u64("0", 0, 10, &v));
	assert_true(text_u64("18446744073709551615", 0, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_false(text_u64("18446744073709551616", 0, UINT64_MAX, &v));
	assert_false(text_u64("11", 0, 10, &v));
	assert_false(text_u64("4", 5, 10, &v));
	assert_false(text_u64("", 0, 10, &v));
	assert_false(text_u64("-1", 0, 10, &v));
	assert_false(text_u64("+1", 0, 10, &v));
	assert_false(text_u64(" 1", 0, 10, &v));
	assert_false(text_u64("1x", 0, 10, &v));
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		uint64_t us;
	} good[] = {{"200ms", 200000}, {"2s", 2000000}, {"10m", 600000000}, {"1h", 3600000000},
		{"30d", 2592000000000}, {"0", 0}, {"0s", 0}};
	static const char *const bad[] = {"", "5", "s", "-1s", "1.5s", "1 s", "1w", "1ss",
		"99999999999999999999s", "999999999999999d"};
	uint64_t us;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(text_duration_us(good[i].text, &us));
		assert_true(us == good[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(text_duration_us(bad[i], &us));
	}
}

static void test_size(void **state)
{
	uint64_t n;
	assert_true(text_size("256k", false, &n) && n == 256 * 1024);
	assert_true(text_size("20M", true, &n) && n == 20000000);
	assert_true(text_size("1G", false, &n) && n == 1ull << 30);
	assert_true(text_size("123", false, &n) && n == 123);
	assert_true(text_size("0", false, &n) && n == 0);
	assert_false(text_size("", false, &n));
	assert_false(text_size("k", false, &n));
	assert_false(text_size("1kb", false, &n));
	assert_false(text_size("1x", false, &n));
	assert_false(text_size("99999999999999G", false, &n));
}

static void test_time(void **state)
{
	char out[TEXT_TIME_SIZE];
	text_time(out, 0);
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
	text_time(out, 1769860800123);
	assert_string_equal(out, "2026-01-31T12:00:00.123Z");
	text_time(out, UINT64_MAX);
	assert_string_equal(out, "9999-12-31T23:59:59.999Z");
}

static void test_time_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"2026-01-31T12:00:00.123Z", 1769860800123},
		{"2026-01-31T12:00:00Z", 1769860800000},
		{"2026-01-31t12:00:00.1z", 1769860800100},
		{"2026-01-31T12:00:00.1239999Z", 1769860800123},
		{"2026-01-31T14:30:00+02:30", 1769860800000},
		{"2026-01-31T06:00:00-06:00", 1769860800000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"1970-01-01T00:00:00Z", 0},
	};
	static const char *const bad[] = {"", "2026-01-31", "2026-01-31T12:00:00",
		"2026-01-31 12:00:00Z", "2026-02-29T12:00:00Z", "2026-13-01T12:00:00Z",
		"2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
		"2026-01-31T12:00:00.Z", "2026-01-31T12:00:00Zx", "2026-01-31T12:00:00+0200",
		"2026-01-31T12:00:00+24:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00",
		"2026-1-31T12:00:00Z"};
	uint64_t ms;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(text_time_parse(good[i].text, &ms));
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(text_time_parse(bad[i], &ms));
	}
}

static void test_utf8(void **state)
{
	static const char *const good[] = {"", "abc", "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"a\xc3(", "\xe2\x82"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(text_utf8_valid(good[i], strlen(good[i])));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(text_utf8_valid(bad[i], strlen(bad[i])));
	}
	assert_true(text_utf8_valid("a\0b", 3));
	assert_int_equal(text_utf8_count("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 4);
}

static void test_equal_const(void **state)
{
	assert_true(text_equal_const("abc", "abc", 3));
	assert_false(text_equal_const("abc", "abd", 3));
	assert_false(text_equal_const("xbc", "abc", 3));
	assert_true(text_equal_const("", "", 0));
}

static void test_form_decode(void **state)
{
	char out[8];
	assert_true(text_form_decode("a%20b+c%2B", 10, out, sizeof(out)));
	assert_string_equal(out, "a b c+");
	assert_true(text_form_decode("%4a%zz%", 7, out, sizeof(out)));
	assert_string_equal(out, "J%zz%");
	assert_false(text_form_decode("%00", 3, out, sizeof(out)));
	assert_false(text_form_decode("12345678", 8, out, sizeof(out)));
	assert_true(text_form_decode("1234567", 7, out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form_decode),
		cmocka_unit_test(test_copy_eq_starts),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64url),
		cmocka_unit_test(test_base64url_refuses),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_time_parse),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_equal_const),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
