#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits, the highest one of each byte first, with a sticky error: past the end all is zero. */
struct bits {
	const uint8_t *data;
	size_t len; /* bytes */
	size_t pos; /* bits */
	bool failed;
};

/* n up to 32 */
uint32_t bits_get(struct bits *b, unsigned n);
void bits_skip(struct bits *b, size_t n);
/* ue(v) and se(v) of ITU-T H.264 9.1. */
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);
/* Removes the emulation prevention bytes of ITU-T H.264 7.4.1 (HEVC has the same); the length. */
size_t bits_unescape(uint8_t *out, size_t size, const uint8_t *in, size_t len);
