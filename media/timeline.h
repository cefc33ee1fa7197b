#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sample.h"

/*
 * From an encoder's 32-bit millisecond clock to the stream's timeline. A timeline serves one
 * session: a stretch of samples on one clock. Pure arithmetic.
 */
struct timeline_track {
	bool started;
	uint32_t last_raw; /* as received */
	int64_t last_ms; /* unwrapped, relative to the session's anchor */
	int64_t last_dts_us; /* given out */
	double next_us; /* where the next audio frame belongs by counting samples */
	double drift_us; /* how far the clock is from counting, smoothed */
	int64_t delay_us; /* video: taken off decode times, so that none is after its pts */
};

struct timeline {
	uint32_t anchor; /* the timestamp that plays at offset_us */
	int64_t offset_us;
	struct timeline_track tracks[2]; /* by enum media_kind */
	uint64_t repaired;
};

/* anchor: the earliest decode timestamp of the session's first samples. */
void timeline_begin(struct timeline *t, uint32_t anchor, int64_t offset_us);
/*
 * Whether a sample is so far from its track's clock (forward by more than max_jump_us, or back at
 * all beyond jitter) that it begins a new session.
 */
bool timeline_jumps(const struct timeline *t, const struct sample *s, int64_t max_jump_us);
/* A track's clock jumps alone: `raw` is what comes `step_ms` after its newest sample. */
void timeline_rebase(struct timeline *t, enum media_kind kind, uint32_t raw, uint32_t step_ms);
/*
 * Whether a further track's sample comes more than max_us after the one before it, and the main
 * sound, if it is played with it, does not reach there either.
 */
bool timeline_gap_beside(const struct timeline *t, const struct timeline_track *own,
	const struct sample *s, bool with_audio, int64_t max_us);
/*
 * A further track's sample, by the clock of the main track of its kind (or the other one, if that
 * has not begun): sets dts_us and pts_us. `own` is zeroed at a session's beginning. False: it is
 * further from there than max_us.
 */
bool timeline_place_beside(struct timeline *t, struct timeline_track *own, struct sample *s,
	double audio_frame_us, int64_t max_us);
/* Sets dts_us and pts_us. audio_frame_us: what one audio packet lasts, 0 if unknown. */
void timeline_place(struct timeline *t, struct sample *s, double audio_frame_us);
