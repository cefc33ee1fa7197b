#include "base/bucket.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME_SIZE 136
#define FORGET_PER_TAKE 2

struct bucket {
	struct list link; /* least lately used first */
	char name[NAME_SIZE];
	double tokens;
	uint64_t at_us;
};

struct buckets {
	double rate, burst;
	unsigned max_names;
	struct map *map;
	struct list order;
};

struct buckets *buckets_create(double rate, double burst, unsigned max_names)
{
	struct buckets *b = mem_new(struct buckets);

	b->map = map_create();
	b->max_names = max_names;
	list_init(&b->order);
	buckets_configure(b, rate, burst);
	return b;
}

void buckets_configure(struct buckets *b, double rate, double burst)
{
	b->rate = rate;
	b->burst = burst >= 1 ? burst : 1;
}

static void forget(struct buckets *b, struct bucket *k)
{
	map_remove_str(b->map, k->name);
	list_remove(&k->link);
	free(k);
}

void buckets_destroy(struct buckets **bp)
{
	struct buckets *b = *bp;
	struct bucket *k, *next;

	if (!b)
		return;
	list_for_each_safe (k, next, &b->order, link)
		forget(b, k);
	map_destroy(b->map);
	free(b);
	*bp = NULL;
}

static void refill(const struct buckets *b, struct bucket *k, uint64_t now_us)
{
	if (now_us > k->at_us)
		k->tokens += (double)(now_us - k->at_us) / 1e6 * b->rate;
	if (k->tokens > b->burst)
		k->tokens = b->burst;
	k->at_us = now_us;
}

/* A full bucket is as good as none. */
static void forget_full(struct buckets *b, uint64_t now_us)
{
	for (unsigned i = 0; i < FORGET_PER_TAKE && !list_empty(&b->order); i++) {
		struct bucket *oldest = container_of(b->order.next, struct bucket, link);
		refill(b, oldest, now_us);
		if (oldest->tokens < b->burst)
			return;
		forget(b, oldest);
	}
}

static struct bucket *bucket_get(struct buckets *b, const char *name, uint64_t now_us)
{
	char key[NAME_SIZE];

	text_copy(key, sizeof(key), name);
	struct bucket *k = map_get_str(b->map, key);
	if (!k && map_count(b->map) >= b->max_names) {
		text_copy(key, sizeof(key), "");
		k = map_get_str(b->map, key);
	}
	if (k)
		return k;
	k = mem_new(struct bucket);
	list_init(&k->link);
	text_copy(k->name, sizeof(k->name), key);
	k->tokens = b->burst;
	k->at_us = now_us;
	map_put_str(b->map, k->name, k);
	return k;
}

bool buckets_take(struct buckets *b, const char *name, uint64_t now_us, uint64_t *wait_us)
{
	*wait_us = 0;
	if (b->rate <= 0)
		return true;
	forget_full(b, now_us);
	struct bucket *k = bucket_get(b, name, now_us);
	list_remove(&k->link);
	list_append(&b->order, &k->link);
	refill(b, k, now_us);
	if (k->tokens >= 1) {
		k->tokens -= 1;
		return true;
	}
	*wait_us = (uint64_t)((1 - k->tokens) / b->rate * 1e6 + 0.5);
	return false;
}
