#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec.h"
#include "support/test.h"

/* What encoders say of the codecs that came with Enhanced RTMP, without their banners. */
struct sample_config {
	enum media_codec codec;
	const char *config, *frame; /* hex; frame NULL: needs none */
	const char *name;
	unsigned width, height, sample_rate, channels, frame_samples;
};

static const struct sample_config samples[] = {
	{MEDIA_CODEC_HEVC,
		"0101600000009000000000003cf000fcfdf8f800000f03"
		"200001001840010c01ffff01600000030090000003000003003c959209"
		"210001002b42010101600000030090000003000003003ca00a080c1f3e59"
		"5912930bc05a020000030002000003003c10"
		"22000100064401c073c189",
		NULL, "hvc1.1.6.L60.90", 320, 180},
	{MEDIA_CODEC_HEVC,
		"0102200000009000000000003cf000fcfdfafa00000f03"
		"200001001840010c01ffff02200000030090000003000003003c959409"
		"210001002b42010102200000030090000003000003003ca00a080c1f3b65"
		"95952930bc05a0200000030002000003003c10"
		"22000100064401c073c189",
		NULL, "hvc1.2.4.L60.90", 320, 180},
	{MEDIA_CODEC_AV1, "81000c000a0b000000043cfeccdaf90040", NULL, "av01.0.00M.08", 320, 180},
	{MEDIA_CODEC_VP9, "000a820202020000", "824983420013f00b3606", "vp09.00.10.08", 320, 180},
	{MEDIA_CODEC_VP9, "01000000000a820202020000", "824983420013f00b3606", "vp09.00.10.08", 320,
		180},
	{MEDIA_CODEC_OPUS, "4f707573486561640102380180bb0000000000", "fcb4065a", "Opus", 0, 0,
		48000, 2, 960},
	{MEDIA_CODEC_FLAC,
		"664c614380000022120012000000cb00051d0bb802f00003a980"
		"0a2b3b4974a6939f83b945d6982d5a74",
		NULL, "fLaC", 0, 0, 48000, 2, 4608},
	{MEDIA_CODEC_AC3, "", "0b77b50b1e40ebf8403e", "ac-3", 0, 0, 48000, 6, 1536},
	{MEDIA_CODEC_EAC3, "", "0b77037f3f87c00020f8", "ec-3", 0, 0, 48000, 6, 1536},
};
#define N_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static size_t from_hex(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		const char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		out[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

static void what_encoders_send_is_understood(void **state)
{
	for (size_t i = 0; i < N_SAMPLES; i++) {
		const struct sample_config *s = &samples[i];
		uint8_t config[256], frame[32];
		size_t n = from_hex(config, s->config);
		struct codec_info c;

		assert_true(codec_info_init(&c, s->codec, config, n));
		assert_int_equal(c.complete, s->frame == NULL);
		if (s->frame)
			assert_true(codec_info_frame(&c, frame, from_hex(frame, s->frame)));
		assert_true(c.complete);
		assert_string_equal(c.name, s->name);
		assert_int_equal(c.width, s->width);
		assert_int_equal(c.height, s->height);
		assert_int_equal(c.sample_rate, s->sample_rate);
		assert_int_equal(c.channels, s->channels);
		assert_int_equal(c.frame_samples, s->frame_samples);
		assert_int_equal(codec_is_video(s->codec), s->width > 0);
		assert_true(codec_info_same(&c, s->codec, config, n));
		codec_info_finish(&c);
	}
}

static void every_prefix_is_refused_or_understood_without_reading_past_it(void **state)
{
	for (size_t i = 0; i < N_SAMPLES; i++) {
		uint8_t config[256], frame[32];
		size_t n = from_hex(config, samples[i].config);
		size_t frame_len = samples[i].frame ? from_hex(frame, samples[i].frame) : 0;

		for (size_t k = 0; k < n; k++) {
			uint8_t *cut = mem_dup(config, k ? k : 1);
			struct codec_info c;
			if (codec_info_init(&c, samples[i].codec, cut, k))
				codec_info_finish(&c);
			free(cut);
		}
		for (size_t k = 0; k < frame_len; k++) {
			uint8_t *cut = mem_dup(frame, k ? k : 1);
			struct codec_info c;
			assert_true(codec_info_init(&c, samples[i].codec, config, n));
			codec_info_frame(&c, cut, k);
			codec_info_finish(&c);
			free(cut);
		}
	}
}

