#include <stdlib.h>

#include "base/mem.h"
#include "insight.h"
#include "stmt.h"
#include "store_private.h"

/* A copy of the update: the arrays are the job's own, and so are their texts. */
struct put_job {
	struct plain_job plain;
	struct insight_update u;
	struct viewer_record *viewers;
	struct timeline_record *timeline;
	struct reaction_record *reactions;
	struct ingest_record ingest;
	struct repo_stats stats;
};

static bool put_viewer(struct db *db, struct uuid stream_id, const struct viewer_record *v)
{
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO stream_viewers (stream_id, viewer, name, neighborhood,"
		" joined_at, left_at, watch_ms, joins) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	stmt_uuid(&s, stream_id);
	stmt_text(&s, v->viewer);
	stmt_text(&s, v->name);
	stmt_text(&s, v->neighborhood);
	stmt_uint(&s, v->joined_at);
	stmt_int_unless(&s, (int64_t)v->left_at, 0);
	stmt_uint(&s, v->watch_ms);
	stmt_uint(&s, v->joins);
	return stmt_run(&s);
}

static bool put_bucket(struct db *db, struct uuid stream_id, const struct timeline_record *t)
{
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO stream_timeline (stream_id, at, viewers, chat, reactions)"
		" VALUES (?, ?, ?, ?, ?)");
	stmt_uuid(&s, stream_id);
	stmt_uint(&s, t->at);
	stmt_uint(&s, t->viewers);
	stmt_uint(&s, t->chat);
	stmt_uint(&s, t->reactions);
	return stmt_run(&s);
}

static bool put_reaction(struct db *db, struct uuid stream_id, const struct reaction_record *r)
{
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO stream_reactions (stream_id, emoji, count)"
		" VALUES (?, ?, ?)");
	stmt_uuid(&s, stream_id);
	stmt_text(&s, r->emoji);
	stmt_uint(&s, r->count);
	return stmt_run(&s);
}

static void bind_real_unless_zero(struct stmt *s, double v)
{
	if (v == 0) {
		stmt_null(s);
	} else {
		stmt_real(s, v);
	}
}

