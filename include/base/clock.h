#pragma once

#include <stddef.h>
#include <stdint.h>

/* Time and randomness, injected so that tests own both. Microseconds everywhere. */
struct clock {
	uint64_t (*mono_us)(void *user); /* monotonic, any origin */
	uint64_t (*wall_us)(void *user); /* since 1970-01-01 UTC */
	void (*random)(void *user, void *out, size_t len); /* cryptographic in the real clock */
	void *user;
};

extern const struct clock clock_system;

/* A clock that stands still until moved, with a deterministic random sequence. */
struct clock_manual {
	struct clock clock;
	uint64_t mono, wall, seed;
};
void clock_manual_init(struct clock_manual *m, uint64_t wall_us);
void clock_manual_advance(struct clock_manual *m, uint64_t us);

uint64_t clock_mono_us(const struct clock *c);
uint64_t clock_wall_us(const struct clock *c);
static inline uint64_t clock_wall_ms(const struct clock *c)
{
	return clock_wall_us(c) / 1000;
}
void clock_random(const struct clock *c, void *out, size_t len);
