#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "intake.h"
#include "live/registry.h"
#include "loop/timer.h"
#include "loop/work.h"
#include "media/recorder.h"
#include "media/vod.h"

/* What the files of this room share; nobody else includes it. */

struct recording;
struct join;
struct vod_job;
struct thumbnail_job;
struct uploads;

struct live_metrics {
	struct metric *streams, *publishers, *interruptions, *ended, *vod_ready;
	struct metric *refused[LIVE_REFUSE_DRAINING + 1];
	struct metric *thumbnails, *thumbnails_failed, *thumbnails_skipped, *storyboards,
		*storyboards_failed;
	struct metric *recorded_bytes, *recorded_segments, *recording_failures, *recording_alert;
	struct metric *health[LIVE_HEALTH_POOR + 1];
	struct metric *held, *holds;
};

struct live_registry {
	struct loop *loop;
	struct repo repo;
	struct live_config config;
	struct feeds *feeds;
	struct bans *bans;
	struct workers *workers; /* of the engines; NULL: none */
	char *media_root;
	struct list streams; /* live_stream.link, in order of going live */
	struct map *by_id;
	struct list joins; /* join.link: publishers that wait for their answer */
	struct list vod_jobs; /* vod_job.link */
	struct list deletions; /* delete_job.link (retention.c) */
	struct list thumbnail_jobs; /* thumbnail_job.link (thumbnails.c) */
	struct list boards; /* board.link (storyboards.c) */
	struct uploads *uploads; /* NULL: no object storage was ever configured */
	struct list leavings; /* leaving.link (uploads.c) */
	unsigned n_thumbnail_jobs;
	size_t thumbnail_bytes; /* that those hold */
	unsigned publishers;
	struct signal opened, ended, health, relays;
	struct timer *health_timer;
	bool (*figures)(void *user, struct uuid stream_id, struct repo_stats *out);
	void *figures_user;
	struct timer *retention_timer;
	unsigned retention_offset; /* of the sweep that is under way */
	uint64_t retention_bytes;
	bool draining;
	unsigned drain_pending;
	void (*drain_done)(void *user);
	void *drain_user;
	struct timer *drain_timer; /* so that `done` never comes inside the call */
	struct live_metrics metrics;
};

/* The picture of a stream (thumbnails.c). */
struct thumbnail {
	struct rcbuf *init; /* of the main rendition; NULL: none, or no video in it */
	unsigned init_number;
	struct rcbuf *jpeg; /* NULL: none yet */
	uint64_t made_at_ms, tried_at_us;
	bool tried, failed;
	bool hopeless; /* until the next init segment */
	struct thumbnail_job *job; /* under way; NULL: none */
};

struct live_stream {
	struct live_registry *registry;
	struct list link;
	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	struct stream_record record;
	enum live_state state;
	struct media_window *window;
	struct intake *intake; /* leads into it */
	struct feed *feed;
	struct live_publisher *publisher;
	unsigned publisher_number; /* grows with each */
	struct recording *recording;
	struct timer *timer; /* unpublished, grace, retry of the end's write, linger: by state */
	struct signal updated, changed, destroyed;
	struct live_metadata metadata;
	struct live_health health; /* of the publisher */
	struct live_health_verdict told;
	uint64_t published_at_ms, first_published_at_ms, bytes_in;
	uint32_t interruptions;
	struct thumbnail thumbnail;
	struct list early_ranges; /* early_range.link: of before the first frame */
	bool row_opened; /* the recording's row was asked for */
	enum live_end_reason end_reason;
	uint64_t ended_at_ms;
	bool end_committed, vod_settled;
	void (*flushed)(struct live_stream *s); /* NULL: nobody waits for live_stream_flush */
	struct end_write *end_write; /* the store has not answered yet */
	repo_done end_done;
	void *end_user;
};

/* registry.c */
void live_drain_step(struct live_registry *r);

/* health_watch.c */
void health_watch_start(struct live_registry *r);
void health_watch_stop(struct live_registry *r);

/* stream.c */
struct live_stream *live_stream_create(struct live_registry *r, const struct stream_record *row,
	const struct recording_index *index);
void live_stream_destroy(struct live_stream *s);
/* It is live here, and its files are not complete. */
bool live_stream_is_writing(struct live_registry *r, struct uuid id);
/* An ended stream that still serves its players from here goes now, by the loop. True: gone. */
bool live_stream_linger_end(struct live_registry *r, struct uuid id);
void live_stream_attach(struct live_stream *s, struct live_publisher *p);
/* Takes the publisher away without a word to it; nothing else changes. */
void live_stream_forget_publisher(struct live_stream *s);
/* The publisher is lost: taken away likewise, media is finished, the grace begins. */
void live_stream_detach(struct live_stream *s);
void live_stream_finish(
	struct live_stream *s, enum live_end_reason reason, repo_done done, void *user);
