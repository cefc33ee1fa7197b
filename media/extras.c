#include <stdlib.h>

#include "base/mem.h"
#include "engine_private.h"

/*
 * Further tracks of a publisher, each in a rendition of its own beside the main one. They follow
 * the main tracks' session: nothing of them is written before it runs, all renditions break off
 * together, and a sample's place on the timeline is beside what the main track has got.
 */
#define HELD_MAX (8u << 20)
/* Main audio that is kept for a video track that has yet to begin. */
#define LATE_MAX 64

struct extra {
	unsigned number; /* of the rendition */
	enum media_kind kind;
	struct codec_info codec;
	bool wants_key;
	struct timeline_track clock; /* of this session */
	struct segmenter segmenter;
	struct engine_init init;
	struct list late; /* main audio since the renditions were closed, while this one is */
	unsigned n_late;
};

static unsigned number_of(enum media_kind kind, unsigned track)
{
	return kind == MEDIA_VIDEO ? track : MEDIA_AUDIO_RENDITION + track;
}

static struct extra *find(const struct media_engine *e, enum media_kind kind, unsigned track)
{
	return track < MEDIA_TRACKS ? e->extras.by_rendition[number_of(kind, track)] : NULL;
}

struct codec_info *extras_codec(struct media_engine *e, enum media_kind kind, unsigned track)
{
	struct extra *x = find(e, kind, track);

	return x ? &x->codec : NULL;
}

static struct extra *extra_create(struct media_engine *e, enum media_kind kind, unsigned track)
{
	struct extra *x = mem_new(struct extra);

	x->number = number_of(kind, track);
	x->kind = kind;
	list_init(&x->late);
	x->segmenter = (struct segmenter){.config = &e->config,
		.rendition = &e->renditions[x->number],
		.ops = e->segmenter.ops};
	e->extras.by_rendition[x->number] = x;
	return x;
}

static void drop_late(struct extra *x)
{
	struct sample *s, *next;

	list_for_each_safe (s, next, &x->late, link) {
		list_remove(&s->link);
		sample_free(s);
	}
	x->n_late = 0;
}

static void drop_held(struct media_engine *e)
{
	struct sample *s, *next;

	list_for_each_safe (s, next, &e->extras.held, link) {
		list_remove(&s->link);
		sample_free(s);
		e->stats.dropped_samples++;
	}
	e->extras.held_bytes = 0;
}

void extras_destroy(struct media_engine *e)
{
	drop_held(e);
	for (unsigned i = 0; i < MEDIA_RENDITIONS; i++) {
		struct extra *x = e->extras.by_rendition[i];
		if (!x)
			continue;
		segmenter_drop(&x->segmenter);
		drop_late(x);
		codec_info_finish(&x->codec);
		rcbuf_unref(&x->init.bytes);
		free(x);
	}
}

enum media_result extras_configure(struct media_engine *e, enum media_kind kind, unsigned track,
	enum media_codec codec, const uint8_t *config, size_t len)
{
	struct extra *x = find(e, kind, track);
	struct codec_info info;
	enum media_result result;

	if (track >= MEDIA_TRACKS)
		return MEDIA_BAD_SAMPLE;
	if (x && codec_info_same(&x->codec, codec, config, len))
		return MEDIA_OK;
	result = engine_read_config(e, &info, codec, config, len);
	if (result != MEDIA_OK)
		return result;
	if (!x)
		x = extra_create(e, kind, track);
	if (segmenter_active(&x->segmenter))
		engine_break(e);
	info.color = x->codec.color;
	codec_info_finish(&x->codec);
	x->codec = info;
	x->wants_key = kind == MEDIA_VIDEO;
	return MEDIA_OK;
}

void extras_color(struct media_engine *e, unsigned track, const struct media_color *color)
{
	struct extra *x = find(e, MEDIA_VIDEO, track);

	if (segmenter_active(&x->segmenter))
		engine_break(e);
	x->codec.color = *color;
}

/* --- opening --- */

/*
 * RFC 8216 6.2.4: the same discontinuity has the same number in all renditions. A rendition that
 * begins takes over the main one's; one that was away for some begins anew.
 */
static bool needs_discontinuity(const struct media_engine *e, struct rendition *r)
{
	const struct rendition *main = &e->renditions[0];
	uint64_t want = main->discontinuities + main->discontinuity;

	if (r->has_segments && r->discontinuities + 1 == want)
		return true;
	rendition_clear(r, want);
	return false;
}

/* A first frame that is late for where the renditions broke off begins there nevertheless: what
 * was published before reaches until then. */
static bool extra_open(struct media_engine *e, struct extra *x, int64_t first_us)
{
	const bool shares = x->kind == MEDIA_VIDEO && e->segmenter.has[MEDIA_AUDIO];
	int64_t start_us = first_us > e->end_us ? first_us : e->end_us;
	struct segmenter *s = &x->segmenter;

	s->wall_us = e->segmenter.wall_us;
	s->wall_ms = e->segmenter.wall_ms;
	return engine_open(e, s, &x->init, x->kind == MEDIA_VIDEO ? &x->codec : NULL,
		shares				 ? &e->codecs[MEDIA_AUDIO]
			: x->kind == MEDIA_AUDIO ? &x->codec
						 : NULL,
		start_us, needs_discontinuity(e, s->rendition));
}

/* --- writing --- */

