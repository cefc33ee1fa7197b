#define LOG_MODULE "live"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"

#define MP4_AGE_MS 86400000u

/* Runs before the loop: reading journals here delays the start and nobody else. */

static void recover_stream(struct live_registry *r, const struct stream_record *row)
{
	struct recording_index index = {0};
	char id_text[UUID_TEXT_SIZE];
	uuid_text(id_text, row->id);
	char *dir = live_recording_dir(r, id_text);
	bool loaded = recording_load(dir, &index) == RECORDER_OK;
	struct live_stream *s = live_stream_create(r, row, loaded ? &index : NULL);
	log_info("stream recovered", kv_str("stream", s->id_text),
		kv_str("state", live_state_text(s->state)), kv_u64("segments", index.n));
	if (loaded)
		recording_index_finish(&index);
	free(dir);
}

static void recover_live(struct live_registry *r)
{
	struct repo_stream_filter filter = {.status = STREAM_LIVE, .limit = 100};
	char *cursor = NULL;
	do {
		struct repo_stream_page page = {0};
		filter.cursor = cursor;
		if (r->repo.ops->stream_list(r->repo.impl, &filter, &page) != REPO_OK)
			break;
		for (size_t i = 0; i < page.n; i++)
			recover_stream(r, &page.rows[i]);
		free(cursor);
		cursor = mem_strdup(page.next_cursor);
		repo_stream_page_finish(&page);
	} while (cursor);
	free(cursor);
}

/* Ended streams whose recording was not finished before the process died. */
static void recover_recordings(struct live_registry *r)
{
	struct recording_record *rows;
	size_t n;
	unsigned offset = 0;
	do {
		if (r->repo.ops->recording_list(
			    r->repo.impl, RECORDING_OPEN, 100, offset, &rows, &n) != REPO_OK)
			return;
		for (size_t i = 0; i < n; i++) {
			if (!live_registry_find(r, rows[i].stream_id)) {
				log_info("finishing a recording that was left open",
					kv_str("stream", rows[i].path));
				vod_job_start(r, rows[i].stream_id, r->config.mp4 == LIVE_MP4_END,
					NULL, NULL);
			}
			recording_record_finish(&rows[i]);
		}
		free(rows);
		offset += 100;
	} while (n == 100);
}

/* Recordings whose progressive file was under way when the process died. Older ones without it are
 * so by an earlier setting, and left as they are. */
static void recover_files(struct live_registry *r)
{
	uint64_t now = clock_wall_ms(loop_clock(r->loop));
	struct recording_record *rows;
	size_t n;
	if (r->config.mp4 != LIVE_MP4_END ||
		r->repo.ops->recording_list(r->repo.impl, RECORDING_READY, 100, 0, &rows, &n) !=
			REPO_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].has_mp4 && rows[i].finished_at + MP4_AGE_MS > now &&
			!live_registry_find(r, rows[i].stream_id) &&
			!upload_is_away(r, rows[i].stream_id))
			vod_job_mp4(r, &rows[i]);
		recording_record_finish(&rows[i]);
	}
	free(rows);
}

void live_registry_recover(struct live_registry *r)
{
	recover_live(r);
	recover_recordings(r);
	recover_files(r);
	storyboards_recover(r);
}
