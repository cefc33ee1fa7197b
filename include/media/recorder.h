#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "media/window.h"

/*
 * The disk side of a stream: a folder with init segments, one file a segment, and a journal that
 * is appended after each segment, so that a crash loses nothing that was a finished segment.
 *
 *   ROOT/STREAM_ID/journal   init_0_I.mp4   seg_0_N.m4s   index.m3u8 (VOD)   recording.mp4
 *
 * In MPEG transport streams the segments are seg_0_N.ts, and the init segments are there for
 * recording.mp4 alone.
 *
 * Everything here blocks and runs on a work lane, never on the loop; one call at a time for one
 * recording (the owner serialises). Plain values and rcbufs only.
 */
enum recorder_result { RECORDER_OK, RECORDER_NO_SPACE, RECORDER_IO };
const char *recorder_result_text(enum recorder_result r);

struct recorder; /* an open folder */

/* Creates the folder, or opens an existing one to continue it. */
enum recorder_result recorder_open(const char *dir, struct recorder **out);
void recorder_close(struct recorder *r); /* NULL is fine */

struct recorder_segment {
	unsigned rendition;
	uint64_t sequence, start_us, duration_us, wall_ms;
	enum media_container container;
	unsigned init;
	bool discontinuity, independent;
	bool keep; /* false: only spooled for the live window; no part of the VOD */
	/* What the playlist promised: a continuation must keep it. */
	uint64_t target_us, part_target_us;
	struct rcbuf **pieces;
	size_t n_pieces;
};

struct recorder_init {
	unsigned rendition, number;
	const uint8_t *data; /* borrowed for the call */
	size_t len;
	struct media_description description;
};

/* Each writes the file whole (temporary name, then rename), then the journal's line. A failure
 * leaves no half file behind. min_free: refuse (NO_SPACE) if less would stay free on the disk. */
enum recorder_result recorder_init_segment(struct recorder *r, const struct recorder_init *init);
enum recorder_result recorder_append(
	struct recorder *r, const struct recorder_segment *s, uint64_t min_free);
enum recorder_result recorder_daterange(struct recorder *r, const struct media_daterange *range);
/* Removes the file of a spooled segment that left the window. */
void recorder_discard(
	struct recorder *r, enum media_container container, unsigned rendition, uint64_t sequence);

/* What the journal says: for continuing after a crash and for making the VOD. */
struct recording_entry {
	unsigned rendition;
	uint64_t sequence, start_us, duration_us, wall_ms, bytes;
	uint64_t target_us, part_target_us;
	enum media_container container;
	unsigned init;
	bool discontinuity, independent, keep;
};

struct recording_index {
	struct recording_entry *entries; /* in the order of recording */
	size_t n;
	unsigned inits; /* number of the next init segment */
	uint64_t next_sequence[MEDIA_RENDITIONS], end_us; /* where a continuation goes on */
	bool has_container; /* there was a segment ever */
	enum media_container container; /* in which a continuation goes on */
	struct media_description descriptions[MEDIA_RENDITIONS]; /* as the newest init says */
	struct media_daterange *ranges; /* in the order of recording, texts owned */
	size_t n_ranges;
};

/* Reads the journal; a torn last line is dropped, an entry without its file (or of another size)
 * is left out. NOT finding a folder gives RECORDER_IO. */
enum recorder_result recording_load(const char *dir, struct recording_index *out);
void recording_index_finish(struct recording_index *i);
