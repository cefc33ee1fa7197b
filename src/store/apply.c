#include "apply.h"

#include <stdlib.h>

#include "base/mem.h"
#include "go_live.h"
#include "stream_delete.h"
#include "tables.h"

struct apply_job {
	struct store_job job;
	struct repo_write *write;
};

static enum repo_result (*const ops[WRITE_OPS])(struct db *, struct repo_write *) = {
	[WRITE_USER_PUT] = users_put,
	[WRITE_USER_SET] = users_set,
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

enum repo_result apply_write(struct db *db, struct repo_write *w)
{
	repo_write_reset(w);
	enum repo_result result = ops[w->op](db, w);
	return result == REPO_OK ? describe_stream(db, w) : result;
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	return apply_write(db, container_of(job, struct apply_job, job)->write);
}

void apply_complete(struct repo_write *w, enum repo_result result)
{
	w->outcome.result = result;
	if (result != REPO_OK) {
		w->outcome.stream = NULL;
	}
	repo_write_complete(w);
}

static void complete(struct store_job *job)
{
	struct apply_job *a = container_of(job, struct apply_job, job);
	apply_complete(a->write, job->result);
	free(a);
}

struct store_job *apply_job_create(void *impl, struct repo_write *w)
{
	if (w->op == WRITE_STREAM_GO_LIVE) {
		return go_live_job_create(impl, w);
	}
	if (w->op == WRITE_STREAM_DELETE) {
		return stream_delete_job_create(w);
	}
	struct apply_job *a = mem_new(struct apply_job);
	a->job = (struct store_job){.name = repo_write_text(w->op),
		.apply = apply,
		.complete = complete,
		.patience_us = w->unhurried ? STORE_PATIENCE_US : 0};
	a->write = w;
	return &a->job;
}
