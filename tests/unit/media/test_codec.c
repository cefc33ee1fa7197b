#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec.h"
#include "support/h264_make.h"
#include "support/test.h"

/* Configurations as x264 makes them. */
static const struct encoder_config {
	const char *hex, *name;
	unsigned width, height;
} encoder_configs[] = {
	{"0142c01effe100196742c01ed900a02ff97011000003000100000300320f162e480100"
	 "0568cb83cb20",
		"avc1.42c01e", 640, 360},
	{"01640028ffe1001b67640028acd940780227e5c0440000030004000003"
	 "00c83c60c658010006"
	 "68ebe3cb22c0fdf8f800",
		"avc1.640028", 1920, 1080},
	{"0164001fffe1001a6764001facd9405005bb011000000300100000030320f18319600100"
	 "0668ebe3cb22c0fdf8f800",
		"avc1.64001f", 1280, 720},
	{"01f4000dffe1001b67f4000d919b282a33c7c5e0220000030002000003"
	 "00641e28532c010006"
	 "68ebe3c44844fff8f800",
		"avc1.f4000d", 322, 182},
	{"017a0028ffe1001b677a0028bcd940780227a8bc04400000030040"
	 "00000c83c60c6580010006"
	 "68ebe3cb22c0fef8f800",
		"avc1.7a0028", 1918, 1078},
	{"01640028ffe1001a67640028acd94078044fde022000000300200000"
	 "0643e2c5b2c00100"
	 "0768fba3cb3002c0fdf8f800",
		"avc1.640028", 1920, 1080},
	{"014d4015ffe10019674d4015eca0d8ff278088000003000800000301"
	 "9078b16cb0010005"
	 "68ebe3cb20",
		"avc1.4d4015", 426, 240},
};

static size_t from_hex(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static bool sps_size(const struct h264_spec *spec, unsigned *width, unsigned *height)
{
	uint8_t sps[512];
	size_t n = h264_make_sps(sps, sizeof(sps), spec);

	*width = *height = 0;
	return h264_sps_size(sps, n, width, height);
}

static void assert_size(const struct h264_spec *spec, unsigned width, unsigned height)
{
	unsigned w, h;

	assert_true(sps_size(spec, &w, &h));
	assert_int_equal(w, width);
	assert_int_equal(h, height);
}

static void what_encoders_send_is_understood(void **state)
{
	for (size_t i = 0; i < sizeof(encoder_configs) / sizeof(*encoder_configs); i++) {
		const struct encoder_config *x = &encoder_configs[i];
		uint8_t config[128];
		size_t n = from_hex(config, x->hex);
		struct codec_info c;
		assert_true(codec_info_init(&c, MEDIA_CODEC_H264, config, n));
		assert_string_equal(c.name, x->name);
		assert_int_equal(c.width, x->width);
		assert_int_equal(c.height, x->height);
		assert_true(codec_info_same(&c, MEDIA_CODEC_H264, config, n));
		assert_false(codec_info_same(&c, MEDIA_CODEC_H264, config, n - 1));
		assert_false(codec_info_same(&c, MEDIA_CODEC_AAC, config, n));
		codec_info_finish(&c);
	}
}

static void cropping_counts_in_chroma_units(void **state)
{
	struct h264_spec spec = {
		.mbs_wide = 120, .mbs_high = 68, .cropped = true, .crop = {0, 0, 0, 4}};

	assert_size(&spec, 1920, 1080);
	spec.crop[0] = 1;
	spec.crop[1] = 2;
	spec.crop[2] = 3;
	assert_size(&spec, 1914, 1074);
	spec.profile = 122;
	spec.chroma = 2; /* 4:2:2: rows are not halved */
	assert_size(&spec, 1914, 1081);
	spec.profile = 244;
	spec.chroma = 3;
	assert_size(&spec, 1917, 1081);
	spec.chroma = 0;
	assert_size(&spec, 1917, 1081);
}

static void interlaced_pictures_are_twice_as_high(void **state)
{
	struct h264_spec spec = {.mbs_wide = 120,
		.mbs_high = 34,
		.interlaced = true,
		.cropped = true,
		.crop = {0, 0, 0, 2}};

	assert_size(&spec, 1920, 1080);
}

static void scaling_lists_are_passed_over(void **state)
{
	struct h264_spec spec = {
		.profile = 100, .chroma = 1, .scaling_lists = true, .mbs_wide = 80, .mbs_high = 45};

	assert_size(&spec, 1280, 720);
	spec.profile = 244;
	spec.chroma = 3;
	assert_size(&spec, 1280, 720);
}

static void every_order_count_type_is_understood(void **state)
{
	struct h264_spec spec = {.mbs_wide = 40, .mbs_high = 30};

	for (spec.poc_type = 0; spec.poc_type <= 2; spec.poc_type++)
		assert_size(&spec, 640, 480);
	spec.poc_type = 1;
	spec.poc_cycle = 255;
	assert_size(&spec, 640, 480);
}

static void impossible_sizes_are_refused(void **state)
{
	struct h264_spec spec = {.mbs_wide = 1024, .mbs_high = 1024};
	unsigned w, h;

	assert_size(&spec, 16384, 16384);
	spec.mbs_wide = 1025;
	assert_false(sps_size(&spec, &w, &h));
	spec.mbs_wide = 2;
	spec.mbs_high = 2;
	spec.cropped = true;
	spec.crop[0] = 16;
	assert_false(sps_size(&spec, &w, &h));
	spec.crop[0] = 0x7ffffffe;
	spec.crop[1] = 0x7ffffffe;
	assert_false(sps_size(&spec, &w, &h));
}

/* Each prefix in memory of its own, so that a read past its end is seen. */
static void every_prefix_is_refused_or_understood_without_reading_past_it(void **state)
{
	for (size_t i = 0; i < sizeof(encoder_configs) / sizeof(*encoder_configs); i++) {
		uint8_t config[128];
		size_t n = from_hex(config, encoder_configs[i].hex);
		size_t sps_end = 8 + (size_t)(config[6] << 8 | config[7]);
		for (size_t k = 0; k < n; k++) {
			uint8_t *cut = mem_dup(config, k ? k : 1);
			struct codec_info c;
			bool ok = codec_info_init(&c, MEDIA_CODEC_H264, cut, k);
			assert_true(!ok || k >= sps_end);
			if (ok)
				codec_info_finish(&c);
			free(cut);
		}
	}
}

static void hostile_bytes_are_refused_or_bounded(void **state)
{
	uint32_t seed = 12345;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t config[128];
		size_t n = from_hex(config, encoder_configs[round % 7].hex);
		struct codec_info c;
		for (unsigned k = 0; k <= round % 5; k++) {
			seed = seed * 1664525 + 1013904223;
			config[(seed >> 8) % n] = (uint8_t)(seed >> 24);
		}
		if (!codec_info_init(&c, MEDIA_CODEC_H264, config, n))
			continue;
		assert_in_range(c.width, 1, 16384);
		assert_in_range(c.height, 1, 16384);
		codec_info_finish(&c);
	}
}

