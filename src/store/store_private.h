#pragma once

#include "job.h"

/* What the table families share of the store; `impl` is that of its repo. */
struct db *store_reader(void *impl); /* for reads, on the loop thread */
const struct clock *store_clock(void *impl);
struct outbox_switch *store_outbox(void *impl);
struct notice_watch *store_notices(void *impl);
struct follow_watch *store_follows(void *impl);
void store_submit(void *impl, struct store_job *job); /* takes it over */

/*
 * A write whose caller only wants to know the outcome. Stands first in the struct of the write,
 * which is made by mem_new and freed whole after `finish` released what it holds (NULL: nothing).
 */
struct plain_job {
	struct store_job job;
	struct repo_outcome outcome; /* apply may set detail; the result is set from the job's */
	repo_done done;
	void *user;
	void (*finish)(struct plain_job *p);
};
void plain_job_init(struct plain_job *p, const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job),
	void (*finish)(struct plain_job *p), repo_done done, void *user);
