#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Token buckets by name (an address, a user): at most `burst` at once and `rate` a second in the
 * long run. The table is bounded: full ones are forgotten, and with too many names at once the
 * new ones share one bucket. Sans-io: the time comes with each call.
 */
struct buckets;

/* rate 0: no limit. */
struct buckets *buckets_create(double rate, double burst, unsigned max_names);
void buckets_destroy(struct buckets **b);
void buckets_configure(struct buckets *b, double rate, double burst);
/* Takes one; false: none left, *wait_us until there is one. */
bool buckets_take(struct buckets *b, const char *name, uint64_t now_us, uint64_t *wait_us);
