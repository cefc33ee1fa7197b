#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "target.h"

/* Players of endless streams (RTMP, HTTP-FLV), which read and count. */
struct listeners_options {
	const struct target *targets; /* rtmp:// or http:// */
	unsigned n_targets, players;
	unsigned stalled; /* the first so many stop reading after LISTENER_TASTE bytes */
	uint64_t duration_us;
	bool stamps; /* look for the wall clock of load_publish --stamp (stamp.h) */
	const volatile int *stop; /* ends early */
};

/* What says that media comes: handshakes and answers are shorter. */
#define LISTENER_TASTE 65536

/*
 * players, playing (had LISTENER_TASTE bytes), silent (not even those), closed (those of the
 * servers closed that did not stall), stalledClosed, bytes, seconds, startMs and, with stamps,
 * frameLatencyMs.
 */
json_t *listeners_run(const struct listeners_options *opt);
