#include <stdlib.h>

#include "base/mem.h"
#include "outbox.h"
#include "tables.h"
#include "uploads.h"

#define COLUMNS \
	"stream_id, state, path, duration_ms, bytes, segments, has_mp4, created_at, finished_at"

/* Of a row of streams: its recording is in object storage, and viewers are led there. */
#define IS_ELSEWHERE \
	"EXISTS (SELECT 1 FROM uploads WHERE stream_id = id AND url IS NOT NULL" \
	" AND state IN ('waiting', 'stored'))"

static void read_recording(struct stmt *s, struct recording_record *out)
{
	*out = (struct recording_record){0};
	out->stream_id = stmt_col_uuid(s);
	const char *state = (const char *)sqlite3_column_text(s->handle, s->next++);
	if (state == NULL || !recording_state_parse(state, &out->state)) {
		s->failed = true;
	}
	out->path = stmt_col_text(s);
	out->duration_ms = stmt_col_uint(s);
	out->bytes = stmt_col_uint(s);
	out->segments = stmt_col_u32(s);
	out->has_mp4 = stmt_col_bool(s);
	out->created_at = stmt_col_uint(s);
	out->finished_at = stmt_col_uint(s);
}

enum repo_result recordings_get(struct db *db, struct uuid stream_id, struct recording_record *out)
{
	struct stmt s = stmt_begin(db, "SELECT " COLUMNS " FROM recordings WHERE stream_id = ?");
	*out = (struct recording_record){0};
	stmt_uuid(&s, stream_id);
	bool found = stmt_step(&s);
	if (found) {
		read_recording(&s, out);
	}
	if (!stmt_end(&s)) {
		recording_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

static void free_recordings(struct recording_record **rows, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		recording_record_finish(&(*rows)[i]);
	}
	free(*rows);
	*rows = NULL;
	*n = 0;
}

enum repo_result recordings_list(struct db *db, int state, unsigned limit, unsigned offset,
	struct recording_record **out, size_t *n)
{
	struct stmt s = stmt_begin(db,
		state >= 0 ? "SELECT " COLUMNS " FROM recordings WHERE state = ?"
			     " ORDER BY stream_id DESC LIMIT ? OFFSET ?"
			   : "SELECT " COLUMNS " FROM recordings"
			     " ORDER BY stream_id DESC LIMIT ? OFFSET ?");
	*out = NULL;
	*n = 0;
	if (state >= 0) {
		stmt_text(&s, recording_state_text((enum recording_state)state));
	}
	stmt_int(&s, limit);
	stmt_int(&s, offset);
	while (stmt_step(&s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		read_recording(&s, &(*out)[(*n)++]);
	}
	if (!stmt_end(&s)) {
		free_recordings(out, n);
		return REPO_FAILED;
	}
	return REPO_OK;
}

enum repo_result recordings_segments(struct db *db, struct uuid stream_id, uint64_t from,
	unsigned limit, struct segment_record **out, size_t *n)
{
	struct stmt s = stmt_begin(db,
		"SELECT sequence, offset_ms, duration_ms, bytes, wall_ms, init, discontinuity"
		" FROM segments WHERE stream_id = ? AND sequence >= ? ORDER BY sequence LIMIT ?");
	*out = NULL;
	*n = 0;
	stmt_uuid(&s, stream_id);
	stmt_uint(&s, from);
	stmt_int(&s, limit);
	while (stmt_step(&s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		struct segment_record *r = &(*out)[(*n)++];
		r->sequence = stmt_col_uint(&s);
		r->offset_ms = stmt_col_uint(&s);
		r->duration_ms = stmt_col_u32(&s);
		r->bytes = stmt_col_uint(&s);
		r->wall_ms = stmt_col_uint(&s);
		r->init = stmt_col_u32(&s);
		r->discontinuity = stmt_col_bool(&s);
	}
	if (!stmt_end(&s)) {
		free(*out);
		*out = NULL;
		*n = 0;
		return REPO_FAILED;
	}
	return REPO_OK;
}

/* The state of w's recording: OK, NOT_FOUND or FAILED. finished_at: 0 before. */
static enum repo_result get_state(struct db *db, const struct repo_write *w,
	enum recording_state *state, uint64_t *finished_at)
{
	struct recording_record r;
	enum repo_result result = recordings_get(db, w->stream_id, &r);
	*state = r.state;
	*finished_at = r.state == RECORDING_READY ? r.finished_at : 0;
	recording_record_finish(&r);
	return result;
}

static bool put_recording(
	struct db *db, const struct recording_record *r, enum recording_state state)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO recordings (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (stream_id) DO UPDATE SET state = excluded.state,"
		" path = excluded.path, duration_ms = excluded.duration_ms,"
		" bytes = excluded.bytes, segments = excluded.segments,"
		" has_mp4 = excluded.has_mp4, finished_at = excluded.finished_at");
	stmt_uuid(&s, r->stream_id);
	stmt_text(&s, recording_state_text(state));
	stmt_text(&s, r->path);
	stmt_uint(&s, r->duration_ms);
	stmt_uint(&s, r->bytes);
	stmt_uint(&s, r->segments);
	stmt_int(&s, r->has_mp4);
	stmt_uint(&s, r->created_at);
	stmt_int_unless(&s, (int64_t)r->finished_at, 0);
	return stmt_run(&s);
}

enum repo_result recordings_open(struct db *db, struct repo_write *w)
{
	struct stream_record stream;
	enum recording_state state;
	uint64_t finished_at;
	enum repo_result result = streams_get(db, w->stream_id, &stream);
	stream_record_finish(&stream);
	if (result != REPO_OK) {
		return result;
	}
	result = get_state(db, w, &state, &finished_at);
	if (result == REPO_FAILED) {
		return result;
	}
	if (result == REPO_OK && state == RECORDING_DELETED) {
		return REPO_WRONG_STATE;
	}
	return put_recording(db, &w->recording, RECORDING_OPEN) ? REPO_OK : REPO_FAILED;
}

/* A picture that the stream has from elsewhere stays. */
static bool set_poster(struct db *db, const struct repo_write *w)
{
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET thumbnail_url ="
		" CASE WHEN ?1 THEN '/vod/' || uuid_text(id) || '/poster.jpg' END WHERE id = ?2"
		" AND (thumbnail_url IS NULL"
		" OR thumbnail_url = '/vod/' || uuid_text(id) || '/poster.jpg'"
		" OR (NOT ?1 AND thumbnail_url = (SELECT url || '/poster.jpg' FROM uploads"
		" WHERE stream_id = id)))");
	stmt_int(&s, w->recording.has_poster);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s);
}

