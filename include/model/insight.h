#pragma once

#include "model/repo.h"

/*
 * What is known of a stream's audience: a family of the repo (`repo.insight`). The figures of a
 * live stream are in the state; they come here as they go (so that a crash loses seconds, not the
 * stream) and whole at the stream's end.
 */
struct viewer_record {
	char *viewer; /* a user's id, or "guest:…" */
	char *name, *neighborhood; /* NULL: not known */
	uint64_t joined_at, left_at; /* first join; last leave, 0: still there */
	uint64_t watch_ms;
	uint32_t joins;
};
void viewer_record_finish(struct viewer_record *r);

struct reaction_record {
	char emoji[16];
	uint32_t count;
};

struct timeline_record {
	uint64_t at; /* begin of a bucket of 5 s, ms */
	uint32_t viewers, chat,
		reactions; /* viewers: the most at once; the others: in the bucket */
};
#define TIMELINE_BUCKET_MS 5000

struct geography_record {
	char *neighborhood; /* NULL: not known */
	uint32_t viewers;
};

struct ingest_record {
	uint64_t bitrate; /* bits a second, 0: not known; the like for what follows */
	double frame_rate;
	uint32_t width, height;
	char *video_codec, *audio_codec, *codecs, *encoder;
	double keyframe_interval; /* s */
	uint64_t interruptions, bytes, dropped_samples, discontinuities;
};
void ingest_record_finish(struct ingest_record *r);

/* A piece of news of one stream, stored in one transaction. Arrays may be empty. */
struct insight_update {
	struct uuid stream_id;
	const struct viewer_record *viewers; /* whole rows: replace */
	size_t n_viewers;
	const struct timeline_record *timeline; /* whole buckets: replace */
	size_t n_timeline;
	const struct reaction_record *reactions; /* totals: replace */
	size_t n_reactions;
	const struct ingest_record *ingest; /* NULL: leaves it */
	const struct repo_stats *stats; /* into the row of the stream; NULL: leaves them */
	/* The last one of a stream that ended: viewers are summed up for those who read totals. */
	bool final;
};

struct repo_insight_ops {
	/* NOT_FOUND without the stream. Messages counted elsewhere are never counted down. */
	void (*insight_put)(void *impl, const struct insight_update *u, repo_done done, void *user);
	/* Arrays and texts for the caller. Viewers in the order of their ids, behind `after` (NULL:
	 * from the first). */
	enum repo_result (*viewer_list)(void *impl, struct uuid stream_id, unsigned limit,
		const char *after, struct viewer_record **out, size_t *n);
	/* Those who wrote in its chat, in the order of their ids, behind `after` (NULL: from the
	 * first); ids and array for the caller. */
	enum repo_result (*chatter_list)(void *impl, struct uuid stream_id, unsigned limit,
		const char *after, char ***out, size_t *n);
	/* chatters: different people who wrote. Bounded once there was a final update. */
	enum repo_result (*viewer_totals)(void *impl, struct uuid stream_id, uint32_t *viewers,
		uint64_t *watch_ms, uint32_t *chatters);
	/* The newest `limit` buckets from that time on, oldest first. */
	enum repo_result (*timeline)(void *impl, struct uuid stream_id, uint64_t from,
		unsigned limit, struct timeline_record **out, size_t *n);
	enum repo_result (*reactions)(
		void *impl, struct uuid stream_id, struct reaction_record **out, size_t *n);
	/* Most viewers first. Bounded once there was a final update. */
	enum repo_result (*geography)(
		void *impl, struct uuid stream_id, struct geography_record **out, size_t *n);
	/* NOT_FOUND: nothing is known. */
	enum repo_result (*ingest)(void *impl, struct uuid stream_id, struct ingest_record *out);
};
void viewer_records_free(struct viewer_record *rows, size_t n);
void geography_records_free(struct geography_record *rows, size_t n);
