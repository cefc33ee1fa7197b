#pragma once

#include <stdatomic.h>

#include "db.h"

/*
 * Copies the database as it is now to a new file that appears only when it is whole; a file that is
 * there already is left alone, and it fails. *stop may be set
 * from another thread to give up; NULL: never. False, with a text for people, on failure.
 */
bool backup_copy(
	const struct db_place *from, const char *path, const atomic_bool *stop, char **error);
