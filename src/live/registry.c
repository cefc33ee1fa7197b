#define LOG_MODULE "live"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "internal.h"

static void metrics_init(struct live_metrics *m, struct metrics *all)
{
	m->streams = metrics_gauge(all, "souk_streams", NULL, "Streams live in this process.");
	m->publishers = metrics_gauge(all, "souk_publishers", NULL, "Publishers connected.");
	m->interruptions = metrics_counter(
		all, "souk_interruptions_total", NULL, "Publishers lost in mid-stream.");
	m->ended = metrics_counter(all, "souk_streams_ended_total", NULL, "Streams ended.");
	m->vod_ready = metrics_counter(all, "souk_vod_ready_total", NULL, "VODs finished.");
	for (unsigned i = 0; i <= LIVE_REFUSE_DRAINING; i++) {
		char label[64];
		snprintf(label, sizeof(label), "reason=\"%s\"", live_refusal_code(i));
		m->refused[i] = metrics_counter(
			all, "souk_publish_refused_total", label, "Publish requests refused.");
	}
	m->thumbnails = metrics_counter(
		all, "souk_thumbnails_total", NULL, "Thumbnails of live streams made.");
	m->thumbnails_failed = metrics_counter(all, "souk_thumbnails_failed_total", NULL,
		"Thumbnails that could not be made: damaged, too large, an unknown codec.");
	m->thumbnails_skipped = metrics_counter(all, "souk_thumbnails_skipped_total", NULL,
		"Thumbnails put off because too many were being made.");
	m->storyboards = metrics_counter(
		all, "souk_storyboards_total", NULL, "Storyboards of recordings made.");
	m->storyboards_failed = metrics_counter(all, "souk_storyboards_failed_total", NULL,
		"Storyboards that could not be made: no video, damaged, too large, a full disk.");
	m->recorded_bytes = metrics_counter(
		all, "souk_recorded_bytes_total", NULL, "Bytes of segments recorded.");
	m->recorded_segments =
		metrics_counter(all, "souk_recorded_segments_total", NULL, "Segments recorded.");
	m->recording_failures = metrics_counter(
		all, "souk_recording_failures_total", NULL, "Segments that could not be stored.");
	m->held = metrics_gauge(all, "souk_publishers_held", NULL,
		"Publishers that are not read from because their media worker is behind.");
	m->holds = metrics_counter(
		all, "souk_publisher_holds_total", NULL, "Times that a publisher was held so.");
	m->recording_alert = metrics_gauge(
		all, "souk_recordings_failing", NULL, "Streams whose recording is stopped now.");
}

struct live_registry *live_registry_create(
	struct loop *l, struct repo repo, const struct live_config *config)
{
	struct live_registry *r = mem_new(struct live_registry);
	r->loop = l;
	r->repo = repo;
	r->config = *config;
	r->media_root = mem_strdup(config->media_root);
	r->config.media_root = r->media_root;
	list_init(&r->streams);
	list_init(&r->joins);
	list_init(&r->vod_jobs);
	list_init(&r->deletions);
	list_init(&r->thumbnail_jobs);
	list_init(&r->boards);
	list_init(&r->leavings);
	r->by_id = map_create();
	signal_init(&r->opened);
	signal_init(&r->ended);
	signal_init(&r->relays);
	metrics_init(&r->metrics, loop_metrics(l));
	if (config->workers)
		r->workers = workers_create(l, "media", config->workers);
	r->feeds = feeds_create(l, &config->playout);
	retention_start(r);
	health_watch_start(r);
	return r;
}

void live_registry_destroy(struct live_registry **registry)
{
	struct live_registry *r = *registry;
	struct live_stream *s, *next;
	if (!r)
		return;
	*registry = NULL;
	list_for_each (s, &r->streams, link)
		live_stream_detach(s);
	/* What came in is still made and written. */
	if (r->workers)
		workers_settle(r->workers);
	list_for_each_safe (s, next, &r->streams, link)
		live_stream_destroy(s);
	workers_destroy(&r->workers);
	live_joins_drop(r);
	vod_jobs_drop(r);
	thumbnails_drop(r);
	storyboards_drop(r);
	uploads_drop(r);
	retention_stop(r);
	health_watch_stop(r);
	timer_destroy(&r->drain_timer);
	feeds_destroy(&r->feeds);
	map_destroy(r->by_id);
	free(r->media_root);
	free(r);
}

char *live_recording_dir(const struct live_registry *r, const char *id_text)
{
	return mem_printf("%s/%s", r->media_root, id_text);
}

void live_registry_heed(struct live_registry *r, struct bans *bans)
{
	r->bans = bans;
}

struct live_stream *live_registry_find(struct live_registry *r, struct uuid id)
{
	return map_get(r->by_id, id.bytes, sizeof(id.bytes));
}

