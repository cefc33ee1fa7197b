#pragma once

#include "base/buf.h"
#include "media/recorder.h"

/*
 * The journal: one line an entry, "CRC32 KIND fields…", appended after what it speaks of is on
 * disk. A line whose CRC does not fit (torn by a crash) counts as not written.
 *
 *   I rendition number bytes video audio width height channels
 *                                           an init segment and what it describes
 *   S rendition sequence start duration wall bytes init flags target part-target
 *                                           a segment (times µs, wall ms; flags: 1 discontinuity,
 *                                           2 independent, 4 keep, 8 in MPEG-TS)
 *   D wall duration end-on-next id class attributes         a DATERANGE, texts percent-encoded
 */
struct journal_init {
	unsigned rendition, number;
	uint64_t bytes;
	struct media_description description;
};

struct journal {
	struct recording_entry *entries;
	size_t n_entries;
	struct journal_init *inits;
	size_t n_inits;
	struct media_daterange *ranges; /* texts owned */
	size_t n_ranges;
};

void journal_put_init(struct buf *out, const struct journal_init *init);
void journal_put_segment(struct buf *out, const struct recording_entry *entry);
void journal_put_range(struct buf *out, const struct media_daterange *range);
/* Understands all whole lines of the text and passes over the others. */
void journal_parse(struct journal *j, const char *text, size_t len);
/* Reads DIR/journal. False if there is none. */
bool journal_load(struct journal *j, const char *dir);
void journal_finish(struct journal *j);

/* As the newest init segment of the rendition has it; all empty if there is none. */
void journal_describe(const struct journal *j, unsigned rendition, struct media_description *out);

/* Whether DIR holds the init segment / the segment as the journal says. */
bool journal_has_init(
	const struct journal *j, const char *dir, unsigned rendition, unsigned number);
bool journal_has_segment(const char *dir, const struct recording_entry *entry);
/* Where the segment lies; for the caller to free. */
char *journal_segment_path(const char *dir, const struct recording_entry *entry);
