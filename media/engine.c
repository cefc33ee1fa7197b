#include "media/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine_private.h"

/* When both tracks' clocks jump, the second one does so before the first one got this far. */
#define JUMP_SETTLE_MS 500

/* AV1 in ISOBMFF 2.4: temporal delimiters do not go into samples. */
static void skip_delimiter(struct media_sample *s)
{
	static const uint8_t delimiter[] = {0x12, 0};

	if (s->len > sizeof(delimiter) && memcmp(s->data, delimiter, sizeof(delimiter)) == 0) {
		s->data += sizeof(delimiter);
		s->len -= sizeof(delimiter);
	}
}

struct sample *sample_create(const struct media_sample *from)
{
	struct sample *s = mem_alloc(sizeof(*s) + (from->bytes ? 0 : from->len));

	*s = (struct sample){
		.kind = from->kind,
		.key = from->key || from->kind == MEDIA_AUDIO,
		.timestamp_ms = from->timestamp_ms,
		.nano_offset = from->nano_offset,
		.composition_ms = from->composition_ms,
		.data = from->bytes ? from->data : s->own,
		.len = from->len,
		.bytes = from->bytes ? rcbuf_ref(from->bytes) : NULL,
	};
	list_init(&s->link);
	if (!from->bytes)
		memcpy(s->own, from->data, from->len);
	return s;
}

void sample_free(struct sample *s)
{
	if (!s)
		return;
	rcbuf_unref(&s->bytes);
	free(s);
}

struct sample *sample_copy(const struct sample *s)
{
	struct sample *copy = mem_dup(s, sizeof(*s) + (s->bytes ? 0 : s->len));

	list_init(&copy->link);
	if (s->bytes)
		rcbuf_ref(s->bytes);
	else
		copy->data = copy->own;
	return copy;
}

struct media_engine *media_engine_create(const struct media_config *config,
	const struct clock *clock, const struct media_window *window,
	const struct media_output *output, void *user)
{
	struct media_engine *e = mem_new(struct media_engine);

	e->config = *config;
	e->clock = clock;
	e->outlet = (struct outlet){.to = *output, .user = user};
	for (unsigned i = 0; i < MEDIA_RENDITIONS; i++)
		rendition_init(&e->renditions[i], &e->outlet, i, window);
	collect_init(&e->next);
	list_init(&e->extras.held);
	e->segmenter = (struct segmenter){
		.config = &e->config,
		.rendition = &e->renditions[0],
		.ops = config->container == MEDIA_CONTAINER_MPEGTS ? &mux_ts : &mux_cmaf,
	};
	e->end_us = (int64_t)config->first_time_us;
	e->next_init = config->first_init;
	e->wants_key = true;
	e->started = config->first_sequence[0] > 0 || config->first_time_us > 0;
	return e;
}

void media_engine_destroy(struct media_engine *e)
{
	if (!e)
		return;
	segmenter_drop(&e->segmenter);
	extras_destroy(e);
	rcbuf_unref(&e->init.bytes);
	collect_finish(&e->next);
	codec_info_finish(&e->codecs[0]);
	codec_info_finish(&e->codecs[1]);
	free(e);
}

static struct media_description describe(
	const struct segmenter *s, const struct codec_info *video, const struct codec_info *audio)
{
	struct media_description d = {0};

	if (video) {
		text_copy(d.video, sizeof(d.video), video->name);
		d.width = video->width;
		d.height = video->height;
		d.frame_rate = s->rendition->description.frame_rate;
	}
	if (audio) {
		text_copy(d.audio, sizeof(d.audio), audio->name);
		d.channels = audio->channels;
	}
	return d;
}

static unsigned init_number(
	struct media_engine *e, struct engine_init *newest, const struct segmenter *s)
{
	struct rcbuf *bytes = segmenter_init_bytes(s);

	/* An encoder that comes back as it was needs no new init segment. */
	if (newest->bytes && rcbuf_len(newest->bytes) == rcbuf_len(bytes) &&
		memcmp(rcbuf_data(newest->bytes), rcbuf_data(bytes), rcbuf_len(bytes)) == 0)
		return newest->number;
	rcbuf_unref(&newest->bytes);
	newest->bytes = rcbuf_ref(bytes);
	newest->number = e->next_init++;
	rendition_add_init(s->rendition, newest->number, bytes);
	return newest->number;
}

