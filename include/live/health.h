#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/engine.h"

/*
 * How an ingest goes: figures of the last ten seconds, from the samples as they come and the time
 * at which they come, and what the seller had better change, in the words of his encoder. Pure
 * arithmetic, no clock of its own; times are monotonic µs. Source: spec media.md, "RTMP ingest".
 */
#define LIVE_HEALTH_SECONDS 10

struct live_health_second {
	uint64_t bytes;
	uint32_t frames, missing; /* of video */
};

struct live_health {
	bool begun;
	uint64_t began_us; /* arrival of the first sample */
	uint64_t second; /* the one that is being filled, counted from began_us */
	struct live_health_second seconds[LIVE_HEALTH_SECONDS + 1]; /* a ring */
	struct live_health_track {
		bool started;
		uint32_t last_ms; /* the encoder's clock */
		uint64_t last_us; /* arrival */
		int64_t behind_us, least_us; /* arrival against the clock, and the least so far */
	} tracks[2]; /* by enum media_kind */
	double jitter_us; /* RFC 3550 6.4.1 */
	double skew_ms; /* of audio against video as they come, smoothed */
	double frame_ms; /* usual step between video frames */
	uint64_t key_ms; /* longest distance of keyframes in the last while */
	uint32_t last_key_ms;
	bool has_key;
};

/* A publisher begins, or is gone: all zero. */
void live_health_reset(struct live_health *h);
/* A sample of a main track. */
void live_health_sample(struct live_health *h, const struct media_sample *s, uint64_t now_us);

struct live_health_figures {
	bool has_video, has_audio; /* something came in the last ten seconds */
	uint64_t bitrate; /* bit/s */
	double frame_rate; /* 0: not known yet */
	double keyframe_interval; /* s, 0: not known yet */
	int32_t skew_ms; /* positive: audio comes ahead of video */
	uint32_t jitter_ms;
	int32_t late_ms; /* positive: less media than time */
	uint64_t missing_frames; /* where steps were of several */
	double seconds; /* that the figures speak of; below 3 nothing is judged */
};
void live_health_read(
	const struct live_health *h, uint64_t now_us, struct live_health_figures *out);

/*   X(NAME, "code", is_poor) */
#define LIVE_ADVICE_TABLE(X) \
	X(NO_VIDEO, "no_video", true) \
	X(NO_AUDIO, "no_audio", false) \
	X(KEYFRAMES, "keyframe_interval", false) \
	X(UPLOAD, "upload_too_slow", true) \
	X(JITTER, "jitter", false) \
	X(FRAMES, "missing_frames", true) \
	X(FRAME_RATE, "frame_rate", false) \
	X(BITRATE, "bitrate_near_limit", false) \
	X(SKEW, "audio_video_skew", true)
enum live_advice {
#define X(name, code, is_poor) LIVE_ADVICE_##name,
	LIVE_ADVICE_TABLE(X)
#undef X
		LIVE_ADVICES
};
const char *live_advice_code(enum live_advice a);

/* What the publisher said and may do; 0: not known, no bound. */
struct live_health_frame {
	double announced_frame_rate;
	double segment_target_s;
	uint64_t max_bitrate;
	bool expects_video, expects_audio;
};

enum live_health_status {
	LIVE_HEALTH_UNKNOWN,
	LIVE_HEALTH_GOOD,
	LIVE_HEALTH_FAIR,
	LIVE_HEALTH_POOR
};
const char *live_health_status_text(enum live_health_status s); /* unknown, good, fair, poor */

struct live_health_verdict {
	enum live_health_status status;
	unsigned advice; /* bits of enum live_advice */
};
struct live_health_verdict live_health_judge(
	const struct live_health_figures *f, const struct live_health_frame *frame);
/* The sentence for a seller. */
void live_advice_text(enum live_advice a, const struct live_health_figures *f,
	const struct live_health_frame *frame, char *out, size_t size);
