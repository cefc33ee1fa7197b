#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/amf0.h"
#include "proto/rtmp_metadata.h"
#include "support/test.h"

static struct amf0_reader reader_of(const struct buf *b)
{
	return amf0_reader(b->data, b->len);
}

static void test_scalars(void **state)
{
	struct buf b = {0};
	struct amf0_value v;
	amf0_put_number(&b, -1.5);
	amf0_put_boolean(&b, true);
	amf0_put_string(&b, "live");
	amf0_put_null(&b);
	amf0_put_undefined(&b);
	buf_put(&b, "\x0b\x40\x08\x00\x00\x00\x00\x00\x00\x00\x3c", 11); /* date 3.0 */
	buf_put(&b, "\x07\x00\x01", 3); /* reference */
	buf_put(&b, "\x0d", 1); /* unsupported */
	buf_put(&b, "\x0f\x00\x00\x00\x01z", 6); /* XML */
	struct amf0_reader r = reader_of(&b);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_NUMBER && v.number == -1.5);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_BOOLEAN && v.flag);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_STRING && amf0_text_is(v.text, "live"));
	assert_true(amf0_read(&r, &v) && v.type == AMF0_NULL);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_UNDEFINED);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_DATE && v.number == 3.0);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_REFERENCE);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_UNDEFINED);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_STRING && amf0_text_is(v.text, "z"));
	assert_true(amf0_at_end(&r));
	assert_false(r.failed);
	assert_false(amf0_read(&r, &v));
	assert_true(r.failed);
	buf_finish(&b);
}

static void test_long_string(void **state)
{
	struct buf b = {0};
	struct amf0_value v;
	char *text = mem_zalloc(70001);
	memset(text, 'a', 70000);
	amf0_put_string(&b, text);
	struct amf0_reader r = reader_of(&b);
	assert_true(amf0_read(&r, &v));
	assert_int_equal(v.type, AMF0_STRING);
	assert_int_equal(v.text.len, 70000);
	free(text);
	buf_finish(&b);
}

static void put_nested(struct buf *b)
{
	amf0_put_object(b);
	amf0_put_name(b, "inner");
	amf0_put_ecma_array(b, 77);
	amf0_put_name(b, "list");
	amf0_put_strict_array(b, 3);
	amf0_put_number(b, 1);
	amf0_put_object(b);
	amf0_put_end(b);
	amf0_put_string(b, "x");
	amf0_put_end(b);
	amf0_put_name(b, "typed");
	buf_put(b, "\x10\x00\x01T", 4);
	amf0_put_name(b, "a");
	amf0_put_null(b);
	amf0_put_end(b);
	amf0_put_name(b, "last");
	amf0_put_number(b, 9);
	amf0_put_end(b);
}

static void test_members_in_order(void **state)
{
	struct buf b = {0};
	struct amf0_value v;
	struct amf0_text name;
	put_nested(&b);
	amf0_put_string(&b, "behind");
	struct amf0_reader r = reader_of(&b);
	assert_true(amf0_read(&r, &v) && v.type == AMF0_OBJECT);
	assert_true(amf0_member(&r, &name) && amf0_text_is(name, "inner"));
	assert_true(amf0_skip(&r));
	assert_true(amf0_member(&r, &name) && amf0_text_is(name, "typed"));
	assert_true(amf0_read(&r, &v) && v.type == AMF0_OBJECT);
	assert_true(amf0_skip_inside(&r, &v));
	assert_true(amf0_member(&r, &name) && amf0_text_is(name, "last"));
	assert_true(amf0_read(&r, &v) && v.number == 9);
	assert_false(amf0_member(&r, &name));
	assert_true(amf0_read(&r, &v) && amf0_text_is(v.text, "behind"));
	assert_false(r.failed);
	buf_finish(&b);
}

/* Cut anywhere, it fails; whole, it does not. */
static void test_cut_anywhere(void **state)
{
	struct buf b = {0};
	put_nested(&b);
	for (size_t len = 0; len <= b.len; len++) {
		uint8_t *exact = mem_dup(b.data, len);
		struct amf0_reader r = amf0_reader(exact, len);
		assert_int_equal(amf0_skip(&r), len == b.len);
		free(exact);
	}
	buf_finish(&b);
}

