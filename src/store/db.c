#include "db.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"

#define LOG_MODULE "store"
#include "base/log.h"

#define SCHEME "sqlite:"
#define BUSY_MS 5000

bool db_locate(const char *url, struct db_place *out, char **error)
{
	static atomic_uint in_memory_count;
	*out = (struct db_place){0};
	if (!text_starts(url, SCHEME) || url[strlen(SCHEME)] == '\0') {
		*error = mem_printf("store url \"%s\": only sqlite:PATH is understood", url);
		return false;
	}
	const char *path = url + strlen(SCHEME);
	out->in_memory = strcmp(path, ":memory:") == 0;
	/* The memdb VFS shares what begins with a slash between connections. */
	out->path = out->in_memory ? mem_printf("/souk-%u", atomic_fetch_add(&in_memory_count, 1))
				   : mem_strdup(path);
	return true;
}

void db_place_finish(struct db_place *p)
{
	free(p->path);
	*p = (struct db_place){0};
}

static bool make_directory_of(const char *path, char **error)
{
	char *copy = mem_strdup(path);
	bool ok = true;
	for (char *at = strchr(copy + 1, '/'); ok && at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(copy, 0750) != 0 && errno != EEXIST) {
			*error = mem_printf("cannot make directory %s: %s", copy, strerror(errno));
			ok = false;
		}
		*at = '/';
	}
	free(copy);
	return ok;
}

char *db_error_text(struct db *db, const char *doing, const char *path)
{
	const char *why = db->handle != NULL ? sqlite3_errmsg(db->handle) : "out of memory";
	return mem_printf("cannot %s %s: %s", doing, path, why);
}

void db_log_error(struct db *db, const char *doing)
{
	log_error("database error", kv_str("doing", doing),
		kv_str("error", sqlite3_errmsg(db->handle)),
		kv_i64("code", sqlite3_extended_errcode(db->handle)));
}

bool db_try(struct db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool db_run(struct db *db, const char *sql)
{
	bool ok = db_try(db, sql);
	if (!ok) {
		db_log_error(db, sql);
	}
	return ok;
}

bool db_user_version(struct db *db, int *version)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK) {
		return false;
	}
	bool ok = sqlite3_step(s) == SQLITE_ROW;
	*version = ok ? sqlite3_column_int(s, 0) : 0;
	sqlite3_finalize(s);
	return ok;
}

static int flags_of(enum db_mode mode)
{
	switch (mode) {
	case DB_READ:
		return SQLITE_OPEN_READONLY;
	case DB_WRITE:
		return SQLITE_OPEN_READWRITE;
	case DB_CREATE:
		return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	}
	return SQLITE_OPEN_READONLY;
}

static bool set_pragmas(struct db *db, const struct db_place *place, enum db_mode mode)
{
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	if (mode == DB_READ) {
		return db_try(db, "PRAGMA query_only = ON");
	}
	/* The write-ahead log is given back to the disk down to 64 MiB after a burst. */
	return (place->in_memory || db_try(db, "PRAGMA journal_mode = WAL")) &&
		db_try(db,
			"PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			"PRAGMA journal_size_limit = 67108864");
}

bool db_open(struct db *db, const struct db_place *place, enum db_mode mode, char **error)
{
	*db = (struct db){0};
	if (mode == DB_CREATE && !place->in_memory && !make_directory_of(place->path, error)) {
		return false;
	}
	/* Connections in memory are all writable: a read-only one cannot share. */
	int flags = place->in_memory ? flags_of(DB_CREATE) : flags_of(mode);
	const char *vfs = place->in_memory ? "memdb" : NULL;
	if (sqlite3_open_v2(place->path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, vfs) !=
			SQLITE_OK ||
		!set_pragmas(db, place, mode)) {
		*error = db_error_text(db, "open database", place->path);
		db_close(db);
		return false;
	}
	db->statements = map_create();
	return true;
}

void db_close(struct db *db)
{
	size_t pos = 0;
	void *statement;
	while (db->statements != NULL && map_next(db->statements, &pos, &statement)) {
		sqlite3_finalize(statement);
	}
	map_destroy(db->statements);
	sqlite3_close_v2(db->handle);
	*db = (struct db){0};
}
