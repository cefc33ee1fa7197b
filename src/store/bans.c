#include "bans.h"

#include <stdlib.h>

#include "base/mem.h"
#include "stmt.h"

struct put_job {
	struct plain_job plain;
	struct ban_record ban;
};

struct delete_job {
	struct plain_job plain;
	enum ban_kind kind;
	char *subject;
};

static enum repo_result put(struct db *db, struct store_job *job)
{
	const struct ban_record *b = &container_of(job, struct put_job, plain.job)->ban;
	struct stmt old = stmt_begin(db, "DELETE FROM bans WHERE until <= ?");
	stmt_uint(&old, b->created_at);
	if (!stmt_run(&old)) {
		return REPO_FAILED;
	}
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO bans (kind, subject, until, reason, actor, created_at)"
		" VALUES (?, ?, ?, ?, ?, ?)");
	stmt_text(&s, ban_kind_text(b->kind));
	stmt_text(&s, b->subject);
	stmt_int_unless(&s, (int64_t)b->until, 0);
	stmt_text(&s, b->reason);
	stmt_text(&s, b->actor);
	stmt_uint(&s, b->created_at);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static void put_finish(struct plain_job *p)
{
	ban_record_finish(&container_of(p, struct put_job, plain)->ban);
}

static void ban_put(void *impl, const struct ban_record *b, repo_done done, void *user)
{
	struct put_job *p = mem_new(struct put_job);
	plain_job_init(&p->plain, "ban_put", put, put_finish, done, user);
	ban_record_copy(&p->ban, b);
	store_submit(impl, &p->plain.job);
}

static enum repo_result delete (struct db *db, struct store_job *job) {
	const struct delete_job *d = container_of(job, struct delete_job, plain.job);
	struct stmt s = stmt_begin(db, "DELETE FROM bans WHERE kind = ? AND subject = ?");
	stmt_text(&s, ban_kind_text(d->kind)); stmt_text(&s, d->subject);
	if (!stmt_run(&s)){return REPO_FAILED;}
return sqlite3_changes(db->handle) > 0 ? REPO_OK : REPO_NOT_FOUND;
}

static void delete_finish(struct plain_job *p)
{
	free(container_of(p, struct delete_job, plain)->subject);
}

static void ban_delete(
	void *impl, enum ban_kind kind, const char *subject, repo_done done, void *user)
{
	struct delete_job *d = mem_new(struct delete_job);
	plain_job_init(&d->plain, "ban_delete", delete, delete_finish, done, user);
	d->kind = kind;
	d->subject = mem_strdup(subject);
	store_submit(impl, &d->plain.job);
}

static enum repo_result ban_list(void *impl, uint64_t now_ms, struct repo_ban_list *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT kind, subject, until, reason, actor, created_at FROM bans"
		" WHERE until IS NULL OR until > ? ORDER BY kind, subject");
	size_t room = 0;
	*out = (struct repo_ban_list){0};
	stmt_uint(&s, now_ms);
	while (stmt_step(&s)) {
		if (out->n == room) {
			room = room > 0 ? room * 2 : 16;
			out->rows = mem_realloc(out->rows, room * sizeof(*out->rows));
		}
		struct ban_record *b = &out->rows[out->n++];
		char *kind = stmt_col_text(&s);
		ban_kind_parse(kind, &b->kind);
		free(kind);
		b->subject = stmt_col_text(&s);
		b->until = (uint64_t)stmt_col_int_or(&s, 0);
		b->reason = stmt_col_text(&s);
		b->actor = stmt_col_text(&s);
		b->created_at = stmt_col_uint(&s);
	}
	if (!stmt_end(&s)) {
		repo_ban_list_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

const struct repo_ban_ops bans_ops = {
	.ban_put = ban_put,
	.ban_delete = ban_delete,
	.ban_list = ban_list,
};
