#pragma once

#include "job.h"
#include "model/repo_write.h"

/* A write of struct repo_ops as a job of the writer. Takes over the write. */
struct store_job *apply_job_create(struct repo_write *w);
