#pragma once

#include "media/change.h"

struct media_window;

/*
 * A rendition as its maker sees it: what was announced of it so far, as far as later decisions
 * depend on it. The segments themselves are the window's, which may be on another thread.
 */

/* Where all renditions of an engine go. */
struct outlet {
	struct media_output to;
	void *user;
	bool unsettled; /* something changed since the last `settled` */
};

#define RENDITION_RECENT 3

struct rendition {
	struct outlet *outlet;
	unsigned number;
	struct media_description description;
	/* Promised to players with the first segment. */
	bool published;
	unsigned target_s;
	uint64_t part_target_us;
	bool has_segments; /* in the playlist, since it began or was cleared */
	uint64_t discontinuities; /* before complete segments, counted from the stream's begin */
	/* The open segment. */
	bool discontinuity; /* stands before it */
	size_t n_parts;
	uint64_t us, bytes;
	/* The last complete ones, for the bit rate. */
	struct {
		uint64_t us, bytes;
	} recent[RENDITION_RECENT];
	unsigned next_recent;
};

void rendition_init(struct rendition *r, struct outlet *outlet, unsigned number,
	const struct media_window *before);
void rendition_begin(struct rendition *r, uint64_t start_us, uint64_t wall_ms, unsigned init,
	bool discontinuity);
void rendition_add_init(struct rendition *r, unsigned number, struct rcbuf *bytes);
/* Takes the reference. */
void rendition_add_part(
	struct rendition *r, struct rcbuf *bytes, uint64_t duration_us, bool independent);
/* Completes the open segment, under what was published. */
void rendition_close(struct rendition *r);
/* Empties the playlist: what comes next has this discontinuity sequence. */
void rendition_clear(struct rendition *r, uint64_t discontinuity_sequence);
/* Bits per second over the last segments. */
uint64_t rendition_bitrate(const struct rendition *r);

void outlet_end(struct outlet *o);
void outlet_settle(struct outlet *o);
