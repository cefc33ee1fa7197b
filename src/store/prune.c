#include "base/mem.h"
#include "ledger.h"
#include "stmt.h"

#define TURN 1000 /* rows */

struct prune_job {
	struct plain_job plain;
	struct ledger_prune what;
};

/* Deletes up to *left rows older than `before`, and counts *left down. */
static bool delete_some(struct db *db, const char *sql, uint64_t before, int *left)
{
	struct stmt s;
	if (before == 0 || *left == 0) {
		return true;
	}
	s = stmt_begin(db, sql);
	stmt_uint(&s, before);
	stmt_int(&s, *left);
	if (!stmt_run(&s)) {
		return false;
	}
	*left -= sqlite3_changes(db->handle);
	return true;
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	const struct ledger_prune *what = &container_of(job, struct prune_job, plain.job)->what;
	int left = TURN;
	bool ok = delete_some(db,
			  "DELETE FROM notifications WHERE (user_id, id) IN"
			  " (SELECT user_id, id FROM notifications WHERE created_at < ? LIMIT ?)",
			  what->notifications_before, &left) &&
		delete_some(db,
			"DELETE FROM audit_log WHERE id IN"
			" (SELECT id FROM audit_log WHERE at < ? ORDER BY id LIMIT ?)",
			what->audit_before, &left) &&
		delete_some(db,
			"DELETE FROM idempotency_keys WHERE (user_id, key) IN"
			" (SELECT user_id, key FROM idempotency_keys WHERE created_at < ? LIMIT ?)",
			what->idempotency_before, &left);
	job->again = ok && left == 0;
	return ok ? REPO_OK : REPO_FAILED;
}

void ledger_prune(void *impl, const struct ledger_prune *what, repo_done done, void *user)
{
	struct prune_job *p = mem_new(struct prune_job);
	plain_job_init(&p->plain, "prune", apply, NULL, done, user);
	p->what = *what;
	store_submit(impl, &p->plain.job);
}
