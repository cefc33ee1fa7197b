#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/signal.h"
#include "live/health.h"
#include "media/engine.h"
#include "model/insight.h"
#include "model/repo.h"

/*
 * One stream that is live in this process: from go-live (or a restart that found it live) until its
 * recording is finished. Owned by the registry; loop thread only.
 *
 *   WAITING ──publisher──▶ PUBLISHING ──lost──▶ INTERRUPTED ──publisher──▶ PUBLISHING
 *      │ unpublished_timeout    │ explicit stop      │ grace
 *      └────────────────────────┴────────────────────┴──▶ FINISHING ──recording done──▶ gone
 *
 * While FINISHING the playlist carries EXT-X-ENDLIST and goes on being served.
 */
enum live_state { LIVE_WAITING, LIVE_PUBLISHING, LIVE_INTERRUPTED, LIVE_FINISHING };
const char *live_state_text(enum live_state s);

struct live_stream;

struct uuid live_stream_id(const struct live_stream *s);
const char *live_stream_id_text(const struct live_stream *s);
enum live_state live_stream_state(const struct live_stream *s);
/* Whether nothing more comes of its recording: it is written, or there is none. A change. */
bool live_stream_recorded(const struct live_stream *s);
/* The row as it was when it went live, status kept current. Borrowed. */
const struct stream_record *live_stream_record(const struct live_stream *s);
struct media_window *live_stream_window(struct live_stream *s);
/* For players of FLV tags. It ends with FINISHING. */
struct feed;
struct feed *live_stream_feed(struct live_stream *s);

/* Emitted (data: the live_stream) on: a playlist change; a change of state; before it is freed. */
struct signal *live_stream_updated(struct live_stream *s);
struct signal *live_stream_changed(struct live_stream *s);
struct signal *live_stream_destroyed(struct live_stream *s);

/* What the publisher says of itself (onMetaData) and where it comes from. */
struct live_metadata {
	double width, height, frame_rate; /* 0: not said */
	double video_kbps, audio_kbps, audio_rate;
	bool has_video, has_audio; /* codec ids named */
	char encoder[64];
};

struct live_stats {
	struct media_stats media;
	struct live_metadata metadata;
	char publisher_address[64]; /* "" without a publisher */
	uint64_t published_at_ms, first_published_at_ms; /* wall, 0: never */
	uint64_t bytes_in;
	uint32_t interruptions;
	uint64_t recorded_bytes, recorded_segments, recording_failures;
	bool recording; /* being recorded, without failure now */
	size_t window_memory;
};
/* The newest picture as a JPEG, borrowed, and when it was made; NULL: none yet. */
struct rcbuf *live_stream_thumbnail(const struct live_stream *s, uint64_t *made_at_ms);
void live_stream_stats(struct live_stream *s, struct live_stats *out);
/* How the ingest goes now; status unknown without a publisher. */
struct live_health_report {
	struct live_health_figures figures;
	struct live_health_frame frame;
	struct live_health_verdict verdict;
};
void live_stream_health(struct live_stream *s, struct live_health_report *out);
/* The same as what is kept of it; texts for the caller (ingest_record_finish). */
void live_stream_ingest(struct live_stream *s, struct ingest_record *out);

/*
 * Puts a DATERANGE into the live playlist and, if recorded, into the VOD's; wall_ms 0: now. Before
 * the first publisher it is kept for the moment that one comes.
 */
void live_stream_daterange(struct live_stream *s, const struct media_daterange *range);
