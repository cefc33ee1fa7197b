#include <string.h>

#include "fields.h"
#include "output.h"
#include "support/test.h"

static void expect(const struct field *f, const char *json, const char *expected)
{
	json_t *object = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(object);
	struct buf out = {0};
	field_write(f, object, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_finish(&out);
	json_decref(object);
}

static void kinds_are_written(void **state)
{
	expect(&(struct field){"", "a"}, "{\"a\": \"x\"}", "x");
	expect(&(struct field){"", "a.b"}, "{\"a\": {\"b\": true}}", "yes");
	expect(&(struct field){"", "a", FIELD_YES}, "{\"a\": false}", "no");
	expect(&(struct field){"", "a", FIELD_COUNT}, "{\"a\": 12345678901}", "12345678901");
	expect(&(struct field){"", "a", FIELD_FRACTION}, "{\"a\": 29.97}", "30.0");
	expect(&(struct field){"", "a", FIELD_RATE}, "{\"a\": 2660000}", "2.66 Mbit/s");
	expect(&(struct field){"", "a", FIELD_BYTES}, "{\"a\": 1536}", "1.50 KiB");
	expect(&(struct field){"", "a", FIELD_BYTES}, "{\"a\": -1}", "0 B");
	expect(&(struct field){"", "a", FIELD_SECONDS}, "{\"a\": 61.4}", "1:01");
	expect(&(struct field){"", "a", FIELD_MILLIS}, "{\"a\": 0.0015}", "1.5 ms");
	expect(&(struct field){"", "a", FIELD_PICTURE},
		"{\"a\": {\"width\": 1280, \"height\": 720}}", "1280x720");
	expect(&(struct field){"", "a", FIELD_TIME}, "{\"a\": \"2026-01-31T12:00:00.000Z\"}",
		"2026-01-31 12:00:00Z");
	expect(&(struct field){"", "a", FIELD_TIME}, "{\"a\": \"soon\"}", "soon");
}

static void absent_is_empty(void **state)
{
	static const char *const answers[] = {
		"{}", "{\"a\": null}", "{\"a\": [1]}", "[]", "7", "null", "{\"a\": {}}"};
	for (enum field_kind k = FIELD_TEXT; k <= FIELD_PICTURE; k++) {
		for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
			expect(&(struct field){"", "a", k}, answers[i], "");
			expect(&(struct field){"", "a.b.c", k}, answers[i], "");
		}
	}
	expect(&(struct field){"", "a", FIELD_PICTURE}, "{\"a\": {\"width\": 1280}}", "");
}

static void members_are_found(void **state)
{
	json_t *object = json_loads("{\"a\": {\"b\": \"x\", \"c\": 2.5}}", 0, NULL);
	assert_string_equal(field_string(object, "a.b"), "x");
	assert_string_equal(field_string(object, "a.c"), "");
	assert_true(field_number(object, "a.c") == 2.5);
	assert_true(field_number(object, "a.b") == 0);
	assert_ptr_equal(field_member(object, ""), object);
	json_decref(object);
}

static void lists_become_tables(void **state)
{
	static const struct field fields[] = {
		{"NAME", "name", FIELD_FLEXIBLE}, {"SIZE", "n", FIELD_COUNT}};
	json_t *list = json_loads("[{\"name\": \"a\", \"n\": 1}, {\"n\": 10}]", 0, NULL);
	struct table *t = output_make_table(list, fields, OUTPUT_COUNT(fields));
	struct buf out = {0};
	table_write(t, 0, &out);
	assert_string_equal(buf_text(&out), "NAME  SIZE\na        1\n-       10\n");
	buf_finish(&out);
	table_destroy(&t);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_written),
		cmocka_unit_test(absent_is_empty),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(lists_become_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
