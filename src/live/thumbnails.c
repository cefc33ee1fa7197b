#define LOG_MODULE "thumbnail"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"
#include "media/picture.h"

/*
 * A live stream's picture, made of its newest finished segment when the one before is old enough:
 * the segment comes, so no timer is needed, and no picture is made of what stands still. Only the
 * first part is held, which has the keyframe. A stream has one job at a time, all streams together
 * have as many bytes as below; who finds no room tries again with his next segment.
 */
#define JOBS_MAX 64
#define BYTES_MAX (32u * 1024 * 1024)

struct thumbnail_job {
	struct live_stream *stream; /* NULL once it is gone */
	struct live_registry *registry; /* NULL once it is gone */
	struct list link; /* registry.thumbnail_jobs */
	struct rcbuf *pieces[2];
	enum media_container container;
	size_t bytes;
	unsigned width;
	uint64_t max_pixels;
	enum picture_result result;
	struct rcbuf *jpeg;
};

static void make(void *arg)
{
	struct thumbnail_job *job = arg;
	const struct picture_input in = {
		.pieces = job->pieces, .n_pieces = 2, .container = job->container};
	struct picture *picture = NULL;

	job->result = picture_decode(&in, job->max_pixels, &picture);
	if (job->result == PICTURE_OK)
		job->result = picture_jpeg(picture, job->width, &job->jpeg);
	picture_destroy(&picture);
}

/* Once for each configuration: what does not work now would not in ten seconds. */
static void give_up(struct live_stream *s, enum picture_result why)
{
	metric_add(s->registry->metrics.thumbnails_failed, 1);
	if (!s->thumbnail.failed)
		log_warn("no thumbnail of a stream", kv_str("stream", s->id_text),
			kv_str("reason", picture_result_text(why)));
	s->thumbnail.failed = true;
	s->thumbnail.hopeless = why == PICTURE_TOO_LARGE || why == PICTURE_NONE;
}

static void take(struct live_stream *s, struct rcbuf *jpeg)
{
	struct thumbnail *t = &s->thumbnail;

	rcbuf_unref(&t->jpeg);
	t->jpeg = rcbuf_ref(jpeg);
	t->made_at_ms = clock_wall_ms(loop_clock(s->registry->loop));
	t->failed = false;
	metric_add(s->registry->metrics.thumbnails, 1);
}

static void job_free(struct thumbnail_job *job)
{
	list_remove(&job->link);
	rcbuf_unref(&job->pieces[0]);
	rcbuf_unref(&job->pieces[1]);
	rcbuf_unref(&job->jpeg);
	free(job);
}

static void made(void *arg, bool cancelled)
{
	struct thumbnail_job *job = arg;
	struct live_stream *s = job->stream;

	if (job->registry) {
		job->registry->thumbnail_bytes -= job->bytes;
		job->registry->n_thumbnail_jobs--;
	}
	if (s) {
		s->thumbnail.job = NULL;
		if (cancelled)
			s->thumbnail.tried = false;
		else if (job->result == PICTURE_OK)
			take(s, job->jpeg);
		else
			give_up(s, job->result);
	}
	job_free(job);
}

static void submit(struct live_stream *s, const struct media_segment *segment)
{
	struct rcbuf *first_part = segment->parts[0].bytes;
	struct live_registry *r = s->registry;
	struct thumbnail_job *job = mem_new(struct thumbnail_job);

	*job = (struct thumbnail_job){.stream = s,
		.registry = r,
		.pieces = {rcbuf_ref(s->thumbnail.init), rcbuf_ref(first_part)},
		.container = segment->container,
		.bytes = rcbuf_len(s->thumbnail.init) + rcbuf_len(first_part),
		.width = r->config.thumbnail_width,
		.max_pixels = r->config.thumbnail_max_pixels};
	list_append(&r->thumbnail_jobs, &job->link);
	r->thumbnail_bytes += job->bytes;
	r->n_thumbnail_jobs++;
	s->thumbnail.job = job;
	s->thumbnail.tried = true;
	s->thumbnail.tried_at_us = clock_mono_us(loop_clock(r->loop));
	work_submit(loop_work(r->loop), WORK_SLOW, make, made, job);
}

static bool is_due(const struct live_stream *s)
{
	const struct thumbnail *t = &s->thumbnail;
	const struct live_config *config = &s->registry->config;

	return config->thumbnail_us && !t->job && !t->hopeless && t->init &&
		(!t->tried ||
			clock_mono_us(loop_clock(s->registry->loop)) - t->tried_at_us >=
				config->thumbnail_us);
}

void thumbnail_init_segment(struct live_stream *s, const struct media_init *init)
{
	struct thumbnail *t = &s->thumbnail;

	if (init->rendition != 0)
		return;
	rcbuf_unref(&t->init);
	if (init->description->video[0])
		t->init = rcbuf_ref(init->bytes);
	t->init_number = init->number;
	t->failed = t->hopeless = false;
}

void thumbnail_segment(struct live_stream *s, const struct media_segment *segment)
{
	struct live_registry *r = s->registry;

	if (segment->rendition != 0 || !segment->independent || segment->n_parts == 0 ||
		!segment->parts[0].bytes || segment->init != s->thumbnail.init_number || !is_due(s))
		return;
	if (r->n_thumbnail_jobs >= JOBS_MAX ||
		r->thumbnail_bytes + rcbuf_len(segment->parts[0].bytes) > BYTES_MAX) {
		metric_add(r->metrics.thumbnails_skipped, 1);
		return;
	}
	submit(s, segment);
}

void thumbnail_drop(struct live_stream *s)
{
	if (s->thumbnail.job)
		s->thumbnail.job->stream = NULL;
	rcbuf_unref(&s->thumbnail.init);
	rcbuf_unref(&s->thumbnail.jpeg);
}

void thumbnails_drop(struct live_registry *r)
{
	struct thumbnail_job *job, *next;

	list_for_each_safe (job, next, &r->thumbnail_jobs, link) {
		job->registry = NULL;
		list_remove(&job->link);
	}
}

struct rcbuf *live_stream_thumbnail(const struct live_stream *s, uint64_t *made_at_ms)
{
	*made_at_ms = s->thumbnail.made_at_ms;
	return s->thumbnail.jpeg;
}
