#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "codec.h"

/*
 * A muxer makes an init segment once, then takes samples and hands out the bytes of what was
 * written since the last flush. One a codec configuration; a change of configuration is a new one.
 */
struct mux;

struct mux_sample {
	unsigned track; /* place in the array given to create */
	bool key;
	int64_t dts_us, pts_us; /* pts >= dts; dts of a track grows */
	int64_t duration_us;
	const uint8_t *data;
	size_t len;
};

struct mux_ops {
	/* Whether the container has a place for it; before `create`, on complete ones or not. */
	bool (*takes)(const struct codec_info *c);
	/* tracks: borrowed for the call. NULL on failure. */
	struct mux *(*create)(const struct codec_info *const *tracks, size_t n);
	void (*destroy)(struct mux *m); /* NULL is fine */
	/*
	 * The init segment, borrowed. Players of MPEG-TS have none; there it is the one that CMAF
	 * would have, for the recording to know what its tracks are.
	 */
	struct rcbuf *(*init)(struct mux *m);
	bool (*write)(struct mux *m, const struct mux_sample *s);
	/* What was written since the last flush, owned by the caller; NULL on failure or if none.
	 */
	struct rcbuf *(*flush)(struct mux *m);
};

extern const struct mux_ops mux_cmaf, mux_ts;
