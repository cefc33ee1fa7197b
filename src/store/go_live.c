#include "go_live.h"

#include <stdlib.h>

#include "apply.h"
#include "base/mem.h"
#include "fanout.h"
#include "stmt.h"
#include "store_private.h"
#include "tables.h"

#define LOG_MODULE "store"
#include "base/log.h"

struct go_live_job {
	struct store_job job;
	struct repo_write *write;
	bool begun; /* a first turn left more to do, in a transaction that may be lost yet */
	bool is_live; /* it was not: the stream is live for good */
	uint32_t stored; /* notifications committed, once it is live */
};

static enum repo_result begin(struct db *db, struct go_live_job *g)
{
	struct repo_write *w = g->write;
	struct fanout_progress progress = {0};
	enum repo_result result = apply_write(db, w);
	if (result == REPO_OK) {
		result = fanout_begin(db, w->outcome.stream, &progress);
	}
	w->outcome.notifications = progress.written;
	g->begun = result == REPO_OK && progress.more;
	g->job.again = g->begun;
	return result;
}

/* The key may have been rotated between the turns. */
static void refresh(struct db *db, struct repo_write *w)
{
	struct stream_record now;
	if (streams_get(db, w->stream_id, &now) == REPO_OK) {
		stream_record_finish(&w->after);
		w->after = now;
	}
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	struct go_live_job *g = container_of(job, struct go_live_job, job);
	struct fanout_progress progress;
	if (!g->begun) {
		return begin(db, g);
	}
	enum repo_result result = fanout_continue(db, g->write->stream_id, &progress);
	if (result == REPO_NOT_FOUND && !g->is_live) {
		return begin(db, g);
	}
	if (result == REPO_NOT_FOUND) {
		return REPO_OK;
	}
	g->is_live = true;
	g->stored = progress.before;
	g->write->outcome.notifications = progress.written;
	job->again = progress.more;
	if (result == REPO_OK && !progress.more) {
		refresh(db, g->write);
	}
	return result;
}

static void complete(struct store_job *job)
{
	struct go_live_job *g = container_of(job, struct go_live_job, job);
	if (job->result != REPO_OK && g->is_live) {
		log_error("notifications left for the next start", kv_u64("written", g->stored));
		g->write->outcome.notifications = g->stored;
		job->result = REPO_OK;
	}
	apply_complete(g->write, job->result);
	free(g);
}

struct store_job *go_live_job_create(struct repo_write *w)
{
	struct go_live_job *g = mem_new(struct go_live_job);
	g->job = (struct store_job){
		.name = repo_write_text(w->op), .apply = apply, .complete = complete};
	g->write = w;
	return &g->job;
}

struct rest_job {
	struct store_job job;
	struct uuid stream_id;
};

static enum repo_result apply_rest(struct db *db, struct store_job *job)
{
	const struct rest_job *r = container_of(job, struct rest_job, job);
	struct fanout_progress progress;
	enum repo_result result = fanout_continue(db, r->stream_id, &progress);
	job->again = result == REPO_OK && progress.more;
	return result;
}

static void complete_rest(struct store_job *job)
{
	free(container_of(job, struct rest_job, job));
}

void go_live_resume(void *impl)
{
	struct stmt s = stmt_begin(store_reader(impl), "SELECT stream_id FROM fanouts");
	while (stmt_step(&s)) {
		struct rest_job *r = mem_new(struct rest_job);
		r->job = (struct store_job){.name = "notifications of an earlier process",
			.apply = apply_rest,
			.complete = complete_rest};
		r->stream_id = stmt_col_uuid(&s);
		store_submit(impl, &r->job);
	}
	stmt_end(&s);
}
