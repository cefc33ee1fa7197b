#include <string.h>

#include "base/buf.h"
#include "flv_file.h"
#include "support/test.h"

static void put_header(struct buf *b)
{
	buf_put(b, "FLV\1\5", 5);
	buf_put_u32(b, 9);
	buf_put_u32(b, 0);
}

static void put_tag(struct buf *b, uint8_t type, uint32_t timestamp, const void *data, size_t len)
{
	buf_put_u8(b, type);
	buf_put_u24(b, (uint32_t)len);
	buf_put_u24(b, timestamp & 0xffffff);
	buf_put_u8(b, (uint8_t)(timestamp >> 24));
	buf_put_u24(b, 0);
	buf_put(b, data, len);
	buf_put_u32(b, (uint32_t)len + 11);
}

static const uint8_t avc_config[] = {0x17, 0, 0, 0, 0, 1}, avc_key[] = {0x17, 1, 0, 0, 40, 9, 9},
		     avc_inter[] = {0x27, 1, 0xff, 0xff, 0xd8, 9, 9, 9},
		     avc_end[] = {0x17, 2, 0, 0, 0}, aac_config[] = {0xaf, 0, 0x12, 0x10},
		     aac[] = {0xaf, 1, 5}, mp3[] = {0x2f, 0xff, 0xfb};

static bool parse(struct flv_file *f, struct buf *b, const char **why)
{
	bool ok = flv_file_parse(f, b->data, b->len, why);
	*b = (struct buf){0};
	return ok;
}

static void test_frames_and_configurations(void **state)
{
	struct buf b = {0};
	struct flv_file f;
	const char *why;
	put_header(&b);
	put_tag(&b, FLV_TAG_SCRIPT, 0, "\2\0\12onMetaData", 13);
	put_tag(&b, FLV_TAG_VIDEO, 0, avc_config, sizeof(avc_config));
	put_tag(&b, FLV_TAG_AUDIO, 0, aac_config, sizeof(aac_config));
	for (uint32_t i = 0; i < 3; i++) {
		put_tag(&b, FLV_TAG_VIDEO, 40 * i, i ? avc_inter : avc_key, i ? 8 : 7);
		put_tag(&b, FLV_TAG_AUDIO, 23 * i, aac, sizeof(aac));
	}
	put_tag(&b, FLV_TAG_VIDEO, 120, avc_end, sizeof(avc_end));
	assert_true(parse(&f, &b, &why));
	assert_int_equal(f.n_configs, 3);
	assert_int_equal(f.n_frames, 6);
	assert_true(f.has_video);
	assert_false(f.config_changes);
	assert_int_equal(f.loop_ms, 120);
	assert_true(f.frames[0].keyframe);
	assert_false(f.frames[2].keyframe);
	assert_int_equal(f.frames[2].timestamp, 40);
	assert_int_equal(flv_header_size(&f.frames[0]), 5);
	assert_int_equal(flv_header_size(&f.frames[1]), 2);
	assert_int_equal(flv_composition(&f.frames[0]), 40);
	assert_int_equal(flv_composition(&f.frames[2]), -40);
	flv_file_finish(&f);
}

static void test_changed_configuration_stays_among_the_frames(void **state)
{
	struct buf b = {0};
	struct flv_file f;
	const char *why;
	put_header(&b);
	put_tag(&b, FLV_TAG_AUDIO, 0, aac, sizeof(aac));
	put_tag(&b, FLV_TAG_AUDIO, 23, aac_config, sizeof(aac_config));
	put_tag(&b, FLV_TAG_AUDIO, 0x01000000, mp3, sizeof(mp3));
	assert_true(parse(&f, &b, &why));
	assert_true(f.config_changes);
	assert_int_equal(f.n_frames, 3);
	assert_int_equal(f.frames[2].timestamp, 0x01000000);
	assert_int_equal(flv_header_size(&f.frames[2]), 1);
	flv_file_finish(&f);
}

static void test_cut_and_foreign_files(void **state)
{
	struct buf b = {0};
	struct flv_file f;
	const char *why;
	buf_put_str(&b, "RIFF, and then some");
	assert_false(parse(&f, &b, &why));
	assert_string_equal(why, "not an FLV file");
	flv_file_finish(&f);
	put_header(&b);
	assert_false(parse(&f, &b, &why));
	assert_string_equal(why, "no frames in the FLV file");
	flv_file_finish(&f);
	put_header(&b);
	put_tag(&b, FLV_TAG_AUDIO, 0, aac, sizeof(aac));
	put_tag(&b, FLV_TAG_AUDIO, 23, aac, sizeof(aac));
	b.len -= 5;
	assert_true(parse(&f, &b, &why));
	assert_int_equal(f.n_frames, 1);
	flv_file_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_and_configurations),
		cmocka_unit_test(test_changed_configuration_stays_among_the_frames),
		cmocka_unit_test(test_cut_and_foreign_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
