#pragma once

#include "base/mem.h"
#include "base/metrics.h"
#include "live/feed.h"
#include "loop/timer.h"

/* What the files of the feed share; nobody else includes it. */

/* Metadata, and a configuration for each of 16 tracks. */
#define FEED_HEADERS_MAX 17

struct feed_tag {
	unsigned refs;
	uint8_t type, track;
	bool is_key, is_config;
	uint32_t timestamp;
	size_t cost; /* bytes of memory */
	uint64_t end; /* bytes of the feed up to its end */
	struct feeds *feeds;
	struct rcbuf *wire; /* NULL: only a place in the chain */
	struct feed_tag *next; /* held */
};

struct feed_headers {
	struct feed_tag *tags[FEED_HEADERS_MAX];
};

struct feeds_metrics {
	struct metric *players, *joined, *bytes, *skips, *memory;
	struct metric *refused[FEED_STREAM_FULL + 1], *ended[FEED_END_COUNT];
};

struct feeds {
	struct loop *loop;
	struct feeds_config config;
	struct list all; /* feed.link */
	struct list dirty; /* feed.dirty: its players are to be woken */
	struct timer *wake, *look;
	unsigned players, looks;
	struct feeds_metrics metrics;
};

struct feed {
	struct feeds *feeds;
	char *stream_id;
	struct list link, dirty;
	struct list players;
	unsigned n_players;
	struct feed_tag *tail; /* the newest */
	struct feed_tag *before_key; /* the last keyframe is its next; NULL: not kept */
	struct feed_headers latest, start; /* as of now; as of the last keyframe */
	uint64_t bytes;
	/* Clocks in ms: the publisher's newest, ours of it, our newest of all, and when that was.
	 */
	uint32_t in_ms;
	uint64_t out_ms, newest_ms, put_ms;
	bool has_begun, is_new_clock, has_audio, has_video, is_over;
};

void feed_tag_unref(struct feed_tag **tag);
/* To the last keyframe, with the configurations that came after `had`; waiting if there is none. */
void feed_place(struct feed_player *p, uint64_t had);
