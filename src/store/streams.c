
#include "outbox.h"
#include "tables.h"

const char streams_columns[] =
	"s.id, s.seller_id, s.title, s.description, s.category, s.status, s.audience,"
	" s.estimated_duration, s.notify_followers, s.notify_neighborhood, s.enable_chat,"
	" s.enable_comments, s.record_stream, s.scheduled_at, s.started_at, s.ended_at,"
	" s.end_reason, s.vod_url, s.thumbnail_url, s.stream_key_hash, s.peak_viewers,"
	" s.unique_viewers, s.total_likes, s.chat_messages_count, s.average_watch_time,"
	" s.created_at, s.updated_at, s.slow_mode";

/* As streams_columns, for the statements whose text is fixed. */
#define COLUMNS \
	"id, seller_id, title, description, category, status, audience, estimated_duration," \
	" notify_followers, notify_neighborhood, enable_chat, enable_comments, record_stream," \
	" scheduled_at, started_at, ended_at, end_reason, vod_url, thumbnail_url," \
	" stream_key_hash, peak_viewers, unique_viewers, total_likes, chat_messages_count," \
	" average_watch_time, created_at, updated_at, slow_mode"

static enum stream_status read_status(struct stmt *s)
{
	enum stream_status status = STREAM_SCHEDULED;
	const char *text = (const char *)sqlite3_column_text(s->handle, s->next++);
	if (text == NULL || !stream_status_parse(text, &status)) {
		s->failed = true;
	}
	return status;
}

static enum stream_audience read_audience(struct stmt *s)
{
	enum stream_audience audience = AUDIENCE_EVERYONE;
	const char *text = (const char *)sqlite3_column_text(s->handle, s->next++);
	if (text == NULL || !stream_audience_parse(text, &audience)) {
		s->failed = true;
	}
	return audience;
}

void streams_read_row(struct stmt *s, struct stream_record *out)
{
	*out = (struct stream_record){0};
	out->id = stmt_col_uuid(s);
	out->seller_id = stmt_col_text(s);
	out->title = stmt_col_text(s);
	out->description = stmt_col_text(s);
	out->category = stmt_col_text(s);
	out->status = read_status(s);
	out->audience = read_audience(s);
	out->estimated_duration = stmt_col_u32(s);
	out->notify_followers = stmt_col_bool(s);
	out->notify_neighborhood = stmt_col_bool(s);
	out->enable_chat = stmt_col_bool(s);
	out->enable_comments = stmt_col_bool(s);
	out->record_stream = stmt_col_bool(s);
	out->scheduled_at = stmt_col_uint(s);
	out->started_at = stmt_col_uint(s);
	out->ended_at = stmt_col_uint(s);
	out->end_reason = stmt_col_text(s);
	out->vod_url = stmt_col_text(s);
	out->thumbnail_url = stmt_col_text(s);
	out->has_key = stmt_col_blob(s, out->key_hash, sizeof(out->key_hash));
	out->peak_viewers = stmt_col_u32(s);
	out->unique_viewers = stmt_col_u32(s);
	out->total_likes = stmt_col_u32(s);
	out->chat_messages_count = stmt_col_u32(s);
	out->average_watch_time = stmt_col_u32(s);
	out->created_at = stmt_col_uint(s);
	out->updated_at = stmt_col_uint(s);
	out->slow_mode = stmt_col_u32(s);
}

