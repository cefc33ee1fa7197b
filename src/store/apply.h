#pragma once

#include "db.h"
#include "model/repo_write.h"

/*
 * Carries out a write under a savepoint, within a transaction, and sets its outcome; a refused one
 * leaves no trace. False if the transaction itself is lost (SQLite rolls back by itself on some I/O
 * errors and on a full disk).
 */
bool apply_write(struct db *db, struct repo_write *w);
