#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

/* What a track carries, read from its codec configuration and, where that does not say all, from
 * its first frame. */
struct codec_info {
	enum media_codec codec;
	bool complete; /* else codec_info_frame is to be asked */
	uint8_t *config; /* owned; NULL: none */
	size_t config_len;
	uint8_t *frame; /* AC-3 and E-AC-3: the first frame, whose head is their configuration */
	size_t frame_len;
	unsigned width, height; /* video */
	unsigned sample_rate, channels; /* audio */
	unsigned frame_samples; /* audio samples in a packet */
	unsigned bit_depth; /* VP9 and FLAC */
	/* VP9: what its sample entry says. chroma: 1: 4:2:0, 2: 4:2:2, 3: 4:4:4. */
	unsigned profile, level, chroma;
	struct media_color color; /* video */
	char name[48]; /* RFC 6381: "avc1.64001f", "mp4a.40.2" */
};

bool codec_is_video(enum media_codec codec);
/* False if the configuration cannot be understood; *out is untouched then. */
bool codec_info_init(
	struct codec_info *out, enum media_codec codec, const uint8_t *config, size_t len);
void codec_info_finish(struct codec_info *c);
bool codec_info_same(
	const struct codec_info *c, enum media_codec codec, const uint8_t *config, size_t len);
/* Completes it by a frame. False: not by this one. */
bool codec_info_frame(struct codec_info *c, const uint8_t *frame, size_t len);

/* Of sequence parameter sets (ITU-T H.264 7.3.2.1.1, H.265 7.3.2.2.1), NAL header included. */
bool h264_sps_size(const uint8_t *sps, size_t len, unsigned *width, unsigned *height);
bool hevc_sps_size(const uint8_t *sps, size_t len, unsigned *width, unsigned *height);
