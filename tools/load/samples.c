#include "samples.h"

/* Values below SAMPLES_STEPS have a bucket each; above, each power of two has SAMPLES_STEPS. */
static unsigned bucket_of(uint64_t us)
{
	if (us < SAMPLES_STEPS)
		return (unsigned)us;
	unsigned power = 63 - (unsigned)__builtin_clzll(us), shift = power - 6;
	unsigned bucket = (shift + 1) * SAMPLES_STEPS + (unsigned)(us >> shift) - SAMPLES_STEPS;
	return bucket < SAMPLES_BUCKETS ? bucket : SAMPLES_BUCKETS - 1;
}

static uint64_t bucket_value(unsigned bucket)
{
	if (bucket < SAMPLES_STEPS)
		return bucket;
	unsigned shift = bucket / SAMPLES_STEPS - 1;
	return (uint64_t)(bucket % SAMPLES_STEPS + SAMPLES_STEPS) << shift;
}

void samples_add(struct samples *s, uint64_t us)
{
	s->buckets[bucket_of(us)]++;
	s->count++;
	s->sum += us;
	s->max = us > s->max ? us : s->max;
}

uint64_t samples_quantile(const struct samples *s, double share)
{
	uint64_t want = (uint64_t)((double)s->count * share), seen = 0;
	for (unsigned i = 0; i < SAMPLES_BUCKETS; i++) {
		seen += s->buckets[i];
		if (s->buckets[i] && seen >= want)
			return bucket_value(i);
	}
	return 0;
}

json_t *samples_json(const struct samples *s)
{
	double mean = s->count ? (double)s->sum / (double)s->count : 0;
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t)s->count, "mean",
		mean / 1000, "median", (double)samples_quantile(s, 0.5) / 1000, "p95",
		(double)samples_quantile(s, 0.95) / 1000, "p99",
		(double)samples_quantile(s, 0.99) / 1000, "max", (double)s->max / 1000);
}
