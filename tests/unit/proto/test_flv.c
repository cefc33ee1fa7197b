#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/flv.h"
#include "support/test.h"

static enum flv_result parse(
	enum flv_kind kind, const char *bytes, size_t len, struct flv_packet *p)
{
	struct flv_tag tag = flv_tag(kind, (const uint8_t *)bytes, len), again;
	enum flv_result result = flv_tag_next(&tag, p);
	struct flv_packet next;

	again = tag;
	assert_int_equal(flv_tag_next(&again, &next), FLV_END);
	return result;
}

static void test_avc(void **state)
{
	struct flv_packet p;
	assert_int_equal(parse(FLV_VIDEO,
				 "\x17\x00\x00\x00\x00"
				 "cfg",
				 8, &p),
		FLV_OK);
	assert_int_equal(p.codec, FLV_CODEC_H264);
	assert_true(p.is_config && p.is_key && p.len == 3);
	assert_memory_equal(p.data, "cfg", 3);

	assert_int_equal(parse(FLV_VIDEO,
				 "\x17\x01\x00\x00\x50"
				 "nal",
				 8, &p),
		FLV_OK);
	assert_true(!p.is_config && p.is_key);
	assert_int_equal(p.composition_ms, 80);

	assert_int_equal(parse(FLV_VIDEO,
				 "\x27\x01\xff\xff\xd8"
				 "nal",
				 8, &p),
		FLV_OK);
	assert_false(p.is_key);
	assert_int_equal(p.composition_ms, -40);

	assert_int_equal(parse(FLV_VIDEO,
				 "\x27\x01\x80\x00\x00"
				 "n",
				 6, &p),
		FLV_OK);
	assert_int_equal(p.composition_ms, -8388608);

	assert_int_equal(parse(FLV_VIDEO, "\x17\x02\x00\x00\x00", 5, &p), FLV_OK);
	assert_true(p.is_end_of_sequence && p.len == 0);
}

static void test_nothing_to_keep(void **state)
{
	struct flv_packet p;
	assert_int_equal(parse(FLV_VIDEO, "", 0, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_AUDIO, "", 0, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_VIDEO, "\x57\x00", 2, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_VIDEO, "\x27\x01\x00\x00\x00", 5, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_VIDEO, "\x27\x03\x00\x00\x00x", 6, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_AUDIO, "\xaf\x01", 2, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_AUDIO, "\xaf\x02x", 3, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_AUDIO, "\x2f", 1, &p), FLV_SKIP);
}

static void test_cut_headers_are_invalid(void **state)
{
	struct flv_packet p;
	for (size_t len = 1; len < 5; len++) {
		char *exact = mem_dup("\x17\x01\x00\x00\x00", len);
		assert_int_equal(parse(FLV_VIDEO, exact, len, &p), FLV_INVALID);
		free(exact);
	}
	assert_int_equal(parse(FLV_AUDIO, "\xaf", 1, &p), FLV_INVALID);
	for (size_t len = 1; len < 5; len++) {
		char *exact = mem_dup("\x90hvc1", len);
		assert_int_equal(parse(FLV_VIDEO, exact, len, &p), FLV_INVALID);
		free(exact);
	}
}

static void test_audio(void **state)
{
	struct flv_packet p;
	assert_int_equal(parse(FLV_AUDIO, "\xaf\x00\x12\x10", 4, &p), FLV_OK);
	assert_int_equal(p.codec, FLV_CODEC_AAC);
	assert_true(p.is_config && p.is_key && p.len == 2);
	assert_int_equal(parse(FLV_AUDIO, "\xaf\x01raw", 5, &p), FLV_OK);
	assert_true(!p.is_config && p.len == 3);
	assert_int_equal(parse(FLV_AUDIO, "\x2f\xff\xfbx", 4, &p), FLV_OK);
	assert_int_equal(p.codec, FLV_CODEC_MP3);
	assert_int_equal(p.sample_rate, 44100);
	assert_int_equal(p.channels, 2);
	assert_int_equal(p.len, 3);
	assert_int_equal(parse(FLV_AUDIO, "\x2a\xff\xfb", 3, &p), FLV_OK);
	assert_int_equal(p.sample_rate, 22050);
	assert_int_equal(p.channels, 1);
	assert_int_equal(parse(FLV_AUDIO, "\xe2\xff\xfb", 3, &p), FLV_OK);
	assert_int_equal(p.sample_rate, 8000);
}

static void check_refusal(enum flv_kind kind, const char *bytes, size_t len, const char *want)
{
	struct flv_packet p;
	char text[64];
	assert_int_equal(parse(kind, bytes, len, &p), FLV_UNSUPPORTED);
	flv_packet_codec_text(&p, text, sizeof(text));
	assert_string_equal(text, want);
}