bool engine_open(struct media_engine *e, struct segmenter *s, struct engine_init *newest,
	const struct codec_info *video, const struct codec_info *audio, int64_t start_us,
	bool discontinuity)
{
	if (!segmenter_begin(s, video, audio))
		return false;
	s->rendition->description = describe(s, video, audio);
	segmenter_open(s, init_number(e, newest, s), start_us, discontinuity);
	return true;
}

/* Opens the muxer for the tracks given; every opening after the first is a discontinuity. */
static bool open_segmenter(struct media_engine *e, bool video, bool audio)
{
	if (!engine_open(e, &e->segmenter, &e->init, video ? &e->codecs[MEDIA_VIDEO] : NULL,
		    audio ? &e->codecs[MEDIA_AUDIO] : NULL, e->end_us, e->started))
		return false;
	if (e->started)
		e->stats.discontinuities++;
	e->started = true;
	return true;
}

/* Finishes what is open; the session's clock stays as it is. All renditions break off together, so
 * that their playlists count the same discontinuities. */
static void close_segmenter(struct media_engine *e)
{
	if (!segmenter_active(&e->segmenter))
		return;
	e->end_us = segmenter_finish(&e->segmenter);
	extras_close(e, &e->end_us);
}

void engine_break(struct media_engine *e)
{
	close_segmenter(e);
}

static double audio_frame_us(const struct media_engine *e)
{
	const struct codec_info *a = &e->codecs[MEDIA_AUDIO];

	return a->sample_rate ? a->frame_samples * 1e6 / a->sample_rate : 0;
}

static void count_sample(struct media_engine *e, const struct sample *s)
{
	if (s->kind == MEDIA_VIDEO)
		e->stats.video_samples++;
	else
		e->stats.audio_samples++;
	e->stats.bytes += s->len;
}

static enum media_result drop_sample(struct media_engine *e, struct sample *s)
{
	e->stats.dropped_samples++;
	sample_free(s);
	return MEDIA_OK;
}

/* Video that cannot be decoded yet: of a track or a configuration whose keyframe has not come. */
static bool waits_for_key(struct media_engine *e, const struct sample *s)
{
	if (s->kind != MEDIA_VIDEO)
		return false;
	if (s->key)
		e->wants_key = false;
	return e->wants_key;
}

/* Whether the session has such a track. A configuration that changed may have to wait for its first
 * frame. */
static bool carries(const struct media_engine *e, enum media_kind kind)
{
	return e->segmenter.has[kind] && e->codecs[kind].complete;
}

/* Into the session that runs. A track that it did not have, or a configuration that changed, makes
 * a new muxer; video whose configuration is the same goes on in it in mid-GOP. */
static enum media_result write_running(struct media_engine *e, struct sample *s)
{
	bool has[2] = {carries(e, MEDIA_VIDEO), carries(e, MEDIA_AUDIO)};

	if (waits_for_key(e, s))
		return drop_sample(e, s);
	if (!segmenter_active(&e->segmenter) || !has[s->kind]) {
		close_segmenter(e);
		has[s->kind] = true;
		if (!open_segmenter(e, has[MEDIA_VIDEO], has[MEDIA_AUDIO])) {
			sample_free(s);
			return MEDIA_FAILED;
		}
	}
	timeline_place(&e->timeline, s, audio_frame_us(e));
	count_sample(e, s);
	if (s->kind == MEDIA_AUDIO)
		extras_share_audio(e, s);
	if (!segmenter_push(&e->segmenter, s))
		return MEDIA_FAILED;
	return extras_release(e) ? MEDIA_OK : MEDIA_FAILED;
}

/* The collected session becomes the one that runs, right behind what was there. */
static enum media_result begin_session(struct media_engine *e)
{
	enum media_result result = MEDIA_OK;
	struct collect c = e->next;
	struct list samples;
	struct sample *s, *next;
	uint32_t span = c.latest - c.anchor;

	close_segmenter(e);
	e->stats.repaired_timestamps += e->timeline.repaired;
	timeline_begin(&e->timeline, c.anchor, e->end_us);
	extras_begin(e);
	e->segmenter.wall_us = e->end_us;
	e->segmenter.wall_ms = clock_wall_ms(e->clock) - (span < 5000 ? span : 0);
	e->running = open_segmenter(e, c.has[MEDIA_VIDEO], c.has[MEDIA_AUDIO]);
	collect_take(&e->next, &samples);
	list_for_each_safe (s, next, &samples, link) {
		list_remove(&s->link);
		if (!e->running)
			sample_free(s);
		else if (write_running(e, s) == MEDIA_FAILED)
			result = MEDIA_FAILED;
	}
	return e->running ? result : MEDIA_FAILED;
}