/* done(s) when all that came in is on disk; not called once the stream is gone. One at a time. */
void live_stream_flush(struct live_stream *s, void (*done)(struct live_stream *s));

/* key_find.c: what a key opens now. */
struct key_find {
	struct live_stream *stream; /* live here; NULL: see the rest */
	bool is_due; /* `due` is a scheduled stream that has to go live first */
	struct stream_record due;
	bool by_seller_key;
	enum live_refusal why; /* neither */
};
void key_find(
	struct live_registry *r, const uint8_t hash[STREAM_KEY_HASH_SIZE], struct key_find *out);
void key_find_finish(struct key_find *f);

/* publisher.c */
void live_publisher_kick(struct live_publisher *p, enum live_kick reason);
void live_joins_drop(struct live_registry *r);

/*
 * The disk side of one stream, in order on a queue of the fast lane (recorder_queue.c). Segments
 * that cannot be stored stay in the window's memory; the failure is an alert, not an end.
 */
struct recording_stats {
	uint64_t bytes, segments, failures;
	bool failing;
};

struct recording *recording_create(struct live_registry *r, const char *id_text, bool keep);
/* After a restart: where the folder begins. */
void recording_resume(struct recording *rec, const struct recording_index *index);
/* What was submitted is still written; the struct goes after the last job. */
void recording_release(struct recording **rec);
void recording_init_segment(struct recording *rec, const struct media_init *init);
void recording_segment(
	struct recording *rec, struct media_segment *segment, const struct media_window *window);
void recording_daterange(struct recording *rec, const struct media_daterange *range);
/* done(user) after all that was submitted before is on disk; the journal is closed until the next
 * segment. Not called any more once the recording is released. */
void recording_flush(struct recording *rec, void (*done)(void *user), void *user);
void recording_stats(const struct recording *rec, struct recording_stats *out);

/*
 * Makes the VOD of a folder on the slow lane and tells the store (vod_job.c): the playlist, then
 * `done`, then the progressive file if wanted.
 */
void vod_job_start(struct live_registry *r, struct uuid stream_id, bool want_mp4,
	void (*done)(void *user), void *user);
bool vod_job_running(const struct live_registry *r, struct uuid stream_id);
/* Only the progressive file, of a recording that is ready without it. */
struct vod_job *vod_job_mp4(struct live_registry *r, const struct recording_record *row);
/* Forgets the callbacks: the registry goes. */
void vod_jobs_drop(struct live_registry *r);

/* thumbnails.c */
void thumbnail_init_segment(struct live_stream *s, const struct media_init *init);
void thumbnail_segment(struct live_stream *s, const struct media_segment *segment);
void thumbnail_drop(struct live_stream *s); /* the stream goes */
void thumbnails_drop(struct live_registry *r); /* as vod_jobs_drop */

/* storyboards.c */
/* Made some time, unless it is there, or not wanted. */
void storyboard_want(struct live_registry *r, struct uuid stream_id);
/* No more of it: true, or `stopped` tells once nothing writes any more. */
bool storyboard_stop(
	struct live_registry *r, struct uuid stream_id, void (*stopped)(void *user), void *user);
void storyboards_stop(struct live_registry *r); /* all: the server shuts down */
/* Of recordings of the last day that have none. */
void storyboards_recover(struct live_registry *r);
void storyboards_drop(struct live_registry *r); /* as vod_jobs_drop */

/* Being made, or about to be. */
bool storyboard_pending(const struct live_registry *r, struct uuid stream_id);

/* uploads.c */
/* Nothing may write into the recording's folder any more; else whoever does calls it at its end. */
void upload_want(struct live_registry *r, struct uuid stream_id);
/* As storyboard_stop. */
bool upload_stop(
	struct live_registry *r, struct uuid stream_id, void (*stopped)(void *user), void *user);
void uploads_look(struct live_registry *r); /* something may be due */
void uploads_stop(struct live_registry *r); /* within a second: the server shuts down */
void uploads_drop(struct live_registry *r); /* as vod_jobs_drop */
/* Its files are in object storage, and nowhere else. */
bool upload_is_away(struct live_registry *r, struct uuid stream_id);

/* retention.c */
bool deletion_running(const struct live_registry *r, struct uuid stream_id);
void retention_start(struct live_registry *r);
void retention_stop(struct live_registry *r); /* as vod_jobs_drop, for deletions */

char *live_recording_dir(const struct live_registry *r, const char *id_text);
