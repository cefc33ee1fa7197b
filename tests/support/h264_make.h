#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parameter sets and configurations of H.264 made to measure, for tests (ITU-T H.264 7.3.2). */
struct h264_spec {
	unsigned profile; /* 0: baseline (66) */
	unsigned chroma; /* for profiles that say it; 1 is 4:2:0 */
	unsigned mbs_wide, mbs_high; /* macroblocks; map units high if interlaced */
	bool interlaced;
	bool cropped;
	unsigned crop[4]; /* left, right, top, bottom in crop units */
	unsigned poc_type; /* 0, 1 or 2 */
	unsigned poc_cycle; /* offsets of type 1 */
	bool scaling_lists;
};

/* With NAL header and emulation prevention. Returns the length. */
size_t h264_make_sps(uint8_t *out, size_t size, const struct h264_spec *spec);
/* AVCDecoderConfigurationRecord around one SPS and a small PPS. */
size_t h264_make_avcc(uint8_t *out, size_t size, const uint8_t *sps, size_t len);
/* The same for a plain picture of that size, both even. */
size_t h264_make_config(uint8_t *out, size_t size, unsigned width, unsigned height);
