#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/rcbuf.h"

/*
 * What waits for one target, bounded in bytes and in time. A packet that does not fit empties the
 * queue: all but the newest configuration of each kind is dropped, and what comes then as well, up
 * to the next keyframe. Not thread-safe: relay_link.c has it under a lock.
 */
struct relay_packet {
	struct rcbuf *wire; /* an FLV tag as live/feed.h has it; held */
	uint8_t type, track;
	bool is_key, is_config;
	uint32_t timestamp; /* ms */
};

struct relay_queue {
	struct list packets;
	size_t bytes, max;
	uint64_t max_us;
	uint64_t dropped; /* packets, ever */
	bool waits_for_key;
};

void relay_queue_init(struct relay_queue *q, size_t max, uint64_t max_us);
void relay_queue_finish(struct relay_queue *q);
/* Takes a reference of its own. Returns how many packets were dropped for it, itself included. */
unsigned relay_queue_put(struct relay_queue *q, const struct relay_packet *p, uint64_t now_us);
/* False: empty. The reference is the caller's. */
bool relay_queue_take(struct relay_queue *q, struct relay_packet *out);
