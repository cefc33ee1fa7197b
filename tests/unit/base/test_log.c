#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "support/test.h"

#define LOG_MODULE "rtmp"
#include "base/log.h"

static char line[8192];
static int lines;

static void sink(const char *text, void *user)
{
	assert_ptr_equal(user, &lines);
	assert_true(text_copy(line, sizeof(line), text));
	lines++;
}

static int setup(void **state)
{
	lines = 0;
	line[0] = '\0';
	log_set_format(LOG_FORMAT_TEXT);
	log_set_sink(sink, &lines);
	return log_set_levels("info") ? 0 : -1;
}

static int teardown(void **state)
{
	log_set_sink(NULL, NULL);
	return 0;
}

/* What follows the time, which must have its form. */
static const char *after_time(void)
{
	char time[TEXT_TIME_SIZE];
	uint64_t ms;
	text_copy(time, sizeof(time), line);
	assert_true(text_time_parse(time, &ms));
	return line + strlen(time);
}

static void test_text_form(void **state)
{
	log_info("publish started", kv_str("stream", "0190"), kv_u64("conn", 5),
		kv_i64("offset", -3), kv_f64("rate", 2.5), kv_bool("tls", true),
		kv_str("user", NULL));
	assert_string_equal(after_time(),
		" INFO rtmp publish started stream=0190 conn=5 offset=-3 rate=2.5 tls=true user=-");
	log_error("plain");
	assert_string_equal(after_time(), " ERROR rtmp plain");
}

static void test_text_quotes(void **state)
{
	log_warn("x", kv_str("a", "two words"), kv_str("b", "say \"hi\"\\"),
		kv_str("c", "line\nbreak\x01"), kv_str("d", ""), kv_str("e", "k=v"),
		kv_str("f", "münchen"), kv_str("g", "bad\xff"));
	assert_string_equal(after_time(),
		" WARN rtmp x a=\"two words\" b=\"say \\\"hi\\\"\\\\\" c=\"line\\nbreak\\x01\" "
		"d=\"\""
		" e=\"k=v\" f=münchen g=\"bad\\xff\"");
}

static void test_json_form(void **state)
{
	log_set_format(LOG_FORMAT_JSON);
	log_info("publish started", kv_str("stream", "a\"b\n\x02"), kv_u64("conn", 5),
		kv_f64("bad", NAN), kv_bool("tls", false), kv_str("none", NULL),
		kv_str("raw", "\xc3\x28"));
	char head[64] = "{\"time\":\"";
	assert_true(text_starts(line, head));
	const char *rest = line + strlen(head) + TEXT_TIME_SIZE - 1;
	assert_string_equal(rest,
		"\",\"level\":\"info\",\"module\":\"rtmp\",\"event\":\"publish started\","
		"\"stream\":\"a\\\"b\\n\\u0002\",\"conn\":5,\"bad\":null,\"tls\":false,\"none\":"
		"null,"
		"\"raw\":\"\\ufffd(\"}");
}

static void test_masking(void **state)
{
	log_info("key", kv_masked("key", "sk_live_0123456789"), kv_masked("short", "abc"),
		kv_masked("none", NULL));
	assert_string_equal(after_time(), " INFO rtmp key key=sk_l… short=… none=-");
	assert_null(strstr(line, "0123"));
	log_set_format(LOG_FORMAT_JSON);
	log_info("key", kv_masked("key", "sk_live_0123456789"), kv_masked("short", "abcd"));
	assert_non_null(strstr(line, "\"key\":\"sk_l…\",\"short\":\"…\"}"));
}

static void test_levels(void **state)
{
	log_debug("no");
	assert_int_equal(lines, 0);
	assert_true(log_set_levels("warn,rtmp=debug,http=off"));
	log_debug("yes");
	assert_int_equal(lines, 1);
	log_write(LOG_INFO, "hls", "no", KV_LAST);
	log_write(LOG_ERROR, "http", "no", KV_LAST);
	assert_int_equal(lines, 1);
	log_write(LOG_WARN, "hls", "yes", KV_LAST);
	assert_int_equal(lines, 2);
	assert_true(log_enabled(LOG_DEBUG, "rtmp"));
	assert_false(log_enabled(LOG_INFO, "hls"));
	assert_false(log_enabled(LOG_OFF, "rtmp"));
}

static void test_bad_levels_change_nothing(void **state)
{
	static const char *const bad[] = {"", "loud", "info,", "info,rtmp",
		"info,rtmp=", "info,=debug", "info,rtmp=loud", "debug;x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(log_set_levels(bad[i]));
	}
	assert_true(log_enabled(LOG_INFO, "rtmp"));
	assert_false(log_enabled(LOG_DEBUG, "rtmp"));
}

static void test_long_values_are_cut(void **state)
{
	char *value = mem_alloc(5001);
	memset(value, 'x', 5000);
	memcpy(value + 1023, "ü", 2); /* across the limit: must not be halved */
	value[5000] = '\0';
	log_info("long", kv_str("v", value));
	assert_true(strlen(line) < 1200);
	assert_true(text_utf8_valid(line, strlen(line)));
	assert_non_null(strstr(line, "xxx…"));
	free(value);
}

static void test_should_logs_and_yields(void **state)
{
	assert_true(should(1 + 1 == 2));
	assert_int_equal(lines, 0);
	assert_false(should(lines == 77));
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "ERROR base survived a bug condition=\"lines == 77\" file="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_quotes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_levels_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_values_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_should_logs_and_yields, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
