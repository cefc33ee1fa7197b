
#include "base/mem.h"
#include "chat.h"
#include "stmt.h"

static void read_message(struct stmt *s, struct chat_record *out)
{
	*out = (struct chat_record){0};
	out->id = stmt_col_uuid(s);
	out->stream_id = stmt_col_uuid(s);
	out->user_id = stmt_col_text(s);
	out->username = stmt_col_text(s);
	out->avatar = stmt_col_text(s);
	out->message = stmt_col_text(s);
	out->client_id = stmt_col_text(s);
	out->created_at = stmt_col_uint(s);
	out->deleted_at = stmt_col_uint(s);
}

/* Takes the one row that a bound statement gives. */
enum repo_result chat_read_one(struct stmt *s, struct chat_record *out)
{
	bool found = stmt_step(s);
	*out = (struct chat_record){0};
	if (found) {
		read_message(s, out);
	}
	if (!stmt_end(s)) {
		chat_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result chat_get(void *impl, struct uuid id, struct chat_record *out)
{
	struct stmt s = stmt_begin(
		store_reader(impl), "SELECT " CHAT_COLUMNS " FROM chat_messages WHERE id = ?");
	stmt_uuid(&s, id);
	return chat_read_one(&s, out);
}

enum repo_result chat_list(void *impl, struct uuid stream_id, struct uuid before, unsigned limit,
	struct repo_chat_page *out)
{
	struct uuid last = {0};
	struct stmt s = stmt_begin(store_reader(impl),
		uuid_is_none(before) ? "SELECT " CHAT_COLUMNS
				       " FROM chat_messages WHERE stream_id = ?"
				       " AND deleted_at IS NULL ORDER BY id DESC LIMIT ?"
				     : "SELECT " CHAT_COLUMNS
				       " FROM chat_messages WHERE stream_id = ? AND id < ?"
				       " AND deleted_at IS NULL ORDER BY id DESC LIMIT ?");
	*out = (struct repo_chat_page){0};
	stmt_uuid(&s, stream_id);
	if (!uuid_is_none(before)) {
		stmt_uuid(&s, before);
	}
	stmt_int(&s, (int64_t)limit + 1);
	out->rows = mem_zalloc(limit * sizeof(*out->rows));
	while (stmt_step(&s)) {
		if (out->n == limit) {
			out->next_cursor = mem_alloc(UUID_TEXT_SIZE);
			uuid_text(out->next_cursor, last);
			break;
		}
		read_message(&s, &out->rows[out->n]);
		last = out->rows[out->n++].id;
	}
	if (!stmt_end(&s)) {
		repo_chat_page_finish(out);
		return REPO_FAILED;
	}
	return REPO_OK;
}

enum repo_result chat_by_client_id(void *impl, struct uuid stream_id, const char *user_id,
	const char *client_id, struct chat_record *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT " CHAT_COLUMNS " FROM chat_messages"
		" WHERE stream_id = ? AND user_id = ? AND client_id = ?");
	stmt_uuid(&s, stream_id);
	stmt_text(&s, user_id);
	stmt_text(&s, client_id);
	return chat_read_one(&s, out);
}

enum repo_result chat_last_at(
	void *impl, struct uuid stream_id, const char *user_id, uint64_t *at_ms)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT created_at FROM chat_messages WHERE stream_id = ? AND user_id = ?"
		" ORDER BY created_at DESC LIMIT 1");
	*at_ms = 0;
	stmt_uuid(&s, stream_id);
	stmt_text(&s, user_id);
	bool found = stmt_step(&s);
	if (found) {
		*at_ms = stmt_col_uint(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

/* False: the store failed. */
static bool read_since(struct db *db, struct uuid stream_id, struct uuid after, unsigned limit,
	struct repo_chat_news *out)
{
	struct stmt s = stmt_begin(db,
		"SELECT " CHAT_COLUMNS " FROM chat_messages WHERE stream_id = ? AND id > ?"
		" AND deleted_at IS NULL ORDER BY id LIMIT ?");
	stmt_uuid(&s, stream_id);
	stmt_uuid(&s, after);
	stmt_int(&s, (int64_t)limit + 1);
	out->rows = mem_zalloc(limit * sizeof(*out->rows) + 1);
	while (stmt_step(&s)) {
		if (out->n == limit) {
			out->more = true;
			break;
		}
		read_message(&s, &out->rows[out->n++]);
	}
	return stmt_end(&s);
}

static bool read_deleted(
	struct db *db, const struct chat_record *after, unsigned limit, struct repo_chat_news *out)
{
	struct stmt s = stmt_begin(db,
		"SELECT id FROM chat_messages WHERE stream_id = ? AND deleted_at >= ? AND id <= ?"
		" ORDER BY deleted_at LIMIT ?");
	stmt_uuid(&s, after->stream_id);
	stmt_uint(&s, after->created_at);
	stmt_uuid(&s, after->id);
	stmt_int(&s, (int64_t)limit + 1);
	out->deleted = mem_zalloc(limit * sizeof(*out->deleted) + 1);
	while (stmt_step(&s)) {
		if (out->n_deleted == limit) {
			out->more = true;
			break;
		}
		out->deleted[out->n_deleted++] = stmt_col_uuid(&s);
	}
	return stmt_end(&s);
}

enum repo_result chat_since(void *impl, struct uuid stream_id, struct uuid after, unsigned limit,
	struct repo_chat_news *out)
{
	struct db *db = store_reader(impl);
	struct chat_record seen;
	enum repo_result result;
	*out = (struct repo_chat_news){0};
	if (uuid_is_none(after)) {
		if (read_since(db, stream_id, after, limit, out)) {
			return REPO_OK;
		}
		repo_chat_news_finish(out);
		return REPO_FAILED;
	}
	result = chat_get(impl, after, &seen);
	if (result != REPO_OK) {
		return result;
	}
	if (!uuid_eq(seen.stream_id, stream_id)) {
		result = REPO_NOT_FOUND;
	} else if (!read_since(db, stream_id, after, limit, out) ||
		!read_deleted(db, &seen, limit, out)) {
		repo_chat_news_finish(out);
		result = REPO_FAILED;
	}
	chat_record_finish(&seen);
	return result;
}
