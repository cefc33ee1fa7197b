#include <string.h>

#include "proto/hls_query.h"
#include "support/test.h"

static bool parse(const char *text, struct hls_query *q)
{
	return hls_query_parse(text, strlen(text), q);
}

static void test_nothing(void **state)
{
	struct hls_query q;
	assert_true(hls_query_parse(NULL, 0, &q));
	assert_false(q.has_msn || q.has_part);
	assert_int_equal(q.skip, HLS_SKIP_NONE);
	assert_string_equal(q.token, "");
	assert_true(parse("", &q));
	assert_true(parse("&&a=b&&_hls_msn=x&%5FHLS_msn=y&flag&=", &q));
	assert_false(q.has_msn);
}

static void test_directives(void **state)
{
	struct hls_query q;
	assert_true(parse("_HLS_msn=17", &q));
	assert_true(q.has_msn && !q.has_part && q.msn == 17);
	assert_true(parse("_HLS_part=3&_HLS_msn=18446744073709551615&_HLS_skip=YES", &q));
	assert_true(q.has_part && q.part == 3 && q.msn == UINT64_MAX);
	assert_int_equal(q.skip, HLS_SKIP_YES);
	assert_true(parse("_HLS_skip=v2&_HLS_msn=0&_HLS_part=4294967295", &q));
	assert_int_equal(q.skip, HLS_SKIP_V2);
	assert_int_equal(q.part, UINT32_MAX);
	assert_false(q.brief);
	assert_true(parse("window=live", &q));
	assert_true(q.brief);
	assert_true(parse("_HLS_msn=007", &q) && q.msn == 7);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"_HLS_msn",
		"_HLS_msn=",
		"_HLS_msn=-1",
		"_HLS_msn=+1",
		"_HLS_msn=1x",
		"_HLS_msn= 1",
		"_HLS_msn=1.0",
		"_HLS_msn=0x1",
		"_HLS_msn=%31",
		"_HLS_msn=18446744073709551616",
		"_HLS_msn=99999999999999999999999999",
		"_HLS_msn=1&_HLS_msn=1",
		"_HLS_part=1",
		"_HLS_msn=1&_HLS_part=",
		"_HLS_msn=1&_HLS_part=4294967296",
		"_HLS_msn=1&_HLS_part=1&_HLS_part=2",
		"_HLS_msn=1=2",
		"_HLS_skip",
		"_HLS_skip=",
		"_HLS_skip=yes",
		"_HLS_skip=V2",
		"_HLS_skip=YES&_HLS_skip=v2",
		"token=a&token=b",
		"window",
		"window=",
		"window=all",
		"token=%4",
		"token=%zz",
		"token=a%00b",
		"token=%",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hls_query q;
		if (parse(bad[i], &q)) {
			fail_msg("accepted: %s", bad[i]);
		}
	}
}

static void test_token(void **state)
{
	struct hls_query q;
	assert_true(parse("token=ab.c-d_e&_HLS_msn=1", &q));
	assert_string_equal(q.token, "ab.c-d_e");
	assert_true(parse("x=1&token=a%2Bb%3d=c", &q));
	assert_string_equal(q.token, "a+b==c");
	assert_true(parse("token=", &q));
	assert_string_equal(q.token, "");

	char text[6 + HLS_QUERY_TOKEN_SIZE + 1] = "token=";
	memset(text + 6, 'a', HLS_QUERY_TOKEN_SIZE - 1);
	assert_true(parse(text, &q));
	assert_int_equal(strlen(q.token), HLS_QUERY_TOKEN_SIZE - 1);
	text[6 + HLS_QUERY_TOKEN_SIZE - 1] = 'a';
	assert_false(parse(text, &q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_directives),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
