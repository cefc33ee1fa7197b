#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

/* Open addressing with linear probing; removal shifts back, so that there are no tombstones. */
struct entry {
	uint64_t hash;
	void *key;
	size_t len;
	void *value; /* NULL: the slot is free */
};

struct map {
	struct entry *slots;
	size_t n_slots; /* a power of two, or 0 */
	size_t count;
};

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	clock_random(&clock_system, seed, sizeof(seed));
}

static uint64_t rotate(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). */
static uint64_t hash_bytes(const void *key, size_t len)
{
	uint64_t v[4] = {
		seed[0] ^ 0x736f6d6570736575,
		seed[1] ^ 0x646f72616e646f6d,
		seed[0] ^ 0x6c7967656e657261,
		seed[1] ^ 0x7465646279746573,
	};
	const uint8_t *p = key;
	uint64_t word, last = (uint64_t)len << 56;

	for (size_t left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < len % 8; i++) {
		last |= (uint64_t)p[i] << (8 * i);
	}
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_create(void)
{
	pthread_once(&seed_once, make_seed);
	return mem_new(struct map);
}

void map_destroy(struct map *m)
{
	if (m == NULL) {
		return;
	}
	for (size_t i = 0; i < m->n_slots; i++) {
		free(m->slots[i].key);
	}
	free(m->slots);
	free(m);
}

static bool same_key(const struct entry *e, uint64_t hash, const void *key, size_t len)
{
	return e->hash == hash && e->len == len && (len == 0 || memcmp(e->key, key, len) == 0);
}

/* The slot of the key, or the free one where it belongs. The map has a free slot. */
static struct entry *find_slot(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	size_t i = hash & (m->n_slots - 1);
	while (m->slots[i].value != NULL && !same_key(&m->slots[i], hash, key, len)) {
		i = (i + 1) & (m->n_slots - 1);
	}
	return &m->slots[i];
}

static void grow(struct map *m)
{
	struct map old = *m;
	m->n_slots = old.n_slots > 0 ? old.n_slots * 2 : 8;
	m->slots = mem_zalloc(m->n_slots * sizeof(*m->slots));
	for (size_t i = 0; i < old.n_slots; i++) {
		struct entry *e = &old.slots[i];
		if (e->value != NULL) {
			*find_slot(m, e->hash, e->key, e->len) = *e;
		}
	}
	free(old.slots);
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	if (m->count == 0) {
		return NULL;
	}
	return find_slot(m, hash_bytes(key, len), key, len)->value;
}

void *map_put(struct map *m, const void *key, size_t len, void *value)
{
	must(value != NULL);
	if (m->count + 1 > m->n_slots / 4 * 3) {
		grow(m);
	}
	uint64_t hash = hash_bytes(key, len);
	struct entry *e = find_slot(m, hash, key, len);
	void *replaced = e->value;
	if (replaced != NULL) {
		e->value = value;
	} else {
		*e = (struct entry){hash, mem_dup(key, len), len, value};
		m->count++;
	}
	return replaced;
}

/* Whether the entry at `at`, whose home is `home`, may move to the hole before it. */
static bool may_fill(size_t hole, size_t at, size_t home, size_t mask)
{
	return ((at - home) & mask) >= ((at - hole) & mask);
}

static void close_hole(struct map *m, size_t hole)
{
	size_t mask = m->n_slots - 1;
	for (size_t at = (hole + 1) & mask; m->slots[at].value != NULL; at = (at + 1) & mask) {
		if (may_fill(hole, at, m->slots[at].hash & mask, mask)) {
			m->slots[hole] = m->slots[at];
			hole = at;
		}
	}
	m->slots[hole] = (struct entry){0};
}

void *map_remove(struct map *m, const void *key, size_t len)
{
	if (m->count == 0) {
		return NULL;
	}
	struct entry *e = find_slot(m, hash_bytes(key, len), key, len);
	void *value = e->value;
	if (value != NULL) {
		free(e->key);
		m->count--;
		close_hole(m, (size_t)(e - m->slots));
	}
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

bool map_next(const struct map *m, size_t *pos, void **value)
{
	while (*pos < m->n_slots) {
		struct entry *e = &m->slots[(*pos)++];
		if (e->value != NULL) {
			*value = e->value;
			return true;
		}
	}
	return false;
}

void *map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

void *map_put_str(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

void *map_remove_str(struct map *m, const char *key)
{
	return map_remove(m, key, strlen(key));
}
