#include "tables.h"

enum repo_result users_get(struct db *db, const char *id, struct user_record *out)
{
	struct stmt s = stmt_begin(db,
		"SELECT id, name, avatar, neighborhood, roles, created_at, updated_at"
		" FROM users WHERE id = ?");
	*out = (struct user_record){0};
	stmt_text(&s, id);
	bool found = stmt_step(&s);
	if (found) {
		out->id = stmt_col_text(&s);
		out->name = stmt_col_text(&s);
		out->avatar = stmt_col_text(&s);
		out->neighborhood = stmt_col_text(&s);
		out->roles = stmt_col_u32(&s);
		out->created_at = stmt_col_uint(&s);
		out->updated_at = stmt_col_uint(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result users_put(struct db *db, struct repo_write *w)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO users (id, name, avatar, neighborhood, roles, created_at, updated_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (id) DO UPDATE SET name = excluded.name, avatar = excluded.avatar,"
		" neighborhood = excluded.neighborhood, roles = excluded.roles,"
		" updated_at = excluded.updated_at");
	stmt_text(&s, w->user.id);
	stmt_text(&s, w->user.name);
	stmt_text(&s, w->user.avatar);
	stmt_text(&s, w->user.neighborhood);
	stmt_uint(&s, w->user.roles);
	stmt_uint(&s, w->user.created_at);
	stmt_uint(&s, w->user.updated_at);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

enum repo_result users_set(struct db *db, struct repo_write *w)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO users (id, name, avatar, neighborhood, roles, created_at, updated_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (id) DO UPDATE SET"
		" name = iif(?7 & 1, excluded.name, name),"
		" avatar = iif(?7 & 2, excluded.avatar, avatar),"
		" neighborhood = iif(?7 & 4, excluded.neighborhood, neighborhood),"
		" roles = iif(?7 & 8, excluded.roles, roles), updated_at = excluded.updated_at");
	stmt_text(&s, w->user.id);
	stmt_text(&s, w->user.name);
	stmt_text(&s, w->user.avatar);
	stmt_text(&s, w->user.neighborhood);
	stmt_uint(&s, w->user.roles);
	stmt_uint(&s, w->now);
	stmt_uint(&s, w->user_fields); /* the bits of enum user_field */
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

enum repo_result users_exists(struct db *db, const char *id)
{
	bool failed = false;
	struct stmt s = stmt_begin(db, "SELECT 1 FROM users WHERE id = ?");
	stmt_text(&s, id);
	bool exists = stmt_exists(&s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return exists ? REPO_OK : REPO_NOT_FOUND;
}
