#pragma once

#include "base/buf.h"
#include "media/window.h"

/* A rendition in a multivariant playlist. */
struct variant {
	unsigned number; /* of the rendition: tells video from further audio */
	struct media_description description;
	uint64_t average, peak; /* bit/s */
	bool independent;
};

/* Whole text (RFC 8216 4.3.4). By number, the main one first; suffix: behind every URI. */
void multivariant_put(struct buf *out, const struct variant *variants, size_t n, unsigned version,
	const char *suffix);
