#pragma once

#include <pthread.h>

#include "store/store.h"
#include "support/repo_contract.h"

/* A store in a directory of its own, with a loop that the test turns by hand. */
struct fixture {
	struct repo_backend backend; /* first: the contract takes the state for one */
	char *dir, *path, *url;
	struct metrics *metrics;
	struct store *store;

	pthread_mutex_t lock;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} posted[256];
	size_t n_posted;
};

int fixture_setup(void **state); /* a file */
int fixture_setup_in_memory(void **state); /* sqlite::memory: */
int fixture_teardown(void **state);

void fixture_open(struct fixture *f, size_t queue_max);
void fixture_close(struct fixture *f);
void fixture_turn(struct fixture *f); /* runs what was posted */
/* The value of a metric's line, e.g. "souk_store_commit_seconds_count". */
long fixture_metric(struct fixture *f, const char *name);

/* Opens the file with a connection of the test's own and holds the write lock until released. */
struct sqlite3 *fixture_lock(struct fixture *f);
void fixture_unlock(struct sqlite3 *db);
