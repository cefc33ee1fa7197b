#pragma once

#include "base/list.h"
#include "media/engine.h"

/* A sample on its way through the engine, with a copy of the bytes unless they are counted. */
struct sample {
	struct list link;
	enum media_kind kind;
	bool key;
	uint8_t rendition; /* while it is held back */
	uint32_t timestamp_ms, nano_offset;
	int32_t composition_ms;
	/* On the stream's timeline, set by the timeline. */
	int64_t dts_us, pts_us, duration_us;
	const uint8_t *data;
	size_t len;
	struct rcbuf *bytes; /* in which data lies; NULL: in `own` */
	uint8_t own[];
};

struct sample *sample_create(const struct media_sample *from);
struct sample *sample_copy(const struct sample *s);
void sample_free(struct sample *s); /* NULL is fine */
