#include "insight.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "stmt.h"
#include "store_private.h"

static void read_viewer(struct stmt *s, struct viewer_record *out)
{
	*out = (struct viewer_record){0};
	out->viewer = stmt_col_text(s);
	out->name = stmt_col_text(s);
	out->neighborhood = stmt_col_text(s);
	out->joined_at = stmt_col_uint(s);
	out->left_at = stmt_col_uint(s);
	out->watch_ms = stmt_col_uint(s);
	out->joins = stmt_col_u32(s);
}

static enum repo_result viewer_list(void *impl, struct uuid stream_id, unsigned limit,
	const char *after, struct viewer_record **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT v.viewer, v.name, v.neighborhood, v.joined_at, v.left_at, v.watch_ms,"
		" v.joins FROM stream_viewers v WHERE v.stream_id = ? AND v.viewer > ?"
		" ORDER BY v.viewer LIMIT ?");
	stmt_uuid(&s, stream_id);
	stmt_text(&s, after != NULL ? after : "");
	stmt_int(&s, limit);
	*out = mem_alloc((limit > 0 ? limit : 1) * sizeof(**out));
	*n = 0;
	while (stmt_step(&s)) {
		read_viewer(&s, &(*out)[(*n)++]);
	}
	if (stmt_end(&s)) {
		return REPO_OK;
	}
	viewer_records_free(*out, *n);
	*out = NULL;
	*n = 0;
	return REPO_FAILED;
}

static enum repo_result chatter_list(void *impl, struct uuid stream_id, unsigned limit,
	const char *after, char ***out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT DISTINCT user_id FROM chat_messages WHERE stream_id = ? AND user_id > ?"
		" ORDER BY user_id LIMIT ?");
	stmt_uuid(&s, stream_id);
	stmt_text(&s, after != NULL ? after : "");
	stmt_int(&s, limit);
	*out = mem_alloc((limit > 0 ? limit : 1) * sizeof(char *));
	*n = 0;
	while (stmt_step(&s)) {
		(*out)[(*n)++] = stmt_col_text(&s);
	}
	if (stmt_end(&s)) {
		return REPO_OK;
	}
	while (*n > 0) {
		free((*out)[--*n]);
	}
	free(*out);
	*out = NULL;
	return REPO_FAILED;
}

/* The sums of an ended stream; false without them. */
static bool read_totals(struct stmt *s, uint32_t *viewers, uint64_t *watch_ms, uint32_t *chatters)
{
	if (!stmt_step(s)) {
		return false;
	}
	*viewers = stmt_col_u32(s);
	*watch_ms = stmt_col_uint(s);
	*chatters = stmt_col_u32(s);
	return true;
}

static enum repo_result viewer_totals(void *impl, struct uuid stream_id, uint32_t *viewers,
	uint64_t *watch_ms, uint32_t *chatters)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT viewers, watch_ms, chatters FROM stream_totals WHERE stream_id = ?");
	*viewers = *chatters = 0;
	*watch_ms = 0;
	stmt_uuid(&s, stream_id);
	bool summed = read_totals(&s, viewers, watch_ms, chatters);
	if (!stmt_end(&s)) {
		return REPO_FAILED;
	}
	if (summed) {
		return REPO_OK;
	}
	s = stmt_begin(store_reader(impl),
		"SELECT count(*), ifnull(sum(watch_ms), 0),"
		" (SELECT count(DISTINCT user_id) FROM chat_messages WHERE stream_id = ?1)"
		" FROM stream_viewers WHERE stream_id = ?1");
	stmt_uuid(&s, stream_id);
	read_totals(&s, viewers, watch_ms, chatters);
	return stmt_end(&s) ? REPO_OK : REPO_FAILED;
}

static enum repo_result timeline(void *impl, struct uuid stream_id, uint64_t from, unsigned limit,
	struct timeline_record **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT at, viewers, chat, reactions FROM (SELECT * FROM stream_timeline"
		" WHERE stream_id = ? AND at >= ? ORDER BY at DESC LIMIT ?) ORDER BY at");
	size_t cap = 0;
	*out = NULL;
	*n = 0;
	stmt_uuid(&s, stream_id);
	stmt_uint(&s, from);
	stmt_int(&s, limit);
	while (stmt_step(&s)) {
		if (*n == cap) {
			cap = cap > 0 ? 2 * cap : 64;
			*out = mem_realloc(*out, cap * sizeof(**out));
		}
		struct timeline_record *row = &(*out)[(*n)++];
		row->at = stmt_col_uint(&s);
		row->viewers = stmt_col_u32(&s);
		row->chat = stmt_col_u32(&s);
		row->reactions = stmt_col_u32(&s);
	}
	if (stmt_end(&s)) {
		return REPO_OK;
	}
	free(*out);
	*out = NULL;
	*n = 0;
	return REPO_FAILED;
}

