#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "live/relay_url.h"
#include "support/test.h"

static void targets_are_told_from_what_is_none(void **state)
{
	static const struct {
		const char *url;
		bool good;
	} cases[] = {
		{"rtmp://a.example/live/key", true},
		{"rtmps://a.example:443/live2/key?x=1&y=2", true},
		{"rtmp://127.0.0.1/app", true},
		{"rtmp://[::1]/app/key", true},
		{"rtmp://[2001:db8::1]:1935/app/key", true},
		{"http://a.example/live/key", false},
		{"RTMP://a.example/live/key", false},
		{"a.example/live/key", false},
		{"rtmp://", false},
		{"rtmp:///live/key", false},
		{"rtmp://a.example", false},
		{"rtmp://a.example/", false},
		{"rtmp://a.example//key", false},
		{"rtmp://a.example/?key", false},
		{"rtmp://a.example?x/app/key", false},
		{"rtmp://a.example/app#key", false},
		{"rtmp://u:p@a.example/app/key", false},
		{"rtmp://a.example:/app/key", false},
		{"rtmp://a.example:0/app/key", false},
		{"rtmp://a.example:65536/app/key", false},
		{"rtmp://a.example:19x/app/key", false},
		{"rtmp://[::1/app/key", false},
		{"rtmp://[]/app/key", false},
		{"rtmp://[::1]x/app/key", false},
		{"rtmp://a.example/app/a key", false},
		{"rtmp://a.example/app/key\n", false},
		{"rtmp://\xc3\xa9.example/app/key", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = NULL;
		if (relay_url_check(cases[i].url, &why) != cases[i].good)
			fail_msg("%s", cases[i].url);
		assert_int_equal(why == NULL, cases[i].good);
	}
}

static void long_ones_are_none(void **state)
{
	char url[RELAY_URL_MAX + 2] = "rtmp://a/b/";
	const char *why;
	memset(url + strlen(url), 'k', RELAY_URL_MAX - strlen(url));
	assert_true(relay_url_check(url, &why));
	url[RELAY_URL_MAX] = 'k';
	assert_false(relay_url_check(url, &why));
}

static void keys_are_masked(void **state)
{
	static const struct {
		const char *url, *masked;
	} cases[] = {
		{"rtmp://a.example/live/secret", "rtmp://a.example/live/***"},
		{"rtmp://a.example/app", "rtmp://a.example/***"},
		{"rtmps://a:1/x/y/secret?token=also/secret", "rtmps://a:1/x/y/***"},
		{"rtmp://a/app/", "rtmp://a/app/***"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *masked = relay_url_masked(cases[i].url);
		assert_string_equal(masked, cases[i].masked);
		free(masked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_told_from_what_is_none),
		cmocka_unit_test(long_ones_are_none),
		cmocka_unit_test(keys_are_masked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
