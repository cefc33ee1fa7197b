#pragma once

#include "model/repo.h"

/*
 * A repo in memory, held to the same contract tests as the store, for the unit tests of what lies
 * above. A write takes effect, and its `done` is called, when the test runs the queue. Borrows the
 * clock, which gives created ids and updated_at.
 */
struct repo_memory;

struct repo_memory *repo_memory_create(const struct clock *clock);
void repo_memory_destroy(struct repo_memory *m); /* drops what is queued; NULL is fine */
struct repo repo_memory_repo(struct repo_memory *m);
/* Carries out what is queued, and what that queues in turn. Returns how many writes it were. */
size_t repo_memory_run(struct repo_memory *m);
/* The next n writes that are carried out end in REPO_FAILED and change nothing. */
void repo_memory_fail(struct repo_memory *m, unsigned n);
