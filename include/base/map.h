#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Hash map from bytes (copied) to a pointer (borrowed). Keys may come from strangers: the hash is
 * SipHash-1-3 under a random seed of the process.
 */
struct map;

struct map *map_create(void);
void map_destroy(struct map *m); /* NULL is fine; the values are the caller's */
void *map_get(const struct map *m, const void *key, size_t len);
/* Returns the value replaced, or NULL. value must not be NULL. */
void *map_put(struct map *m, const void *key, size_t len, void *value);
void *map_remove(struct map *m, const void *key, size_t len); /* returns the value, or NULL */
size_t map_count(const struct map *m);
/* Iterates in no order: start with *pos = 0; false at the end. No change while iterating. */
bool map_next(const struct map *m, size_t *pos, void **value);

void *map_get_str(const struct map *m, const char *key);
void *map_put_str(struct map *m, const char *key, void *value);
void *map_remove_str(struct map *m, const char *key);