static void test_refusals_name_the_codec(void **state)
{
	check_refusal(FLV_VIDEO, "\x22xxxx", 5, "Sorenson H.263");
	check_refusal(FLV_VIDEO, "\x14xxxx", 5, "VP6");
	check_refusal(FLV_VIDEO, "\x1fxxxx", 5, "unknown codec");
	check_refusal(FLV_VIDEO, "\x90vvc1", 5, "VVC");
	check_refusal(FLV_VIDEO, "\x96\x00vp08\x00", 7, "VP8");
	check_refusal(FLV_VIDEO,
		"\x90"
		"a\x01z9",
		5, "codec 'a?z9'");
	check_refusal(FLV_AUDIO, "\x90mhm1", 5, "codec 'mhm1'");
	check_refusal(FLV_AUDIO, "\x3fx", 2, "PCM");
	check_refusal(FLV_AUDIO, "\x5fx", 2, "Nellymoser");
	check_refusal(FLV_AUDIO, "\xb2x", 2, "Speex");
	check_refusal(FLV_AUDIO, "\xcfx", 2, "unknown codec");
}

static void check_enhanced(enum flv_kind kind, const char *bytes, size_t len, enum flv_codec codec,
	int32_t composition, const char *data)
{
	struct flv_packet p;

	assert_int_equal(parse(kind, bytes, len, &p), FLV_OK);
	assert_true(p.is_enhanced);
	assert_int_equal(p.codec, codec);
	assert_int_equal(p.composition_ms, composition);
	assert_int_equal(p.len, strlen(data));
	assert_memory_equal(p.data, data, p.len);
}

static void test_enhanced_frames(void **state)
{
	struct flv_packet p;

	check_enhanced(FLV_VIDEO, "\x91hvc1\xff\xff\xd8nal", 11, FLV_CODEC_HEVC, -40, "nal");
	check_enhanced(FLV_VIDEO, "\xa3hvc1nal", 8, FLV_CODEC_HEVC, 0, "nal");
	check_enhanced(FLV_VIDEO,
		"\x91"
		"avc1\x00\x00\x28nal",
		11, FLV_CODEC_H264, 40, "nal");
	check_enhanced(FLV_VIDEO,
		"\x91"
		"av01obu",
		8, FLV_CODEC_AV1, 0, "obu");
	check_enhanced(FLV_VIDEO, "\xa1vp09sup", 8, FLV_CODEC_VP9, 0, "sup");
	check_enhanced(FLV_AUDIO, "\x91Opusraw", 8, FLV_CODEC_OPUS, 0, "raw");
	check_enhanced(FLV_AUDIO,
		"\x91"
		"fLaCraw",
		8, FLV_CODEC_FLAC, 0, "raw");
	check_enhanced(FLV_AUDIO,
		"\x91"
		"ac-3raw",
		8, FLV_CODEC_AC3, 0, "raw");
	check_enhanced(FLV_AUDIO,
		"\x91"
		"ec-3raw",
		8, FLV_CODEC_EAC3, 0, "raw");
	check_enhanced(FLV_AUDIO, "\x91mp4araw", 8, FLV_CODEC_AAC, 0, "raw");
	check_enhanced(FLV_AUDIO, "\x91.mp3raw", 8, FLV_CODEC_MP3, 0, "raw");

	assert_int_equal(parse(FLV_VIDEO, "\x90hvc1cfg", 8, &p), FLV_OK);
	assert_true(p.is_config && p.is_key && !p.is_metadata && p.track == 0);
	assert_int_equal(parse(FLV_VIDEO, "\xa1hvc1\x00\x00\x00n", 9, &p), FLV_OK);
	assert_false(p.is_key || p.is_config);
	assert_int_equal(parse(FLV_VIDEO, "\x92hvc1", 5, &p), FLV_OK);
	assert_true(p.is_end_of_sequence);
	assert_int_equal(parse(FLV_VIDEO, "\x94hvc1amf", 8, &p), FLV_OK);
	assert_true(p.is_metadata && !p.is_config);
	assert_int_equal(parse(FLV_VIDEO,
				 "\x95"
				 "av01ts",
				 7, &p),
		FLV_SKIP);
	assert_int_equal(parse(FLV_VIDEO, "\xd1\x00", 2, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_AUDIO,
				 "\x90"
				 "ac-3",
				 5, &p),
		FLV_OK);
	assert_true(p.is_config && p.len == 0);
	assert_int_equal(parse(FLV_AUDIO, "\x94Opus\x00\x02", 7, &p), FLV_SKIP);
	assert_int_equal(parse(FLV_VIDEO, "\x1c\x01\x00\x00\x28nal", 8, &p), FLV_OK);
	assert_true(p.codec == FLV_CODEC_HEVC && p.composition_ms == 40 && !p.is_enhanced);
}

