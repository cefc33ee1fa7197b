#pragma once

#include "job.h"
#include "model/repo_write.h"

/* A write of struct repo_ops as a job of the writer. Takes over the write; impl is the repo's. */
struct store_job *apply_job_create(void *impl, struct repo_write *w);

/* What the job does on the writer's thread. The outcome is set but for its result. */
enum repo_result apply_write(struct db *db, struct repo_write *w);
/* On the loop thread: the write's `done` hears the result; the write is freed. */
void apply_complete(struct repo_write *w, enum repo_result result);
