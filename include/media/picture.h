#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "media/window.h"

/*
 * Still pictures out of recorded media: the keyframe that a segment begins with, decoded, scaled
 * and made a JPEG. Everything here computes for milliseconds and may read files: on a work lane,
 * never on the loop. One caller at a time for one picture.
 *
 * What came from a publisher is bounded: pixels by the caller, compressed bytes and packets that
 * are looked at by constants (PICTURE_READ_MAX), threads to the caller's own.
 */
#define PICTURE_READ_MAX (16u * 1024 * 1024)
#define PICTURE_WIDTH_MIN 16
#define PICTURE_WIDTH_MAX 3840

enum picture_result {
	PICTURE_OK,
	PICTURE_NONE, /* no video in it, or of a codec that cannot be decoded here */
	PICTURE_TOO_LARGE, /* more pixels or bytes than allowed */
	PICTURE_FAILED, /* damaged, or out of memory, or a disk that fails */
};
const char *picture_result_text(enum picture_result r);

struct picture;

/*
 * The init segment, then the beginning of a segment (its first part is enough): in memory, or as
 * two files where n_pieces is 0. Borrowed for the call. In MPEG-TS as well: the init segment is
 * then the one that is made for the recording.
 */
struct picture_input {
	enum media_container container; /* of the segment */
	struct rcbuf *const *pieces;
	size_t n_pieces;
	const char *paths[2];
};

/* The first keyframe. *out is set on PICTURE_OK only. */
enum picture_result picture_decode(
	const struct picture_input *in, uint64_t max_pixels, struct picture **out);
void picture_destroy(struct picture **p); /* *p may be NULL */

/* Where its size goes at this width: even, in its shape, never larger than it is. */
void picture_fit(const struct picture *p, unsigned width, unsigned *fit_width, unsigned *height);
/* Standard deviation of the luma, 0 to 128: how much there is to see. */
double picture_contrast(const struct picture *p);
enum picture_result picture_jpeg(const struct picture *p, unsigned width, struct rcbuf **out);

/* A grid of small pictures of one size, filled row by row. */
struct sprite;
struct sprite *sprite_create(unsigned columns, unsigned rows, unsigned width, unsigned height);
void sprite_destroy(struct sprite **s); /* *s may be NULL */
/* Stretched to the tile. index < columns * rows. */
enum picture_result sprite_put(struct sprite *s, unsigned index, const struct picture *p);
/* Only the rows that the first `tiles` take. */
enum picture_result sprite_jpeg(const struct sprite *s, unsigned tiles, struct rcbuf **out);
