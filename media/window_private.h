#pragma once

#include "base/list.h"
#include "dvr.h"
#include "media/change.h"
#include "media/engine.h"
#include "media/recorder.h"
#include "media/window.h"

/* The window as its writer (window_apply.c) and its readers (playlist.c, multivariant.c) see it. */

struct window_init {
	unsigned number;
	struct rcbuf *bytes; /* NULL: in the file */
	char *path; /* NULL: in memory */
};

struct window_range {
	struct list link;
	struct media_daterange range; /* texts owned */
	uint64_t added_us; /* where the main rendition's playlist ended then */
};

/* One media playlist. */
struct window_rendition {
	struct media_window *window;
	unsigned number;
	/* What the playlist has before segments[0]. */
	struct dvr dvr;
	bool broken; /* what it had was taken away */
	/* segments[0] is the oldest in the live window. */
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
	bool published, independent;
	unsigned target_s;
	uint64_t part_target_us;
	uint64_t peak_bitrate, total_bits, total_us;
	struct media_description description;
};

struct media_window {
	unsigned capacity, memory_segments;
	uint64_t first_sequence[MEDIA_RENDITIONS];
	struct media_events events;
	void *user;
	enum media_container container;
	/* By number; NULL: not there. The first is the main one, and always there. */
	struct window_rendition *renditions[MEDIA_RENDITIONS];
	uint64_t dvr_us;
	char *dir; /* of the files; NULL: no segment was stored yet */
	struct list ranges;
	size_t n_ranges;
	bool ended;
	uint64_t generation;
	uint64_t announced; /* of it */
};

/* The rendition of that number, made if it is not there. */
struct window_rendition *window_rendition(struct media_window *w, unsigned number);
/* The rendition is the main one of the window. */
struct window_rendition *window_main(const struct media_window *w);

/* Sets what the open segment is, before its first part. */
void window_begin(struct window_rendition *r, uint64_t start_us, uint64_t wall_ms, unsigned init,
	bool discontinuity);
void window_add_init(struct window_rendition *r, unsigned number, struct rcbuf *bytes);
void window_add_part(
	struct window_rendition *r, struct rcbuf *bytes, uint64_t duration_us, bool independent);
/* Completes the open segment, slides the window, opens the next. Borrowed; NULL if it was empty. */
struct media_segment *window_close_segment(struct window_rendition *r);
/* From here on the playlist is served. */
void window_publish(struct window_rendition *r, unsigned target_s, uint64_t part_target_us);
bool rendition_playable(const struct window_rendition *r);
/* Playable, and not left behind by the main one (its track is not sent any more). */
bool rendition_current(const struct window_rendition *r);
/* Takes the segment into the peak and the average of the multivariant playlist. */
void window_count_bitrate(struct window_rendition *r, const struct media_segment *s);
/* Of the rendition's segments that came and went, and of those that are listed. */
uint64_t window_count_discontinuities(const struct window_rendition *r);
/*
 * Empties the playlist: what comes next has this discontinuity sequence, and a media sequence
 * number further on by the discontinuities that the rendition was away for (RFC 8216 6.2.2).
 */
void window_clear(struct window_rendition *r, uint64_t discontinuity_sequence);
/* The oldest segment of the live window leaves it. */
void window_slide(struct window_rendition *r);
void window_add_range(struct media_window *w, const struct media_daterange *range);
/* Where the newest complete segment ends, 0: there is none. */
uint64_t window_end_us(const struct window_rendition *r);

/* Unique in the stream: of a segment, part or init segment, by what its name says. */
uint64_t window_body_id(const struct window_rendition *r, uint64_t id);

/* window_dvr.c: what follows when a segment leaves the live window. */
void window_dvr_keep(struct window_rendition *r, const struct media_segment *s);
enum media_lookup window_dvr_body(
	const struct window_rendition *r, uint64_t sequence, struct media_body *out);
/* The oldest that is in the playlist. */
uint64_t window_first_sequence(const struct window_rendition *r);
uint64_t window_first_wall_ms(const struct window_rendition *r);

/* The bytes of all its parts are in memory. */
bool segment_in_memory(const struct media_segment *s);
