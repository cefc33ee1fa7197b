#include <string.h>

#include "support/test.h"
#include "table.h"

static void expect_table(struct table *t, unsigned width, const char *expected)
{
	struct buf out = {0};
	table_write(t, width, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_finish(&out);
	table_destroy(&t);
	assert_null(t);
}

static const struct table_column columns[] = {
	{"ID"}, {"TITLE", .flexible = true}, {"SIZE", .right = true}, {"X"}};

static void cells_are_aligned(void **state)
{
	struct table *t = table_create(columns, 4);
	table_put(t, "1");
	table_put(t, "a long title");
	table_put(t, "7");
	table_put(t, "y");
	table_put(t, "22");
	table_put(t, NULL);
	table_put(t, "1000");
	expect_table(t, 0,
		"ID  TITLE         SIZE  X\n"
		"1   a long title     7  y\n"
		"22  -             1000  -\n");
}

static void empty_table_is_its_head(void **state)
{
	expect_table(table_create(columns, 4), 0, "ID  TITLE  SIZE  X\n");
}

static void wide_characters_count_twice(void **state)
{
	static const struct table_column two[] = {{"A"}, {"B"}};
	struct table *t = table_create(two, 2);
	table_put(t, "日本");
	table_put(t, "x");
	table_put(t, "e\xcc\x81t\xc3\xa9");
	table_put(t, "y");
	table_put(t, "🎥");
	table_put(t, "z");
	expect_table(t, 0,
		"A     B\n"
		"日本  x\n"
		"e\xcc\x81t\xc3\xa9   y\n"
		"🎥    z\n");
}

static void flexible_column_is_cut(void **state)
{
	struct table *t = table_create(columns, 4);
	table_put(t, "1");
	table_put(t, "a very long title");
	table_put(t, "7");
	table_put(t, "y");
	expect_table(t, 25,
		"ID  TITLE         SIZE  X\n"
		"1   a very long…     7  y\n");
}

static void cut_has_a_least_width(void **state)
{
	struct table *t = table_create(columns, 4);
	table_put(t, "1");
	table_put(t, "a very long title");
	table_put(t, "7");
	table_put(t, "y");
	expect_table(t, 5,
		"ID  TITLE     SIZE  X\n"
		"1   a very …     7  y\n");
}

static void expect_fit(const char *s, size_t width, const char *expected)
{
	struct buf out = {0};
	text_fit(s, width, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_finish(&out);
}

static void texts_fit(void **state)
{
	expect_fit("abc", 3, "abc");
	expect_fit("abcd", 3, "ab…");
	expect_fit("日本語", 6, "日本語");
	/* Half of a wide character does not fit. */
	expect_fit("日本語", 4, "日…");
	expect_fit("日本語", 5, "日本…");
}

static void terminals_are_not_steered(void **state)
{
	expect_fit("a\033[2Jb\n\x7f\xc2\x9b", 100, "a?[2Jb???");
	expect_fit("\xff\xc3", 100, "??");
	assert_int_equal(text_columns("\xff\xf0\x9f"), 3);
}

static void figures_are_short(void **state)
{
	char out[FIGURE_SIZE];
	static const struct {
		uint64_t v;
		const char *rate, *bytes;
	} cases[] = {
		{0, "0 bit/s", "0 B"},
		{999, "999 bit/s", "999 B"},
		{1000, "1.00 kbit/s", "1000 B"},
		{1024, "1.02 kbit/s", "1.00 KiB"},
		{2660000, "2.66 Mbit/s", "2.54 MiB"},
		{26600000, "26.6 Mbit/s", "25.4 MiB"},
		{266000000, "266 Mbit/s", "254 MiB"},
		{UINT64_MAX, "18446744074 Gbit/s", "16777216 TiB"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		figure_rate(out, cases[i].v);
		assert_string_equal(out, cases[i].rate);
		figure_bytes(out, cases[i].v);
		assert_string_equal(out, cases[i].bytes);
	}
	figure_duration(out, 59);
	assert_string_equal(out, "0:59");
	figure_duration(out, 3600 + 61);
	assert_string_equal(out, "1:01:01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_aligned),
		cmocka_unit_test(empty_table_is_its_head),
		cmocka_unit_test(wide_characters_count_twice),
		cmocka_unit_test(flexible_column_is_cut),
		cmocka_unit_test(cut_has_a_least_width),
		cmocka_unit_test(texts_fit),
		cmocka_unit_test(terminals_are_not_steered),
		cmocka_unit_test(figures_are_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