static enum repo_result reactions(
	void *impl, struct uuid stream_id, struct reaction_record **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT emoji, count FROM stream_reactions WHERE stream_id = ? ORDER BY count"
		" DESC");
	*out = NULL;
	*n = 0;
	stmt_uuid(&s, stream_id);
	while (stmt_step(&s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		struct reaction_record *row = &(*out)[(*n)++];
		char *emoji = stmt_col_text(&s);
		text_copy(row->emoji, sizeof(row->emoji), emoji);
		free(emoji);
		row->count = stmt_col_u32(&s);
	}
	if (stmt_end(&s)) {
		return REPO_OK;
	}
	free(*out);
	*out = NULL;
	*n = 0;
	return REPO_FAILED;
}

static enum repo_result read_geography(struct stmt *s, struct geography_record **out, size_t *n)
{
	*out = NULL;
	*n = 0;
	while (stmt_step(s)) {
		*out = mem_realloc(*out, (*n + 1) * sizeof(**out));
		struct geography_record *row = &(*out)[(*n)++];
		row->neighborhood = stmt_col_text(s);
		row->viewers = stmt_col_u32(s);
	}
	if (stmt_end(s)) {
		return REPO_OK;
	}
	geography_records_free(*out, *n);
	*out = NULL;
	*n = 0;
	return REPO_FAILED;
}

static enum repo_result geography(
	void *impl, struct uuid stream_id, struct geography_record **out, size_t *n)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT nullif(neighborhood, '') AS neighborhood, viewers FROM stream_geography"
		" WHERE stream_id = ? ORDER BY viewers DESC, neighborhood NULLS LAST");
	stmt_uuid(&s, stream_id);
	enum repo_result result = read_geography(&s, out, n);
	if (result != REPO_OK || *n > 0) {
		return result;
	}
	s = stmt_begin(store_reader(impl),
		"SELECT neighborhood, count(*) AS viewers FROM stream_viewers WHERE stream_id = ?"
		" GROUP BY neighborhood ORDER BY viewers DESC, neighborhood NULLS LAST");
	stmt_uuid(&s, stream_id);
	return read_geography(&s, out, n);
}

static void read_ingest(struct stmt *s, struct ingest_record *out)
{
	out->bitrate = stmt_col_uint(s);
	out->frame_rate = stmt_col_real(s);
	out->width = stmt_col_u32(s);
	out->height = stmt_col_u32(s);
	out->video_codec = stmt_col_text(s);
	out->audio_codec = stmt_col_text(s);
	out->codecs = stmt_col_text(s);
	out->keyframe_interval = stmt_col_real(s);
	out->encoder = stmt_col_text(s);
	out->interruptions = stmt_col_uint(s);
	out->bytes = stmt_col_uint(s);
	out->dropped_samples = stmt_col_uint(s);
	out->discontinuities = stmt_col_uint(s);
}

static enum repo_result ingest(void *impl, struct uuid stream_id, struct ingest_record *out)
{
	struct stmt s = stmt_begin(store_reader(impl),
		"SELECT bitrate, frame_rate, width, height, video_codec, audio_codec, codecs,"
		" keyframe_interval, encoder, interruptions, bytes, dropped_samples,"
		" discontinuities FROM stream_ingest WHERE stream_id = ?");
	*out = (struct ingest_record){0};
	stmt_uuid(&s, stream_id);
	bool found = stmt_step(&s);
	if (found) {
		read_ingest(&s, out);
	}
	if (!stmt_end(&s)) {
		ingest_record_finish(out);
		return REPO_FAILED;
	}
	return found ? REPO_OK : REPO_NOT_FOUND;
}

const struct repo_insight_ops insight_ops = {
	.insight_put = insight_put,
	.viewer_list = viewer_list,
	.chatter_list = chatter_list,
	.viewer_totals = viewer_totals,
	.timeline = timeline,
	.reactions = reactions,
	.geography = geography,
	.ingest = ingest,
};