int64_t engine_jump_limit(const struct media_engine *e, unsigned rendition)
{
	int64_t limit = (int64_t)e->config.max_jump_us;
	int64_t target = (int64_t)e->renditions[rendition].target_s * 1000000;

	if (target == 0)
		target = (int64_t)e->config.segment_target_us;
	return target < limit ? target : limit;
}

static void wanted_tracks(const struct media_engine *e, bool wanted[2])
{
	for (int kind = 0; kind < 2; kind++) {
		bool configured = e->codecs[kind].codec != MEDIA_CODEC_NONE;
		wanted[kind] = configured || (e->expectation ? e->expected[kind] : true);
	}
}

static enum media_result route(struct media_engine *e, struct sample *s);

static enum media_result collect_sample(struct media_engine *e, struct sample *s)
{
	bool wanted[2];

	if (collect_strays(&e->next, s, engine_jump_limit(e, 0))) {
		begin_session(e);
		return route(e, s);
	}
	if (list_empty(&e->next.samples))
		e->jumped_at = e->timeline.tracks[!s->kind].last_raw;
	e->next.needs_key = !e->running;
	collect_push(&e->next, s);
	wanted_tracks(e, wanted);
	return collect_ready(&e->next, wanted) ? begin_session(e) : MEDIA_OK;
}

/* The collected samples of one track go into the session that runs. */
static void keep_session(struct media_engine *e)
{
	struct list samples;
	struct sample *s, *next;

	collect_take(&e->next, &samples);
	list_for_each_safe (s, next, &samples, link) {
		list_remove(&s->link);
		write_running(e, s);
	}
}

/* The track is back on its clock: a few timestamps were nonsense, not the clock. */
static void forget_jump(struct media_engine *e, const struct sample *back)
{
	const struct timeline_track *track = &e->timeline.tracks[back->kind];
	uint32_t raw = track->started ? track->last_raw : back->timestamp_ms;
	struct sample *s;

	list_for_each (s, &e->next.samples, link)
		s->timestamp_ms = raw;
	keep_session(e);
}

/* Only the one track's clock has jumped: it goes on beside the other one, where that was. */
static void follow_jump(struct media_engine *e, enum media_kind kind)
{
	double frame_us = kind == MEDIA_AUDIO ? audio_frame_us(e) : e->segmenter.lead_frame_us;

	timeline_rebase(&e->timeline, kind, e->next.anchor, (uint32_t)(frame_us / 1000));
	close_segmenter(e);
	if (open_segmenter(e, carries(e, MEDIA_VIDEO), carries(e, MEDIA_AUDIO)))
		keep_session(e);
}

/* A sample fits the running clock, while another may have been seen to jump. */
static void settle_jump(struct media_engine *e, const struct sample *s)
{
	if (e->next.has[s->kind])
		forget_jump(e, s);
	else if (!e->next.has[!s->kind])
		return;
	else if (!e->timeline.tracks[s->kind].started)
		e->jumped_at = s->timestamp_ms;
	else if ((int32_t)(s->timestamp_ms - e->jumped_at) > JUMP_SETTLE_MS)
		follow_jump(e, !s->kind);
}

static enum media_result route(struct media_engine *e, struct sample *s)
{
	/* While one track has jumped and the other one not yet, the latter goes on as before. */
	if (e->running && !timeline_jumps(&e->timeline, s, engine_jump_limit(e, 0)))
		settle_jump(e, s);
	/* What was settled may have moved the other track's clock. */
	if (e->running && !timeline_jumps(&e->timeline, s, engine_jump_limit(e, 0)))
		return write_running(e, s);
	return collect_sample(e, s);
}

/* NULL: no such track. */
static struct codec_info *codec_of(struct media_engine *e, enum media_kind kind, unsigned track)
{
	return track == 0 ? &e->codecs[kind] : extras_codec(e, kind, track);
}

/*~ Each sample comes by here: into the session that runs, where timeline.c gives it its place, or
 * into one that begins. Next stop: segmenter.c. */
enum media_result media_engine_write(struct media_engine *e, const struct media_sample *sample)
{
	struct codec_info *c = codec_of(e, sample->kind, sample->track);
	struct media_sample own = *sample;
	enum media_result result;

	if (e->ended || !c || c->codec == MEDIA_CODEC_NONE || sample->len == 0 ||
		!codec_info_frame(c, sample->data, sample->len)) {
		e->stats.dropped_samples++;
		return MEDIA_BAD_SAMPLE;
	}
	if (c->codec == MEDIA_CODEC_AV1)
		skip_delimiter(&own);
	result = sample->track == 0 ? route(e, sample_create(&own))
				    : extras_write(e, sample->track, sample_create(&own));
	outlet_settle(&e->outlet);
	return result;
}

