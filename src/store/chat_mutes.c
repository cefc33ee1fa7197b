#include <stdlib.h>

#include "base/mem.h"
#include "chat.h"
#include "stmt.h"

#define COLUMNS "stream_id, user_id, kind, until, moderator_id, created_at"
#define IN_FORCE "(until IS NULL OR until > ?)"

static void read_mute(struct stmt *s, struct mute_record *out)
{
	*out = (struct mute_record){0};
	out->stream_id = stmt_col_uuid(s);
	out->user_id = stmt_col_text(s);
	char *kind = stmt_col_text(s);
	if (kind == NULL || !mute_kind_parse(kind, &out->kind)) {
		s->failed = true;
	}
	free(kind);
	out->until = stmt_col_uint(s);
	out->moderator_id = stmt_col_text(s);
	out->created_at = stmt_col_uint(s);
}

enum repo_result chat_mute_get(void *impl, struct uuid stream_id, const char *user_id,
	uint64_t now_ms, struct mute_record *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT " COLUMNS " FROM mutes WHERE stream_id = ? AND user_id = ? AND " IN_FORCE);
	*out = (struct mute_record){0};
	stmt_uuid(&s, stream_id);
	stmt_text(&s, user_id);
	stmt_uint(&s, now_ms);
	bool found = stmt_step(&s);
	if (found) {
		read_mute(&s, out);
	}
	if (!stmt_end(&s)) {
		mute_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result chat_mute_list(
	void *impl, struct uuid stream_id, uint64_t now_ms, struct repo_mute_list *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT " COLUMNS " FROM mutes WHERE stream_id = ? AND " IN_FORCE
		" ORDER BY user_id");
	*out = (struct repo_mute_list){0};
	stmt_uuid(&s, stream_id);
	stmt_uint(&s, now_ms);
	while (stmt_step(&s)) {
		out->rows = mem_realloc(out->rows, (out->n + 1) * sizeof(*out->rows));
		read_mute(&s, &out->rows[out->n++]);
	}
	if (!stmt_end(&s)) {
		repo_mute_list_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

struct mute_job {
	struct plain_job plain; /* first: freed whole */
	struct mute_record mute; /* of a removal only stream and user */
};

static enum repo_result apply_put(struct db *db, struct store_job *job)
{
	const struct mute_record *m = &container_of(job, struct mute_job, plain.job)->mute;
	enum repo_result result = chat_stream_exists(db, m->stream_id);
	if (result != REPO_OK) {
		return result;
	}
	struct stmt s = stmt_begin(db,
		"INSERT INTO mutes (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (stream_id, user_id) DO UPDATE SET kind = excluded.kind,"
		" until = excluded.until, moderator_id = excluded.moderator_id,"
		" created_at = excluded.created_at");
	stmt_uuid(&s, m->stream_id);
	stmt_text(&s, m->user_id);
	stmt_text(&s, mute_kind_text(m->kind));
	stmt_int_unless(&s, (int64_t)m->until, 0);
	stmt_text(&s, m->moderator_id);
	stmt_uint(&s, m->created_at);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static enum repo_result apply_delete(struct db *db, struct store_job *job)
{
	const struct mute_record *m = &container_of(job, struct mute_job, plain.job)->mute;
	bool failed = false;
	struct stmt s =
		stmt_begin(db, "DELETE FROM mutes WHERE stream_id = ? AND user_id = ? RETURNING 1");
	stmt_uuid(&s, m->stream_id);
	stmt_text(&s, m->user_id);
	bool gone = stmt_exists(&s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return gone ? REPO_OK : REPO_NOT_FOUND;
}

static void finish(struct plain_job *p)
{
	mute_record_finish(&container_of(p, struct mute_job, plain)->mute);
}

static struct mute_job *job_create(const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job),
	const struct mute_record *m, repo_done done, void *user)
{
	struct mute_job *j = mem_new(struct mute_job);
	plain_job_init(&j->plain, name, apply, finish, done, user);
	j->mute = *m;
	j->mute.user_id = mem_strdup(m->user_id);
	j->mute.moderator_id = mem_strdup(m->moderator_id);
	return j;
}

void chat_mute_put(void *impl, const struct mute_record *m, repo_done done, void *user)
{
	store_submit(impl, &job_create("mute", apply_put, m, done, user)->plain.job);
}

void chat_mute_delete(
	void *impl, struct uuid stream_id, const char *user_id, repo_done done, void *user)
{
	const struct mute_record m = {.stream_id = stream_id, .user_id = (char *)user_id};
	store_submit(impl, &job_create("unmute", apply_delete, &m, done, user)->plain.job);
}
