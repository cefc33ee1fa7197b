#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

/* What a track carries, read from its codec configuration. */
struct codec_info {
	enum media_codec codec;
	uint8_t *config; /* owned; NULL: none (MP3) */
	size_t config_len;
	unsigned width, height; /* video */
	unsigned sample_rate, channels; /* audio; MP3: 0 until the first frame */
	unsigned frame_samples; /* audio samples in a packet */
	char name[24]; /* RFC 6381: "avc1.64001f", "mp4a.40.2" */
};

/* False if the configuration cannot be understood; *out is untouched then. */
bool codec_info_init(
	struct codec_info *out, enum media_codec codec, const uint8_t *config, size_t len);
void codec_info_finish(struct codec_info *c);
bool codec_info_same(
	const struct codec_info *c, enum media_codec codec, const uint8_t *config, size_t len);
/* MP3 says its rate in each frame's header: fills it in. False if this is no MPEG audio frame. */
bool codec_info_mp3(struct codec_info *c, const uint8_t *frame, size_t len);

/* Width and height of a sequence parameter set (ITU-T H.264 7.3.2.1.1), NAL header included. */
bool h264_sps_size(const uint8_t *sps, size_t len, unsigned *width, unsigned *height);
