#pragma once

#include <libavutil/frame.h>

#include "media/picture.h"

/* What picture.c (a keyframe) and picture_draw.c (what is made of it) share. */

#define PICTURE_SIDE_MIN 16 /* pixels; of what is decoded, and of what is made */

struct picture {
	AVFrame *frame;
	unsigned width, height; /* as it is to be shown, with square pixels */
};
