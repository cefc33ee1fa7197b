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

static void encoders_terms_are_read_off(void **state)
{
	static const struct {
		const char *url, *host, *app, *key, *tc_url;
		unsigned port;
		bool tls;
	} cases[] = {
		{"rtmp://a.example/live/key", "a.example", "live", "key", "rtmp://a.example/live",
			1935, false},
		{"rtmps://a.example/rtmp/FB-1?s_bl=1&x=a/b", "a.example", "rtmp",
			"FB-1?s_bl=1&x=a/b", "rtmps://a.example/rtmp", 443, true},
		{"rtmps://a:8443/app/instance/key", "a", "app/instance", "key",
			"rtmps://a:8443/app/instance", 8443, true},
		{"rtmp://[2001:db8::1]:19350/a/k", "2001:db8::1", "a", "k",
			"rtmp://[2001:db8::1]:19350/a", 19350, false},
		{"rtmp://[::1]/a/k", "::1", "a", "k", "rtmp://[::1]/a", 1935, false},
		{"rtmp://a/app/", "a", "app", "", "rtmp://a/app", 1935, false},
		{"rtmp://a/app/?key", "a", "app", "?key", "rtmp://a/app", 1935, false},
		{"rtmp://a/app", "a", "app", "", "rtmp://a/app", 1935, false},
		{"rtmp://a/app?key", "a", "app", "?key", "rtmp://a/app", 1935, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct relay_place p;
		relay_url_parse(cases[i].url, &p);
		assert_string_equal(p.host, cases[i].host);
		assert_string_equal(p.app, cases[i].app);
		assert_string_equal(p.key, cases[i].key);
		assert_string_equal(p.tc_url, cases[i].tc_url);
		assert_int_equal(p.port, cases[i].port);
		assert_int_equal(p.tls, cases[i].tls);
		relay_place_finish(&p);
	}
}

static void what_a_target_says_loses_the_key(void **state)
{
	static const struct {
		const char *text, *masked;
	} cases[] = {
		{"nothing of it", "nothing of it"},
		{"no stream secret?auth=yes here", "no stream *** here"},
		{"no stream secret here", "no stream *** here"},
		{"auth=yes is wrong: secretsecret", "*** is wrong: ******"},
		{"", ""},
	};
	struct relay_place p;
	char out[64], small[12];

	relay_url_parse("rtmp://a/app/secret?auth=yes", &p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		relay_place_mask(&p, cases[i].text, out, sizeof(out));
		assert_string_equal(out, cases[i].masked);
	}
	/* Cut, but never within the key. */
	relay_place_mask(&p, "12345678901secret", small, sizeof(small));
	assert_true(strlen(small) < sizeof(small));
	assert_null(strstr(small, "s"));
	relay_place_mask(&p, "1234567secret", small, sizeof(small));
	assert_string_equal(small, "1234567***");
	relay_place_finish(&p);

	relay_url_parse("rtmp://a/app/name?a=1&token=hidden&b=&also-hidden", &p);
	relay_place_mask(&p, "hidden of name: also-hidden, 1, a, b", out, sizeof(out));
	assert_string_equal(out, "*** of ***: ***, 1, a, b");
	relay_place_finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_told_from_what_is_none),
		cmocka_unit_test(long_ones_are_none),
		cmocka_unit_test(keys_are_masked),
		cmocka_unit_test(encoders_terms_are_read_off),
		cmocka_unit_test(what_a_target_says_loses_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
