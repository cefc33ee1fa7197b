#include <stdlib.h>

#include "base/mem.h"
#include "outbox.h"
#include "store_private.h"
#include "tables.h"

#define COLUMNS "id, kind, event, target, payload, created_at, next_at, since, attempts, last_error"

static void enable(void *impl, bool webhooks, bool push)
{
	struct outbox_switch *o = store_outbox(impl);
	atomic_store(&o->webhooks, webhooks);
	atomic_store(&o->push, push);
}

static void watch(void *impl, void (*fn)(void *user), void *user)
{
	struct outbox_switch *o = store_outbox(impl);
	o->watch = fn;
	o->user = user;
}

static void read_record(struct stmt *s, struct outbox_record *out)
{
	*out = (struct outbox_record){.id = stmt_col_uuid(s)};
	const char *kind = (const char *)sqlite3_column_text(s->handle, s->next++);
	if (kind == NULL || !outbox_kind_parse(kind, &out->kind)) {
		s->failed = true;
	}
	out->event = stmt_col_text(s);
	out->target = stmt_col_text(s);
	out->payload = stmt_col_text(s);
	out->created_at = stmt_col_uint(s);
	out->next_at = stmt_col_uint(s);
	out->since = stmt_col_uint(s);
	out->attempts = stmt_col_u32(s);
	out->last_error = stmt_col_text(s);
}

static enum repo_result read_list(struct stmt *s, unsigned limit, struct outbox_list *out)
{
	*out = (struct outbox_list){.rows = mem_alloc(limit * sizeof(*out->rows))};
	while (out->n < limit && stmt_step(s)) {
		read_record(s, &out->rows[out->n++]);
	}
	if (!stmt_end(s)) {
		outbox_list_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

static enum repo_result read_next_at(
	void *impl, enum outbox_kind kind, uint64_t now_ms, uint64_t *next_at)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT min(next_at) FROM outbox WHERE kind = ? AND next_at > ?");
	stmt_text(&s, outbox_kind_text(kind));
	stmt_uint(&s, now_ms);
	*next_at = stmt_step(&s) ? stmt_col_uint(&s) : 0;
	return stmt_end(&s) ? REPO_OK : REPO_FAILED;
}

static enum repo_result due(void *impl, enum outbox_kind kind, uint64_t now_ms, unsigned limit,
	struct outbox_list *out, uint64_t *next_at)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT " COLUMNS " FROM outbox WHERE kind = ? AND next_at <= ?"
		" ORDER BY next_at, rowid LIMIT ?");
	stmt_text(&s, outbox_kind_text(kind));
	stmt_uint(&s, now_ms);
	stmt_uint(&s, limit);
	enum repo_result result = read_list(&s, limit, out);
	if (result == REPO_OK) {
		result = read_next_at(impl, kind, now_ms, next_at);
	}
	if (result != REPO_OK) {
		outbox_list_finish(out);
	}
	return result;
}

static enum repo_result list(void *impl, unsigned limit, struct outbox_list *out)
{
	struct stmt s = stmt_begin(
		store_reader(impl), "SELECT " COLUMNS " FROM outbox ORDER BY rowid DESC LIMIT ?");
	stmt_uint(&s, limit);
	return read_list(&s, limit, out);
}

static enum repo_result counts(void *impl, uint32_t *waiting, uint32_t *given_up)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT (SELECT count(*) FROM outbox WHERE next_at IS NOT NULL),"
		" (SELECT count(*) FROM outbox WHERE next_at IS NULL)");
	*waiting = *given_up = 0;
	if (stmt_step(&s)) {
		*waiting = stmt_col_u32(&s);
		*given_up = stmt_col_u32(&s);
	}
	return stmt_end(&s) ? REPO_OK : REPO_FAILED;
}

struct entry_job {
	struct plain_job plain; /* first: freed whole */
	struct uuid id; /* of the entry; of an event the stream's */
	char *text; /* the error, or the event */
	uint64_t next_at;
};

static void finish(struct plain_job *p)
{
	free(container_of(p, struct entry_job, plain)->text);
}

static struct entry_job *job_create(const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job), struct uuid id,
	const char *text, repo_done done, void *user)
{
	struct entry_job *j = mem_new(struct entry_job);
	plain_job_init(&j->plain, name, apply, finish, done, user);
	j->id = id;
	j->text = mem_strdup(text);
	return j;
}

