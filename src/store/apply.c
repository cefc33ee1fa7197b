#include "apply.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tables.h"

struct apply_job {
	struct store_job job;
	struct repo_write *write;
};

static enum repo_result (*const ops[WRITE_OPS])(struct db *, struct repo_write *) = {
	[WRITE_USER_PUT] = users_put,
	[WRITE_STREAM_CREATE] = streams_create,
	[WRITE_STREAM_ATTACH] = streams_attach,
	[WRITE_STREAM_GO_LIVE] = streams_go_live,
	[WRITE_STREAM_ROTATE_KEY] = streams_rotate_key,
	[WRITE_STREAM_END] = streams_end,
	[WRITE_STREAM_CANCEL] = streams_cancel,
	[WRITE_STREAM_DELETE] = streams_delete,
	[WRITE_PRODUCT_CREATE] = products_create,
	[WRITE_RECORDING_OPEN] = recordings_open,
	[WRITE_RECORDING_FINISH] = recordings_finish,
	[WRITE_RECORDING_DELETE] = recordings_delete,
};

/* The stream as it is after the write, for the outcome. */
static enum repo_result describe_stream(struct db *db, struct repo_write *w)
{
	if (uuid_is_none(w->stream_id)) {
		return REPO_OK;
	}
	enum repo_result result = streams_get(db, w->stream_id, &w->after);
	if (result == REPO_OK) {
		w->outcome.stream = &w->after;
		if (!products_count(db, w->stream_id, &w->outcome.product_count)) {
			result = REPO_FAILED;
		}
	}
	return result == REPO_NOT_FOUND ? REPO_OK : result;
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	struct repo_write *w = container_of(job, struct apply_job, job)->write;
	repo_write_reset(w);
	enum repo_result result = ops[w->op](db, w);
	return result == REPO_OK ? describe_stream(db, w) : result;
}

static void complete(struct store_job *job)
{
	struct apply_job *a = container_of(job, struct apply_job, job);
	a->write->outcome.result = job->result;
	if (job->result != REPO_OK) {
		a->write->outcome.stream = NULL;
	}
	repo_write_complete(a->write);
	free(a);
}

struct store_job *apply_job_create(struct repo_write *w)
{
	struct apply_job *a = mem_new(struct apply_job);
	a->job = (struct store_job){
		.name = repo_write_text(w->op), .apply = apply, .complete = complete};
	a->write = w;
	return &a->job;
}
