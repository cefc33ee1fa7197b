#include "support/test.h"
#include "target.h"

static void test_parts(void **state)
{
	struct target t;
	const char *why;
	assert_true(target_parse(&t, "rtmp://127.0.0.1/live", false, &why));
	assert_string_equal(t.scheme, "rtmp");
	assert_int_equal(t.port, 1935);
	assert_string_equal(t.path, "/live");
	assert_true(target_parse(&t, "http://[::1]:8080", false, &why));
	assert_string_equal(t.host, "::1");
	assert_int_equal(t.port, 8080);
	assert_string_equal(t.path, "/");
	assert_true(target_parse(&t, "http://localhost/a?b=c", false, &why));
	assert_int_equal(t.port, 80);
	assert_string_equal(t.path, "/a?b=c");
}

static void test_only_loopback_unless_told(void **state)
{
	struct target t;
	const char *why;
	assert_false(target_parse(&t, "http://192.0.2.1/", false, &why));
	assert_string_equal(why, "not a loopback address (--anywhere lifts this)");
	assert_false(target_parse(&t, "http://[2001:db8::1]/", false, &why));
	assert_true(target_parse(&t, "http://192.0.2.1/", true, &why));
}

static void test_nonsense(void **state)
{
	static const char *const bad[] = {"", "127.0.0.1", "http:///x", "http://127.0.0.1:0/",
		"http://127.0.0.1:99999/", "http://127.0.0.1:/", "http://[::1/", "http://[::1]x/",
		"http://example.org/", "longscheme://127.0.0.1/"};
	struct target t;
	const char *why;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(target_parse(&t, bad[i], true, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_only_loopback_unless_told),
		cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
