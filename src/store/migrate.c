#include "migrate.h"

#include <stdlib.h>

#include "base/mem.h"

#define LOG_MODULE "store"
#include "base/log.h"

bool migrate_check_version(struct db *db, size_t n, int *version, char **error)
{
	if (!db_user_version(db, version)) {
		*error = db_error_text(db, "read", "the schema version");
		return false;
	}
	if (*version < 0 || (size_t)*version > n) {
		*error = mem_printf(
			"the database has schema version %d, newer than the %zu that this "
			"program knows: run the newer program, or restore a backup",
			*version, n);
		return false;
	}
	return true;
}

static bool run_step(struct db *db, const struct migration *m, int version, char **error)
{
	char *set_version = mem_printf("PRAGMA user_version = %d", version);
	bool ok = db_try(db, m->sql) && db_try(db, set_version) && db_try(db, "COMMIT");
	free(set_version);
	if (!ok) {
		*error = db_error_text(db, "carry out migration", m->name);
		db_try(db, "ROLLBACK");
		return false;
	}
	log_info("database migrated", kv_str("migration", m->name), kv_i64("version", version));
	return true;
}

bool migrate_run(struct db *db, const struct migration *steps, size_t n, char **error)
{
	int version;
	for (;;) {
		/* The version is read inside the transaction: another process may migrate too. */
		if (!db_try(db, "BEGIN IMMEDIATE")) {
			*error = db_error_text(db, "begin", "a migration");
			return false;
		}
		if (!migrate_check_version(db, n, &version, error)) {
			db_try(db, "ROLLBACK");
			return false;
		}
		if ((size_t)version == n) {
			db_try(db, "ROLLBACK");
			return true;
		}
		if (!run_step(db, &steps[version], version + 1, error)) {
			return false;
		}
	}
}