static void check_depth(unsigned depth, bool want)
{
	struct buf b = {0};
	for (unsigned i = 0; i < depth; i++) {
		amf0_put_strict_array(&b, 1);
	}
	amf0_put_null(&b);
	struct amf0_reader r = reader_of(&b);
	assert_int_equal(amf0_skip(&r), want);
	buf_finish(&b);
}

static void test_depth_is_bounded(void **state)
{
	check_depth(AMF0_DEPTH_MAX, true);
	check_depth(AMF0_DEPTH_MAX + 1, false);
	check_depth(10000, false);
}

static void test_values_are_bounded(void **state)
{
	struct buf b = {0};
	amf0_put_strict_array(&b, AMF0_VALUES_MAX);
	for (unsigned i = 0; i < AMF0_VALUES_MAX; i++) {
		amf0_put_null(&b);
	}
	struct amf0_reader r = reader_of(&b);
	assert_false(amf0_skip(&r));
	assert_true(r.failed);
	buf_finish(&b);
}

static void test_lengths_that_lie(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x0a\xff\xff\xff\xff\x05", 6},
		{"\x0c\xff\xff\xff\xff"
		 "abc",
			8},
		{"\x02\xff\xff"
		 "abc",
			6},
		{"\x03\xff\xff"
		 "a",
			4},
		{"\x08\x00", 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct amf0_reader r = amf0_reader(cases[i].bytes, cases[i].len);
		assert_false(amf0_skip(&r));
		assert_true(r.failed);
	}
}

static void test_amf3_and_unknown_markers_are_refused(void **state)
{
	static const uint8_t markers[] = {0x04, 0x09, 0x0e, 0x11, 0x12, 0xff};
	for (size_t i = 0; i < sizeof(markers); i++) {
		uint8_t bytes[9] = {markers[i]};
		struct amf0_reader r = amf0_reader(bytes, sizeof(bytes));
		struct amf0_value v;
		assert_false(amf0_read(&r, &v));
		assert_false(amf0_read(&r, &v));
	}
}

static void test_text_copy(void **state)
{
	char out[5];
	assert_true(amf0_text_copy((struct amf0_text){"abcd", 4}, out, sizeof(out)));
	assert_string_equal(out, "abcd");
	assert_false(amf0_text_copy((struct amf0_text){"abcde", 5}, out, sizeof(out)));
	assert_string_equal(out, "abcd");
	assert_false(amf0_text_copy((struct amf0_text){"a\0\n\xff", 4}, out, sizeof(out)));
	assert_string_equal(out, "a???");
}

static void put_metadata(struct buf *b)
{
	amf0_put_name(b, "width");
	amf0_put_number(b, 1280);
	amf0_put_name(b, "height");
	amf0_put_number(b, 720);
	amf0_put_name(b, "videocodecid");
	amf0_put_string(b, "avc1");
	amf0_put_name(b, "audiocodecid");
	amf0_put_number(b, 10);
	amf0_put_name(b, "framerate");
	amf0_put_number(b, -1);
	amf0_put_name(b, "extra");
	put_nested(b);
	amf0_put_name(b, "stereo");
	amf0_put_boolean(b, true);
	amf0_put_name(b, "encoder");
	amf0_put_string(b, "obs\noutput");
	amf0_put_end(b);
}

static void test_metadata(void **state)
{
	for (unsigned array = 0; array < 2; array++) {
		struct buf b = {0};
		struct rtmp_metadata m;
		if (array) {
			amf0_put_ecma_array(&b, 0);
		} else {
			amf0_put_object(&b);
		}
		put_metadata(&b);
		struct amf0_reader r = reader_of(&b);
		assert_true(rtmp_metadata_read(&r, &m));
		assert_true(m.width == 1280 && m.height == 720 && m.framerate == 0);
		assert_string_equal(m.video_codec, "avc1");
		assert_true(m.audio_codec_id == 10 && m.video_codec_id == 0);
		assert_true(m.audio_channels == 2);
		assert_string_equal(m.encoder, "obs?output");
		/* without its end, what came until then is kept */
		r = amf0_reader(b.data, b.len - 3);
		assert_false(rtmp_metadata_read(&r, &m));
		assert_true(m.width == 1280);
		buf_finish(&b);
	}
	struct amf0_reader r = amf0_reader("\x05", 1);
	struct rtmp_metadata m;
	assert_false(rtmp_metadata_read(&r, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_members_in_order),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_values_are_bounded),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_amf3_and_unknown_markers_are_refused),
		cmocka_unit_test(test_text_copy),
		cmocka_unit_test(test_metadata),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
