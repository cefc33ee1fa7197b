#pragma once

#include "db.h"
#include "model/record.h"

/*
 * A prepared statement in use: parameters are bound, then columns read, each in order by its own
 * call. A statement that failed stays failed and does nothing; that is asked once, at the end.
 *
 *   struct stmt s = stmt_begin(db, "SELECT name FROM users WHERE id = ?");
 *   stmt_text(&s, id);
 *   while (stmt_step(&s)) name = stmt_col_text(&s);
 *   if (!stmt_end(&s)) …
 */
struct stmt {
	struct db *db;
	sqlite3_stmt *handle;
	int next; /* parameter or column */
	bool failed;
};

struct stmt stmt_begin(struct db *db, const char *sql);
void stmt_text(struct stmt *s, const char *v); /* NULL is NULL; borrowed until stmt_end */
void stmt_int(struct stmt *s, int64_t v);
void stmt_uint(struct stmt *s, uint64_t v);
void stmt_int_unless(struct stmt *s, int64_t v, int64_t null_value); /* null_value is NULL */
void stmt_real(struct stmt *s, double v);
void stmt_null(struct stmt *s);
void stmt_blob(struct stmt *s, const void *v, size_t len);
void stmt_uuid(struct stmt *s, struct uuid v);

bool stmt_step(struct stmt *s); /* true: a row stands ready */
bool stmt_end(struct stmt *s); /* gives it back; false (and logged) if anything failed */
bool stmt_run(struct stmt *s); /* steps once and ends: for writes */
bool stmt_do(struct db *db, const char *sql); /* all of that, of what has no parameters */
/* Whether there is a row; ends. False too, with *failed set, on an error. */
bool stmt_exists(struct stmt *s, bool *failed);

void stmt_skip(struct stmt *s);
char *stmt_col_text(struct stmt *s); /* heap, or NULL */
int64_t stmt_col_int(struct stmt *s);
uint64_t stmt_col_uint(struct stmt *s);
uint32_t stmt_col_u32(struct stmt *s);
bool stmt_col_bool(struct stmt *s);
int64_t stmt_col_int_or(struct stmt *s, int64_t null_value);
double stmt_col_real(struct stmt *s);
bool stmt_col_is_null(struct stmt *s); /* of the next column, which stays the next */
bool stmt_col_blob(struct stmt *s, void *out, size_t len); /* false: NULL or of another size */
struct uuid stmt_col_uuid(struct stmt *s);
