#include "live/health.h"

#include <math.h>
#include <stdio.h>

/* Steps further than this are a new clock, not a gap. */
#define CLOCK_STEP_MS 3000
#define SMOOTH 16.0
/* From when on a figure is worth a word. */
#define KEYFRAME_FACTOR 2
#define LATE_MS 1500
#define JITTER_MS 150
#define SKEW_MS 250
#define MISSING_SHARE 0.02
#define FRAME_RATE_SHARE 0.9
#define NEAR_LIMIT_SHARE 0.9
#define JUDGE_SECONDS 3.0

struct advice_row {
	const char *code;
	bool is_poor;
};

static const struct advice_row advices[] = {
#define X(name, code, is_poor) {code, is_poor},
	LIVE_ADVICE_TABLE(X)
#undef X
};

const char *live_advice_code(enum live_advice a)
{
	return advices[a].code;
}

const char *live_health_status_text(enum live_health_status s)
{
	switch (s) {
	case LIVE_HEALTH_UNKNOWN:
		return "unknown";
	case LIVE_HEALTH_GOOD:
		return "good";
	case LIVE_HEALTH_FAIR:
		return "fair";
	case LIVE_HEALTH_POOR:
		return "poor";
	}
	return "unknown";
}

void live_health_reset(struct live_health *h)
{
	*h = (struct live_health){0};
}

static struct live_health_second *second_of(struct live_health *h, uint64_t second)
{
	return &h->seconds[second % (LIVE_HEALTH_SECONDS + 1)];
}

static uint64_t second_at(const struct live_health *h, uint64_t now_us)
{
	return (now_us - h->began_us) / 1000000;
}

/* Moves the ring on; seconds in which nothing came are empty. */
static void turn(struct live_health *h, uint64_t now_us)
{
	uint64_t now = second_at(h, now_us);

	if (now - h->second > LIVE_HEALTH_SECONDS)
		h->second = now - LIVE_HEALTH_SECONDS - 1;
	while (h->second < now)
		*second_of(h, ++h->second) = (struct live_health_second){0};
}

static void measure_frames(struct live_health *h, int32_t step_ms)
{
	if (step_ms <= 0)
		return;
	if (h->frame_ms > 0 && step_ms > 1.7 * h->frame_ms)
		second_of(h, h->second)->missing += (uint32_t)lround(step_ms / h->frame_ms) - 1;
	else
		h->frame_ms += (step_ms - h->frame_ms) / (h->frame_ms > 0 ? SMOOTH : 1);
}

static void measure_keys(struct live_health *h, const struct media_sample *s)
{
	uint32_t distance = s->timestamp_ms - h->last_key_ms;

	if (!s->key)
		return;
	/* The newest one counts at once, a long one before it fades. */
	if (h->has_key && (int32_t)distance > 0)
		h->key_ms = distance > h->key_ms ? distance : (h->key_ms + distance) / 2;
	h->has_key = true;
	h->last_key_ms = s->timestamp_ms;
}

/* RFC 3550 6.4.1: how uneven packets come, against their own clock. */
static void measure_jitter(
	struct live_health *h, const struct live_health_track *t, int32_t step_ms, uint64_t now_us)
{
	double apart = fabs((double)(now_us - t->last_us) - step_ms * 1000.0);

	h->jitter_us += (apart - h->jitter_us) / SMOOTH;
}

/* To within a frame of the picture that came last. */
static void measure_skew(struct live_health *h)
{
	const struct live_health_track *v = &h->tracks[MEDIA_VIDEO], *a = &h->tracks[MEDIA_AUDIO];
	int32_t apart = (int32_t)(a->last_ms - v->last_ms);

	if (v->started && a->started && apart > -CLOCK_STEP_MS && apart < CLOCK_STEP_MS)
		h->skew_ms += (apart - h->skew_ms) / (4 * SMOOTH);
}

/* Behind the best so far. That creeps up by a thousandth, as no two clocks run alike. */
static void measure_lateness(struct live_health_track *t, int32_t step_ms, uint64_t now_us)
{
	int64_t passed_us = (int64_t)(now_us - t->last_us);

	t->behind_us += passed_us - (int64_t)step_ms * 1000;
	t->least_us += passed_us / 1000;
	if (t->least_us > t->behind_us)
		t->least_us = t->behind_us;
}