static bool put_ingest(struct db *db, struct uuid stream_id, const struct ingest_record *i)
{
	struct stmt s = stmt_begin(db,
		"INSERT OR REPLACE INTO stream_ingest (stream_id, bitrate, frame_rate, width,"
		" height, video_codec, audio_codec, codecs, keyframe_interval, encoder,"
		" interruptions, bytes, dropped_samples, discontinuities)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	stmt_uuid(&s, stream_id);
	stmt_int_unless(&s, (int64_t)i->bitrate, 0);
	bind_real_unless_zero(&s, i->frame_rate);
	stmt_int_unless(&s, i->width, 0);
	stmt_int_unless(&s, i->height, 0);
	stmt_text(&s, i->video_codec);
	stmt_text(&s, i->audio_codec);
	stmt_text(&s, i->codecs);
	bind_real_unless_zero(&s, i->keyframe_interval);
	stmt_text(&s, i->encoder);
	stmt_uint(&s, i->interruptions);
	stmt_uint(&s, i->bytes);
	stmt_uint(&s, i->dropped_samples);
	stmt_uint(&s, i->discontinuities);
	return stmt_run(&s);
}

static bool put_stats(struct db *db, struct uuid stream_id, const struct repo_stats *stats)
{
	struct stmt s = stmt_begin(db,
		"UPDATE streams SET peak_viewers = ?, unique_viewers = ?, total_likes = ?,"
		" chat_messages_count = max(chat_messages_count, ?), average_watch_time = ?"
		" WHERE id = ?");
	stmt_uint(&s, stats->peak_viewers);
	stmt_uint(&s, stats->unique_viewers);
	stmt_uint(&s, stats->total_likes);
	stmt_uint(&s, stats->chat_messages_count);
	stmt_uint(&s, stats->average_watch_time);
	stmt_uuid(&s, stream_id);
	return stmt_run(&s);
}

static bool run_on_stream(struct db *db, const char *sql, struct uuid stream_id)
{
	struct stmt s = stmt_begin(db, sql);
	stmt_uuid(&s, stream_id);
	return stmt_run(&s);
}

static bool sum_up(struct db *db, struct uuid stream_id)
{
	return run_on_stream(db,
		       "INSERT OR REPLACE INTO stream_totals (stream_id, viewers, watch_ms,"
		       " chatters) SELECT ?1, count(*), ifnull(sum(watch_ms), 0),"
		       " (SELECT count(DISTINCT user_id) FROM chat_messages"
		       " WHERE stream_id = ?1)"
		       " FROM stream_viewers WHERE stream_id = ?1",
		       stream_id) &&
		run_on_stream(db, "DELETE FROM stream_geography WHERE stream_id = ?", stream_id) &&
		run_on_stream(db,
			"INSERT INTO stream_geography (stream_id, neighborhood, viewers)"
			" SELECT stream_id, ifnull(neighborhood, '') AS place, count(*)"
			" FROM stream_viewers WHERE stream_id = ? GROUP BY place",
			stream_id);
}

static enum repo_result find_stream(struct db *db, struct uuid stream_id)
{
	bool failed = false;
	struct stmt s = stmt_begin(db, "SELECT 1 FROM streams WHERE id = ?");
	stmt_uuid(&s, stream_id);
	if (stmt_exists(&s, &failed)) {
		return REPO_OK;
	}
	return failed ? REPO_FAILED : REPO_NOT_FOUND;
}

static enum repo_result apply(struct db *db, struct store_job *job)
{
	const struct insight_update *u = &container_of(job, struct put_job, plain.job)->u;
	enum repo_result result = find_stream(db, u->stream_id);
	bool ok = result == REPO_OK;
	for (size_t i = 0; ok && i < u->n_viewers; i++) {
		ok = put_viewer(db, u->stream_id, &u->viewers[i]);
	}
	for (size_t i = 0; ok && i < u->n_timeline; i++) {
		ok = put_bucket(db, u->stream_id, &u->timeline[i]);
	}
	for (size_t i = 0; ok && i < u->n_reactions; i++) {
		ok = put_reaction(db, u->stream_id, &u->reactions[i]);
	}
	ok = ok && (u->ingest == NULL || put_ingest(db, u->stream_id, u->ingest)) &&
		(u->stats == NULL || put_stats(db, u->stream_id, u->stats)) &&
		(!u->final || sum_up(db, u->stream_id));
	if (result != REPO_OK) {
		return result;
	}
	return ok ? REPO_OK : REPO_FAILED;
}

static void finish(struct plain_job *p)
{
	struct put_job *j = container_of(p, struct put_job, plain);
	viewer_records_free(j->viewers, j->u.n_viewers);
	free(j->timeline);
	free(j->reactions);
	ingest_record_finish(&j->ingest);
}

static void *copy_array(const void *from, size_t n, size_t size)
{
	return n > 0 ? mem_dup(from, n * size) : NULL;
}

static void copy_viewers(struct put_job *j, const struct insight_update *u)
{
	j->viewers = copy_array(u->viewers, u->n_viewers, sizeof(*u->viewers));
	for (size_t i = 0; i < u->n_viewers; i++) {
		j->viewers[i].viewer = mem_strdup(u->viewers[i].viewer);
		j->viewers[i].name = mem_strdup(u->viewers[i].name);
		j->viewers[i].neighborhood = mem_strdup(u->viewers[i].neighborhood);
	}
	j->u.viewers = j->viewers;
}

static void copy_ingest(struct put_job *j, const struct ingest_record *i)
{
	j->ingest = *i;
	j->ingest.video_codec = mem_strdup(i->video_codec);
	j->ingest.audio_codec = mem_strdup(i->audio_codec);
	j->ingest.codecs = mem_strdup(i->codecs);
	j->ingest.encoder = mem_strdup(i->encoder);
	j->u.ingest = &j->ingest;
}

void insight_put(void *impl, const struct insight_update *u, repo_done done, void *user)
{
	struct put_job *j = mem_new(struct put_job);
	plain_job_init(&j->plain, "insight_put", apply, finish, done, user);
	j->u = *u;
	copy_viewers(j, u);
	j->u.timeline = j->timeline = copy_array(u->timeline, u->n_timeline, sizeof(*u->timeline));
	j->u.reactions = j->reactions =
		copy_array(u->reactions, u->n_reactions, sizeof(*u->reactions));
	if (u->ingest != NULL) {
		copy_ingest(j, u->ingest);
	}
	if (u->stats != NULL) {
		j->stats = *u->stats;
		j->u.stats = &j->stats;
	}
	store_submit(impl, &j->plain.job);
}
