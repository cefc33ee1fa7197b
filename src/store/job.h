#pragma once

#include "base/list.h"
#include "db.h"
#include "model/repo.h"

#define STORE_PATIENCE_US 20000u /* of writes that nobody waits for */

/*
 * One piece of work for the writer: a write of a table family embeds a job, with its arguments
 * (copied) and its results. The writer takes it over; `complete` frees it.
 */
struct store_job {
	struct list link; /* the writer's */
	const char *name; /* for the log */
	/*
	 * On the writer's thread, inside a transaction and under a savepoint: anything but REPO_OK
	 * undoes what it did. Called again from the start if the transaction was lost.
	 */
	enum repo_result (*apply)(struct db *db, struct store_job *job);
	/* On the loop thread after the commit. Frees the job. */
	void (*complete)(struct store_job *job);
	enum repo_result result;
	/*
	 * Set by apply: what it did so far may be committed, and it wants another turn after the
	 * writes that wait. So a long job never holds up short ones.
	 */
	bool again;
	/*
	 * How long it may wait for company, so that one commit serves many. It is carried out
	 * before whatever is submitted after it all the same.
	 */
	unsigned patience_us;
};

/*
 * Applies a job under a savepoint and sets its result; a refused one leaves no trace. False if the
 * transaction itself is lost (SQLite rolls back by itself on some I/O errors and on a full disk).
 */
bool job_apply(struct db *db, struct store_job *job);
