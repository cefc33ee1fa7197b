#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a message of the socket load carries: the run that it is of (a room tells its history), its
 * number and when it was to be sent, in microseconds of the monotonic clock. Letters that need no
 * escape in JSON: "@~RRRR.NNNNNNNN.TTTTTTTTTTTTTTTT", hexadecimal.
 */
#define MARK_LEN 32

struct mark {
	uint16_t run;
	uint32_t number;
	uint64_t sent_us;
};

void mark_write(char out[static MARK_LEN], const struct mark *m); /* without a NUL */
/* The first mark in a piece of text. */
bool mark_find(const uint8_t *text, size_t len, struct mark *out);
