#pragma once

#include "job.h"
#include "model/repo_write.h"

/*
 * Going live, with the notifications: the job is done when all are stored. If the last of them
 * cannot be stored now, the stream is live all the same, and the outcome counts those that are;
 * the rest is written after the next start.
 */
/* Takes over the write; impl is the repo's. */
struct store_job *go_live_job_create(void *impl, struct repo_write *w);

/* Submits what an earlier process left unfinished. */
void go_live_resume(void *impl);
