#define LOG_MODULE "vod"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"
#include "media/storyboard.h"
#include "vod_chapters.h"

#define POSTER_WIDTH 1280

/* Somebody who asked for the progressive file. */
struct waiter {
	struct list link;
	void (*done)(void *user, bool ok);
	void *user;
	bool ok;
};

/*
 * Two steps on the slow lane: the playlist (seconds at most, players wait for it), told to the
 * store; then the progressive file, told to the store again.
 */
struct vod_job {
	struct list link;
	struct live_registry *registry; /* NULL once the registry is gone */
	struct uuid stream_id;
	char id_text[UUID_TEXT_SIZE];
	char *dir;
	bool want_mp4, in_mp4;
	bool silent; /* the store knows of the playlist already */
	uint64_t finished_at_ms; /* of a recording that was finished before; 0: now */
	struct list waiters; /* waiter.link */
	uint64_t min_free;
	bool want_poster, has_poster;
	uint64_t max_pixels;
	enum recorder_result result;
	struct vod_result vod;
	struct segment_record *segments;
	size_t n_segments;
	struct vod_chapters chapters;
	void (*done)(void *user);
	void *user;
};

static void waiters_answer(struct list *waiters, bool ok)
{
	struct waiter *w, *next;
	list_for_each_safe (w, next, waiters, link) {
		list_remove(&w->link);
		w->done(w->user, ok);
		free(w);
	}
}

static void job_free(struct vod_job *job)
{
	list_remove(&job->link);
	vod_chapters_finish(&job->chapters);
	free(job->segments);
	free(job->dir);
	free(job);
}

/* Tells the one who waits, once. */
static void job_settle(struct vod_job *job)
{
	void (*done)(void *user) = job->done;
	job->done = NULL;
	if (done)
		done(job->user);
}

static void job_end(struct vod_job *job)
{
	struct live_registry *r = job->registry;
	bool ok = job->in_mp4, is_recorded = job->n_segments > 0;
	struct uuid stream_id = job->stream_id;
	struct list waiters;
	struct waiter *w, *next;
	list_init(&waiters);
	list_for_each_safe (w, next, &job->waiters, link) {
		list_remove(&w->link);
		list_append(&waiters, &w->link);
	}
	job_settle(job);
	job_free(job);
	waiters_answer(&waiters, ok);
	if (r && is_recorded) {
		storyboard_want(r, stream_id);
		upload_want(r, stream_id);
	}
	if (r)
		live_drain_step(r);
}

static void index_to_segments(struct vod_job *job, const struct recording_index *index)
{
	uint64_t offset_us = 0;
	job->segments = mem_zalloc((index->n + 1) * sizeof(*job->segments));
	for (size_t i = 0; i < index->n; i++) {
		const struct recording_entry *e = &index->entries[i];
		if (!e->keep || e->rendition != 0)
			continue;
		job->segments[job->n_segments++] = (struct segment_record){
			.sequence = e->sequence,
			.offset_ms = offset_us / 1000,
			.duration_ms = (uint32_t)(e->duration_us / 1000),
			.bytes = e->bytes,
			.wall_ms = e->wall_ms,
			.init = e->init,
			.discontinuity = e->discontinuity,
		};
		offset_us += e->duration_us;
	}
}

static void playlist_run(void *arg)
{
	struct vod_job *job = arg;
	struct recording_index index = {0};
	job->result = recording_load(job->dir, &index);
	if (job->result != RECORDER_OK)
		return;
	if (!job->silent)
		storyboard_forget(job->dir);
	if (job->want_poster)
		job->has_poster = vod_poster(job->dir, POSTER_WIDTH, job->max_pixels) == PICTURE_OK;
	job->result = vod_playlist(job->dir, &job->vod);
	index_to_segments(job, &index);
	recording_index_finish(&index);
}

static void mp4_run(void *arg)
{
	struct vod_job *job = arg;
	vod_chapters_place(&job->chapters, job->segments, job->n_segments);
	job->result =
		vod_mp4(job->dir, job->chapters.items, job->chapters.n, job->min_free, &job->vod);
}

static void job_store(struct vod_job *job, enum recording_state state);
static void next_step(struct vod_job *job);

static void mp4_done(void *arg, bool cancelled)
{
	struct vod_job *job = arg;
	if (!job->registry || cancelled) {
		job_end(job);
		return;
	}
	if (job->result != RECORDER_OK) {
		log_error("progressive file failed", kv_str("stream", job->id_text),
			kv_str("reason", recorder_result_text(job->result)));
		job_end(job);
		return;
	}
	job->in_mp4 = true;
	job_store(job, RECORDING_READY);
}

static void stored(void *user, const struct repo_outcome *outcome)
{
	struct vod_job *job = user;
	if (outcome->result != REPO_OK)
		log_error("recording not written to the store", kv_str("stream", job->id_text),
			kv_str("reason", repo_result_text(outcome->result)));
	if (!job->registry) {
		job_free(job);
		return;
	}
	next_step(job);
}

