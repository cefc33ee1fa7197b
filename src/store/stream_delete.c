#include "stream_delete.h"

#include <stdlib.h>

#include "apply.h"
#include "base/mem.h"
#include "tables.h"

#define TURN 1000 /* rows */

struct stream_delete_job {
	struct store_job job;
	struct repo_write *write;
};

/* What may be large; the rest goes with the stream's row. */
static const char *const deletes[] = {
	"DELETE FROM notifications WHERE (user_id, id) IN"
	" (SELECT user_id, id FROM notifications WHERE stream_id = ? LIMIT ?)",
	"DELETE FROM chat_messages WHERE rowid IN"
	" (SELECT rowid FROM chat_messages WHERE stream_id = ? LIMIT ?)",
	"DELETE FROM stream_viewers WHERE (stream_id, viewer) IN"
	" (SELECT stream_id, viewer FROM stream_viewers WHERE stream_id = ? LIMIT ?)",
};

/* Deletes up to *left rows, and counts *left down. */
static bool delete_some(struct db *db, const char *sql, struct uuid stream_id, int *left)
{
	struct stmt s = stmt_begin(db, sql);
	stmt_uuid(&s, stream_id);
	stmt_int(&s, *left);
	if (!stmt_run(&s)) {
		return false;
	}
	*left -= sqlite3_changes(db->handle);
	return true;
}

/* Whether the stream is one that may be deleted. */
static bool is_over(struct db *db, struct uuid stream_id)
{
	struct stream_record row;
	bool over = streams_get(db, stream_id, &row) == REPO_OK &&
		(row.status == STREAM_ENDED || row.status == STREAM_CANCELLED);
	stream_record_finish(&row);
	return over;
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	struct repo_write *w = container_of(job, struct stream_delete_job, job)->write;
	int left = TURN;
	bool ok = true;
	if (is_over(db, w->stream_id)) {
		for (size_t i = 0; i < sizeof(deletes) / sizeof(deletes[0]) && ok && left > 0;
			i++) {
			ok = delete_some(db, deletes[i], w->stream_id, &left);
		}
	}
	if (!ok) {
		return REPO_FAILED;
	}
	job->again = left == 0;
	return job->again ? REPO_OK : apply_write(db, w);
}

static void complete(struct store_job *job)
{
	struct stream_delete_job *d = container_of(job, struct stream_delete_job, job);
	apply_complete(d->write, job->result);
	free(d);
}

struct store_job *stream_delete_job_create(struct repo_write *w)
{
	struct stream_delete_job *d = mem_new(struct stream_delete_job);
	d->job = (struct store_job){
		.name = repo_write_text(w->op), .apply = apply, .complete = complete};
	d->write = w;
	return &d->job;
}
