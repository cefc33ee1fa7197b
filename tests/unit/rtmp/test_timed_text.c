#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/amf0.h"
#include "support/test.h"
#include "timed_text.h"

static void check(const struct buf *amf, const char *want)
{
	struct buf out = {0};
	assert_int_equal(timed_text_attributes(amf->data, amf->len, &out), want[0] != '\0');
	assert_string_equal(buf_text(&out), want);
	buf_finish(&out);
}

static void put_text(struct buf *b, const char *name, const char *value)
{
	amf0_put_name(b, name);
	amf0_put_string(b, value);
}

static void test_members_become_attributes(void **state)
{
	struct buf b = {0};
	amf0_put_object(&b);
	put_text(&b, "text", "Grüße");
	amf0_put_name(&b, "time");
	amf0_put_number(&b, 1.5);
	amf0_put_name(&b, "parameters");
	amf0_put_object(&b);
	put_text(&b, "hidden", "x");
	amf0_put_end(&b);
	amf0_put_name(&b, "is_on");
	amf0_put_boolean(&b, true);
	amf0_put_name(&b, "nothing");
	amf0_put_null(&b);
	amf0_put_name(&b, "negative");
	amf0_put_number(&b, -1);
	amf0_put_end(&b);
	check(&b, "X-TEXT=\"Grüße\",X-TIME=1.500,X-IS-ON=\"true\"");
	buf_finish(&b);
}

/* Nothing that an encoder sends may break out of its attribute or its line. */
static void test_no_way_out(void **state)
{
	struct buf b = {0};
	amf0_put_ecma_array(&b, 0);
	put_text(&b, "a\nb,c=", "x\"y\r\n#EXT-X-ENDLIST");
	put_text(&b, "bad", "\xff\xfe");
	put_text(&b, "", "no name");
	put_text(&b, "a_name_that_is_longer_than_32_bytes", "x");
	amf0_put_end(&b);
	check(&b, "X-A-B-C-=\"x'y  #EXT-X-ENDLIST\"");
	buf_finish(&b);
}

static void test_bounds(void **state)
{
	struct buf b = {0}, out = {0};
	char *text = mem_zalloc(TIMED_TEXT_STRING_MAX * 2 + 1);
	for (size_t i = 0; i < TIMED_TEXT_STRING_MAX; i++) {
		memcpy(text + 2 * i, i == 0 ? "aa" : "ü", 2);
	}
	text[1] = 'b';
	amf0_put_object(&b);
	put_text(&b, "t", text + 1);
	for (unsigned i = 0; i < 40; i++) {
		put_text(&b, "n", "1");
	}
	amf0_put_end(&b);
	assert_true(timed_text_attributes(b.data, b.len, &out));
	/* 512 bytes would end inside a character */
	assert_int_equal(strcspn(buf_text(&out), ","), 4 + 1 + 511 + 1);
	unsigned commas = 0;
	for (const char *at = buf_text(&out); *at != '\0'; at++) {
		commas += *at == ',';
	}
	assert_int_equal(commas, TIMED_TEXT_ATTRIBUTES_MAX - 1);
	free(text);
	buf_finish(&out);
	buf_finish(&b);
}

static void test_what_is_no_object(void **state)
{
	struct buf b = {0};
	check(&b, "");
	amf0_put_string(&b, "text");
	check(&b, "");
	buf_reset(&b);
	amf0_put_object(&b);
	check(&b, "");
	amf0_put_end(&b);
	check(&b, "");
	buf_finish(&b);
}

static void test_classes(void **state)
{
	assert_string_equal(timed_text_class("onTextData"), "live.souk.text");
	assert_string_equal(timed_text_class("onCuePoint"), "live.souk.cue");
	assert_null(timed_text_class("onMetaData"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_become_attributes),
		cmocka_unit_test(test_no_way_out),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_what_is_no_object),
		cmocka_unit_test(test_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