static bool is_new_clock(const struct live_health_track *t, int32_t step_ms)
{
	return !t->started || step_ms > CLOCK_STEP_MS || step_ms < -CLOCK_STEP_MS;
}

void live_health_sample(struct live_health *h, const struct media_sample *s, uint64_t now_us)
{
	struct live_health_track *t = &h->tracks[s->kind];
	int32_t step_ms = (int32_t)(s->timestamp_ms - t->last_ms);

	if (s->track != 0)
		return;
	if (!h->begun) {
		h->begun = true;
		h->began_us = now_us;
	}
	turn(h, now_us);
	second_of(h, h->second)->bytes += s->len;
	second_of(h, h->second)->frames += s->kind == MEDIA_VIDEO;
	if (!is_new_clock(t, step_ms)) {
		measure_jitter(h, t, step_ms, now_us);
		measure_lateness(t, step_ms, now_us);
		if (s->kind == MEDIA_VIDEO)
			measure_frames(h, step_ms);
	}
	t->started = true;
	if (s->kind == MEDIA_VIDEO)
		measure_keys(h, s);
	t->last_ms = s->timestamp_ms;
	t->last_us = now_us;
	if (s->kind == MEDIA_AUDIO)
		measure_skew(h);
}

static bool comes(const struct live_health_track *t, uint64_t now_us)
{
	return t->started && now_us - t->last_us < LIVE_HEALTH_SECONDS * UINT64_C(1000000);
}

/* Whole seconds behind the one that is being filled. */
static void sum(const struct live_health *h, uint64_t now, struct live_health_figures *out)
{
	uint64_t bytes = 0, frames = 0, missing = 0, n = 0;

	for (uint64_t i = now; i > 0 && n < LIVE_HEALTH_SECONDS; i--, n++) {
		const struct live_health_second *s =
			&h->seconds[(i - 1) % (LIVE_HEALTH_SECONDS + 1)];
		if (i - 1 > h->second)
			continue; /* nothing came since */
		bytes += s->bytes;
		frames += s->frames;
		missing += s->missing;
	}
	out->seconds = (double)n;
	out->missing_frames = missing;
	out->bitrate = n ? bytes * 8 / n : 0;
	out->frame_rate = n ? (double)frames / (double)n : 0;
}

/* With the time since the newest sample: a connection that stalls is late already. */
static int32_t lateness_ms(const struct live_health_track *t, uint64_t now_us)
{
	if (!t->started)
		return 0;
	return (int32_t)((t->behind_us - t->least_us + (int64_t)(now_us - t->last_us)) / 1000);
}

void live_health_read(const struct live_health *h, uint64_t now_us, struct live_health_figures *out)
{
	const struct live_health_track *v = &h->tracks[MEDIA_VIDEO];
	uint32_t since_key = v->last_ms - h->last_key_ms;

	*out = (struct live_health_figures){0};
	if (!h->begun)
		return;
	sum(h, second_at(h, now_us), out);
	out->has_video = comes(v, now_us);
	out->has_audio = comes(&h->tracks[MEDIA_AUDIO], now_us);
	/* Even before the next one has come: one that is overdue is not waited for. */
	if (h->has_key)
		out->keyframe_interval =
			(double)(since_key > h->key_ms ? since_key : h->key_ms) / 1000;
	out->skew_ms = (int32_t)lround(h->skew_ms);
	out->jitter_ms = (uint32_t)lround(h->jitter_us / 1000);
	out->late_ms = lateness_ms(v, now_us);
	if (!v->started)
		out->late_ms = lateness_ms(&h->tracks[MEDIA_AUDIO], now_us);
}

static unsigned bit(enum live_advice a)
{
	return 1u << a;
}

static unsigned judge_tracks(
	const struct live_health_figures *f, const struct live_health_frame *frame)
{
	unsigned advice = 0;

	if (!f->has_video && frame->expects_video)
		advice |= bit(LIVE_ADVICE_NO_VIDEO);
	if (!f->has_audio && frame->expects_audio)
		advice |= bit(LIVE_ADVICE_NO_AUDIO);
	return advice;
}

