#include "stmt.h"

#include <string.h>

#include "base/mem.h"

static sqlite3_stmt **place_of(struct db *db, const char *sql)
{
	uint64_t mixed = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
	return &db->by_place[mixed >> 56 & (DB_PLACES - 1)];
}

struct stmt stmt_begin(struct db *db, const char *sql)
{
	sqlite3_stmt **place = place_of(db, sql);
	struct stmt s = {.db = db, .next = 1, .handle = *place};
	/* Another text may have the place, or have been where this one lies. */
	if (s.handle != NULL && strcmp(sqlite3_sql(s.handle), sql) == 0) {
		return s;
	}
	s.handle = map_get_str(db->statements, sql);
	if (s.handle == NULL) {
		if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s.handle,
			    NULL) != SQLITE_OK) {
			db_log_error(db, sql);
			s.failed = true;
			return s;
		}
		map_put_str(db->statements, sql, s.handle);
	}
	*place = s.handle;
	return s;
}

static void check(struct stmt *s, int rc)
{
	s->failed = s->failed || rc != SQLITE_OK;
}

void stmt_text(struct stmt *s, const char *v)
{
	if (!s->failed) {
		check(s, sqlite3_bind_text(s->handle, s->next++, v, -1, SQLITE_STATIC));
	}
}

void stmt_int(struct stmt *s, int64_t v)
{
	if (!s->failed) {
		check(s, sqlite3_bind_int64(s->handle, s->next++, v));
	}
}

void stmt_uint(struct stmt *s, uint64_t v)
{
	stmt_int(s, v <= INT64_MAX ? (int64_t)v : INT64_MAX);
}

void stmt_null(struct stmt *s)
{
	if (!s->failed) {
		check(s, sqlite3_bind_null(s->handle, s->next++));
	}
}

void stmt_int_unless(struct stmt *s, int64_t v, int64_t null_value)
{
	if (v == null_value) {
		stmt_null(s);
	} else {
		stmt_int(s, v);
	}
}

void stmt_real(struct stmt *s, double v)
{
	if (!s->failed) {
		check(s, sqlite3_bind_double(s->handle, s->next++, v));
	}
}

void stmt_blob(struct stmt *s, const void *v, size_t len)
{
	if (!s->failed) {
		/* Copied: ids are passed by value and gone before the statement runs. */
		check(s, sqlite3_bind_blob64(s->handle, s->next++, v, len, SQLITE_TRANSIENT));
	}
}

void stmt_uuid(struct stmt *s, struct uuid v)
{
	stmt_blob(s, v.bytes, sizeof(v.bytes));
}

bool stmt_step(struct stmt *s)
{
	if (s->failed) {
		return false;
	}
	int rc = sqlite3_step(s->handle);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		db_log_error(s->db, sqlite3_sql(s->handle));
		s->failed = true;
	}
	s->next = 0;
	return rc == SQLITE_ROW;
}

bool stmt_end(struct stmt *s)
{
	if (s->handle != NULL) {
		sqlite3_reset(s->handle);
		sqlite3_clear_bindings(s->handle);
	}
	return !s->failed;
}

bool stmt_run(struct stmt *s)
{
	stmt_step(s);
	return stmt_end(s);
}

bool stmt_do(struct db *db, const char *sql)
{
	struct stmt s = stmt_begin(db, sql);
	return stmt_run(&s);
}

bool stmt_exists(struct stmt *s, bool *failed)
{
	bool exists = stmt_step(s);
	if (!stmt_end(s)) {
		*failed = true;
	}
	return exists;
}

void stmt_skip(struct stmt *s)
{
	s->next++;
}

char *stmt_col_text(struct stmt *s)
{
	return mem_strdup((const char *)sqlite3_column_text(s->handle, s->next++));
}

int64_t stmt_col_int(struct stmt *s)
{
	return sqlite3_column_int64(s->handle, s->next++);
}

uint64_t stmt_col_uint(struct stmt *s)
{
	int64_t v = stmt_col_int(s);
	return v > 0 ? (uint64_t)v : 0;
}

uint32_t stmt_col_u32(struct stmt *s)
{
	uint64_t v = stmt_col_uint(s);
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

bool stmt_col_bool(struct stmt *s)
{
	return stmt_col_int(s) != 0;
}

bool stmt_col_is_null(struct stmt *s)
{
	return sqlite3_column_type(s->handle, s->next) == SQLITE_NULL;
}

int64_t stmt_col_int_or(struct stmt *s, int64_t null_value)
{
	if (stmt_col_is_null(s)) {
		stmt_skip(s);
		return null_value;
	}
	return stmt_col_int(s);
}

double stmt_col_real(struct stmt *s)
{
	return sqlite3_column_double(s->handle, s->next++);
}

bool stmt_col_blob(struct stmt *s, void *out, size_t len)
{
	const void *blob = sqlite3_column_blob(s->handle, s->next);
	size_t is = (size_t)sqlite3_column_bytes(s->handle, s->next);
	s->next++;
	if (blob == NULL || is != len) {
		return false;
	}
	memcpy(out, blob, len);
	return true;
}

struct uuid stmt_col_uuid(struct stmt *s)
{
	struct uuid id = {{0}};
	stmt_col_blob(s, id.bytes, sizeof(id.bytes));
	return id;
}
