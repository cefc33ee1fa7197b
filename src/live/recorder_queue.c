#define LOG_MODULE "recording"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"

/* Jobs that may wait for a disk that hangs before segments are given up. */
#define QUEUE_MAX 32
/* A spooled segment outlives what can be fetched by this many, for answers that are on their way.
 */
#define SPOOL_SLACK 4
/* Files that one job removes: only after a restart there may be many. */
#define DISCARD_MAX 256

struct recording {
	struct live_registry *registry; /* for settings and metrics; NULL once released */
	struct work_queue *queue;
	char *dir, *id_text;
	bool keep;
	uint64_t min_free;
	unsigned refs; /* the stream's, and one a job */
	struct recording_stats stats;
	/* Init segments that could not be written: again with the next segment of the rendition. */
	struct {
		struct rcbuf *bytes;
		struct recorder_init init;
	} lost[MEDIA_RENDITIONS];
	struct live_metrics metrics;
	/* The lane's own. */
	struct recorder *recorder;
	uint64_t spooled_from[MEDIA_RENDITIONS]; /* files of earlier numbers are gone */
};

enum job_kind { JOB_INIT, JOB_SEGMENT, JOB_DATERANGE, JOB_FLUSH };

struct job {
	struct recording *rec;
	enum job_kind kind;
	enum recorder_result result;
	struct recorder_init init;
	struct rcbuf *bytes; /* of it */
	struct media_segment *segment; /* loop only */
	struct recorder_segment copy; /* what the lane sees of it */
	uint64_t discard_to; /* earlier numbers cannot be fetched any more */
	struct media_daterange range;
	uint64_t min_free;
	void (*flushed)(void *user);
	void *user;
};

struct recording *recording_create(struct live_registry *r, const char *id_text, bool keep)
{
	struct recording *rec = mem_new(struct recording);
	rec->registry = r;
	rec->queue = work_queue_create(loop_work(r->loop), WORK_FAST);
	rec->dir = live_recording_dir(r, id_text);
	rec->id_text = mem_strdup(id_text);
	rec->keep = keep;
	rec->refs = 1;
	rec->metrics = r->metrics;
	return rec;
}

static void recording_unref(struct recording *rec)
{
	if (--rec->refs > 0)
		return;
	/* Only reached when no job is left, so the lane holds nothing. */
	recorder_close(rec->recorder);
	for (size_t i = 0; i < MEDIA_RENDITIONS; i++)
		rcbuf_unref(&rec->lost[i].bytes);
	free(rec->dir);
	free(rec->id_text);
	free(rec);
}

void recording_release(struct recording **rec)
{
	if (!*rec)
		return;
	if ((*rec)->stats.failing)
		metric_change((*rec)->metrics.recording_alert, -1);
	(*rec)->registry = NULL;
	work_queue_release(&(*rec)->queue);
	recording_unref(*rec);
	*rec = NULL;
}

void recording_resume(struct recording *rec, const struct recording_index *index)
{
	memcpy(rec->spooled_from, index->next_sequence, sizeof(rec->spooled_from));
	for (size_t i = 0; i < index->n; i++) {
		const struct recording_entry *e = &index->entries[i];
		if (e->sequence < rec->spooled_from[e->rendition])
			rec->spooled_from[e->rendition] = e->sequence;
	}
}

static enum recorder_result job_write(struct job *job)
{
	struct recording *rec = job->rec;
	if (!rec->recorder) {
		enum recorder_result opened = recorder_open(rec->dir, &rec->recorder);
		if (opened != RECORDER_OK)
			return opened;
	}
	switch (job->kind) {
	case JOB_INIT:
		return recorder_init_segment(rec->recorder, &job->init);
	case JOB_SEGMENT:
		return recorder_append(rec->recorder, &job->copy, job->min_free);
	case JOB_DATERANGE:
		return recorder_daterange(rec->recorder, &job->range);
	case JOB_FLUSH:
		break;
	}
	return RECORDER_OK;
}

static void discard(const struct job *job)
{
	struct recording *rec = job->rec;
	uint64_t *next = &rec->spooled_from[job->copy.rendition];
	for (unsigned n = 0; n < DISCARD_MAX && *next < job->discard_to; n++)
		recorder_discard(
			rec->recorder, job->copy.container, job->copy.rendition, (*next)++);
}

static void job_run(void *arg)
{
	struct job *job = arg;
	struct recording *rec = job->rec;
	if (job->kind == JOB_FLUSH) {
		recorder_close(rec->recorder);
		rec->recorder = NULL;
		return;
	}
	job->result = job_write(job);
	if (job->kind == JOB_SEGMENT && !rec->keep && rec->recorder)
		discard(job);
}

static void job_free(struct job *job)
{
	for (size_t i = 0; i < job->copy.n_pieces; i++)
		rcbuf_unref(&job->copy.pieces[i]);
	free(job->copy.pieces);
	rcbuf_unref(&job->bytes);
	media_segment_unref(&job->segment);
	free((char *)job->range.id);
	free((char *)job->range.class_name);
	free((char *)job->range.attributes);
	free(job);
}

