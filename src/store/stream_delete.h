#pragma once

#include "job.h"
#include "model/repo_write.h"

/*
 * Deleting a stream takes with it what thousands of users heard, said and watched: that goes by
 * turns, and the stream's row, with what is left, last.
 */
struct store_job *stream_delete_job_create(struct repo_write *w); /* takes over the write */
