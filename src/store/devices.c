#include <stdlib.h>

#include "base/mem.h"
#include "model/uuid.h"
#include "people.h"
#include "tables.h"

struct device_job {
	struct plain_job plain;
	struct uuid id;
	char *user_id; /* NULL: whoever has the token */
	enum device_platform platform;
	char *token;
	uint64_t now;
};

static void finish(struct plain_job *p)
{
	struct device_job *d = container_of(p, struct device_job, plain);
	free(d->user_id);
	free(d->token);
}

/* How many devices the user has beside the one with this token. */
static bool count_others(struct db *db, const struct device_job *d, uint32_t *count)
{
	struct stmt s =
		stmt_begin(db, "SELECT count(*) FROM devices WHERE user_id = ? AND token <> ?");
	stmt_text(&s, d->user_id);
	stmt_text(&s, d->token);
	*count = stmt_step(&s) ? stmt_col_u32(&s) : 0;
	return stmt_end(&s);
}

/* A token that goes to another user is another device: the one before knew its id. */
static bool take_from_others(struct db *db, const struct device_job *d)
{
	struct stmt s = stmt_begin(db, "DELETE FROM devices WHERE token = ? AND user_id <> ?");
	stmt_text(&s, d->token);
	stmt_text(&s, d->user_id);
	return stmt_run(&s);
}

static bool write_row(struct db *db, struct device_job *d)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO devices (id, user_id, platform, token, created_at, updated_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (token) DO UPDATE SET"
		" platform = excluded.platform, updated_at = excluded.updated_at RETURNING id");
	stmt_uuid(&s, d->id);
	stmt_text(&s, d->user_id);
	stmt_text(&s, device_platform_text(d->platform));
	stmt_text(&s, d->token);
	stmt_uint(&s, d->now);
	if (stmt_step(&s)) {
		d->plain.outcome.detail = stmt_col_uuid(&s);
	}
	return stmt_end(&s);
}

static enum repo_result put(struct db *db, struct store_job *job)
{
	struct device_job *d = container_of(job, struct device_job, plain.job);
	uint32_t others;
	enum repo_result result = users_exists(db, d->user_id);
	if (result != REPO_OK) {
		return result;
	}
	if (!count_others(db, d, &others)) {
		return REPO_FAILED;
	}
	if (others >= DEVICES_MAX) {
		return REPO_WRONG_STATE;
	}
	return take_from_others(db, d) && write_row(db, d) ? REPO_OK : REPO_FAILED;
}

static enum repo_result outcome_of_delete(struct db *db, struct stmt *s)
{
	if (!stmt_run(s)) {
		return REPO_FAILED;
	}
	return sqlite3_changes(db->handle) > 0 ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result delete_token(struct db *db, struct store_job *job)
{
	const struct device_job *d = container_of(job, struct device_job, plain.job);
	struct stmt s = stmt_begin(
		db, "DELETE FROM devices WHERE token = ? AND user_id = coalesce(?, user_id)");
	stmt_text(&s, d->token);
	stmt_text(&s, d->user_id);
	return outcome_of_delete(db, &s);
}

static enum repo_result delete_id(struct db *db, struct store_job *job)
{
	const struct device_job *d = container_of(job, struct device_job, plain.job);
	struct stmt s = stmt_begin(db, "DELETE FROM devices WHERE id = ? AND user_id = ?");
	stmt_uuid(&s, d->id);
	stmt_text(&s, d->user_id);
	return outcome_of_delete(db, &s);
}

static struct device_job *job_create(const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job), const char *user_id,
	repo_done done, void *user)
{
	struct device_job *d = mem_new(struct device_job);
	plain_job_init(&d->plain, name, apply, finish, done, user);
	d->user_id = mem_strdup(user_id);
	return d;
}

void devices_put(void *impl, const struct device_record *r, repo_done done, void *user)
{
	struct device_job *d = job_create("device_put", put, r->user_id, done, user);
	d->id = uuid_is_none(r->id) ? uuid_new(store_clock(impl)) : r->id;
	d->platform = r->platform;
	d->token = mem_strdup(r->token);
	d->now = clock_wall_ms(store_clock(impl));
	store_submit(impl, &d->plain.job);
}

void devices_delete(void *impl, const char *user_id, const char *token, repo_done done, void *user)
{
	struct device_job *d = job_create("device_delete", delete_token, user_id, done, user);
	d->token = mem_strdup(token);
	store_submit(impl, &d->plain.job);
}

void devices_remove(void *impl, const char *user_id, struct uuid id, repo_done done, void *user)
{
	struct device_job *d = job_create("device_remove", delete_id, user_id, done, user);
	d->id = id;
	store_submit(impl, &d->plain.job);
}

static enum device_platform read_platform(struct stmt *s)
{
	enum device_platform platform = DEVICE_ANDROID;
	char *text = stmt_col_text(s);
	if (text == NULL || !device_platform_parse(text, &platform)) {
		s->failed = true;
	}
	free(text);
	return platform;
}

enum repo_result devices_list(void *impl, const char *user_id, struct repo_device_list *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT id, user_id, platform, token, created_at, updated_at FROM devices"
		" WHERE user_id = ? ORDER BY id LIMIT ?");
	*out = (struct repo_device_list){.rows = mem_alloc(DEVICES_MAX * sizeof(*out->rows))};
	stmt_text(&s, user_id);
	stmt_uint(&s, DEVICES_MAX);
	while (stmt_step(&s)) {
		struct device_record *r = &out->rows[out->n++];
		r->id = stmt_col_uuid(&s);
		r->user_id = stmt_col_text(&s);
		r->platform = read_platform(&s);
		r->token = stmt_col_text(&s);
		r->created_at = stmt_col_uint(&s);
		r->updated_at = stmt_col_uint(&s);
	}
	if (!stmt_end(&s)) {
		repo_device_list_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}
