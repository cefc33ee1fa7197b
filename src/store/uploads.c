#include "uploads.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store_private.h"
#include "tables.h"

#define COLUMNS \
	"stream_id, state, bucket, prefix, url, is_local, objects, bytes, attempts, next_at," \
	" last_error, created_at, stored_at"

static void read_record(struct stmt *s, struct upload_record *out)
{
	*out = (struct upload_record){.stream_id = stmt_col_uuid(s)};
	const char *state = (const char *)sqlite3_column_text(s->handle, s->next++);
	if (state == NULL || !upload_state_parse(state, &out->state)) {
		s->failed = true;
	}
	out->bucket = stmt_col_text(s);
	out->prefix = stmt_col_text(s);
	out->url = stmt_col_text(s);
	out->is_local = stmt_col_bool(s);
	out->objects = stmt_col_u32(s);
	out->bytes = stmt_col_uint(s);
	out->attempts = stmt_col_u32(s);
	out->next_at = stmt_col_uint(s);
	out->last_error = stmt_col_text(s);
	out->created_at = stmt_col_uint(s);
	out->stored_at = stmt_col_uint(s);
}

/* The one row of a statement. */
static enum repo_result read_one(struct stmt *s, struct upload_record *out)
{
	*out = (struct upload_record){0};
	bool found = stmt_step(s);
	if (found) {
		read_record(s, out);
	}
	if (!stmt_end(s)) {
		upload_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

static enum repo_result read_row(struct db *db, struct uuid stream_id, struct upload_record *out)
{
	struct stmt s = stmt_begin(db, "SELECT " COLUMNS " FROM uploads WHERE stream_id = ?");
	stmt_uuid(&s, stream_id);
	return read_one(&s, out);
}

static enum repo_result get(void *impl, struct uuid stream_id, struct upload_record *out)
{
	return read_row(store_reader(impl), stream_id, out);
}

static enum repo_result next(void *impl, enum upload_state state, uint64_t now_ms,
	struct upload_record *out, uint64_t *next_at)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT " COLUMNS " FROM uploads WHERE state = ? ORDER BY next_at LIMIT 1");
	stmt_text(&s, upload_state_text(state));
	enum repo_result result = read_one(&s, out);
	*next_at = 0;
	if (result == REPO_OK && out->next_at > now_ms) {
		*next_at = out->next_at;
		upload_record_finish(out);
		return REPO_NOT_FOUND;
	}
	return result;
}

static enum repo_result read_ids(struct stmt *s, struct uuid **out, size_t *n)
{
	*out = NULL;
	*n = 0;
	while (stmt_step(s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		(*out)[(*n)++] = stmt_col_uuid(s);
	}
	if (!stmt_end(s)) {
		free(*out);
		*out = NULL;
		*n = 0;
		return REPO_FAILED;
	}
	return REPO_OK;
}

static enum repo_result missing(
	void *impl, struct uuid after, unsigned limit, struct uuid **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT r.stream_id FROM recordings r JOIN streams s ON s.id = r.stream_id"
		" WHERE r.stream_id > ? AND r.state = 'ready' AND s.status = 'ended'"
		" AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.stream_id = r.stream_id)"
		" ORDER BY r.stream_id LIMIT ?");
	stmt_uuid(&s, after);
	stmt_int(&s, limit);
	return read_ids(&s, out, n);
}

static enum repo_result local(
	void *impl, struct uuid after, unsigned limit, struct uuid **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT stream_id FROM uploads WHERE stream_id > ? AND state = 'stored' AND "
		"is_local"
		" ORDER BY stream_id LIMIT ?");
	stmt_uuid(&s, after);
	stmt_int(&s, limit);
	return read_ids(&s, out, n);
}

static enum repo_result counts(void *impl, struct upload_counts *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT count(*) FILTER (WHERE state = 'waiting'),"
		" count(*) FILTER (WHERE state = 'stored'),"
		" count(*) FILTER (WHERE state = 'removing'),"
		" count(*) FILTER (WHERE state = 'kept'),"
		" count(*) FILTER (WHERE state IN ('waiting', 'removing')"
		" AND last_error IS NOT NULL) FROM uploads");
	*out = (struct upload_counts){0};
	if (stmt_step(&s)) {
		out->waiting = stmt_col_u32(&s);
		out->stored = stmt_col_u32(&s);
		out->removing = stmt_col_u32(&s);
		out->kept = stmt_col_u32(&s);
		out->failing = stmt_col_u32(&s);
	}
	return stmt_end(&s) ? REPO_OK : REPO_FAILED;
}

