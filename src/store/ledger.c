#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stmt.h"

#define FINGERPRINT_SIZE 32
/* Old keys that go with each new one: more than one, so that they do not pile up. */
#define FORGET_PER_KEY "4"

struct begin_job {
	struct store_job job;
	char *user_id, *key, *body;
	uint8_t fingerprint[FINGERPRINT_SIZE];
	uint64_t since, now;
	unsigned max;
	enum idempotency_state state;
	int status;
	repo_idempotency_done done;
	void *user;
};

static bool forget_old(struct db *db, const struct begin_job *j)
{
	struct stmt own = stmt_begin(db,
		"DELETE FROM idempotency_keys WHERE user_id = ? AND key = ? AND created_at < ?");
	stmt_text(&own, j->user_id);
	stmt_text(&own, j->key);
	stmt_uint(&own, j->since);
	if (!stmt_run(&own)) {
		return false;
	}
	struct stmt some = stmt_begin(db,
		"DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key"
		" FROM idempotency_keys WHERE created_at < ? ORDER BY created_at"
		" LIMIT " FORGET_PER_KEY ")");
	stmt_uint(&some, j->since);
	return stmt_run(&some);
}

static void read_key(struct stmt *s, struct begin_job *j)
{
	uint8_t fingerprint[FINGERPRINT_SIZE] = {0};
	stmt_col_blob(s, fingerprint, sizeof(fingerprint));
	j->status = (int)stmt_col_int_or(s, 0);
	free(j->body);
	j->body = stmt_col_text(s);
	if (memcmp(fingerprint, j->fingerprint, sizeof(fingerprint)) != 0) {
		j->state = IDEMPOTENCY_OTHER;
	} else {
		j->state = j->status != 0 ? IDEMPOTENCY_ANSWERED : IDEMPOTENCY_UNFINISHED;
	}
}

static enum repo_result reserve(struct db *db, struct begin_job *j)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO idempotency_keys (user_id, key, fingerprint, created_at)"
		" VALUES (?, ?, ?, ?)");
	j->state = IDEMPOTENCY_FIRST;
	stmt_text(&s, j->user_id);
	stmt_text(&s, j->key);
	stmt_blob(&s, j->fingerprint, sizeof(j->fingerprint));
	stmt_uint(&s, j->now);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static bool has_too_many(struct db *db, const struct begin_job *j, bool *failed)
{
	struct stmt s =
		stmt_begin(db, "SELECT 1 FROM idempotency_users WHERE user_id = ? AND keys >= ?");
	stmt_text(&s, j->user_id);
	stmt_uint(&s, j->max);
	return stmt_exists(&s, failed);
}

static enum repo_result begin_apply(struct db *db, struct store_job *job)
{
	struct begin_job *j = container_of(job, struct begin_job, job);
	if (!forget_old(db, j)) {
		return REPO_FAILED;
	}
	struct stmt s = stmt_begin(db,
		"SELECT fingerprint, status, body FROM idempotency_keys"
		" WHERE user_id = ? AND key = ?");
	stmt_text(&s, j->user_id);
	stmt_text(&s, j->key);
	bool found = stmt_step(&s);
	if (found) {
		read_key(&s, j);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	if (found) {
		return REPO_OK;
	}
	bool failed = false;
	if (j->max != 0 && has_too_many(db, j, &failed)) {
		j->state = IDEMPOTENCY_TOO_MANY;
		return REPO_OK;
	}
	return failed ? REPO_FAILED : reserve(db, j);
}

static void begin_complete(struct store_job *job)
{
	struct begin_job *j = container_of(job, struct begin_job, job);
	struct repo_idempotency outcome = {
		.result = job->result,
		.state = j->state,
		.status = j->status,
		.body = j->body,
	};
	j->done(j->user, &outcome);
	free(j->user_id);
	free(j->key);
	free(j->body);
	free(j);
}

static void idempotency_begin(void *impl, const char *user_id, const char *key,
	const uint8_t fingerprint[FINGERPRINT_SIZE], uint64_t since_ms, unsigned max,
	repo_idempotency_done done, void *user)
{
	struct begin_job *j = mem_new(struct begin_job);
	j->job = (struct store_job){
		.name = "idempotency_begin", .apply = begin_apply, .complete = begin_complete};
	j->user_id = mem_strdup(user_id);
	j->key = mem_strdup(key);
	memcpy(j->fingerprint, fingerprint, sizeof(j->fingerprint));
	j->since = since_ms;
	j->max = max;
	j->now = clock_wall_ms(store_clock(impl));
	j->done = done;
	j->user = user;
	store_submit(impl, &j->job);
}

struct key_job {
	struct plain_job plain;
	char *user_id, *key, *body;
	int status;
};

static void key_finish(struct plain_job *p)
{
	struct key_job *j = container_of(p, struct key_job, plain);
	free(j->user_id);
	free(j->key);
	free(j->body);
}

static struct key_job *key_job_of(struct store_job *job)
{
	struct plain_job *p = container_of(job, struct plain_job, job);
	return container_of(p, struct key_job, plain);
}

static struct key_job *key_job_create(const char *user_id, const char *key)
{
	struct key_job *j = mem_new(struct key_job);
	j->user_id = mem_strdup(user_id);
	j->key = mem_strdup(key);
	return j;
}

static enum repo_result end_apply(struct db *db, struct store_job *job)
{
	const struct key_job *j = key_job_of(job);
	struct stmt s = stmt_begin(db,
		"UPDATE idempotency_keys SET status = ?, body = ?"
		" WHERE user_id = ? AND key = ? AND status IS NULL RETURNING 1");
	stmt_int(&s, j->status);
	stmt_text(&s, j->body);
	stmt_text(&s, j->user_id);
	stmt_text(&s, j->key);
	bool found = stmt_step(&s);
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

static void idempotency_end(void *impl, const char *user_id, const char *key, int status,
	const char *body, repo_done done, void *user)
{
	struct key_job *j = key_job_create(user_id, key);
	j->status = status;
	j->body = mem_strdup(body);
	plain_job_init(&j->plain, "idempotency_end", end_apply, key_finish, done, user);
	store_submit(impl, &j->plain.job);
}

static enum repo_result drop_apply(struct db *db, struct store_job *job)
{
	const struct key_job *j = key_job_of(job);
	struct stmt s = stmt_begin(db,
		"DELETE FROM idempotency_keys WHERE user_id = ? AND key = ? AND status IS NULL");
	stmt_text(&s, j->user_id);
	stmt_text(&s, j->key);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static void idempotency_drop(
	void *impl, const char *user_id, const char *key, repo_done done, void *user)
{
	struct key_job *j = key_job_create(user_id, key);
	plain_job_init(&j->plain, "idempotency_drop", drop_apply, key_finish, done, user);
	store_submit(impl, &j->plain.job);
}

const struct repo_ledger_ops ledger_ops = {
	.idempotency_begin = idempotency_begin,
	.idempotency_end = idempotency_end,
	.idempotency_drop = idempotency_drop,
	.audit_add = ledger_audit_add,
	.audit_list = ledger_audit_list,
	.prune = ledger_prune,
};
