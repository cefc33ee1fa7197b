#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rcbuf.h"

/*
 * Movie fragments (ISO/IEC 14496-12, 8.8): samples in, a moof and its mdat out. It writes what
 * libavformat's mov muxer writes for the same samples (a test compares the two) with two copies of
 * each byte where that makes six, which was half of an ingest's CPU time.
 */
#define FRAGMENT_TRACKS 2

struct fragment_sample {
	int64_t dts; /* all times in the track's timescale */
	uint32_t duration, composition, size;
	bool sync;
};

struct fragment_track {
	bool video;
	bool reordered; /* some sample so far was not shown at its decode time */
	struct fragment_sample *samples;
	size_t n, room;
	struct buf data;
};

struct fragment {
	struct fragment_track tracks[FRAGMENT_TRACKS]; /* their ids count from 1 */
	unsigned n_tracks;
	uint32_t sequence;
};

void fragment_finish(struct fragment *f); /* frees; a zeroed one is empty */
/* In the order of the init segment's tracks, before the first sample. */
void fragment_add_track(struct fragment *f, bool video);
/* dts grows within a track, pts is not before it; data is copied. */
void fragment_add(struct fragment *f, unsigned track, int64_t dts, int64_t pts, int64_t duration,
	bool sync, const uint8_t *data, size_t len);
/* All since the last call, owned by the caller; NULL: nothing, or more than 2 GiB. */
struct rcbuf *fragment_take(struct fragment *f);
