#include <string.h>

#include "mark.h"
#include "support/test.h"

static bool find(const char *text, struct mark *out)
{
	return mark_find((const uint8_t *)text, strlen(text), out);
}

static void test_found_in_the_midst(void **state)
{
	char text[128] = "42[\"chat:message\",{\"message\":\"@~@~";
	size_t at = strlen(text);
	struct mark m;
	mark_write(text + at, &(struct mark){0xbeef, 0x12345678, 0xfedcba9876543210});
	memcpy(text + at + MARK_LEN, "xx\"}]", 6);
	assert_true(find(text, &m));
	assert_int_equal(m.run, 0xbeef);
	assert_int_equal(m.number, 0x12345678);
	assert_true(m.sent_us == 0xfedcba9876543210);
}

static void test_cut_or_bent_is_none(void **state)
{
	char text[MARK_LEN + 1] = "";
	struct mark m;
	mark_write(text, &(struct mark){1, 2, 3});
	assert_true(find(text, &m));
	text[MARK_LEN - 1] = '\0';
	assert_false(find(text, &m));
	text[MARK_LEN - 1] = 'G';
	assert_false(find(text, &m));
	text[MARK_LEN - 1] = '3';
	text[6] = '-';
	assert_false(find(text, &m));
	assert_false(find("", &m));
	assert_false(find("@~", &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_in_the_midst),
		cmocka_unit_test(test_cut_or_bent_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
