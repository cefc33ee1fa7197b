#include "segmenter.h"

#include <math.h>
#include <stdlib.h>

/* How far the other track may be ahead of a lead track that stands still before it goes on alone.
 */
#define LEAD_STALL_US 1000000
/* Timestamps are whole milliseconds: sums of frames are off by one. */
#define ROUNDING_US 1000
#define DEFAULT_FRAME_US 33333
/* A step this many times the usual one is a gap and says nothing about the frame rate. */
#define GAP_FRAMES 4

static double frame_estimate(const struct segmenter *s)
{
	if (s->lead == MEDIA_AUDIO && s->frame_us[MEDIA_AUDIO] > 0)
		return s->frame_us[MEDIA_AUDIO];
	return s->lead_frame_us > 0 ? s->lead_frame_us : DEFAULT_FRAME_US;
}

/* As many whole frames as come nearest to the part target (and one ms for rounding). */
static int64_t part_limit(const struct segmenter *s)
{
	double frame = frame_estimate(s);
	double n = round((double)s->config->part_target_us / frame);

	if (s->rendition->published)
		return (int64_t)s->rendition->part_target_us;
	return (int64_t)ceil((n < 1 ? 1 : n) * frame / 1000) * 1000 + ROUNDING_US;
}

/* A segment may not last longer than what rounds to the target duration. */
static int64_t segment_limit(const struct segmenter *s)
{
	int64_t target = (int64_t)s->config->segment_target_us;

	if (s->rendition->published)
		return (int64_t)s->rendition->target_s * 1000000 + 499000;
	return (2 * target + 999999) / 1000000 * 1000000;
}

bool segmenter_active(const struct segmenter *s)
{
	return s->mux != NULL;
}

static uint64_t wall_at(const struct segmenter *s, int64_t us)
{
	return (uint64_t)((int64_t)s->wall_ms + (us - s->wall_us) / 1000);
}

static void open_segment(struct segmenter *s, int64_t start_us)
{
	s->segment_start_us = s->part_start_us = start_us;
	rendition_begin(
		s->rendition, (uint64_t)start_us, wall_at(s, start_us), s->init, s->discontinuity);
	s->discontinuity = false;
}

bool segmenter_begin(
	struct segmenter *s, const struct codec_info *video, const struct codec_info *audio)
{
	const struct codec_info *tracks[2];
	unsigned n = 0;

	s->has[MEDIA_VIDEO] = video != NULL;
	s->has[MEDIA_AUDIO] = audio != NULL;
	if (video) {
		s->mux_track[MEDIA_VIDEO] = n;
		tracks[n++] = video;
	}
	if (audio) {
		s->mux_track[MEDIA_AUDIO] = n;
		tracks[n++] = audio;
	}
	s->lead = video ? MEDIA_VIDEO : MEDIA_AUDIO;
	s->frame_us[MEDIA_AUDIO] =
		audio && audio->sample_rate ? audio->frame_samples * 1e6 / audio->sample_rate : 0;
	s->mux = s->ops->create(tracks, n);
	if (!s->mux)
		return false;
	list_init(&s->follow);
	s->held = NULL;
	s->stalled = false;
	s->lead_total = 0;
	s->last_key_us = s->gop_us = 0;
	s->part_has_lead = s->part_independent = s->part_written = false;
	return true;
}

void segmenter_open(struct segmenter *s, unsigned init, int64_t start_us, bool discontinuity)
{
	s->init = init;
	s->discontinuity = discontinuity;
	open_segment(s, start_us);
}

struct rcbuf *segmenter_init_bytes(const struct segmenter *s)
{
	return s->ops->init(s->mux);
}

static bool write_sample(struct segmenter *s, struct sample *x)
{
	struct mux_sample m = {
		.track = s->mux_track[x->kind],
		.key = x->key,
		.dts_us = x->dts_us,
		.pts_us = x->pts_us,
		.duration_us = x->duration_us,
		.data = x->data,
		.len = x->len,
	};
	bool ok = s->ops->write(s->mux, &m);

	if (x->kind == s->lead) {
		if (!s->part_has_lead)
			s->part_independent = x->key;
		s->part_has_lead = true;
	}
	s->part_written = true;
	sample_free(x);
	return ok;
}

static bool write_follow(struct segmenter *s, int64_t before_us)
{
	struct sample *x, *next;
	bool ok = true;

	list_for_each_safe (x, next, &s->follow, link) {
		if (x->dts_us >= before_us)
			break;
		list_remove(&x->link);
		ok = write_sample(s, x) && ok;
	}
	return ok;
}

static bool cut_part(struct segmenter *s, int64_t at_us)
{
	bool ok = write_follow(s, at_us);
	struct rcbuf *bytes;

	if (!s->part_written || at_us <= s->part_start_us)
		return ok;
	bytes = s->ops->flush(s->mux);
	s->part_written = false;
	if (!bytes)
		return false;
	rendition_add_part(s->rendition, bytes, (uint64_t)(at_us - s->part_start_us),
		s->part_has_lead && s->part_independent);
	s->part_start_us = at_us;
	s->part_has_lead = s->part_independent = false;
	s->parts++;
	return ok;
}

