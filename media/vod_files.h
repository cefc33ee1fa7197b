#pragma once

#include "journal.h"
#include "media/vod.h"

/*
 * What a VOD is made of: the kept segments of a rendition that are there, each with the offset at
 * which it plays when holes (segments that were lost) are closed.
 */
struct vod_segment {
	struct recording_entry entry;
	uint64_t offset_us;
	bool jump; /* does not continue the segment before: lost segments, or a new session */
};

struct vod_files {
	struct journal journal;
	struct vod_segment *segments;
	size_t n;
	uint64_t duration_us, bytes;
};

bool vod_files_load(struct vod_files *v, const char *dir, unsigned rendition);
void vod_files_finish(struct vod_files *v);
