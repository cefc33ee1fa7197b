#include <stdlib.h>

#include "call.h"
#include "client.h"
#include "support/test.h"

static void expect_path(const char *pattern, const char *a, const char *b, const char *expected)
{
	const char *const ids[] = {a, b};
	char *path = client_path(pattern, ids, b != NULL ? 2 : 1);
	if (expected == NULL) {
		assert_null(path);
	} else {
		assert_string_equal(path, expected);
	}
	free(path);
}

/* An id cannot change what the path means, whatever is in it. */
static void ids_are_one_part_of_a_path(void **state)
{
	expect_path("/s/{0}", "abc-1", NULL, "/s/abc-1");
	expect_path("/s/{0}/m/{1}", "a", "b", "/s/a/m/b");
	expect_path("/u/{1}/follow", "a", "b", "/u/b/follow");
	expect_path("/s/{0}?x=1", "a?b#c&d %", NULL, "/s/a%3Fb%23c%26d%20%25?x=1");
	expect_path("/s/{0}", "日本", NULL, "/s/%E6%97%A5%E6%9C%AC");
	expect_path("/s/{0}", "{1}", NULL, "/s/%7B1%7D");
	expect_path("/s/{0}/end", "a/kick", NULL, NULL);
	expect_path("/s/{0}", "", NULL, NULL);
	expect_path("/s", "a", NULL, "/s");
}

static void queries_are_escaped(void **state)
{
	struct buf path = {0};
	buf_put_str(&path, "/s");
	client_query(&path, "q", NULL);
	assert_string_equal(buf_text(&path), "/s");
	client_query(&path, "q", "a b&c=ü");
	client_query(&path, "limit", "5");
	assert_string_equal(buf_text(&path), "/s?q=a%20b%26c%3D%C3%BC&limit=5");
	buf_finish(&path);
}

static void options_become_members(void **state)
{
	static const struct call_field fields[] = {
		{"title", "title"},
		{"description", "description", CALL_TEXT_OR_NULL},
		{"category", "category", CALL_TEXT_OR_NULL},
		{"chat", "enable_chat", CALL_YES_NO},
		{"record", "record_stream", CALL_YES_NO},
		{"duration", "estimated_duration", CALL_INTEGER_OR_NULL},
		{"audience", "audience"},
		{"0", "stream", CALL_OPERAND},
		{0},
	};
	char *const argv[] = {"soukctl", "streams", "settings", "s1", "--title", "Früh",
		"--description", "none", "--category=", "--chat", "no", "--record=yes",
		"--duration", "30"};
	struct ctl c = {0};
	struct buf error = {0};
	json_t *body = json_object();
	assert_true(args_parse(&c.args, 14, argv, &error));
	assert_true(call_fill(&c, fields, body));
	json_t *expected = json_pack("{s:s, s:n, s:n, s:b, s:b, s:i, s:s}", "title", "Früh",
		"description", "category", "enable_chat", 0, "record_stream", 1,
		"estimated_duration", 30, "stream", "s1");
	assert_true(json_equal(body, expected));
	json_decref(expected);
	json_decref(body);
}

static void expect_bad(const char *option, const char *value, enum call_kind kind)
{
	const struct call_field fields[] = {{option, "member", kind}, {0}};
	struct ctl c = {.args = {.n_values = 1, .values = {{option, value}}}};
	json_t *body = json_object();
	assert_false(call_fill(&c, fields, body));
	assert_int_equal(json_object_size(body), 0);
	json_decref(body);
}

static void bad_values_are_refused(void **state)
{
	expect_bad("chat", "maybe", CALL_YES_NO);
	expect_bad("price", "12.5", CALL_INTEGER);
	expect_bad("price", "", CALL_INTEGER);
	expect_bad("x", "0.5x", CALL_NUMBER);
	expect_bad("for", "soon", CALL_SECONDS);
	expect_bad("for", "200ms", CALL_SECONDS);
	expect_bad("title", "\xff", CALL_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_one_part_of_a_path),
		cmocka_unit_test(queries_are_escaped),
		cmocka_unit_test(options_become_members),
		cmocka_unit_test(bad_values_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