static void next_step(struct vod_job *job)
{
	if (!job->in_mp4 && !job->silent && job->n_segments > 0) {
		metric_add(job->registry->metrics.vod_ready, 1);
		log_info("vod ready", kv_str("stream", job->id_text),
			kv_u64("segments", job->n_segments),
			kv_u64("duration_ms", job->vod.duration_ms));
	}
	if (job->in_mp4 || !job->want_mp4 || job->n_segments == 0) {
		job_end(job);
		return;
	}
	job_settle(job);
	vod_chapters_load(&job->chapters, job->registry->repo, job->stream_id);
	work_submit(loop_work(job->registry->loop), WORK_SLOW, mp4_run, mp4_done, job);
}

static void job_store(struct vod_job *job, enum recording_state state)
{
	struct repo repo = job->registry->repo;
	struct recording_record row = {
		.stream_id = job->stream_id,
		.state = state,
		.path = job->id_text,
		.duration_ms = job->vod.duration_ms,
		.bytes = job->vod.bytes,
		.segments = (uint32_t)job->n_segments,
		.has_mp4 = job->vod.has_mp4,
		.has_poster = job->has_poster,
		.finished_at = job->finished_at_ms ? job->finished_at_ms
						   : clock_wall_ms(loop_clock(job->registry->loop)),
	};
	char *url = job->n_segments > 0 ? mem_printf("/vod/%s/index.m3u8", job->id_text) : NULL;
	repo.ops->recording_finish(
		repo.impl, &row, url, job->segments, job->n_segments, stored, job);
	free(url);
}

static void playlist_done(void *arg, bool cancelled)
{
	struct vod_job *job = arg;
	if (!job->registry || cancelled) {
		job_end(job);
		return;
	}
	if (job->result != RECORDER_OK)
		log_error("vod playlist failed", kv_str("stream", job->id_text),
			kv_str("reason", recorder_result_text(job->result)));
	if (job->silent) {
		next_step(job);
		return;
	}
	job_store(job,
		job->result == RECORDER_OK && job->n_segments > 0 ? RECORDING_READY
								  : RECORDING_FAILED);
}

/* Not yet submitted. */
static struct vod_job *job_create(struct live_registry *r, struct uuid stream_id, bool want_mp4)
{
	struct vod_job *job = mem_new(struct vod_job);
	job->registry = r;
	job->stream_id = stream_id;
	uuid_text(job->id_text, stream_id);
	job->dir = live_recording_dir(r, job->id_text);
	job->want_mp4 = want_mp4;
	job->min_free = r->config.min_free;
	job->want_poster = r->config.storyboard;
	job->max_pixels = r->config.thumbnail_max_pixels;
	list_init(&job->waiters);
	list_append(&r->vod_jobs, &job->link);
	return job;
}

static void job_submit(struct vod_job *job)
{
	work_submit(loop_work(job->registry->loop), WORK_SLOW, playlist_run, playlist_done, job);
}

void vod_job_start(struct live_registry *r, struct uuid stream_id, bool want_mp4,
	void (*done)(void *user), void *user)
{
	struct vod_job *job = job_create(r, stream_id, want_mp4);
	job->done = done;
	job->user = user;
	job_submit(job);
}

struct vod_job *vod_job_mp4(struct live_registry *r, const struct recording_record *row)
{
	struct vod_job *job = job_create(r, row->stream_id, true);
	job->silent = true;
	job->finished_at_ms = row->finished_at;
	job_submit(job);
	return job;
}

static struct vod_job *job_find(const struct live_registry *r, struct uuid stream_id)
{
	struct vod_job *job;
	list_for_each (job, &r->vod_jobs, link) {
		if (uuid_eq(job->stream_id, stream_id))
			return job;
	}
	return NULL;
}

bool vod_job_running(const struct live_registry *r, struct uuid stream_id)
{
	return job_find(r, stream_id) != NULL;
}

static void answer(void *arg)
{
	struct waiter *w = arg;
	w->done(w->user, w->ok);
	free(w);
}

/* The job that makes the file, new or under way; NULL: no need of one, or no way (*ok). */
static struct vod_job *mp4_job(struct live_registry *r, struct uuid stream_id, bool *ok)
{
	struct vod_job *job = job_find(r, stream_id);
	struct recording_record row;
	*ok = false;
	if (r->config.mp4 == LIVE_MP4_OFF)
		return NULL;
	if (job) {
		job->want_mp4 = true;
		return job;
	}
	if (live_stream_is_writing(r, stream_id) ||
		r->repo.ops->recording_get(r->repo.impl, stream_id, &row) != REPO_OK)
		return NULL;
	*ok = row.state == RECORDING_READY && row.has_mp4;
	if (row.state == RECORDING_READY && !row.has_mp4 && !upload_is_away(r, stream_id))
		job = vod_job_mp4(r, &row);
	recording_record_finish(&row);
	return job;
}

void live_registry_make_mp4(struct live_registry *r, struct uuid stream_id,
	void (*done)(void *user, bool ok), void *user)
{
	struct waiter *w = mem_new(struct waiter);
	w->done = done;
	w->user = user;
	struct vod_job *job = mp4_job(r, stream_id, &w->ok);
	if (job)
		list_append(&job->waiters, &w->link);
	else
		loop_defer(r->loop, answer, w);
}

void vod_jobs_drop(struct live_registry *r)
{
	struct vod_job *job, *next;
	list_for_each_safe (job, next, &r->vod_jobs, link) {
		job->registry = NULL;
		job->done = NULL;
		waiters_answer(&job->waiters, false);
		list_remove(&job->link);
	}
}
