#pragma once

#include "model/repo.h"
#include "support/test.h"

/* The tests that every backend of the repo has to pass. */
struct repo_backend {
	struct repo repo; /* empty at the start of each test */
	struct clock_manual clock;
	/* Returns once every write queued so far is done and its completion has run. */
	void (*drain)(struct repo_backend *b);
};

/* Runs them. setup makes *state a struct repo_backend *, teardown undoes it. Returns failures. */
int repo_contract_run(const char *name, CMFixtureFunction setup, CMFixtureFunction teardown);

/* Blocks for tests of a backend: what a write ended with. */
struct repo_heard {
	int calls;
	enum repo_result result;
	struct uuid detail;
	bool has_stream;
	enum stream_status status;
	uint32_t product_count;
};
void repo_hear(void *heard, const struct repo_outcome *outcome); /* a repo_done */

void repo_sample_user(struct repo_backend *b, const char *id, const char *neighborhood);
struct uuid repo_sample_stream(struct repo_backend *b, const char *seller_id, const char *title);
struct uuid repo_sample_product(struct repo_backend *b, const char *seller_id, const char *name);
