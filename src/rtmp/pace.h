#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How much of a publisher's media should be there before the loop is woken for it. An encoder
 * sends some eighty messages a second, over a network in some hundred packets; being woken for
 * each costs more than all else that is done with them. So the socket's low-water mark
 * (SO_RCVLOWAT, socket(7)) follows the bit rate: what comes in RTMP_PACE_US, a fifth of a part. An
 * encoder that falls quiet gets the mark lowered, so that the rest of what it said is heard.
 *
 * Times are monotonic microseconds. Says only what the mark should be; setting it is the owner's.
 */
#define RTMP_PACE_US 40000
#define RTMP_PACE_QUIET_US 100000 /* how often rtmp_pace_quiet is to be asked */

struct rtmp_pace {
	uint64_t since_us; /* begin of the measuring under way; 0: none */
	uint64_t bytes; /* since then */
	unsigned mark; /* by the last measuring */
	bool heard; /* since rtmp_pace_quiet was asked last */
};

/* Bytes have come. Returns the mark to set, at least 1. */
unsigned rtmp_pace_received(struct rtmp_pace *p, size_t len, uint64_t now_us);
/* Whether nothing came since this was asked last: the mark should be 1 until something does. */
bool rtmp_pace_quiet(struct rtmp_pace *p);