struct live_stream *live_registry_playable(struct live_registry *r, struct uuid id)
{
	struct live_stream *s = live_registry_find(r, id);

	return s && s->state != LIVE_FINISHING ? s : NULL;
}

struct live_stream *live_registry_next(struct live_registry *r, const struct live_stream *after)
{
	struct list *link = after ? after->link.next : r->streams.next;
	return link == &r->streams ? NULL : container_of(link, struct live_stream, link);
}

unsigned live_registry_count(const struct live_registry *r)
{
	return (unsigned)map_count(r->by_id);
}

unsigned live_registry_publishers(const struct live_registry *r)
{
	return r->publishers;
}

struct signal *live_registry_opened(struct live_registry *r)
{
	return &r->opened;
}

struct signal *live_registry_relays(struct live_registry *r)
{
	return &r->relays;
}

struct signal *live_registry_ended(struct live_registry *r)
{
	return &r->ended;
}

void live_registry_ask_figures(struct live_registry *r,
	bool (*figures)(void *user, struct uuid stream_id, struct repo_stats *out), void *user)
{
	r->figures = figures;
	r->figures_user = user;
}

struct live_stream *live_registry_open(struct live_registry *r, const struct stream_record *row)
{
	struct live_stream *s = live_registry_find(r, row->id);
	if (s)
		return s;
	s = live_stream_create(r, row, NULL);
	log_info("stream is live", kv_str("stream", s->id_text));
	signal_emit(&r->opened, s);
	return s;
}

struct live_stream *live_registry_open_stored(struct live_registry *r, struct uuid id)
{
	struct live_stream *s = live_registry_find(r, id);
	struct stream_record row;
	if (s || r->repo.ops->stream_get(r->repo.impl, id, &row) != REPO_OK)
		return s;
	if (row.status == STREAM_LIVE)
		s = live_registry_open(r, &row);
	stream_record_finish(&row);
	return s;
}

void live_registry_rekey(struct live_registry *r, const struct stream_record *row)
{
	struct live_stream *s = live_registry_find(r, row->id);
	if (!s || !s->publisher)
		return;
	struct live_publisher *p = s->publisher;
	if (p->by_seller_key || memcmp(p->key_hash, row->key_hash, sizeof(p->key_hash)) == 0)
		return;
	live_stream_detach(s);
	live_publisher_kick(p, LIVE_KICK_ROTATED);
}

void live_registry_rekey_seller(
	struct live_registry *r, const char *seller_id, const uint8_t *key_hash)
{
	struct live_stream *s;
	list_for_each (s, &r->streams, link) {
		struct live_publisher *p = s->publisher;
		if (!p || !p->by_seller_key || !text_eq(s->record.seller_id, seller_id))
			continue;
		if (key_hash && memcmp(p->key_hash, key_hash, sizeof(p->key_hash)) == 0)
			continue;
		live_stream_detach(s);
		live_publisher_kick(p, LIVE_KICK_ROTATED);
	}
}

bool live_registry_accepts(struct live_registry *r, const char *key, struct stream_record *out)
{
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	struct key_find f;
	*out = (struct stream_record){0};
	if (r->draining)
		return false;
	live_key_hash(key, hash);
	key_find(r, hash, &f);
	if (f.stream || f.is_due)
		stream_record_copy(out, f.stream ? &f.stream->record : &f.due);
	bool accepted = f.stream || f.is_due;
	key_find_finish(&f);
	return accepted;
}

void live_registry_end(struct live_registry *r, struct live_stream *s, enum live_end_reason reason,
	repo_done done, void *user)
{
	live_stream_finish(s, reason, done, user);
}

bool live_registry_kick(struct live_registry *r, struct live_stream *s)
{
	struct live_publisher *p = s->publisher;
	if (!p)
		return false;
	live_stream_detach(s);
	live_publisher_kick(p, LIVE_KICK_ADMIN);
	return true;
}

void live_registry_reconfigure(struct live_registry *r, const struct live_config *config)
{
	r->config.grace_us = config->grace_us;
	r->config.unpublished_us = config->unpublished_us;
	r->config.takeover = config->takeover;
	r->config.max_publishers = config->max_publishers;
	r->config.min_free = config->min_free;
	r->config.keep_us = config->keep_us;
	r->config.max_bytes = config->max_bytes;
	r->config.mp4 = config->mp4;
	r->config.storyboard = config->storyboard;
	r->config.thumbnail_us = config->thumbnail_us;
	r->config.thumbnail_width = config->thumbnail_width;
	r->config.thumbnail_max_pixels = config->thumbnail_max_pixels;
	r->config.playout = config->playout;
	feeds_reconfigure(r->feeds, &config->playout);
	timer_start(r->retention_timer, 0); /* new bounds hold at once */
}