/* The one row of a SELECT whose parameters are bound. */
static enum repo_result read_one(struct stmt *s, struct stream_record *out)
{
	*out = (struct stream_record){0};
	bool found = stmt_step(s);
	if (found) {
		streams_read_row(s, out);
	}
	if (!stmt_end(s)) {
		stream_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

enum repo_result streams_get(struct db *db, struct uuid id, struct stream_record *out)
{
	struct stmt s = stmt_begin(db, "SELECT " COLUMNS " FROM streams WHERE id = ?");
	stmt_uuid(&s, id);
	return read_one(&s, out);
}

static bool key_is_retired(struct db *db, const uint8_t hash[STREAM_KEY_HASH_SIZE], bool *failed)
{
	struct stmt s = stmt_begin(db, "SELECT 1 FROM retired_keys WHERE key_hash = ?");
	stmt_blob(&s, hash, STREAM_KEY_HASH_SIZE);
	return stmt_exists(&s, failed);
}

enum repo_result streams_by_key(
	struct db *db, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct stream_record *out)
{
	bool failed = false;
	struct stmt s = stmt_begin(db, "SELECT " COLUMNS " FROM streams WHERE stream_key_hash = ?");
	stmt_blob(&s, hash, STREAM_KEY_HASH_SIZE);
	enum repo_result result = read_one(&s, out);
	if (result == REPO_NOT_FOUND && key_is_retired(db, hash, &failed)) {
		return REPO_WRONG_STATE;
	}
	return failed ? REPO_FAILED : result;
}

static bool insert_stream(struct db *db, const struct stream_record *r)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO streams (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	stmt_uuid(&s, r->id);
	stmt_text(&s, r->seller_id);
	stmt_text(&s, r->title);
	stmt_text(&s, r->description);
	stmt_text(&s, r->category);
	stmt_text(&s, stream_status_text(r->status));
	stmt_text(&s, stream_audience_text(r->audience));
	stmt_int_unless(&s, r->estimated_duration, 0);
	stmt_int(&s, r->notify_followers);
	stmt_int(&s, r->notify_neighborhood);
	stmt_int(&s, r->enable_chat);
	stmt_int(&s, r->enable_comments);
	stmt_int(&s, r->record_stream);
	stmt_int_unless(&s, (int64_t)r->scheduled_at, 0);
	stmt_int_unless(&s, (int64_t)r->started_at, 0);
	stmt_int_unless(&s, (int64_t)r->ended_at, 0);
	stmt_text(&s, r->end_reason);
	stmt_text(&s, r->vod_url);
	stmt_text(&s, r->thumbnail_url);
	if (r->has_key) {
		stmt_blob(&s, r->key_hash, sizeof(r->key_hash));
	} else {
		stmt_null(&s);
	}
	stmt_uint(&s, r->peak_viewers);
	stmt_uint(&s, r->unique_viewers);
	stmt_uint(&s, r->total_likes);
	stmt_uint(&s, r->chat_messages_count);
	stmt_uint(&s, r->average_watch_time);
	stmt_uint(&s, r->created_at);
	stmt_uint(&s, r->updated_at);
	stmt_uint(&s, r->slow_mode);
	return stmt_run(&s);
}

static bool stream_exists(struct db *db, struct uuid id, bool *failed)
{
	struct stmt s = stmt_begin(db, "SELECT 1 FROM streams WHERE id = ?");
	stmt_uuid(&s, id);
	return stmt_exists(&s, failed);
}

/* Whether any stream has the key or ever had it. */
static bool key_is_taken(struct db *db, const uint8_t hash[STREAM_KEY_HASH_SIZE], bool *failed)
{
	struct stmt s = stmt_begin(db, "SELECT 1 FROM streams WHERE stream_key_hash = ?");
	stmt_blob(&s, hash, STREAM_KEY_HASH_SIZE);
	return stmt_exists(&s, failed) || key_is_retired(db, hash, failed);
}

enum repo_result streams_create(struct db *db, struct repo_write *w)
{
	bool failed = false;
	enum repo_result result = users_exists(db, w->stream.seller_id);
	if (result != REPO_OK) {
		return result;
	}
	bool taken = stream_exists(db, w->stream_id, &failed) ||
		(w->stream.has_key && key_is_taken(db, w->stream.key_hash, &failed));
	if (taken) {
		w->outcome.detail = w->stream_id;
		return REPO_DUPLICATE;
	}
	if (failed || !insert_stream(db, &w->stream)) {
		return REPO_FAILED;
	}
	result = products_attach(db, w, w->stream.seller_id);
	if (result == REPO_OK && !outbox_stream(db, "stream.scheduled", w->stream_id)) {
		result = REPO_FAILED;
	}
	return result;
}

enum repo_result streams_status(struct db *db, struct uuid id, enum stream_status *status)
{
	struct stmt s = stmt_begin(db, "SELECT status FROM streams WHERE id = ?");
	stmt_uuid(&s, id);
	bool found = stmt_step(&s);
	if (found) {
		*status = read_status(&s);
	}
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result expect_status(
	struct db *db, const struct repo_write *w, enum stream_status wanted)
{
	enum stream_status status;
	enum repo_result result = streams_status(db, w->stream_id, &status);
	if (result == REPO_OK && status != wanted) {
		result = REPO_WRONG_STATE;
	}
	return result;
}

static bool touch(struct db *db, const struct repo_write *w)
{
	struct stmt s = stmt_begin(db, "UPDATE streams SET updated_at = ? WHERE id = ?");
	stmt_uint(&s, w->now);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s);
}

enum repo_result streams_attach(struct db *db, struct repo_write *w)
{
	struct stream_record stream;
	enum repo_result result = streams_get(db, w->stream_id, &stream);
	if (result != REPO_OK) {
		return result;
	}
	result = stream.status != STREAM_SCHEDULED ? REPO_WRONG_STATE
						   : products_attach(db, w, stream.seller_id);
	stream_record_finish(&stream);
	if (result == REPO_OK && !touch(db, w)) {
		result = REPO_FAILED;
	}
	return result;
}

static bool retire_key(struct db *db, const struct repo_write *w)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO retired_keys (key_hash, stream_id, retired_at)"
		" SELECT stream_key_hash, id, ? FROM streams"
		" WHERE id = ? AND stream_key_hash IS NOT NULL");
	stmt_uint(&s, w->now);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s);
}