enum media_result engine_read_config(const struct media_engine *e, struct codec_info *out,
	enum media_codec codec, const uint8_t *config, size_t len)
{
	if (!codec_info_init(out, codec, config, len))
		return MEDIA_BAD_CONFIG;
	if (e->segmenter.ops->takes(out))
		return MEDIA_OK;
	codec_info_finish(out);
	return MEDIA_NO_PLACE;
}

enum media_result media_engine_configure(struct media_engine *e, enum media_kind kind,
	unsigned track, enum media_codec codec, const uint8_t *config, size_t len)
{
	struct codec_info info;
	enum media_result result;

	if (track > 0)
		return extras_configure(e, kind, track, codec, config, len);
	if (e->codecs[kind].codec != MEDIA_CODEC_NONE &&
		codec_info_same(&e->codecs[kind], codec, config, len))
		return MEDIA_OK;
	result = engine_read_config(e, &info, codec, config, len);
	if (result != MEDIA_OK)
		return result;
	/* What came under the old configuration is finished under it. */
	if (!list_empty(&e->next.samples) && e->next.has[kind])
		begin_session(e);
	if (segmenter_active(&e->segmenter) && e->segmenter.has[kind])
		close_segmenter(e);
	info.color = e->codecs[kind].color;
	codec_info_finish(&e->codecs[kind]);
	e->codecs[kind] = info;
	e->wants_key = e->wants_key || kind == MEDIA_VIDEO;
	outlet_settle(&e->outlet);
	return MEDIA_OK;
}

enum media_result media_engine_color(
	struct media_engine *e, unsigned track, const struct media_color *color)
{
	struct codec_info *c = codec_of(e, MEDIA_VIDEO, track);

	if (!c || c->codec == MEDIA_CODEC_NONE)
		return MEDIA_BAD_SAMPLE;
	if (memcmp(&c->color, color, sizeof(*color)) == 0)
		return MEDIA_OK;
	if (track > 0) {
		extras_color(e, track, color);
	} else {
		if (segmenter_active(&e->segmenter) && e->segmenter.has[MEDIA_VIDEO])
			close_segmenter(e);
		c->color = *color;
	}
	outlet_settle(&e->outlet);
	return MEDIA_OK;
}

void media_engine_expect(struct media_engine *e, bool video, bool audio)
{
	e->expectation = true;
	e->expected[MEDIA_VIDEO] = video;
	e->expected[MEDIA_AUDIO] = audio;
}

static void finish_session(struct media_engine *e)
{
	if (!list_empty(&e->next.samples))
		begin_session(e);
	e->stats.dropped_samples += e->next.dropped;
	e->next.dropped = 0;
	close_segmenter(e);
	extras_forget(e);
	e->codecs[MEDIA_VIDEO].color = (struct media_color){0};
	e->running = false;
	e->expectation = false;
	e->wants_key = true;
}

void media_engine_interrupt(struct media_engine *e)
{
	if (e->ended)
		return;
	finish_session(e);
	outlet_settle(&e->outlet);
}

void media_engine_end(struct media_engine *e)
{
	if (e->ended)
		return;
	finish_session(e);
	e->ended = true;
	outlet_end(&e->outlet);
	outlet_settle(&e->outlet);
}

void media_engine_stats(const struct media_engine *e, struct media_stats *out)
{
	const struct codec_info *v = &e->codecs[MEDIA_VIDEO], *a = &e->codecs[MEDIA_AUDIO];

	*out = e->stats;
	out->dropped_samples += e->next.dropped;
	out->repaired_timestamps += e->timeline.repaired;
	out->parts = e->segmenter.parts;
	out->segments = e->segmenter.segments;
	out->width = v->width;
	out->height = v->height;
	out->frame_rate = e->renditions[0].description.frame_rate;
	out->keyframe_interval_us = (uint64_t)e->segmenter.gop_us;
	out->bitrate = rendition_bitrate(&e->renditions[0]);
	if (v->codec != MEDIA_CODEC_NONE)
		text_copy(out->video_codec, sizeof(out->video_codec), v->name);
	if (a->codec != MEDIA_CODEC_NONE)
		text_copy(out->audio_codec, sizeof(out->audio_codec), a->name);
	out->duration_us = (uint64_t)(segmenter_active(&e->segmenter) ? e->segmenter.part_start_us
								      : e->end_us);
}
