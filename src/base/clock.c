#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/must.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);
	must(rc == 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t system_mono(void *user)
{
	return read_clock(CLOCK_MONOTONIC);
}

static uint64_t system_wall(void *user)
{
	return read_clock(CLOCK_REALTIME);
}

static void system_random(void *user, void *out, size_t len)
{
	uint8_t *p = out;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);
		must(n > 0 || errno == EINTR);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

const struct clock clock_system = {
	.mono_us = system_mono,
	.wall_us = system_wall,
	.random = system_random,
};

static uint64_t manual_mono(void *user)
{
	return ((struct clock_manual *)user)->mono;
}

static uint64_t manual_wall(void *user)
{
	return ((struct clock_manual *)user)->wall;
}

/* SplitMix64: short, and well spread for a sequence that only has to be repeatable. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void manual_random(void *user, void *out, size_t len)
{
	struct clock_manual *m = user;
	uint8_t *p = out;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t v = next_random(&m->seed);
		memcpy(p + i, &v, len - i < 8 ? len - i : 8);
	}
}

void clock_manual_init(struct clock_manual *m, uint64_t wall_us)
{
	*m = (struct clock_manual){
		.clock = {.mono_us = manual_mono,
			.wall_us = manual_wall,
			.random = manual_random,
			.user = m},
		.wall = wall_us,
	};
}

void clock_manual_advance(struct clock_manual *m, uint64_t us)
{
	m->mono += us;
	m->wall += us;
}

uint64_t clock_mono_us(const struct clock *c)
{
	return c->mono_us(c->user);
}

uint64_t clock_wall_us(const struct clock *c)
{
	return c->wall_us(c->user);
}

void clock_random(const struct clock *c, void *out, size_t len)
{
	c->random(c->user, out, len);
}