struct upload_job {
	struct plain_job plain; /* first: freed whole */
	struct uuid stream_id;
	char *text, *prefix; /* the bucket, the URL or the error */
	uint64_t next_at, bytes;
	uint32_t attempts, objects;
};

static struct upload_job *job_of(struct store_job *job)
{
	return container_of(job, struct upload_job, plain.job);
}

static void finish(struct plain_job *p)
{
	struct upload_job *j = container_of(p, struct upload_job, plain);
	free(j->text);
	free(j->prefix);
}

static struct upload_job *job_create(const char *name,
	enum repo_result (*apply)(struct db *db, struct store_job *job), struct uuid stream_id,
	repo_done done, void *user)
{
	struct upload_job *j = mem_new(struct upload_job);
	plain_job_init(&j->plain, name, apply, finish, done, user);
	j->stream_id = stream_id;
	return j;
}

/* Of an UPDATE or DELETE ... RETURNING 1: whether it met the row. */
static enum repo_result run_on_row(struct stmt *s)
{
	bool failed = false;
	bool found = stmt_exists(s, &failed);
	if (failed) {
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_WRONG_STATE;
}

static bool insert_row(struct db *db, struct uuid stream_id, bool everyone)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO uploads (stream_id, state, next_at, created_at)"
		" VALUES (?, ?, now_ms(), now_ms()) ON CONFLICT (stream_id) DO UPDATE SET"
		" state = 'waiting', attempts = 0, next_at = now_ms(), last_error = NULL"
		" WHERE state = 'stored' AND is_local");
	stmt_uuid(&s, stream_id);
	stmt_text(&s, upload_state_text(everyone ? UPLOAD_WAITING : UPLOAD_KEPT));
	return stmt_run(&s);
}

static enum repo_result apply_want(struct db *db, struct store_job *job)
{
	struct upload_job *j = job_of(job);
	struct recording_record recording;
	struct stream_record stream;
	enum repo_result result = streams_get(db, j->stream_id, &stream);
	bool everyone = stream.audience == AUDIENCE_EVERYONE, ended = stream.status == STREAM_ENDED;
	stream_record_finish(&stream);
	if (result != REPO_OK || !ended) {
		return result != REPO_OK ? result : REPO_WRONG_STATE;
	}
	result = recordings_get(db, j->stream_id, &recording);
	bool ready = recording.state == RECORDING_READY;
	recording_record_finish(&recording);
	if (result != REPO_OK || !ready) {
		return result == REPO_FAILED ? REPO_FAILED : REPO_WRONG_STATE;
	}
	return insert_row(db, j->stream_id, everyone) ? REPO_OK : REPO_FAILED;
}

static void want(void *impl, struct uuid stream_id, repo_done done, void *user)
{
	struct upload_job *j = job_create("upload_want", apply_want, stream_id, done, user);
	store_submit(impl, &j->plain.job);
}

static enum repo_result apply_place(struct db *db, struct store_job *job)
{
	struct upload_job *j = job_of(job);
	struct stmt s = stmt_begin(db,
		"UPDATE uploads SET bucket = ?, prefix = ? WHERE stream_id = ?"
		" AND state = 'waiting' RETURNING 1");
	stmt_text(&s, j->text);
	stmt_text(&s, j->prefix);
	stmt_uuid(&s, j->stream_id);
	return run_on_row(&s);
}

static void place(void *impl, struct uuid stream_id, const char *bucket, const char *prefix,
	repo_done done, void *user)
{
	struct upload_job *j = job_create("upload_place", apply_place, stream_id, done, user);
	j->text = mem_strdup(bucket);
	j->prefix = mem_strdup(prefix);
	store_submit(impl, &j->plain.job);
}

static enum repo_result apply_failed(struct db *db, struct store_job *job)
{
	struct upload_job *j = job_of(job);
	struct stmt s = stmt_begin(db,
		"UPDATE uploads SET last_error = ?, attempts = ?, next_at = ? WHERE stream_id = ?"
		" AND state IN ('waiting', 'removing') RETURNING 1");
	stmt_text(&s, j->text);
	stmt_uint(&s, j->attempts);
	stmt_uint(&s, j->next_at);
	stmt_uuid(&s, j->stream_id);
	return run_on_row(&s);
}

static void failed(void *impl, struct uuid stream_id, const char *error, uint32_t attempts,
	uint64_t next_at, repo_done done, void *user)
{
	struct upload_job *j = job_create("upload_failed", apply_failed, stream_id, done, user);
	j->text = mem_strdup(error);
	j->attempts = attempts;
	j->next_at = next_at;
	store_submit(impl, &j->plain.job);
}

