#define LOG_MODULE "storyboard"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "internal.h"
#include "media/storyboard.h"

/*
 * Storyboards of finished recordings: nobody waits for them, so they make way for all else on the
 * slow lane. One job at a time makes ten pictures of one, then goes behind what waits in the lane;
 * several take turns. What a shutdown or a crash cuts off begins anew at the next start.
 */
#define AGE_MS 86400000u

struct board {
	struct list link; /* registry.boards */
	struct live_registry *registry; /* NULL once the registry is gone */
	struct uuid stream_id;
	char id_text[UUID_TEXT_SIZE];
	char *dir;
	uint64_t max_pixels;
	struct storyboard *storyboard; /* NULL: not begun */
	enum picture_result result;
	bool running, more;
	atomic_bool stopping;
	void (*stopped)(void *user);
	void *user;
};

static void board_free(struct board *b)
{
	void (*stopped)(void *user) = b->stopped;
	void *user = b->user;

	list_remove(&b->link);
	storyboard_close(&b->storyboard);
	free(b->dir);
	free(b);
	if (stopped)
		stopped(user);
}

static void run(void *arg)
{
	struct board *b = arg;

	b->more = false;
	b->result = PICTURE_OK;
	if (!b->storyboard)
		b->result = storyboard_open(b->dir, b->max_pixels, &b->stopping, &b->storyboard);
	if (b->result == PICTURE_OK)
		b->result = storyboard_step(b->storyboard, &b->more);
}

static void next(struct live_registry *r);

static void tell(const struct board *b)
{
	if (b->result == PICTURE_OK)
		log_info("storyboard ready", kv_str("stream", b->id_text));
	else if (b->result != PICTURE_NONE)
		log_warn("no storyboard", kv_str("stream", b->id_text),
			kv_str("reason", picture_result_text(b->result)));
	metric_add(b->result == PICTURE_OK ? b->registry->metrics.storyboards
					   : b->registry->metrics.storyboards_failed,
		1);
}

static void done(void *arg, bool cancelled)
{
	struct board *b = arg;
	struct live_registry *r = b->registry;
	struct uuid stream_id = b->stream_id;

	b->running = false;
	if (!r || cancelled || atomic_load(&b->stopping)) {
		board_free(b);
	} else if (b->result == PICTURE_OK && b->more) {
		list_remove(&b->link);
		list_append(&r->boards, &b->link);
	} else {
		tell(b);
		board_free(b);
		upload_want(r, stream_id);
	}
	if (r)
		next(r);
}

static void next(struct live_registry *r)
{
	struct board *b;

	if (list_empty(&r->boards) || r->draining)
		return;
	list_for_each (b, &r->boards, link) {
		if (b->running)
			return;
	}
	b = container_of(r->boards.next, struct board, link);
	b->running = true;
	work_submit(loop_work(r->loop), WORK_SLOW, run, done, b);
}

static struct board *find(const struct live_registry *r, struct uuid stream_id)
{
	struct board *b;

	list_for_each (b, &r->boards, link) {
		if (uuid_eq(b->stream_id, stream_id))
			return b;
	}
	return NULL;
}

bool storyboard_pending(const struct live_registry *r, struct uuid stream_id)
{
	return find(r, stream_id) != NULL;
}

static bool is_made(const char *dir)
{
	char *path = mem_printf("%s/" STORYBOARD_INDEX, dir);
	bool made = access(path, F_OK) == 0;

	free(path);
	return made;
}

void storyboard_want(struct live_registry *r, struct uuid stream_id)
{
	struct board *b;

	if (!r->config.storyboard || r->draining || find(r, stream_id) ||
		live_stream_is_writing(r, stream_id) || upload_is_away(r, stream_id))
		return;
	b = mem_new(struct board);
	b->registry = r;
	b->stream_id = stream_id;
	uuid_text(b->id_text, stream_id);
	b->dir = live_recording_dir(r, b->id_text);
	b->max_pixels = r->config.thumbnail_max_pixels;
	list_append(&r->boards, &b->link);
	if (is_made(b->dir)) {
		board_free(b);
		return;
	}
	next(r);
}

static void stop(struct board *b)
{
	atomic_store(&b->stopping, true);
	if (!b->running)
		board_free(b);
}

bool storyboard_stop(
	struct live_registry *r, struct uuid stream_id, void (*stopped)(void *user), void *user)
{
	struct board *b = find(r, stream_id);

	if (b && b->running) {
		b->stopped = stopped;
		b->user = user;
		stop(b);
		return false;
	}
	if (b)
		stop(b);
	return true;
}

void storyboards_recover(struct live_registry *r)
{
	uint64_t now = clock_wall_ms(loop_clock(r->loop));
	struct recording_record *rows;
	size_t n;

	if (!r->config.storyboard ||
		r->repo.ops->recording_list(r->repo.impl, RECORDING_READY, 100, 0, &rows, &n) !=
			REPO_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].finished_at + AGE_MS > now && !vod_job_running(r, rows[i].stream_id) &&
			!live_registry_find(r, rows[i].stream_id))
			storyboard_want(r, rows[i].stream_id);
		recording_record_finish(&rows[i]);
	}
	free(rows);
}

/* The one that runs ends with the picture it is at. */
void storyboards_stop(struct live_registry *r)
{
	struct board *b, *after;

	list_for_each_safe (b, after, &r->boards, link)
		stop(b);
}

void storyboards_drop(struct live_registry *r)
{
	struct board *b, *after;

	list_for_each_safe (b, after, &r->boards, link) {
		b->registry = NULL;
		list_remove(&b->link);
		stop(b);
	}
}
