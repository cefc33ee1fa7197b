#pragma once

#include "base/clock.h"
#include "db.h"

/*
 * Functions for the writer's SQL, so that a statement can make rows out of rows:
 *
 *   uuid_new()        a new UUIDv7, as a blob
 *   uuid_text(blob)   its text; NULL of NULL
 *   now_ms()          the clock, ms since 1970
 *   iso_time(ms)      as in answers of the API; NULL of NULL and of 0
 *
 * False if SQLite has no memory for them. The clock is borrowed for the connection's life.
 */
bool functions_add(struct db *db, const struct clock *clock);
