#pragma once

#include "media/vod.h"
#include "model/repo.h"

/* The products of a stream as chapters of its progressive file. */
struct vod_chapters {
	struct vod_chapter *items; /* titles owned */
	unsigned n;
};

/* Those that were tagged with a time; in that order. Loop thread. */
void vod_chapters_load(struct vod_chapters *c, struct repo repo, struct uuid stream_id);
/*
 * Tags are counted in the stream's time, from its first frame on and through its interruptions; the
 * file has no interruptions. Moves each to where its moment is in the file. Any thread.
 */
void vod_chapters_place(
	struct vod_chapters *c, const struct segment_record *segments, size_t n_segments);
void vod_chapters_finish(struct vod_chapters *c);