static void assert_aac(
	const char *hex, const char *name, unsigned rate, unsigned channels, unsigned frame_samples)
{
	uint8_t config[32];
	size_t n = from_hex(config, hex);
	struct codec_info c;

	assert_true(codec_info_init(&c, MEDIA_CODEC_AAC, config, n));
	assert_string_equal(c.name, name);
	assert_int_equal(c.sample_rate, rate);
	assert_int_equal(c.channels, channels);
	assert_int_equal(c.frame_samples, frame_samples);
	codec_info_finish(&c);
}

static void every_form_of_audio_configuration_is_understood(void **state)
{
	assert_aac("1210", "mp4a.40.2", 44100, 2, 1024);
	assert_aac("1190", "mp4a.40.2", 48000, 2, 1024);
	assert_aac("1188", "mp4a.40.2", 48000, 1, 1024);
	assert_aac("11b8", "mp4a.40.2", 48000, 8, 1024);
	assert_aac("1194", "mp4a.40.2", 48000, 2, 960);
	assert_aac("1208", "mp4a.40.2", 44100, 1, 1024);
	/* With the explicit extension behind it, as ffmpeg writes it. */
	assert_aac("121056e500", "mp4a.40.2", 44100, 2, 1024);
	/* The rate in 24 bits: 5 bits type 2, index 15, 44100, 2 channels. */
	assert_aac("1780562210", "mp4a.40.2", 44100, 2, 1024);
	/* SBR said up front. */
	assert_aac("2b118800", "mp4a.40.5", 24000, 2, 1024);
	/* Channels in a program config element: two are assumed. */
	assert_aac("1180", "mp4a.40.2", 48000, 2, 1024);
}

static void broken_audio_configurations_are_refused(void **state)
{
	static const char *const broken[] = {
		"", "12", "0000", "1790", "16c0", "17ffffff90", "11c0"};

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		uint8_t config[16];
		size_t n = from_hex(config, broken[i]);
		struct codec_info c = {.width = 7};
		assert_false(codec_info_init(&c, MEDIA_CODEC_AAC, config, n));
		assert_int_equal(c.width, 7);
	}
}

static void assert_mp3(const char *hex, unsigned rate, unsigned channels, unsigned samples)
{
	uint8_t frame[8];
	size_t n = from_hex(frame, hex);
	struct codec_info c;

	assert_true(codec_info_init(&c, MEDIA_CODEC_MP3, NULL, 0));
	assert_true(codec_info_frame(&c, frame, n));
	assert_int_equal(c.sample_rate, rate);
	assert_int_equal(c.channels, channels);
	assert_int_equal(c.frame_samples, samples);
}

static void mp3_headers_tell_rate_and_channels(void **state)
{
	assert_mp3("fffb9064", 44100, 2, 1152);
	assert_mp3("fffb94c4", 48000, 1, 1152);
	assert_mp3("fff38064", 22050, 2, 576);
	assert_mp3("ffe380c4", 11025, 1, 576);
}

static void what_is_no_mp3_frame_is_refused(void **state)
{
	static const char *const broken[] = {
		"fffb90", "fefb9064", "ff1b9064", "ffeb9064", "fffd9064", "fffb9c64", "49443303"};

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		uint8_t frame[8];
		struct codec_info c;
		assert_true(codec_info_init(&c, MEDIA_CODEC_MP3, NULL, 0));
		assert_false(codec_info_frame(&c, frame, from_hex(frame, broken[i])));
		assert_int_equal(c.sample_rate, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_encoders_send_is_understood),
		cmocka_unit_test(cropping_counts_in_chroma_units),
		cmocka_unit_test(interlaced_pictures_are_twice_as_high),
		cmocka_unit_test(scaling_lists_are_passed_over),
		cmocka_unit_test(every_order_count_type_is_understood),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(every_prefix_is_refused_or_understood_without_reading_past_it),
		cmocka_unit_test(hostile_bytes_are_refused_or_bounded),
		cmocka_unit_test(every_form_of_audio_configuration_is_understood),
		cmocka_unit_test(broken_audio_configurations_are_refused),
		cmocka_unit_test(mp3_headers_tell_rate_and_channels),
		cmocka_unit_test(what_is_no_mp3_frame_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
