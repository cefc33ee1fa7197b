#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/recorder.h"

/* Makes the VOD of a finished recording. Blocks; runs on the slow work lane. */
struct vod_result {
	uint64_t duration_ms;
	uint64_t bytes; /* of all files of the folder */
	uint32_t segments;
	bool has_mp4;
};

/*
 * Writes index.m3u8 (EXT-X-PLAYLIST-TYPE:VOD, discontinuities, dates, DATERANGEs) over the kept
 * segments, atomically, and removes spooled ones. Where there are several renditions each has
 * stream_R.m3u8, and index.m3u8 leads to them. An empty recording gives segments = 0.
 */
enum recorder_result vod_playlist(const char *dir, struct vod_result *out);

struct vod_chapter {
	uint64_t offset_ms;
	const char *title;
};

/*
 * Remuxes the kept segments of the main rendition to one progressive recording.mp4 (moov in front)
 * by libavformat. Replaces an existing one atomically; a failure leaves none half written.
 */
enum recorder_result vod_mp4(const char *dir, const struct vod_chapter *chapters,
	unsigned n_chapters, uint64_t min_free, struct vod_result *out);

/* Removes the folder with all that is in it. */
enum recorder_result vod_delete(const char *dir);
/* Bytes of all regular files in the folder. */
uint64_t vod_size(const char *dir);
