#pragma once

#include "base/list.h"
#include "media/engine.h"

/* A sample on its way through the engine, with its own copy of the bytes. */
struct sample {
	struct list link;
	enum media_kind kind;
	bool key;
	uint8_t rendition; /* while it is held back */
	uint32_t timestamp_ms, nano_offset;
	int32_t composition_ms;
	/* On the stream's timeline, set by the timeline. */
	int64_t dts_us, pts_us, duration_us;
	size_t len;
	uint8_t data[];
};

struct sample *sample_create(const struct media_sample *from);
struct sample *sample_copy(const struct sample *s);
