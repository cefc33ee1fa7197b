#pragma once

#include "base/list.h"
#include "media/engine.h"
#include "media/recorder.h"
#include "media/window.h"

/* The window as its writer (segmenter.c) and its readers (playlist.c, multivariant.c) see it. */

struct window_init {
	unsigned number;
	struct rcbuf *bytes; /* NULL: in the file */
	char *path; /* NULL: in memory */
};

struct window_range {
	struct list link;
	struct media_daterange range; /* texts owned */
};

struct media_window {
	unsigned capacity, memory_segments;
	/* segments[0] is the oldest in the playlist. */
	struct media_segment **segments;
	size_t n_segments;
	struct media_segment **retired; /* a ring of what left the playlist last; NULL: free */
	size_t next_retired;
	uint64_t discontinuity_sequence;
	/* The segment that is being made; always there until the end. */
	struct media_segment *open;
	size_t open_cap;
	size_t open_listed; /* its first parts, as far as they keep the published target */
	struct window_init *inits;
	size_t n_inits;
	struct list ranges;
	size_t n_ranges;
	bool published, independent, ended;
	unsigned target_s;
	uint64_t part_target_us;
	uint64_t generation;
	uint64_t peak_bitrate, total_bits, total_us;
	char codecs[128];
	unsigned width, height;
	double frame_rate;
};

struct media_window *window_create(const struct media_config *config);
void window_destroy(struct media_window *w);
/* Sets what the open segment is, before its first part. */
void window_begin(struct media_window *w, uint64_t start_us, uint64_t wall_ms, unsigned init,
	bool discontinuity);
void window_add_init(struct media_window *w, unsigned number, struct rcbuf *bytes);
/* Takes the reference. */
void window_add_part(
	struct media_window *w, struct rcbuf *bytes, uint64_t duration_us, bool independent);
/* Completes the open segment, slides the window, opens the next. Borrowed; NULL if it was empty. */
struct media_segment *window_close_segment(struct media_window *w);
/* From here on the playlist is served. */
void window_publish(struct media_window *w, unsigned target_s, uint64_t part_target_us);
/* Takes the segment into the peak and the average of the multivariant playlist. */
void window_count_bitrate(struct media_window *w, const struct media_segment *s);
void window_end(struct media_window *w);
void window_add_range(struct media_window *w, const struct media_daterange *range);

/* The bytes of all its parts are in memory. */
bool segment_in_memory(const struct media_segment *s);
