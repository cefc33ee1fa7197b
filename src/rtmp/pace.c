#include "pace.h"

#define MEASURE_US 500000
#define MARK_MAX 32768
/* Below this there is nothing to gain. */
#define MARK_MIN 1024

static unsigned mark_of(uint64_t bytes, uint64_t took_us)
{
	uint64_t mark = bytes * RTMP_PACE_US / took_us;
	return mark < MARK_MIN ? 1 : mark > MARK_MAX ? MARK_MAX : (unsigned)mark;
}

unsigned rtmp_pace_received(struct rtmp_pace *p, size_t len, uint64_t now_us)
{
	p->heard = true;
	if (p->since_us == 0) {
		p->since_us = now_us;
		p->bytes = 0;
		p->mark = 1;
		return p->mark;
	}
	p->bytes += len;
	if (now_us - p->since_us >= MEASURE_US) {
		p->mark = mark_of(p->bytes, now_us - p->since_us);
		p->since_us = now_us;
		p->bytes = 0;
	}
	return p->mark;
}

bool rtmp_pace_quiet(struct rtmp_pace *p)
{
	bool quiet = !p->heard;
	p->heard = false;
	return quiet;
}
