#include "timeline.h"

#include <math.h>
#include <stdlib.h>

/* Encoders round to milliseconds, send audio in pairs and repeat timestamps: up to one frame of
 * difference between the clock and counting samples is jitter, more is a gap. */
#define AUDIO_JITTER_US 33000
/* A steady difference of this much is a clock that runs otherwise: follow it. */
#define AUDIO_DRIFT_US 8000
#define DRIFT_WEIGHT 0.02
/* Tracks of one clock arrive less than this apart; a larger step is no jitter. */
#define LEAP_MS 2000
/* No encoder reorders that far: such an offset is nonsense, and would move all that follows. */
#define MAX_COMPOSITION_MS 5000
/* A clock that goes back by more than this starts anew. */
#define BACK_JITTER_MS 250

void timeline_begin(struct timeline *t, uint32_t anchor, int64_t offset_us)
{
	*t = (struct timeline){.anchor = anchor, .offset_us = offset_us};
}

/* The track's clock if it has begun, else the session's. */
static int64_t unwrap(const struct timeline *t, const struct sample *s)
{
	const struct timeline_track *track = &t->tracks[s->kind];

	if (track->started)
		return track->last_ms + (int32_t)(s->timestamp_ms - track->last_raw);
	return (int32_t)(s->timestamp_ms - t->anchor);
}

/*
 * A track that starts in mid-session is placed relative to the other one's clock, and so is one
 * that makes a leap to where the other one is: after a pause, or as the second one to jump.
 */
static int64_t relative_ms(const struct timeline *t, const struct sample *s)
{
	const struct timeline_track *own = &t->tracks[s->kind], *other = &t->tracks[!s->kind];
	int32_t apart;

	if (!other->started)
		return unwrap(t, s);
	apart = (int32_t)(s->timestamp_ms - other->last_raw);
	if (own->started &&
		(llabs((int32_t)(s->timestamp_ms - own->last_raw)) <= LEAP_MS ||
			llabs(apart) > LEAP_MS))
		return unwrap(t, s);
	return other->last_ms + apart;
}

bool timeline_jumps(const struct timeline *t, const struct sample *s, int64_t max_jump_us)
{
	const struct timeline_track *own = &t->tracks[s->kind], *other = &t->tracks[!s->kind];
	int64_t since = own->started ? own->last_ms : other->started ? other->last_ms : 0;
	int64_t ms = relative_ms(t, s), step = ms - since;

	/* A track that was silent for long may come back to where the other one is. */
	if (step * 1000 > max_jump_us)
		return !other->started || llabs(ms - other->last_ms) * 1000 > max_jump_us;
	/* A track that begins may lag behind the other one; one that goes on does not go back. */
	return step * 1000 < (own->started ? -BACK_JITTER_MS * 1000 : -max_jump_us);
}

/* A track of which nothing was given out yet gets a clock. */
static void start_track(struct timeline *t, struct timeline_track *track, uint32_t raw, int64_t ms)
{
	if (track->started)
		return;
	track->started = true;
	track->last_raw = raw;
	track->last_ms = ms;
	track->last_dts_us = t->offset_us + ms * 1000 - 1;
}

void timeline_rebase(struct timeline *t, enum media_kind kind, uint32_t raw, uint32_t step_ms)
{
	struct timeline_track *own = &t->tracks[kind], *other = &t->tracks[!kind];

	/* Each keeps its own clock from here on: the other one the session's, if it has not begun.
	 */
	start_track(t, other, t->anchor, 0);
	start_track(t, own, raw, other->last_ms);
	own->last_raw = raw;
	own->last_ms += step_ms;
}

static int64_t place_audio(
	struct timeline *t, struct timeline_track *track, int64_t clock_us, double frame_us)
{
	double placed = (double)clock_us, least;