/* The first segment fixes what the playlist promises for ever. */
static void publish(struct segmenter *s)
{
	uint64_t low = (s->config->segment_target_us + 999999) / 1000000;
	uint64_t high = (2 * s->config->segment_target_us + 999999) / 1000000;
	uint64_t target = (s->rendition->us + 500000) / 1000000;

	s->rendition->part_target_us = (uint64_t)part_limit(s);
	if (target < low)
		target = low;
	if (target > high)
		target = high;
	s->rendition->target_s = (unsigned)target;
	s->rendition->published = true;
}

static bool cut_segment(struct segmenter *s, int64_t at_us)
{
	bool ok = write_follow(s, at_us);

	/* A lead track that came too late, or a rest that no playlist could express. */
	if (s->part_written && at_us < s->part_start_us + ROUNDING_US)
		at_us = s->part_start_us + ROUNDING_US;
	ok = cut_part(s, at_us) && ok;
	if (s->rendition->n_parts == 0)
		return ok; /* still the one that was opened, with what stands before it */
	s->segments++;
	s->rendition->description.frame_rate =
		s->lead == MEDIA_VIDEO && s->lead_frame_us > 0 ? 1e6 / s->lead_frame_us : 0;
	if (!s->rendition->published)
		publish(s);
	rendition_close(s->rendition);
	/* Where the last part ended: at_us, unless there was nothing in between. */
	open_segment(s, s->part_start_us);
	return ok;
}

/* Nearest rule: now, or at the next keyframe, whichever is nearer to the target. */
static bool key_cuts(const struct segmenter *s, int64_t at_us)
{
	int64_t elapsed = at_us - s->segment_start_us;
	int64_t target = (int64_t)s->config->segment_target_us;
	int64_t slack = (int64_t)(2 * frame_estimate(s));

	if (elapsed >= target - slack)
		return true;
	if (s->gop_us == 0)
		return false;
	return target - elapsed <= elapsed + s->gop_us - target ||
		elapsed + s->gop_us > segment_limit(s);
}

static bool segment_ends(const struct segmenter *s, const struct sample *next)
{
	int64_t elapsed = next->dts_us - s->segment_start_us;
	double frame = frame_estimate(s);

	if (elapsed <= 0 || (s->part_start_us == s->segment_start_us && !s->part_written))
		return false;
	if (s->lead == MEDIA_AUDIO)
		return (double)elapsed + frame / 2 >= (double)s->config->segment_target_us;
	if (next->key && key_cuts(s, next->dts_us))
		return true;
	return (double)elapsed + frame > (double)segment_limit(s);
}

/* RFC 8216bis 4.4.4.9: all parts but a segment's last have at least 85 % of the target. */
static bool part_suffices(const struct segmenter *s, int64_t at_us)
{
	return (at_us - s->part_start_us) * 100 >= part_limit(s) * 85;
}

static bool part_ends(const struct segmenter *s, int64_t at_us)
{
	double elapsed = (double)(at_us - s->part_start_us);

	return part_suffices(s, at_us) &&
		elapsed + frame_estimate(s) > (double)part_limit(s) + ROUNDING_US / 2.0;
}

static void measure_frame(struct segmenter *s, const struct sample *next)
{
	int64_t step = next->dts_us - s->held->dts_us;

	if (s->lead_total == 0)
		s->lead_first_us = s->held->dts_us;
	if (s->lead_total >= 10 && (double)step > GAP_FRAMES * s->lead_frame_us) {
		s->lead_first_us += step;
		return;
	}
	s->lead_total++;
	s->lead_frame_us = (double)(next->dts_us - s->lead_first_us) / (double)s->lead_total;
	/* An average over the last while, so that a changed rate is noticed. */
	if (s->lead_total >= 600) {
		s->lead_first_us = next->dts_us - (int64_t)(s->lead_frame_us * 300);
		s->lead_total = 300;
	}
}

static int64_t first_follow_us(const struct segmenter *s)
{
	return list_empty(&s->follow) ? INT64_MIN
				      : container_of(s->follow.next, struct sample, link)->dts_us;
}

/*
 * Where the next part ends if no frame of the lead track ends it: at the target, as long as the
 * other track has something for the part after it.
 */
static int64_t overdue_at(const struct segmenter *s, int64_t upto_us)
{
	int64_t at = s->part_start_us + part_limit(s), last;

	/* A stretch without samples goes into the part behind it. */
	if (!s->part_written && first_follow_us(s) >= at)
		at = first_follow_us(s) + part_limit(s);
	if (at > upto_us)
		return upto_us;
	if (upto_us - s->segment_start_us > segment_limit(s) || upto_us - at < part_limit(s) / 2)
		return at;
	if (list_empty(&s->follow))
		return upto_us;
	last = container_of(s->follow.prev, struct sample, link)->dts_us;
	if (last >= at)
		return at;
	return part_suffices(s, last) ? last : upto_us;
}

