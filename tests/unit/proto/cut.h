#pragma once

#include <stddef.h>
#include <stdint.h>

/* Ways to cut the same bytes into pieces: whole, one byte at a time, and at random. */
#define CUT_WHOLE 0
#define CUT_BYTES 1
#define CUT_COUNT 12 /* 2 and up: random, by number */

#define cut_for_each(cut) for (unsigned cut = 0; cut < CUT_COUNT; cut++)

static inline size_t cut_piece(unsigned cut, uint32_t *seed, size_t left)
{
	if (cut == CUT_WHOLE || left <= 1) {
		return left;
	}
	if (cut == CUT_BYTES) {
		return 1;
	}
	*seed = (*seed + cut) * 1664525u + 1013904223u;
	size_t n = 1 + (*seed >> 8) % (cut % 2 == 0 ? 7 : 300);
	return n < left ? n : left;
}