/* Says once that the disk fails, once that it works again: between them live goes on alone. */
static void recording_note(struct recording *rec, enum recorder_result result)
{
	if (result == RECORDER_OK) {
		if (rec->stats.failing) {
			rec->stats.failing = false;
			if (!rec->registry)
				return;
			metric_change(rec->metrics.recording_alert, -1);
			log_info("recording works again", kv_str("stream", rec->id_text));
		}
		return;
	}
	rec->stats.failures++;
	metric_add(rec->metrics.recording_failures, 1);
	if (rec->stats.failing || !rec->registry)
		return;
	rec->stats.failing = true;
	metric_change(rec->metrics.recording_alert, 1);
	log_error("recording stopped", kv_str("stream", rec->id_text),
		kv_str("reason", recorder_result_text(result)), kv_str("path", rec->dir));
}

static void segment_stored(struct job *job)
{
	struct recording *rec = job->rec;
	char *path = mem_printf("%s/seg_%u_%llu.%s", rec->dir, job->copy.rendition,
		(unsigned long long)job->copy.sequence,
		media_container_suffix(job->copy.container));
	media_segment_stored(job->segment, path);
	free(path);
	if (!rec->keep)
		return;
	rec->stats.segments++;
	rec->stats.bytes += job->segment->bytes;
	metric_add(rec->metrics.recorded_segments, 1);
	metric_add(rec->metrics.recorded_bytes, job->segment->bytes);
}

static void keep_lost_init(struct recording *rec, struct job *job)
{
	unsigned rendition = job->init.rendition;

	rcbuf_unref(&rec->lost[rendition].bytes);
	rec->lost[rendition].bytes = rcbuf_ref(job->bytes);
	rec->lost[rendition].init = job->init;
}

static void job_done(void *arg, bool cancelled)
{
	struct job *job = arg;
	struct recording *rec = job->rec;
	enum recorder_result result = cancelled ? RECORDER_IO : job->result;
	if (job->kind == JOB_SEGMENT)
		recording_note(rec, result);
	else if (result != RECORDER_OK)
		log_warn("recording write failed", kv_str("stream", rec->id_text),
			kv_str("reason", recorder_result_text(result)));
	if (job->kind == JOB_SEGMENT && result == RECORDER_OK)
		segment_stored(job);
	if (job->kind == JOB_INIT && result != RECORDER_OK)
		keep_lost_init(rec, job);
	if (job->flushed && rec->registry)
		job->flushed(job->user);
	job_free(job);
	recording_unref(rec);
}

static void submit(struct recording *rec, struct job *job)
{
	job->rec = rec;
	rec->refs++;
	work_queue_submit(rec->queue, job_run, job_done, job);
}

static void submit_init(
	struct recording *rec, const struct recorder_init *init, struct rcbuf *bytes)
{
	struct job *job = mem_new(struct job);
	job->kind = JOB_INIT;
	job->init = *init;
	job->bytes = rcbuf_ref(bytes);
	submit(rec, job);
}

void recording_init_segment(struct recording *rec, const struct media_init *init)
{
	const struct recorder_init copy = {.rendition = init->rendition,
		.number = init->number,
		.data = rcbuf_data(init->bytes),
		.len = rcbuf_len(init->bytes),
		.description = *init->description};
	submit_init(rec, &copy, init->bytes);
}

void recording_segment(
	struct recording *rec, struct media_segment *segment, const struct media_window *window)
{
	if (work_queue_length(rec->queue) >= QUEUE_MAX) {
		recording_note(rec, RECORDER_IO);
		return;
	}
	if (rec->lost[segment->rendition].bytes) {
		submit_init(rec, &rec->lost[segment->rendition].init,
			rec->lost[segment->rendition].bytes);
		rcbuf_unref(&rec->lost[segment->rendition].bytes);
	}
	struct job *job = mem_new(struct job);
	job->kind = JOB_SEGMENT;
	job->segment = media_segment_ref(segment);
	job->min_free = rec->registry->config.min_free;
	uint64_t oldest = media_window_oldest(window, segment->rendition);
	job->discard_to = oldest > SPOOL_SLACK ? oldest - SPOOL_SLACK : 0;
	job->copy = (struct recorder_segment){
		.rendition = segment->rendition,
		.sequence = segment->sequence,
		.start_us = segment->start_us,
		.duration_us = segment->duration_us,
		.wall_ms = segment->wall_ms,
		.container = segment->container,
		.init = segment->init,
		.discontinuity = segment->discontinuity,
		.independent = segment->independent,
		.keep = rec->keep,
		.target_us = media_window_target_us(window, segment->rendition),
		.part_target_us = media_window_part_target_us(window, segment->rendition),
		.pieces = mem_zalloc(segment->n_parts * sizeof(struct rcbuf *)),
		.n_pieces = segment->n_parts,
	};
	for (size_t i = 0; i < segment->n_parts; i++)
		job->copy.pieces[i] = rcbuf_ref(segment->parts[i].bytes);
	submit(rec, job);
}

void recording_daterange(struct recording *rec, const struct media_daterange *range)
{
	struct job *job = mem_new(struct job);
	job->kind = JOB_DATERANGE;
	job->range = *range;
	job->range.id = mem_strdup(range->id);
	job->range.class_name = mem_strdup(range->class_name);
	job->range.attributes = mem_strdup(range->attributes);
	submit(rec, job);
}

void recording_flush(struct recording *rec, void (*done)(void *user), void *user)
{
	struct job *job = mem_new(struct job);
	job->kind = JOB_FLUSH;
	job->flushed = done;
	job->user = user;
	submit(rec, job);
}

void recording_stats(const struct recording *rec, struct recording_stats *out)
{
	*out = rec->stats;
}