static enum repo_result set_key(struct db *db, struct repo_write *w)
{
	bool failed = false;
	if (key_is_taken(db, w->key_hash, &failed)) {
		w->outcome.detail = w->stream_id;
		return REPO_DUPLICATE;
	}
	if (failed || !retire_key(db, w)) {
		return REPO_FAILED;
	}
	struct stmt s = stmt_begin(
		db, "UPDATE streams SET stream_key_hash = ?, updated_at = ? WHERE id = ?");
	stmt_blob(&s, w->key_hash, sizeof(w->key_hash));
	stmt_uint(&s, w->now);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static bool start_stream(struct db *db, const struct repo_write *w)
{
	struct stmt s =
		stmt_begin(db, "UPDATE streams SET status = 'live', started_at = ? WHERE id = ?");
	stmt_uint(&s, w->at);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s);
}

enum repo_result streams_go_live(struct db *db, struct repo_write *w)
{
	uint32_t n_products;
	enum repo_result result = expect_status(db, w, STREAM_SCHEDULED);
	if (result != REPO_OK) {
		return result;
	}
	if (!products_count(db, w->stream_id, &n_products)) {
		return REPO_FAILED;
	}
	if (w->need_products && n_products == 0) {
		return REPO_NO_PRODUCTS;
	}
	result = set_key(db, w);
	if (result == REPO_OK &&
		!(start_stream(db, w) && outbox_stream(db, "stream.live", w->stream_id))) {
		result = REPO_FAILED;
	}
	return result;
}

enum repo_result streams_rotate_key(struct db *db, struct repo_write *w)
{
	enum stream_status status;
	enum repo_result result = streams_status(db, w->stream_id, &status);
	if (result != REPO_OK) {
		return result;
	}
	return status == STREAM_SCHEDULED || status == STREAM_LIVE ? set_key(db, w)
								   : REPO_WRONG_STATE;
}

static bool write_stats(struct db *db, const struct repo_write *w)
{
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET peak_viewers = ?, unique_viewers = ?, total_likes = ?,"
		" chat_messages_count = max(chat_messages_count, ?), average_watch_time = ?"
		" WHERE id = ?");
	stmt_uint(&s, w->stats.peak_viewers);
	stmt_uint(&s, w->stats.unique_viewers);
	stmt_uint(&s, w->stats.total_likes);
	stmt_uint(&s, w->stats.chat_messages_count);
	stmt_uint(&s, w->stats.average_watch_time);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s);
}

enum repo_result streams_end(struct db *db, struct repo_write *w)
{
	enum repo_result result = expect_status(db, w, STREAM_LIVE);
	if (result != REPO_OK) {
		return result;
	}
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET status = 'ended', ended_at = ?, end_reason = ?, updated_at = ?"
		" WHERE id = ?");
	stmt_uint(&s, w->at);
	stmt_text(&s, w->reason);
	stmt_uint(&s, w->now);
	stmt_uuid(&s, w->stream_id);
	bool ok = stmt_run(&s) && (!w->has_stats || write_stats(db, w)) &&
		outbox_stream(db, "stream.ended", w->stream_id);
	return ok ? REPO_OK : REPO_FAILED;
}

enum repo_result streams_cancel(struct db *db, struct repo_write *w)
{
	enum repo_result result = expect_status(db, w, STREAM_SCHEDULED);
	if (result != REPO_OK) {
		return result;
	}
	struct stmt s = stmt_begin(
		db, "UPDATE streams SET status = 'cancelled', updated_at = ? WHERE id = ?");
	stmt_uint(&s, w->now);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

enum repo_result streams_delete(struct db *db, struct repo_write *w)
{
	enum stream_status status;
	enum repo_result result = streams_status(db, w->stream_id, &status);
	if (result != REPO_OK) {
		return result;
	}
	if (status != STREAM_ENDED && status != STREAM_CANCELLED) {
		return REPO_WRONG_STATE;
	}
	struct stmt s = stmt_begin(db, "DELETE FROM streams WHERE id = ?");
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}
