#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/picture.h"

/*
 * Pictures of a finished recording, beside its segments:
 *
 *   poster.jpg          one that shows something
 *   storyboard_N.jpg    for scrubbing: grids of 10 x 10 pictures, STORYBOARD_WIDTH wide each
 *   storyboard.vtt      WebVTT: from when to when which of them (#xywh=X,Y,W,H), written last:
 *                       where it is, the rest is there
 *
 * The pictures are the keyframes that the main rendition's segments begin with, at most
 * STORYBOARD_TILES, however long it is. Blocks: on a work lane.
 */
#define STORYBOARD_WIDTH 160
#define STORYBOARD_TILES 400
#define STORYBOARD_INDEX "storyboard.vtt"

/* NONE: no video. Replaces the file atomically; without a picture an older one is removed. */
enum picture_result vod_poster(const char *dir, unsigned width, uint64_t max_pixels);

struct storyboard;

/*
 * An older storyboard of the folder is no more from here on. `stop`, once true, ends a step at its
 * next picture, with more to do; it outlives the storyboard.
 */
enum picture_result storyboard_open(
	const char *dir, uint64_t max_pixels, const atomic_bool *stop, struct storyboard **out);
/* The next ten pictures; *more: there is something left. Nothing but OK can be gone on with. */
enum picture_result storyboard_step(struct storyboard *s, bool *more);
void storyboard_close(struct storyboard **s); /* *s may be NULL */

/* What was said of an earlier state of the recording does not hold any more. */
void storyboard_forget(const char *dir);
