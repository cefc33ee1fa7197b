#include "go_live.h"

#include <stdlib.h>

#include "apply.h"
#include "base/mem.h"
#include "fanout.h"
#include "notices.h"
#include "stmt.h"
#include "store_private.h"
#include "tables.h"

#define LOG_MODULE "store"
#include "base/log.h"

/*
 * Tells the loop who got a notification, a turn at a time: what a turn wrote is known to be
 * committed when the next one finds its count, or the job is complete.
 */
struct teller {
	struct notice_watch *watch;
	struct notices *pending; /* of the last turn */
	uint32_t written; /* in all, behind that turn */
};

static void teller_turn(
	struct teller *t, struct notices *fresh, const struct fanout_progress *progress)
{
	if (progress->before == t->written) {
		notices_post(t->pending);
	} else {
		notices_destroy(t->pending);
	}
	t->pending = fresh;
	t->written = progress->written;
}

static void teller_end(struct teller *t, bool committed)
{
	if (committed) {
		notices_tell(t->pending);
	} else {
		notices_destroy(t->pending);
	}
	t->pending = NULL;
}

struct go_live_job {
	struct store_job job;
	struct repo_write *write;
	struct teller teller;
	bool begun; /* a first turn left more to do, in a transaction that may be lost yet */
	bool is_live; /* it was not: the stream is live for good */
	uint32_t stored; /* notifications committed, once it is live */
};

static enum repo_result begin(struct db *db, struct go_live_job *g)
{
	struct repo_write *w = g->write;
	struct fanout_progress progress = {0};
	teller_end(&g->teller, false);
	enum repo_result result = apply_write(db, w);
	if (result == REPO_OK) {
		struct notices *fresh = notices_create(g->teller.watch);
		result = fanout_begin(db, w->outcome.stream, fresh, &progress);
		teller_turn(&g->teller, fresh, &progress);
	}
	w->outcome.notifications = result == REPO_OK ? progress.written : 0;
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

/* NOT_FOUND: there is nothing to go on with. */
static enum repo_result go_on(struct db *db, struct go_live_job *g)
{
	struct fanout_progress progress;
	struct notices *fresh = notices_create(g->teller.watch);
	enum repo_result result = fanout_continue(db, g->write->stream_id, fresh, &progress);
	if (result == REPO_NOT_FOUND) {
		notices_destroy(fresh);
		return result;
	}
	teller_turn(&g->teller, fresh, &progress);
	g->is_live = true;
	g->stored = progress.before;
	g->write->outcome.notifications = progress.written;
	g->job.again = progress.more;
	if (result == REPO_OK && !progress.more) {
		refresh(db, g->write);
	}
	return result;
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	struct go_live_job *g = container_of(job, struct go_live_job, job);
	enum repo_result result = g->begun ? go_on(db, g) : REPO_NOT_FOUND;
	if (result != REPO_NOT_FOUND) {
		return result;
	}
	/* Deleted between two turns, or not begun yet. */
	return g->is_live ? REPO_OK : begin(db, g);
}

static void complete(struct store_job *job)
{
	struct go_live_job *g = container_of(job, struct go_live_job, job);
	teller_end(&g->teller, job->result == REPO_OK);
	if (job->result != REPO_OK && g->is_live) {
		log_error("notifications left for the next start", kv_u64("written", g->stored));
		g->write->outcome.notifications = g->stored;
		job->result = REPO_OK;
	}
	apply_complete(g->write, job->result);
	notice_watch_drop(g->teller.watch);
	free(g);
}

struct store_job *go_live_job_create(void *impl, struct repo_write *w)
{
	struct go_live_job *g = mem_new(struct go_live_job);
	g->job = (struct store_job){
		.name = repo_write_text(w->op), .apply = apply, .complete = complete};
	g->write = w;
	g->teller.watch = notice_watch_hold(store_notices(impl));
	return &g->job;
}

struct rest_job {
	struct store_job job;
	struct uuid stream_id;
	struct teller teller;
};

static enum repo_result apply_rest(struct db *db, struct store_job *job)
{
	struct rest_job *r = container_of(job, struct rest_job, job);
	struct fanout_progress progress;
	struct notices *fresh = notices_create(r->teller.watch);
	enum repo_result result = fanout_continue(db, r->stream_id, fresh, &progress);
	teller_turn(&r->teller, fresh, &progress);
	job->again = result == REPO_OK && progress.more;
	return result;
}

static void complete_rest(struct store_job *job)
{
	struct rest_job *r = container_of(job, struct rest_job, job);
	teller_end(&r->teller, job->result == REPO_OK);
	notice_watch_drop(r->teller.watch);
	free(r);
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
		r->teller.watch = notice_watch_hold(store_notices(impl));
		store_submit(impl, &r->job);
	}
	stmt_end(&s);
}
