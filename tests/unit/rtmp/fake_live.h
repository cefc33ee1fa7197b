#pragma once

#include "live/registry.h"

/*
 * A live floor that only writes down what is asked of it: linked in place of the real one. Keys say
 * what comes of them: "good…" is admitted; "wrong", "ended", "busy", "full" and "draining" are
 * refused for that reason; any other never gets an answer.
 */
struct fake_live {
	struct loop *loop;
	struct live_publisher *publisher; /* admitted last */
	unsigned joins, stops, losses, configs, samples;
	char codecs[256]; /* of the configurations, in order */
	char ranges[512]; /* of the date ranges, in order */
	char encoder[64]; /* of the metadata */
	uint64_t sum; /* of all bytes of samples */
	uint32_t last_timestamp, first_timestamp;
	enum media_result answer; /* to configure and sample */
	bool answers_late; /* in another turn of the loop, as media workers do */
	bool hold; /* the publisher is held from its first sample on */
	void (*changed)(void *user);
	void *user;
};

extern struct fake_live fake_live;

void fake_live_kick(enum live_kick reason);
void fake_live_hold(bool held);
