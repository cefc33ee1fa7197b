#include "job.h"

#include "stmt.h"

static bool in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

bool job_apply(struct db *db, struct store_job *job)
{
	job->again = false;
	if (!stmt_do(db, "SAVEPOINT one_write")) {
		return false;
	}
	job->result = job->apply(db, job);
	if (!in_transaction(db)) {
		return false;
	}
	if (job->result != REPO_OK) {
		job->again = false;
		if (!stmt_do(db, "ROLLBACK TO one_write")) {
			return false;
		}
	}
	return stmt_do(db, "RELEASE one_write");
}
