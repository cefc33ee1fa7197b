#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mux_ts.h"

/*
 * Reads back the transport streams that mux_ts.c wrote: packets in, the contents of PES packets
 * out. It knows which PIDs they have, and passes over all others. No clock, no files.
 */
#define TS_TRACKS 2

struct ts_reader {
	struct {
		struct buf pes; /* since its first packet; empty: none has begun */
	} tracks[TS_TRACKS];
	struct buf done; /* what was handed out last */
};

struct ts_frame {
	unsigned track;
	int64_t dts, pts; /* 33 bits, in ticks, with TS_DELAY */
	const uint8_t *data; /* borrowed until the reader's next call */
	size_t len;
};

void ts_reader_finish(struct ts_reader *r); /* a zeroed one is ready */
/* Takes the next packet. True: it showed that a frame before it is complete. */
bool ts_reader_put(
	struct ts_reader *r, const uint8_t packet[static TS_PACKET], struct ts_frame *out);
/* At the end: what is left, one a call. False: nothing more. */
bool ts_reader_end(struct ts_reader *r, struct ts_frame *out);
/* The time of 33 bits that is nearest to another one of any size. */
int64_t ts_unwrap(int64_t ticks, int64_t near);
