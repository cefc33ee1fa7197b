#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "proto/rtmp_close.h"

/* Connections in all and per address. 0 in a limit: no bound. */
struct rtmp_limits {
	unsigned max_connections, max_per_address;
	unsigned connections;
	struct map *addresses;
};

void rtmp_limits_init(struct rtmp_limits *l);
void rtmp_limits_finish(struct rtmp_limits *l);
/* NONE: counted, give it back with rtmp_limits_release. Else the reason to refuse. */
enum rtmp_close rtmp_limits_take(struct rtmp_limits *l, const char *address);
void rtmp_limits_release(struct rtmp_limits *l, const char *address);

/*
 * Keeps a flood of refused connections from flooding the log as well: at most one line a second,
 * which says how many others it stands for.
 */
struct log_throttle {
	uint64_t next_us;
	uint64_t skipped;
};

/* True: log now, *skipped lines were left out before. */
bool log_throttle_pass(struct log_throttle *t, uint64_t now_us, uint64_t *skipped);
