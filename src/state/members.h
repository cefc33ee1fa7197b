#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

/*
 * What a key of the state in memory holds beside a single value: members in an order, found by name
 * (sets, sorted sets, hashes), or without names (lists, newest first). A zeroed one is not ready:
 * members_init.
 */
struct member {
	struct list link;
	int64_t score;
	char *value; /* of hashes; NULL elsewhere */
	char name[];
};

struct members {
	struct map *by_name; /* NULL: a list */
	struct list order; /* ascending by score; lists: newest first */
	size_t count;
};

void members_init(struct members *m, bool named);
void members_finish(struct members *m);
struct member *members_find(const struct members *m, const char *name);
/* The new one, which stands last. */
struct member *members_add(struct members *m, const char *name, int64_t score);
void members_remove(struct members *m, struct member *member);
/* Puts it where its new score belongs; cheap if that is near the end. */
void members_move(struct members *m, struct member *member, int64_t score);
/* Lists: in front, and no more than keep (≥ 1) of them. */
void members_push(struct members *m, const char *text, size_t keep);