/* A picture that the stream has from elsewhere stays. */
static bool lead_there(struct db *db, const struct upload_job *j)
{
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET vod_url = ?1 || '/index.m3u8', updated_at = now_ms(),"
		" thumbnail_url = CASE WHEN thumbnail_url = '/vod/' || uuid_text(id) ||"
		" '/poster.jpg' THEN ?1 || '/poster.jpg' ELSE thumbnail_url END"
		" WHERE id = ?2 AND vod_url IS NOT ?1 || '/index.m3u8'");
	stmt_text(&s, j->text);
	stmt_uuid(&s, j->stream_id);
	return stmt_run(&s);
}

static enum repo_result apply_stored(struct db *db, struct store_job *job)
{
	struct upload_job *j = job_of(job);
	struct stmt s = stmt_begin(db,
		"UPDATE uploads SET state = 'stored', url = ?, objects = ?, bytes = ?, attempts = "
		"0,"
		" last_error = NULL, stored_at = now_ms() WHERE stream_id = ?"
		" AND state = 'waiting' RETURNING 1");
	stmt_text(&s, j->text);
	stmt_uint(&s, j->objects);
	stmt_uint(&s, j->bytes);
	stmt_uuid(&s, j->stream_id);
	enum repo_result result = run_on_row(&s);
	if (result == REPO_OK && !lead_there(db, j)) {
		return REPO_FAILED;
	}
	return result;
}

static void stored(void *impl, struct uuid stream_id, const char *url, uint32_t objects,
	uint64_t bytes, repo_done done, void *user)
{
	struct upload_job *j = job_create("upload_stored", apply_stored, stream_id, done, user);
	j->text = mem_strdup(url);
	j->objects = objects;
	j->bytes = bytes;
	store_submit(impl, &j->plain.job);
}

static enum repo_result apply_away(struct db *db, struct store_job *job)
{
	struct stmt s = stmt_begin(db,
		"UPDATE uploads SET is_local = 0 WHERE stream_id = ? AND state = 'stored'"
		" RETURNING 1");
	stmt_uuid(&s, job_of(job)->stream_id);
	return run_on_row(&s);
}

static void away(void *impl, struct uuid stream_id, repo_done done, void *user)
{
	struct upload_job *j = job_create("upload_away", apply_away, stream_id, done, user);
	store_submit(impl, &j->plain.job);
}

static enum repo_result apply_removed(struct db *db, struct store_job *job)
{
	struct stmt s = stmt_begin(
		db, "DELETE FROM uploads WHERE stream_id = ? AND state = 'removing' RETURNING 1");
	stmt_uuid(&s, job_of(job)->stream_id);
	return run_on_row(&s);
}

static void removed(void *impl, struct uuid stream_id, repo_done done, void *user)
{
	struct upload_job *j = job_create("upload_removed", apply_removed, stream_id, done, user);
	store_submit(impl, &j->plain.job);
}

static enum repo_result apply_hurry(struct db *db, struct store_job *job)
{
	(void)job;
	struct stmt s = stmt_begin(db,
		"UPDATE uploads SET next_at = now_ms(), attempts = 0"
		" WHERE state IN ('waiting', 'removing')");
	return stmt_run(&s) ? REPO_OK : REPO_FAILED;
}

static void hurry(void *impl, repo_done done, void *user)
{
	struct upload_job *j =
		job_create("upload_hurry", apply_hurry, (struct uuid){0}, done, user);
	store_submit(impl, &j->plain.job);
}

static bool forget_unsent(struct db *db, struct uuid stream_id)
{
	struct stmt s =
		stmt_begin(db, "DELETE FROM uploads WHERE stream_id = ? AND bucket IS NULL");
	stmt_uuid(&s, stream_id);
	return stmt_run(&s);
}

bool uploads_recording_deleted(struct db *db, struct uuid stream_id)
{
	struct stmt s = stmt_begin(db,
		"UPDATE uploads SET state = 'removing', attempts = 0, next_at = now_ms(),"
		" is_local = 0, last_error = NULL WHERE stream_id = ? AND bucket IS NOT NULL");
	stmt_uuid(&s, stream_id);
	return stmt_run(&s) && forget_unsent(db, stream_id);
}

const struct repo_uploads_ops uploads_ops = {
	.upload_get = get,
	.upload_next = next,
	.upload_missing = missing,
	.upload_local = local,
	.upload_counts = counts,
	.upload_want = want,
	.upload_place = place,
	.upload_failed = failed,
	.upload_stored = stored,
	.upload_away = away,
	.upload_removed = removed,
	.upload_hurry = hurry,
};