	if (track->started && frame_us > 0) {
		double error = (double)clock_us - track->next_us;
		if (fabs(error) < AUDIO_JITTER_US) {
			placed = track->next_us;
			track->drift_us += (error - track->drift_us) * DRIFT_WEIGHT;
			if (fabs(track->drift_us) > AUDIO_DRIFT_US) {
				placed += track->drift_us;
				track->drift_us = 0;
				t->repaired++;
			}
		} else {
			track->drift_us = 0;
			t->repaired++;
		}
	}
	/* Behind what was given out already: frames closer together until the clock is met again.
	 */
	least = (double)track->last_dts_us + (frame_us > 2000 ? frame_us / 2 : 1000);
	if (track->started && placed < least) {
		placed = least;
		t->repaired++;
	}
	track->next_us = placed + frame_us;
	return llround(placed);
}

static int64_t place_video(
	struct timeline *t, struct timeline_track *track, const struct sample *s, int64_t clock_us)
{
	int64_t placed;

	/* A negative composition offset: decoding would come after showing. Decode earlier. */
	if (s->composition_ms < 0 && track->delay_us < -(int64_t)s->composition_ms * 1000)
		track->delay_us = -(int64_t)s->composition_ms * 1000;
	placed = clock_us - track->delay_us;
	if (track->started && placed <= track->last_dts_us) {
		placed = track->last_dts_us + 1000;
		t->repaired++;
	}
	return placed;
}

static void place(struct timeline *t, struct timeline_track *track, struct sample *s, int64_t ms,
	double audio_frame_us)
{
	int64_t clock_us = t->offset_us + ms * 1000 + s->nano_offset / 1000;

	if (s->composition_ms < -MAX_COMPOSITION_MS || s->composition_ms > MAX_COMPOSITION_MS) {
		s->composition_ms = 0;
		t->repaired++;
	}
	if (s->kind == MEDIA_AUDIO) {
		s->dts_us = place_audio(t, track, clock_us, audio_frame_us);
		s->pts_us = s->dts_us;
	} else {
		s->dts_us = place_video(t, track, s, clock_us);
		s->pts_us = clock_us + (int64_t)s->composition_ms * 1000;
		if (s->pts_us < s->dts_us)
			s->pts_us = s->dts_us;
	}
	if (s->dts_us < 0)
		s->dts_us =
			track->started && track->last_dts_us >= 0 ? track->last_dts_us + 1000 : 0;
	if (s->pts_us < s->dts_us)
		s->pts_us = s->dts_us;
	track->started = true;
	track->last_raw = s->timestamp_ms;
	track->last_ms = ms;
	track->last_dts_us = s->dts_us;
}

void timeline_place(struct timeline *t, struct sample *s, double audio_frame_us)
{
	place(t, &t->tracks[s->kind], s, relative_ms(t, s), audio_frame_us);
}

/* By the main track of its kind, or the other one if that has not begun: NULL if neither has. */
static const struct timeline_track *main_track(const struct timeline *t, enum media_kind kind)
{
	if (t->tracks[kind].started)
		return &t->tracks[kind];
	return t->tracks[!kind].started ? &t->tracks[!kind] : NULL;
}

static int64_t apart_ms(const struct timeline_track *track, const struct sample *s)
{
	return (int32_t)(s->timestamp_ms - track->last_raw);
}

bool timeline_gap_beside(const struct timeline *t, const struct timeline_track *own,
	const struct sample *s, bool with_audio, int64_t max_us)
{
	const struct timeline_track *beside = main_track(t, s->kind);
	const struct timeline_track *audio = &t->tracks[MEDIA_AUDIO];
	int64_t ms;

	if (!own->started || !beside || apart_ms(own, s) * 1000 <= max_us)
		return false;
	ms = beside->last_ms + apart_ms(beside, s);
	return !with_audio || !audio->started || llabs(ms - audio->last_ms) * 1000 > max_us;
}

bool timeline_place_beside(struct timeline *t, struct timeline_track *own, struct sample *s,
	double audio_frame_us, int64_t max_us)
{
	const struct timeline_track *beside = main_track(t, s->kind);

	if (!beside || llabs(apart_ms(beside, s)) * 1000 > max_us)
		return false;
	place(t, own, s, beside->last_ms + apart_ms(beside, s), audio_frame_us);
	return true;
}