/* What of the main audio plays from where this rendition begins. */
static bool catch_up(struct extra *x)
{
	struct sample *s, *next;
	bool ok = true;

	list_for_each_safe (s, next, &x->late, link) {
		if (!x->segmenter.has[MEDIA_AUDIO] || s->dts_us < x->segmenter.segment_start_us)
			continue;
		list_remove(&s->link);
		ok = segmenter_push(&x->segmenter, s) && ok;
	}
	drop_late(x);
	return ok;
}

static double frame_us(const struct extra *x)
{
	const struct codec_info *c = &x->codec;

	return c->sample_rate ? c->frame_samples * 1e6 / c->sample_rate : 0;
}

static enum media_result drop(struct media_engine *e, struct sample *s)
{
	e->stats.dropped_samples++;
	sample_free(s);
	return MEDIA_OK;
}

static enum media_result write_now(struct media_engine *e, struct extra *x, struct sample *s)
{
	if (x->kind == MEDIA_VIDEO && s->key)
		x->wants_key = false;
	if (x->wants_key ||
		!timeline_place_beside(
			&e->timeline, &x->clock, s, frame_us(x), engine_jump_limit(e, 0)))
		return drop(e, s);
	if (!segmenter_active(&x->segmenter) &&
		!(extra_open(e, x, s->dts_us) && (x->kind == MEDIA_AUDIO || catch_up(x)))) {
		sample_free(s);
		return MEDIA_FAILED;
	}
	e->stats.bytes += s->len;
	return segmenter_push(&x->segmenter, s) ? MEDIA_OK : MEDIA_FAILED;
}

/* Until the main tracks' session runs and is written. */
static bool must_wait(const struct media_engine *e)
{
	return !e->running || !list_empty(&e->next.samples) || !segmenter_active(&e->segmenter);
}

/* Its segment has nothing to go on with until this sample. As with the main tracks, that is a
 * discontinuity, and there is but one for all renditions. */
static bool breaks_off(struct media_engine *e, struct extra *x, const struct sample *s)
{
	const struct segmenter *seg = &x->segmenter;
	bool with_audio = x->kind == MEDIA_VIDEO && seg->has[MEDIA_AUDIO];

	if (!segmenter_active(seg) ||
		!timeline_gap_beside(
			&e->timeline, &x->clock, s, with_audio, engine_jump_limit(e, x->number)))
		return false;
	engine_break(e);
	return true;
}

enum media_result extras_write(struct media_engine *e, unsigned track, struct sample *s)
{
	struct extra *x = find(e, s->kind, track);

	if (!must_wait(e) && list_empty(&e->extras.held) && !breaks_off(e, x, s))
		return write_now(e, x, s);
	if (e->extras.held_bytes + s->len > HELD_MAX)
		return drop(e, s);
	s->rendition = x->number;
	e->extras.held_bytes += s->len;
	list_append(&e->extras.held, &s->link);
	return MEDIA_OK;
}

bool extras_release(struct media_engine *e)
{
	struct sample *s, *next;
	bool ok = true;

	if (must_wait(e))
		return true;
	list_for_each_safe (s, next, &e->extras.held, link) {
		struct extra *x = e->extras.by_rendition[s->rendition];
		if (breaks_off(e, x, s))
			break;
		list_remove(&s->link);
		e->extras.held_bytes -= s->len;
		ok = write_now(e, x, s) != MEDIA_FAILED && ok;
	}
	return ok;
}

static void keep_late(struct extra *x, const struct sample *s)
{
	struct sample *copy = sample_copy(s), *oldest;

	list_append(&x->late, &copy->link);
	if (++x->n_late <= LATE_MAX)
		return;
	oldest = container_of(x->late.next, struct sample, link);
	list_remove(&oldest->link);
	sample_free(oldest);
	x->n_late--;
}

void extras_share_audio(struct media_engine *e, const struct sample *s)
{
	for (unsigned i = 1; i < MEDIA_AUDIO_RENDITION; i++) {
		struct extra *x = e->extras.by_rendition[i];
		if (!x)
			continue;
		if (!segmenter_active(&x->segmenter))
			keep_late(x, s);
		else if (x->segmenter.has[MEDIA_AUDIO] &&
			s->dts_us >= x->segmenter.segment_start_us)
			segmenter_push(&x->segmenter, sample_copy(s));
	}
}

/* --- ending --- */

void extras_close(struct media_engine *e, int64_t *end_us)
{
	for (unsigned i = 0; i < MEDIA_RENDITIONS; i++) {
		struct extra *x = e->extras.by_rendition[i];
		if (!x || !segmenter_active(&x->segmenter))
			continue;
		int64_t end = segmenter_finish(&x->segmenter);
		if (end > *end_us)
			*end_us = end;
	}
}

void extras_begin(struct media_engine *e)
{
	for (unsigned i = 0; i < MEDIA_RENDITIONS; i++) {
		if (e->extras.by_rendition[i])
			e->extras.by_rendition[i]->clock = (struct timeline_track){0};
	}
}

void extras_forget(struct media_engine *e)
{
	drop_held(e);
	for (unsigned i = 0; i < MEDIA_AUDIO_RENDITION; i++) {
		struct extra *x = e->extras.by_rendition[i];
		if (!x)
			continue;
		x->wants_key = true;
		x->codec.color = (struct media_color){0};
		drop_late(x);
	}
}
