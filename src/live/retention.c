#define LOG_MODULE "retention"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"

/* A sweep looks at one page of recordings a turn, newest first, then rests. */
#define PAGE 50u
#define PAGE_PAUSE_US 20000u
#define SWEEP_US 60000000u

struct delete_job {
	struct list link;
	struct live_registry *registry; /* NULL once the registry is gone */
	struct uuid stream_id;
	char *dir;
	enum recorder_result result;
	repo_done done;
	void *user;
};

static void delete_run(void *arg)
{
	struct delete_job *job = arg;
	job->result = vod_delete(job->dir);
}

static void delete_end(struct delete_job *job, const struct repo_outcome *outcome)
{
	struct live_registry *r = job->registry;
	if (r && job->done)
		job->done(job->user, outcome);
	list_remove(&job->link);
	free(job->dir);
	free(job);
	if (r)
		live_drain_step(r);
}

static void row_deleted(void *user, const struct repo_outcome *outcome)
{
	const struct delete_job *job = user;
	if (job->registry)
		uploads_look(job->registry);
	delete_end(user, outcome);
}

static void delete_done(void *arg, bool cancelled)
{
	struct delete_job *job = arg;
	if (cancelled || job->result != RECORDER_OK || !job->registry) {
		if (job->registry)
			log_error("recording not deleted", kv_str("path", job->dir),
				kv_str("reason", recorder_result_text(job->result)));
		delete_end(job, &(struct repo_outcome){.result = REPO_FAILED});
		return;
	}
	log_info("recording deleted", kv_str("path", job->dir));
	struct repo repo = job->registry->repo;
	repo.ops->recording_delete(repo.impl, job->stream_id, row_deleted, job);
}

/* Nothing uses the folder any more. */
static void delete_start(void *arg)
{
	struct delete_job *job = arg;
	if (job->registry)
		work_submit(
			loop_work(job->registry->loop), WORK_SLOW, delete_run, delete_done, job);
	else
		delete_end(job, &(struct repo_outcome){.result = REPO_FAILED});
}

/* Nothing writes into the folder any more. */
static void stop_upload(void *arg)
{
	struct delete_job *job = arg;
	if (!job->registry || upload_stop(job->registry, job->stream_id, delete_start, job))
		delete_start(job);
}

struct refusal {
	repo_done done;
	void *user;
};

static void refuse(void *arg)
{
	struct refusal *f = arg;
	f->done(f->user, &(struct repo_outcome){.result = REPO_WRONG_STATE});
	free(f);
}

bool deletion_running(const struct live_registry *r, struct uuid stream_id)
{
	struct delete_job *job;
	list_for_each (job, &r->deletions, link) {
		if (uuid_eq(job->stream_id, stream_id))
			return true;
	}
	return false;
}

/* Something still writes the files, or removes them already. */
static bool is_busy(struct live_registry *r, struct uuid id)
{
	return live_stream_is_writing(r, id) || deletion_running(r, id) || vod_job_running(r, id);
}

void live_registry_delete_recording(
	struct live_registry *r, struct uuid stream_id, repo_done done, void *user)
{
	char id_text[UUID_TEXT_SIZE];
	if (is_busy(r, stream_id)) {
		if (!done)
			return;
		struct refusal *f = mem_new(struct refusal);
		*f = (struct refusal){.done = done, .user = user};
		loop_defer(r->loop, refuse, f);
		return;
	}
	struct delete_job *job = mem_new(struct delete_job);
	uuid_text(id_text, stream_id);
	job->registry = r;
	job->stream_id = stream_id;
	job->dir = live_recording_dir(r, id_text);
	job->done = done;
	job->user = user;
	list_append(&r->deletions, &job->link);
	if (storyboard_stop(r, stream_id, stop_upload, job))
		stop_upload(job);
}

static bool is_past_keeping(struct live_registry *r, const struct recording_record *row)
{
	uint64_t now = clock_wall_ms(loop_clock(r->loop));
	/* What lies elsewhere takes nothing of this disk. */
	if (!r->config.max_bytes || !upload_is_away(r, row->stream_id))
		r->retention_bytes += row->bytes;
	if (r->config.keep_us && row->finished_at + r->config.keep_us / 1000 < now)
		return true;
	return r->config.max_bytes && r->retention_bytes > r->config.max_bytes;
}

static void sweep(void *user)
{
	struct live_registry *r = user;
	struct recording_record *rows;
	size_t n;
	timer_start(r->retention_timer, SWEEP_US);
	if (!r->config.keep_us && !r->config.max_bytes)
		return;
	if (r->retention_offset == 0)
		r->retention_bytes = 0;
	if (r->repo.ops->recording_list(
		    r->repo.impl, RECORDING_READY, PAGE, r->retention_offset, &rows, &n) != REPO_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (is_past_keeping(r, &rows[i]))
			live_registry_delete_recording(r, rows[i].stream_id, NULL, NULL);
		recording_record_finish(&rows[i]);
	}
	free(rows);
	r->retention_offset = n == PAGE ? r->retention_offset + PAGE : 0;
	if (n == PAGE)
		timer_start(r->retention_timer, PAGE_PAUSE_US);
}

void retention_start(struct live_registry *r)
{
	r->retention_timer = loop_timer_create(r->loop, "retention", sweep, r);
	timer_start(r->retention_timer, SWEEP_US);
}

void retention_stop(struct live_registry *r)
{
	struct delete_job *job, *next;
	timer_destroy(&r->retention_timer);
	list_for_each_safe (job, next, &r->deletions, link) {
		job->registry = NULL;
		list_remove(&job->link);
	}
}