static enum repo_result run_on_entry(struct stmt *s)
{
	bool failed = false;
	bool found = stmt_exists(s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result apply_delivered(struct db *db, struct store_job *job)
{
	const struct entry_job *j = container_of(job, struct entry_job, plain.job);
	struct stmt s = stmt_begin(db, "DELETE FROM outbox WHERE id = ? RETURNING 1");
	stmt_uuid(&s, j->id);
	return run_on_entry(&s);
}

static bool bound_given_up(struct db *db)
{
	struct stmt s = stmt_begin(db,
		"DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE next_at IS NULL"
		" ORDER BY id DESC LIMIT -1 OFFSET ?)");
	stmt_int(&s, OUTBOX_GIVEN_UP_MAX);
	return stmt_run(&s);
}

static enum repo_result apply_failed(struct db *db, struct store_job *job)
{
	const struct entry_job *j = container_of(job, struct entry_job, plain.job);
	struct stmt s = stmt_begin(db,
		"UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_at = ?"
		" WHERE id = ? RETURNING 1");
	stmt_text(&s, j->text);
	stmt_int_unless(&s, (int64_t)j->next_at, 0);
	stmt_uuid(&s, j->id);
	enum repo_result result = run_on_entry(&s);
	if (result == REPO_OK && j->next_at == 0 && !bound_given_up(db)) {
		result = REPO_FAILED;
	}
	return result;
}

static enum repo_result apply_event(struct db *db, struct store_job *job)
{
	const struct entry_job *j = container_of(job, struct entry_job, plain.job);
	enum stream_status status;
	enum repo_result result = streams_status(db, j->id, &status);
	if (result == REPO_OK && !outbox_stream(db, j->text, j->id)) {
		result = REPO_FAILED;
	}
	return result;
}

static void delivered(void *impl, struct uuid id, repo_done done, void *user)
{
	struct entry_job *j = job_create("outbox_delivered", apply_delivered, id, NULL, done, user);
	store_submit(impl, &j->plain.job);
}

static void failed(
	void *impl, struct uuid id, const char *error, uint64_t next_at, repo_done done, void *user)
{
	struct entry_job *j = job_create("outbox_failed", apply_failed, id, error, done, user);
	j->next_at = next_at;
	store_submit(impl, &j->plain.job);
}

static void event(void *impl, const char *name, struct uuid stream_id, repo_done done, void *user)
{
	struct entry_job *j = job_create("outbox_event", apply_event, stream_id, name, done, user);
	store_submit(impl, &j->plain.job);
}

struct retry_job {
	struct store_job job;
	outbox_retried done;
	void *user;
	uint32_t n;
};

static enum repo_result apply_retry(struct db *db, struct store_job *job)
{
	struct retry_job *r = container_of(job, struct retry_job, job);
	struct stmt s = stmt_begin(db,
		"UPDATE outbox SET attempts = 0, next_at = now_ms(), since = now_ms()"
		" WHERE next_at IS NULL");
	bool ok = stmt_run(&s);
	r->n = (uint32_t)sqlite3_changes(db->handle);
	if (db->outbox != NULL) {
		atomic_store(&db->outbox->news, true);
	}
	return ok ? REPO_OK : REPO_FAILED;
}

static void complete_retry(struct store_job *job)
{
	struct retry_job *r = container_of(job, struct retry_job, job);
	if (r->done != NULL) {
		r->done(r->user, job->result, r->n);
	}
	free(r);
}

static void retry(void *impl, outbox_retried done, void *user)
{
	struct retry_job *r = mem_new(struct retry_job);
	*r = (struct retry_job){
		.job = {.name = "outbox_retry", .apply = apply_retry, .complete = complete_retry},
		.done = done,
		.user = user,
	};
	store_submit(impl, &r->job);
}

const struct repo_outbox_ops outbox_ops = {
	.outbox_enable = enable,
	.outbox_watch = watch,
	.outbox_due = due,
	.outbox_delivered = delivered,
	.outbox_failed = failed,
	.outbox_event = event,
	.outbox_list = list,
	.outbox_counts = counts,
	.outbox_retry = retry,
};
