#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/flv.h"
#include "support/test.h"

static enum flv_result parse(
	enum flv_kind kind, const char *bytes, size_t len, struct flv_packet *p)
{
	return flv_parse(kind, (const uint8_t *)bytes, len, p);
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
	check_refusal(FLV_VIDEO, "\x1c\x00\x00\x00\x00", 5, "HEVC");
	check_refusal(FLV_VIDEO, "\x1fxxxx", 5, "unknown codec");
	check_refusal(FLV_VIDEO, "\x90hvc1", 5, "HEVC");
	check_refusal(FLV_VIDEO,
		"\x90"
		"av01",
		5, "AV1");
	check_refusal(FLV_VIDEO, "\x96\x00vp09", 6, "VP9");
	check_refusal(FLV_VIDEO,
		"\x90"
		"a\x01z9",
		5, "codec 'a?z9'");
	check_refusal(FLV_AUDIO, "\x90Opus", 5, "Opus");
	check_refusal(FLV_AUDIO,
		"\x95\x00"
		"fLaC",
		6, "FLAC");
	check_refusal(FLV_AUDIO,
		"\x90"
		"ec-3",
		5, "E-AC-3");
	check_refusal(FLV_AUDIO, "\x3fx", 2, "PCM");
	check_refusal(FLV_AUDIO, "\x5fx", 2, "Nellymoser");
	check_refusal(FLV_AUDIO, "\xb2x", 2, "Speex");
	check_refusal(FLV_AUDIO, "\xcfx", 2, "unknown codec");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_avc),
		cmocka_unit_test(test_nothing_to_keep),
		cmocka_unit_test(test_cut_headers_are_invalid),
		cmocka_unit_test(test_audio),
		cmocka_unit_test(test_refusals_name_the_codec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
