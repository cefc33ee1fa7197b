#pragma once

#include <sqlite3.h>
#include <stdbool.h>

#include "base/map.h"

#define DB_PLACES 256 /* a power of two */

/* One connection, used by one thread at a time, with its prepared statements. */
struct db {
	sqlite3 *handle;
	struct map *statements; /* SQL text → sqlite3_stmt, kept prepared */
	/* Some of them by where the text lies: hashing all of it costs as much as a short read. */
	struct sqlite3_stmt *by_place[DB_PLACES];
	struct outbox_switch *outbox; /* the writer's: what the outbox is to get; else NULL */
};

/* Where a url points. */
struct db_place {
	char *path;
	bool in_memory; /* path is a name that all connections of the process share */
};

enum db_mode { DB_READ, DB_WRITE, DB_CREATE };

/* Errors are texts for people, on the heap. */
bool db_locate(const char *url, struct db_place *out, char **error);
void db_place_finish(struct db_place *p);

bool db_open(struct db *db, const struct db_place *place, enum db_mode mode, char **error);
void db_close(struct db *db); /* a zeroed or closed one is fine */

/* Runs statements without a result; logs and returns false on an error. */
bool db_run(struct db *db, const char *sql);
/* The same without a log line, for what may fail. */
bool db_try(struct db *db, const char *sql);
bool db_user_version(struct db *db, int *version);
/* Logs the connection's last error. */
void db_log_error(struct db *db, const char *doing);
char *db_error_text(struct db *db, const char *doing, const char *path);
