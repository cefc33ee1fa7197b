#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "media/window.h"

/*
 * The engine of one stream: compressed samples in, parts and segments out. One instance a
 * stream, no globals, pinned to whatever thread calls it (all calls of one engine from the same
 * thread, or handed from one to the next). It never blocks and does no file I/O. What it makes goes
 * to its output, at the other end of which, maybe on another thread, is the window
 * (media/window.h).
 *
 * Timeline: samples carry the encoder's 32-bit wrapping millisecond timestamps. The engine unwraps
 * and repairs them (spec media.md, "Timestamps") to one continuous timeline in microseconds that
 * starts at 0 with the stream and never goes back, across interruptions, jumps and codec changes;
 * those become discontinuities in the playlist, without a hole in the timeline. The wall clock of
 * each segment goes into EXT-X-PROGRAM-DATE-TIME.
 */
enum media_kind { MEDIA_VIDEO, MEDIA_AUDIO };

enum media_codec {
	MEDIA_CODEC_NONE,
	MEDIA_CODEC_H264, /* config: AVCDecoderConfigurationRecord; samples: length-prefixed NALs */
	MEDIA_CODEC_HEVC, /* config: HEVCDecoderConfigurationRecord; samples likewise */
	MEDIA_CODEC_AV1, /* config: AV1CodecConfigurationRecord; samples: temporal units */
	MEDIA_CODEC_VP9, /* config: VPCodecConfigurationRecord; samples: (super)frames */
	MEDIA_CODEC_AAC, /* config: AudioSpecificConfig; samples: raw AAC frames */
	MEDIA_CODEC_MP3, /* no config; samples: whole MPEG audio frames */
	MEDIA_CODEC_OPUS, /* config: OpusHead; samples: packets */
	MEDIA_CODEC_FLAC, /* config: "fLaC" and STREAMINFO; samples: frames */
	MEDIA_CODEC_AC3, /* no config; samples: frames */
	MEDIA_CODEC_EAC3, /* likewise */
};

#define MEDIA_DVR_WHOLE UINT64_MAX

struct media_config {
	uint64_t part_target_us; /* 200000 */
	uint64_t segment_target_us; /* 2000000 */
	uint64_t max_jump_us; /* 3000000: a larger step of the clock is a discontinuity */
	unsigned window; /* segments in the live playlist */
	unsigned memory_segments; /* newest complete segments kept in memory (≥ 2) */
	/* How far back the playlist goes beyond the window, from files; 0: not at all. */
	uint64_t dvr_us; /* MEDIA_DVR_WHOLE: to the stream's begin */
	enum media_container container;
	/* Media sequence numbers to begin with (after a restart), by rendition. */
	uint64_t first_sequence[MEDIA_RENDITIONS];
	uint64_t first_time_us; /* timeline to begin with (after a restart) */
	unsigned first_init; /* number of the next init segment (after a restart) */
};

struct media_sample {
	enum media_kind kind;
	unsigned track; /* 0: the main one of its kind; others up to MEDIA_TRACKS - 1 */
	bool key;
	uint32_t timestamp_ms; /* decode time, wraps at 2^32 */
	uint32_t nano_offset; /* to be added to it, below 1,000,000 */
	int32_t composition_ms; /* presentation minus decode time, may be negative */
	const uint8_t *data;
	size_t len;
	struct rcbuf *bytes; /* data lies in them; NULL: borrowed for the call */
};

enum media_result {
	MEDIA_OK,
	MEDIA_BAD_CONFIG, /* codec configuration that cannot be parsed: publisher's fault */
	MEDIA_NO_PLACE, /* a codec that the container has no place for */
	MEDIA_BAD_SAMPLE, /* sample refused (no config yet, malformed); counted, stream goes on */
	MEDIA_FAILED, /* the muxer failed: a bug or out of memory */
};

/* What is said of a picture's colours besides the codec's own configuration; 0: not said. */
struct media_color {
	uint8_t primaries, transfer, matrix; /* code points of ISO/IEC 23091-2 */
	double max_fall, max_cll; /* cd/m² */
	double red[2], green[2], blue[2], white[2]; /* mastering display, CIE 1931 x and y */
	double max_luminance, min_luminance; /* of it, cd/m² */
};

struct media_stats {
	uint64_t video_samples, audio_samples, bytes;
	uint64_t dropped_samples; /* refused, or before the first keyframe */
	uint64_t discontinuities, repaired_timestamps;
	uint64_t parts, segments;
	uint32_t width, height;
	double frame_rate; /* measured */
	uint64_t keyframe_interval_us; /* last GOP */
	uint64_t bitrate; /* bits per second, over the last segments */
	char video_codec[48], audio_codec[48]; /* RFC 6381 ("avc1.64001f"), "": no track */
	uint64_t duration_us; /* of the timeline so far */
};

struct media_engine;

/*
 * Goes on where that window ends: its promises and its count of discontinuities. Borrowed for the
 * call, as are config and output; nothing was put out of it yet.
 */
struct media_engine *media_engine_create(const struct media_config *config,
	const struct clock *clock, const struct media_window *window,
	const struct media_output *output, void *user);
void media_engine_destroy(struct media_engine *e); /* NULL is fine */

/*
 * Says what a track carries; must come before its first sample. Tracks other than the main ones
 * share the main ones' clock: they begin, break off and end together. A repeated identical
 * configuration is ignored, a changed one gives a new init segment with a discontinuity. No config:
 * NULL.
 */
enum media_result media_engine_configure(struct media_engine *e, enum media_kind kind,
	unsigned track, enum media_codec codec, const uint8_t *config, size_t len);
/*
 * The colours of a video track, after its configuration; until the publisher goes or says
 * otherwise. A change in mid-stream is one of the configuration. BAD_SAMPLE: no such track.
 */
enum media_result media_engine_color(
	struct media_engine *e, unsigned track, const struct media_color *color);
/* Whether the publisher announced audio and video (onMetaData): whom to wait for at the start. */
void media_engine_expect(struct media_engine *e, bool video, bool audio);
enum media_result media_engine_write(struct media_engine *e, const struct media_sample *sample);
/* The publisher is gone: finishes the open part and segment, so that all that arrived can be
 * played and recorded. The next samples continue after a discontinuity; their clock may start
 * anywhere. */
void media_engine_interrupt(struct media_engine *e);
/* Finishes as above and puts EXT-X-ENDLIST; no samples after. */
void media_engine_end(struct media_engine *e);
void media_engine_stats(const struct media_engine *e, struct media_stats *out);
