#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "base/buf.h"
#include "base/mem.h"
#include "migrate.h"
#include "store/store.h"

int store_schema_newest(void)
{
	return (int)n_migrations;
}

static bool open_url(const char *url, enum db_mode mode, struct db *db, char **error)
{
	struct db_place place;
	if (!db_locate(url, &place, error)) {
		return false;
	}
	bool ok = db_open(db, &place, mode, error);
	db_place_finish(&place);
	return ok;
}

bool store_schema_version(const char *url, int *version, char **error)
{
	struct db db;
	if (!open_url(url, DB_READ, &db, error)) {
		return false;
	}
	bool ok = db_user_version(&db, version);
	if (!ok) {
		*error = db_error_text(&db, "read", url);
	}
	db_close(&db);
	return ok;
}

bool store_migrate(const char *url, int *from, int *to, char **error)
{
	struct db db;
	if (!open_url(url, DB_CREATE, &db, error)) {
		return false;
	}
	bool ok = migrate_check_version(&db, n_migrations, from, error) &&
		migrate_run(&db, migrations, n_migrations, error);
	*to = (int)n_migrations;
	db_close(&db);
	return ok;
}

/* Adds the rows of a PRAGMA that finds faults. False if it could not run. */
static bool add_faults(struct db *db, const char *pragma, const char *ok_text, struct buf *faults)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(db->handle, pragma, -1, &s, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(s);
		const char *text =
			rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
		if (text != NULL && (ok_text == NULL || strcmp(text, ok_text) != 0)) {
			buf_printf(faults, "%s%s: %s", faults->len > 0 ? "\n" : "", pragma, text);
		}
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE;
}

bool store_check(const char *url, char **error)
{
	struct db db;
	struct buf faults = {0};
	if (!open_url(url, DB_READ, &db, error)) {
		return false;
	}
	*error = NULL;
	if (!add_faults(&db, "PRAGMA integrity_check", "ok", &faults) ||
		!add_faults(&db, "PRAGMA foreign_key_check", NULL, &faults)) {
		*error = db_error_text(&db, "check", url);
	} else if (faults.len > 0) {
		*error = mem_strdup(buf_text(&faults));
	}
	buf_finish(&faults);
	db_close(&db);
	return *error == NULL;
}

bool store_backup_file(const char *url, const char *path, char **error)
{
	struct db_place place;
	if (!db_locate(url, &place, error)) {
		return false;
	}
	bool ok = backup_copy(&place, path, NULL, error);
	db_place_finish(&place);
	return ok;
}
