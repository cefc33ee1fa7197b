#pragma once

#include "base/metrics.h"
#include "model/repo.h"

/*
 * The repo over SQLite: one writer thread with a bounded queue and group commit, and reads by
 * prepared statements on the loop thread's own read-only connection. Rules: spec data.md, SQLite.
 *
 * All functions of a store are called on one thread (the loop's); reads of the repo too.
 */
struct store;

struct store_config {
	const char *url; /* "sqlite:PATH", or "sqlite::memory:" for tests */
	const struct clock *clock; /* NULL: clock_system */
	struct metrics *metrics; /* may be NULL */
	/*
	 * Has fn(arg) called on the loop thread, soon and never inside the call. Called from any
	 * thread. What is posted needs no store: it may run after store_close.
	 */
	void (*post)(void *user, void (*fn)(void *arg), void *arg);
	void *post_user;
	size_t queue_max; /* writes that may wait; past that they end in REPO_FAILED. 0: 8192 */
};

/*
 * Opens or creates the database (and its directory), brings it to the newest schema and starts the
 * writer. NULL on failure, with a text for people in *error (heap).
 */
struct store *store_open(const struct store_config *config, char **error);
/* Carries out what is queued, then closes; completions are posted. NULL is fine. */
void store_close(struct store *s);
/* Returns once all that was queued before the call is committed and its completions are posted. */
void store_flush(struct store *s);
struct repo store_repo(struct store *s);
/* Whether the last commit worked and reads do: for /readyz. */
bool store_healthy(struct store *s);

/*
 * Copies the database as it is at this moment to a new file, on a thread, while writes go on. done
 * is posted, with NULL or an error text for its run. One at a time: another ends in an error. An
 * unfinished copy is given up by store_close.
 */
void store_backup(
	struct store *s, const char *path, void (*done)(void *user, const char *error), void *user);

/*
 * For the command line: work on the file that the url names, with or without a running daemon, and
 * block. False on failure, with a text for people in *error (heap).
 */
int store_schema_newest(void);
bool store_schema_version(const char *url, int *version, char **error);
bool store_migrate(const char *url, int *from, int *to, char **error);
/* True if integrity and foreign keys are in order; else what is wrong, a line each, in *error. */
bool store_check(const char *url, char **error);
bool store_backup_file(const char *url, const char *path, char **error);