static void test_mod_ex(void **state)
{
	char wide[400] = "\x97\xff\x01\x00";
	struct flv_packet p;

	/* 3 bytes of type 0: nanoseconds; then CodedFramesX. */
	assert_int_equal(parse(FLV_VIDEO, "\x97\x02\x07\xa1\x20\x03hvc1n", 11, &p), FLV_OK);
	assert_int_equal(p.nano_offset, 500000);
	assert_int_equal(p.len, 1);
	/* An unknown extension before it is passed by. */
	assert_int_equal(
		parse(FLV_AUDIO, "\x97\x00z\x57\x02\x00\x00\x09\x01Opusn", 14, &p), FLV_OK);
	assert_int_equal(p.nano_offset, 9);
	/* More than a millisecond is none. */
	assert_int_equal(parse(FLV_VIDEO, "\x97\x02\xff\xff\xff\x03hvc1n", 11, &p), FLV_OK);
	assert_int_equal(p.nano_offset, 999999);
	/* A length of 256 and more stands in two further bytes. */
	memcpy(wide + 4 + 257, "\x13hvc1n", 6);
	assert_int_equal(parse(FLV_VIDEO, wide, 4 + 257 + 6, &p), FLV_OK);
	assert_int_equal(p.len, 1);
	for (size_t len = 1; len < 10; len++) {
		char *exact = mem_dup("\x97\x02\x07\xa1\x20\x03hvc1", len);
		assert_int_equal(parse(FLV_VIDEO, exact, len, &p), FLV_INVALID);
		free(exact);
	}
}

static void next_is(struct flv_tag *t, enum flv_codec codec, unsigned track, const char *data)
{
	struct flv_packet p;

	assert_int_equal(flv_tag_next(t, &p), FLV_OK);
	assert_int_equal(p.codec, codec);
	assert_int_equal(p.track, track);
	assert_true(p.is_key);
	assert_int_equal(p.len, strlen(data));
	assert_memory_equal(p.data, data, p.len);
}

static void test_multitrack(void **state)
{
	static const uint8_t same[] = "\x96\x13hvc1\x00\x00\x00\x02"
				      "aa\x02\x00\x00\x01"
				      "b";
	static const uint8_t mixed[] = "\x96\x20hvc1\x01\x00\x00\x01"
				       "av01\x00";
	static const uint8_t codecs[] = "\x95\x21Opus\x01\x00\x00\x01"
					"amhm1\x02\x00\x00\x01"
					"bmp4a\x03\x00\x00\x01"
					"c";
	struct flv_tag t;
	struct flv_packet p;

	assert_int_equal(parse(FLV_VIDEO, "\x96\x03hvc1\x05nal", 10, &p), FLV_OK);
	assert_true(p.track == 5 && p.len == 3);

	t = flv_tag(FLV_VIDEO, same, sizeof(same) - 1);
	next_is(&t, FLV_CODEC_HEVC, 0, "aa");
	next_is(&t, FLV_CODEC_HEVC, 2, "b");
	assert_int_equal(flv_tag_next(&t, &p), FLV_END);
	assert_int_equal(flv_tag_next(&t, &p), FLV_END);

	/* A codec of its own for each; one that is not known does not end the others. */
	t = flv_tag(FLV_AUDIO, codecs, sizeof(codecs) - 1);
	next_is(&t, FLV_CODEC_OPUS, 1, "a");
	assert_int_equal(flv_tag_next(&t, &p), FLV_UNSUPPORTED);
	assert_string_equal(p.fourcc, "mhm1");
	next_is(&t, FLV_CODEC_AAC, 3, "c");
	assert_int_equal(flv_tag_next(&t, &p), FLV_END);

	/* Cut in the second track. */
	t = flv_tag(FLV_VIDEO, mixed, sizeof(mixed) - 1);
	assert_int_equal(flv_tag_next(&t, &p), FLV_OK);
	assert_int_equal(flv_tag_next(&t, &p), FLV_INVALID);
	assert_int_equal(flv_tag_next(&t, &p), FLV_END);

	assert_int_equal(parse(FLV_VIDEO, "\x96\x33hvc1\x00", 7, &p), FLV_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_avc),
		cmocka_unit_test(test_nothing_to_keep),
		cmocka_unit_test(test_cut_headers_are_invalid),
		cmocka_unit_test(test_audio),
		cmocka_unit_test(test_refusals_name_the_codec),
		cmocka_unit_test(test_enhanced_frames),
		cmocka_unit_test(test_mod_ex),
		cmocka_unit_test(test_multitrack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
