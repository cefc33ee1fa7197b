#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/repo_cursor.h"
#include "notices.h"
#include "people.h"
#include "stmt.h"

#define COLUMNS "id, user_id, type, stream_id, title, body, created_at, read_at"

static void read_row(struct stmt *s, struct notification_record *out)
{
	*out = (struct notification_record){0};
	out->id = stmt_col_uuid(s);
	out->user_id = stmt_col_text(s);
	out->type = stmt_col_text(s);
	if (stmt_col_is_null(s)) {
		stmt_skip(s);
	} else {
		out->stream_id = stmt_col_uuid(s);
	}
	out->title = stmt_col_text(s);
	out->body = stmt_col_text(s);
	out->created_at = stmt_col_uint(s);
	out->read_at = stmt_col_uint(s);
}

enum repo_result notifications_list(void *impl, const char *user_id, bool unread_only,
	unsigned limit, const char *cursor, struct repo_notification_page *out)
{
	/* The newest possible id, where there is no cursor: the list begins behind it. */
	struct repo_cursor after;
	memset(&after, 0xff, sizeof(after));
	*out = (struct repo_notification_page){0};
	if (cursor != NULL && !repo_cursor_parse(cursor, &after)) {
		return REPO_NOT_FOUND;
	}
	struct stmt s = stmt_begin(store_reader(impl),
		unread_only ? "SELECT " COLUMNS " FROM notifications WHERE user_id = ? AND id < ?"
			      " AND read_at IS NULL ORDER BY id DESC"
			    : "SELECT " COLUMNS " FROM notifications WHERE user_id = ? AND id < ?"
			      " ORDER BY id DESC");
	stmt_text(&s, user_id);
	stmt_uuid(&s, after.id);
	out->rows = mem_alloc(limit * sizeof(*out->rows));
	while (stmt_step(&s)) {
		if (out->n == limit) {
			struct repo_cursor last = {.id = out->rows[limit - 1].id};
			out->next_cursor = repo_cursor_text(last);
			break;
		}
		read_row(&s, &out->rows[out->n++]);
	}
	if (!stmt_end(&s)) {
		repo_notification_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

enum repo_result notifications_unread(void *impl, const char *user_id, uint32_t *count)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT count(*) FROM notifications INDEXED BY ix_notifications_unread"
		" WHERE user_id = ? AND read_at IS NULL");
	stmt_text(&s, user_id);
	*count = stmt_step(&s) ? stmt_col_u32(&s) : 0;
	return stmt_end(&s) ? REPO_OK : REPO_FAILED;
}

struct read_job {
	struct plain_job plain;
	char *user_id;
	bool all;
	struct uuid *ids;
	size_t n;
	uint64_t read_at;
};

static void finish(struct plain_job *p)
{
	struct read_job *r = container_of(p, struct read_job, plain);
	free(r->user_id);
	free(r->ids);
}

static bool mark_all(struct db *db, const struct read_job *r)
{
	struct stmt s = stmt_begin(db,
		"UPDATE notifications INDEXED BY ix_notifications_unread SET read_at = ?"
		" WHERE user_id = ? AND read_at IS NULL");
	stmt_uint(&s, r->read_at);
	stmt_text(&s, r->user_id);
	return stmt_run(&s);
}

static bool mark_one(struct db *db, const struct read_job *r, struct uuid id)
{
	struct stmt s = stmt_begin(db,
		"UPDATE notifications SET read_at = ?"
		" WHERE user_id = ? AND id = ? AND read_at IS NULL");
	stmt_uint(&s, r->read_at);
	stmt_text(&s, r->user_id);
	stmt_uuid(&s, id);
	return stmt_run(&s);
}

static enum repo_result mark(struct db *db, struct store_job *job)
{
	const struct read_job *r = container_of(job, struct read_job, plain.job);
	bool ok = !r->all || mark_all(db, r);
	for (size_t i = 0; i < r->n && ok; i++) {
		ok = mark_one(db, r, r->ids[i]);
	}
	return ok ? REPO_OK : REPO_FAILED;
}

void notifications_read(void *impl, const char *user_id, const struct uuid *ids, size_t n,
	uint64_t read_at, repo_done done, void *user)
{
	struct read_job *r = mem_new(struct read_job);
	plain_job_init(&r->plain, "notification_read", mark, finish, done, user);
	r->user_id = mem_strdup(user_id);
	r->all = ids == NULL;
	r->ids = ids != NULL ? mem_dup(ids, n * sizeof(*ids)) : NULL;
	r->n = ids != NULL ? n : 0;
	r->read_at = read_at;
	store_submit(impl, &r->plain.job);
}

void notifications_watch(void *impl, notification_watcher fn, void *user)
{
	notice_watch_set(store_notices(impl), fn, user);
}
