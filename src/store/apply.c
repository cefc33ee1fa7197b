#include "apply.h"

#include "tables.h"

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

static bool in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

bool apply_write(struct db *db, struct repo_write *w)
{
	repo_write_reset(w);
	if (!db_run(db, "SAVEPOINT one_write")) {
		return false;
	}
	enum repo_result result = ops[w->op](db, w);
	if (result == REPO_OK) {
		result = describe_stream(db, w);
	}
	w->outcome.result = result;
	if (!in_transaction(db)) {
		return false;
	}
	if (result != REPO_OK) {
		w->outcome.stream = NULL;
		if (!db_run(db, "ROLLBACK TO one_write")) {
			return false;
		}
	}
	return db_run(db, "RELEASE one_write");
}