static bool set_vod_url(struct db *db, const struct repo_write *w)
{
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET vod_url = ?1, updated_at = ?2 WHERE id = ?3"
		" AND (?1 IS NULL OR NOT " IS_ELSEWHERE ")");
	stmt_text(&s, w->vod_url);
	stmt_uint(&s, w->now);
	stmt_uuid(&s, w->stream_id);
	return stmt_run(&s);
}

static bool insert_segment(struct db *db, struct uuid stream_id, const struct segment_record *r)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO segments (stream_id, sequence, offset_ms, duration_ms, bytes, wall_ms,"
		" init, discontinuity) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	stmt_uuid(&s, stream_id);
	stmt_uint(&s, r->sequence);
	stmt_uint(&s, r->offset_ms);
	stmt_uint(&s, r->duration_ms);
	stmt_uint(&s, r->bytes);
	stmt_uint(&s, r->wall_ms);
	stmt_uint(&s, r->init);
	stmt_int(&s, r->discontinuity);
	return stmt_run(&s);
}

static bool replace_segments(struct db *db, const struct repo_write *w)
{
	struct stmt s = stmt_begin(db, "DELETE FROM segments WHERE stream_id = ?");
	stmt_uuid(&s, w->stream_id);
	bool ok = stmt_run(&s);
	for (size_t i = 0; ok && i < w->n_segments; i++) {
		ok = insert_segment(db, w->stream_id, &w->segments[i]);
	}
	return ok;
}

/*
 * Told once, when the whole of an ended stream can be played: not of what a restart cut off while
 * the stream was live, and not again when its recording.mp4 is made later.
 */
static bool announce(struct db *db, const struct repo_write *w, uint64_t finished_before)
{
	struct stream_record stream;
	if (w->recording.state != RECORDING_READY) {
		return true;
	}
	if (streams_get(db, w->stream_id, &stream) != REPO_OK) {
		return false;
	}
	bool is_first = stream.status == STREAM_ENDED && finished_before < stream.ended_at;
	stream_record_finish(&stream);
	return !is_first || outbox_stream(db, "stream.vod_ready", w->stream_id);
}

enum repo_result recordings_finish(struct db *db, struct repo_write *w)
{
	enum recording_state state;
	uint64_t finished_at;
	enum repo_result result = get_state(db, w, &state, &finished_at);
	if (result != REPO_OK) {
		return result;
	}
	if (state == RECORDING_DELETED) {
		return REPO_WRONG_STATE;
	}
	bool ok = put_recording(db, &w->recording, w->recording.state) && replace_segments(db, w) &&
		set_vod_url(db, w) && set_poster(db, w) && announce(db, w, finished_at);
	return ok ? REPO_OK : REPO_FAILED;
}

enum repo_result recordings_delete(struct db *db, struct repo_write *w)
{
	enum recording_state state;
	uint64_t finished_at;
	enum repo_result result = get_state(db, w, &state, &finished_at);
	if (result != REPO_OK) {
		return result;
	}
	if (state == RECORDING_OPEN) {
		return REPO_WRONG_STATE;
	}
	struct stmt s =
		stmt_begin(db, "UPDATE recordings SET state = 'deleted' WHERE stream_id = ?");
	stmt_uuid(&s, w->stream_id);
	bool ok = stmt_run(&s) && replace_segments(db, w) && set_vod_url(db, w) &&
		set_poster(db, w) && uploads_recording_deleted(db, w->stream_id);
	return ok ? REPO_OK : REPO_FAILED;
}
