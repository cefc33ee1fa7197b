#pragma once

#include "media/window.h"

/*
 * The long part of a media playlist ([hls] dvr): what is older than the live window. A segment is
 * here a small record and its lines of text; its bytes are in the recording's folder, under the
 * name that the playlist says. The lines of a stretch of records are put together once and shared
 * by all playlists that have it, so that a playlist of a whole day costs as much as a short one.
 *
 * Records are counted from the first one ever: [begin, end) are there, [head, end) are listed.
 * Those from begin to head have left the playlist and can still be fetched.
 */
struct dvr_segment {
	uint64_t sequence, wall_ms;
	uint32_t duration_us;
	uint32_t bytes; /* of its file: what was once in memory fits */
	unsigned init;
	uint16_t text_len;
	bool discontinuity : 1;
	bool gap : 1; /* there is no file */
	bool map : 1; /* its text says the init segment */
	bool bare : 1; /* it needs none (MPEG-TS) */
};

struct dvr {
	struct dvr_segment *segments; /* from origin on, which a shared stretch begins with */
	size_t cap;
	struct media_text **texts; /* of the stretches from origin on that are full */
	size_t n_texts;
	struct buf open; /* that of the stretch that is not */
	uint64_t origin, begin, head, end;
	uint64_t listed_us, discontinuities; /* of what is listed */
	size_t text_bytes; /* held */
};

void dvr_finish(struct dvr *d);
size_t dvr_listed(const struct dvr *d);
/* The nth of the listed ones. */
const struct dvr_segment *dvr_at(const struct dvr *d, size_t n);
/* The last one; NULL: there is none. */
const struct dvr_segment *dvr_last(const struct dvr *d);
const struct dvr_segment *dvr_find(const struct dvr *d, uint64_t sequence);
size_t dvr_memory(const struct dvr *d);

/* Its text and text_len are set from the lines. */
void dvr_add(struct dvr *d, const struct dvr_segment *s, const struct buf *lines);
/* The oldest leaves the playlist, and the oldest of more than `kept` such is forgotten. */
void dvr_drop(struct dvr *d, size_t kept);
void dvr_clear(struct dvr *d);

/*
 * Puts the lines of all listed ones but the first `skip`: up to the first shared stretch to
 * out->head, and what follows the last one to out->tail. number: the rendition's.
 */
void dvr_put(const struct dvr *d, unsigned number, size_t skip, const char *suffix,
	struct media_playlist *out);
