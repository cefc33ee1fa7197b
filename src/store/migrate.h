#pragma once

#include <stddef.h>

#include "db.h"

/* A step of the schema; the version it leads to is its place in the array, counted from 1. */
struct migration {
	const char *name, *sql;
};

/* Made from migrations/NNN_name.sql at build time. History only appends: none is ever changed. */
extern const struct migration migrations[];
extern const size_t n_migrations;

/*
 * Brings the database to version n, each step in a transaction of its own. False, with a text for
 * people, if a step fails (what came before it stays) or the database is newer than n.
 */
bool migrate_run(struct db *db, const struct migration *steps, size_t n, char **error);
bool migrate_check_version(struct db *db, size_t n, int *version, char **error);