static unsigned judge_video(
	const struct live_health_figures *f, const struct live_health_frame *frame)
{
	unsigned advice = 0;

	if (frame->segment_target_s > 0 &&
		f->keyframe_interval > KEYFRAME_FACTOR * frame->segment_target_s)
		advice |= bit(LIVE_ADVICE_KEYFRAMES);
	if (f->frame_rate > 0 &&
		(double)f->missing_frames > MISSING_SHARE * f->frame_rate * f->seconds)
		advice |= bit(LIVE_ADVICE_FRAMES);
	if (frame->announced_frame_rate > 0 &&
		f->frame_rate < FRAME_RATE_SHARE * frame->announced_frame_rate)
		advice |= bit(LIVE_ADVICE_FRAME_RATE);
	return advice;
}

static unsigned judge_network(
	const struct live_health_figures *f, const struct live_health_frame *frame)
{
	unsigned advice = 0;

	if (f->late_ms > LATE_MS)
		advice |= bit(LIVE_ADVICE_UPLOAD);
	if (f->jitter_ms > JITTER_MS)
		advice |= bit(LIVE_ADVICE_JITTER);
	if (f->has_video && f->has_audio && (f->skew_ms > SKEW_MS || f->skew_ms < -SKEW_MS))
		advice |= bit(LIVE_ADVICE_SKEW);
	if (frame->max_bitrate > 0 &&
		(double)f->bitrate > NEAR_LIMIT_SHARE * (double)frame->max_bitrate)
		advice |= bit(LIVE_ADVICE_BITRATE);
	return advice;
}

struct live_health_verdict live_health_judge(
	const struct live_health_figures *f, const struct live_health_frame *frame)
{
	struct live_health_verdict v = {LIVE_HEALTH_UNKNOWN, 0};

	if (f->seconds < JUDGE_SECONDS)
		return v;
	v.advice = judge_tracks(f, frame) | judge_network(f, frame);
	if (f->has_video)
		v.advice |= judge_video(f, frame);
	v.status = v.advice ? LIVE_HEALTH_FAIR : LIVE_HEALTH_GOOD;
	for (enum live_advice a = 0; a < LIVE_ADVICES; a++) {
		if (v.advice & bit(a) && advices[a].is_poor)
			v.status = LIVE_HEALTH_POOR;
	}
	return v;
}

void live_advice_text(enum live_advice a, const struct live_health_figures *f,
	const struct live_health_frame *frame, char *out, size_t size)
{
	switch (a) {
	case LIVE_ADVICE_NO_VIDEO:
		snprintf(out, size, "No picture arrives: check the scene and the video encoder.");
		break;
	case LIVE_ADVICE_NO_AUDIO:
		snprintf(out, size, "No sound arrives: check the audio tracks in Output settings.");
		break;
	case LIVE_ADVICE_KEYFRAMES:
		snprintf(out, size, "Keyframe interval is %.1f s: set %.0f s in Output settings.",
			f->keyframe_interval, frame->segment_target_s);
		break;
	case LIVE_ADVICE_UPLOAD:
		snprintf(out, size,
			"The upload is %.1f s behind: lower the bitrate in Output settings, or use "
			"a "
			"cable.",
			(double)f->late_ms / 1000);
		break;
	case LIVE_ADVICE_JITTER:
		snprintf(out, size,
			"Packets come unevenly (%u ms): the network is busy; use a cable, or lower "
			"the bitrate.",
			f->jitter_ms);
		break;
	case LIVE_ADVICE_FRAMES:
		snprintf(out, size,
			"%llu frames are missing: the encoder is overloaded or drops frames; "
			"choose "
			"a faster preset or a smaller picture.",
			(unsigned long long)f->missing_frames);
		break;
	case LIVE_ADVICE_FRAME_RATE:
		snprintf(out, size,
			"%.1f of %.0f frames a second arrive: choose a faster preset or a lower "
			"frame rate in Video settings.",
			f->frame_rate, frame->announced_frame_rate);
		break;
	case LIVE_ADVICE_BITRATE:
		snprintf(out, size,
			"The bitrate of %.1f Mbit/s is near the limit of %.1f: lower it in Output "
			"settings.",
			(double)f->bitrate / 1e6, (double)frame->max_bitrate / 1e6);
		break;
	case LIVE_ADVICE_SKEW:
		snprintf(out, size,
			"Sound comes %d ms %s the picture: check the sync offset in Advanced Audio "
			"Properties.",
			f->skew_ms < 0 ? -f->skew_ms : f->skew_ms,
			f->skew_ms < 0 ? "behind" : "ahead of");
		break;
	case LIVE_ADVICES:
		out[0] = '\0';
		break;
	}
}