static void hostile_bytes_are_refused_or_bounded(void **state)
{
	uint32_t seed = 4711;

	for (unsigned round = 0; round < 40000; round++) {
		const struct sample_config *s = &samples[round % N_SAMPLES];
		uint8_t config[256], frame[32];
		size_t n = from_hex(config, s->config);
		size_t frame_len = s->frame ? from_hex(frame, s->frame) : 0;
		struct codec_info c;

		for (unsigned k = 0; k <= round % 5; k++) {
			seed = seed * 1664525 + 1013904223;
			if (n)
				config[(seed >> 8) % n] = (uint8_t)(seed >> 24);
			if (frame_len)
				frame[(seed >> 12) % frame_len] = (uint8_t)(seed >> 20);
		}
		if (!codec_info_init(&c, s->codec, config, n))
			continue;
		if (codec_info_frame(&c, frame, frame_len)) {
			assert_in_range(c.width, codec_is_video(s->codec) ? 1 : 0, 16384);
			assert_in_range(c.height, codec_is_video(s->codec) ? 1 : 0, 16384);
			assert_true(codec_is_video(s->codec) || c.frame_samples > 0);
		}
		codec_info_finish(&c);
	}
}

static void assert_no_frame(enum media_codec codec, const char *config, const char *hex)
{
	uint8_t bytes[64], frame[32];
	struct codec_info c;

	assert_true(codec_info_init(&c, codec, bytes, from_hex(bytes, config)));
	assert_false(codec_info_frame(&c, frame, from_hex(frame, hex)));
	codec_info_finish(&c);
}

static void a_frame_that_tells_nothing_is_waited_out(void **state)
{
	const char *vp9 = "000a820202020000";
	const char *opus = "4f707573486561640102380180bb0000000000";

	assert_no_frame(MEDIA_CODEC_VP9, vp9, "864983420013f00b3606"); /* no keyframe */
	assert_no_frame(MEDIA_CODEC_VP9, vp9, "824983430013f00b3606"); /* no sync code */
	assert_no_frame(MEDIA_CODEC_OPUS, opus, "");
	assert_no_frame(MEDIA_CODEC_OPUS, opus, "ff00"); /* no frames in it */
	assert_no_frame(MEDIA_CODEC_AC3, "", "0b77037f3f87c00020f8"); /* E-AC-3 */
	assert_no_frame(MEDIA_CODEC_EAC3, "", "0b77b50b1e40ebf8403e"); /* AC-3 */
	assert_no_frame(MEDIA_CODEC_AC3, "", "0b78b50b1e40ebf8403e");
}

static void opus_packets_tell_how_long_they_are(void **state)
{
	static const struct {
		const char *frame;
		unsigned samples;
	} rows[] = {{"00", 480}, {"18", 2880}, {"60", 480}, {"68", 960}, {"80", 120}, {"98", 960},
		{"99", 1920}, {"9b03", 2880}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t config[32], frame[4];
		struct codec_info c;
		size_t n = from_hex(config, "4f707573486561640102380180bb0000000000");
		assert_true(codec_info_init(&c, MEDIA_CODEC_OPUS, config, n));
		assert_true(codec_info_frame(&c, frame, from_hex(frame, rows[i].frame)));
		assert_int_equal(c.frame_samples, rows[i].samples);
		codec_info_finish(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_encoders_send_is_understood),
		cmocka_unit_test(every_prefix_is_refused_or_understood_without_reading_past_it),
		cmocka_unit_test(hostile_bytes_are_refused_or_bounded),
		cmocka_unit_test(a_frame_that_tells_nothing_is_waited_out),
		cmocka_unit_test(opus_packets_tell_how_long_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
