#pragma once

#include "base/buf.h"
#include "media/window.h"

struct playlist_segment {
	unsigned rendition, init;
	enum media_container container;
	uint64_t sequence, wall_ms, duration_us;
	bool discontinuity, gap;
	bool map; /* the init segment has to be said */
};
/* The lines of a complete segment without its parts, all but the last of its URI. */
void playlist_put_segment(struct buf *out, const struct playlist_segment *s, const char *suffix);
void playlist_put_map(struct buf *out, unsigned rendition, unsigned init, const char *suffix);

/* One EXT-X-DATERANGE line (RFC 8216 4.3.2.7), for the live and the VOD playlist. */
void playlist_put_range(struct buf *out, const struct media_daterange *r);
