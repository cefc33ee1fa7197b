#include "job.h"

static bool in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

bool job_apply(struct db *db, struct store_job *job)
{
	job->again = false;
	if (!db_run(db, "SAVEPOINT one_write")) {
		return false;
	}
	job->result = job->apply(db, job);
	if (!in_transaction(db)) {
		return false;
	}
	if (job->result != REPO_OK) {
		job->again = false;
		if (!db_run(db, "ROLLBACK TO one_write")) {
			return false;
		}
	}
	return db_run(db, "RELEASE one_write");
}