/* At the target if no keyframe can be expected, else as late as a segment may last. */
static bool overdue_ends_segment(const struct segmenter *s, int64_t at_us)
{
	int64_t elapsed = at_us - s->segment_start_us;

	return elapsed + part_limit(s) > segment_limit(s) ||
		(s->stalled && elapsed >= (int64_t)s->config->segment_target_us);
}

static bool is_overdue(const struct segmenter *s, int64_t upto_us)
{
	return upto_us - s->part_start_us > part_limit(s) + ROUNDING_US / 2 ||
		upto_us - s->segment_start_us > segment_limit(s);
}

/*
 * Where frames are longer than a part may be, parts end between them, until the rest to upto_us is
 * no longer than one part. Where both tracks have a gap there is nothing to fill a part with, and
 * one part is longer than it should be.
 */
static bool cut_overdue(struct segmenter *s, int64_t upto_us)
{
	bool ok = true;

	while (ok && is_overdue(s, upto_us)) {
		int64_t before = s->part_start_us, at = overdue_at(s, upto_us);
		int64_t room_end = s->segment_start_us + segment_limit(s);
		bool ends = overdue_ends_segment(s, at);
		/* A gap that this segment has no room for belongs to the next one. */
		if (!s->part_written && before > s->segment_start_us && at > room_end) {
			ok = cut_segment(s, before);
			continue;
		}
		if (at > room_end && room_end > before)
			at = room_end;
		ok = ends ? cut_segment(s, at) : cut_part(s, at);
		if (s->part_start_us == before)
			break; /* nothing to make a part of */
	}
	return ok;
}

/* The held sample lasts longer than was thought: the segment or part may have to end before it. */
static bool cut_before_held(struct segmenter *s, int64_t next_us)
{
	int64_t held = s->held->dts_us;

	if (held > s->segment_start_us && next_us - s->segment_start_us > segment_limit(s))
		return cut_segment(s, held > s->part_start_us ? held : s->part_start_us);
	if (s->part_has_lead && part_suffices(s, held) &&
		next_us - s->part_start_us > part_limit(s) + ROUNDING_US / 2)
		return cut_part(s, held);
	return true;
}

static bool write_held(struct segmenter *s, int64_t end_us)
{
	struct sample *held = s->held;

	s->held = NULL;
	held->duration_us = end_us - held->dts_us;
	return write_sample(s, held);
}

/*~ The lead track's next sample tells how long the held one lasts, and whether a part or a segment
 * ends here. What is cut goes to window.c, the next stop. */
static bool push_lead(struct segmenter *s, struct sample *x)
{
	bool ok = true;

	if (s->held) {
		measure_frame(s, x);
		ok = cut_before_held(s, x->dts_us);
		ok = write_held(s, x->dts_us) && ok;
	}
	ok = cut_overdue(s, x->dts_us) && ok;
	if (segment_ends(s, x))
		ok = cut_segment(s, x->dts_us) && ok;
	else if (part_ends(s, x->dts_us))
		ok = cut_part(s, x->dts_us) && ok;
	if (x->key) {
		if (s->last_key_us > 0 || s->lead_total > 0)
			s->gop_us = x->dts_us - s->last_key_us;
		s->last_key_us = x->dts_us;
	}
	s->held = x;
	s->stalled = false;
	return ok;
}

static bool push_follow(struct segmenter *s, struct sample *x)
{
	int64_t lead = s->held ? s->held->dts_us : s->part_start_us;
	bool ok = true;

	x->duration_us = llround(s->frame_us[x->kind]);
	list_append(&s->follow, &x->link);
	if (x->dts_us - lead <= LEAD_STALL_US && (s->held || !s->stalled))
		return true;
	/* The lead track stands still: the other one goes on alone. */
	s->stalled = true;
	if (s->held)
		ok = write_held(s, x->dts_us);
	return cut_overdue(s, x->dts_us) && ok;
}

bool segmenter_push(struct segmenter *s, struct sample *x)
{
	return x->kind == s->lead ? push_lead(s, x) : push_follow(s, x);
}

int64_t segmenter_finish(struct segmenter *s)
{
	int64_t end = s->part_start_us;
	struct sample *x;

	if (!s->mux)
		return end;
	if (s->held) {
		end = s->held->dts_us + llround(frame_estimate(s));
		cut_before_held(s, end);
		write_held(s, end);
	}
	list_for_each (x, &s->follow, link) {
		if (x->dts_us + x->duration_us > end)
			end = x->dts_us + x->duration_us;
	}
	/* Late samples lie before the part that they get into. */
	if (end <= s->part_start_us && (s->part_written || !list_empty(&s->follow)))
		end = s->part_start_us + 1000;
	cut_overdue(s, end);
	cut_segment(s, end);
	s->ops->destroy(s->mux);
	s->mux = NULL;
	/* Not `end`: a last audio frame may reach beyond the last part, without one of its own. */
	return s->part_start_us;
}

void segmenter_drop(struct segmenter *s)
{
	struct sample *x, *next;

	if (!s->mux)
		return;
	list_for_each_safe (x, next, &s->follow, link) {
		list_remove(&x->link);
		sample_free(x);
	}
	sample_free(s->held);
	s->held = NULL;
	s->ops->destroy(s->mux);
	s->mux = NULL;
}
