#pragma once

#include <jansson.h>
#include <stdint.h>

/* A histogram of microseconds in bounded memory: every value is kept to within 2 %. */
#define SAMPLES_STEPS 64 /* in each power of two */
#define SAMPLES_BUCKETS (SAMPLES_STEPS * 36)

struct samples {
	uint64_t buckets[SAMPLES_BUCKETS];
	uint64_t count, max, sum;
};

void samples_add(struct samples *s, uint64_t us);
/* The value that `share` (0 to 1) of the samples do not exceed; 0 without samples. */
uint64_t samples_quantile(const struct samples *s, double share);
/* count, mean, median, p95, p99 and max, in milliseconds. */
json_t *samples_json(const struct samples *s);
