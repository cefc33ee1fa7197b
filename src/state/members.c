#include "members.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void members_init(struct members *m, bool named)
{
	*m = (struct members){.by_name = named ? map_create() : NULL};
	list_init(&m->order);
}

static void member_free(struct member *member)
{
	list_remove(&member->link);
	free(member->value);
	free(member);
}

void members_finish(struct members *m)
{
	struct member *it, *next;

	list_for_each_safe (it, next, &m->order, link)
		member_free(it);
	map_destroy(m->by_name);
	*m = (struct members){0};
}

struct member *members_find(const struct members *m, const char *name)
{
	return map_get_str(m->by_name, name);
}

static struct member *member_create(const char *name, int64_t score)
{
	size_t size = strlen(name) + 1;
	struct member *member = mem_alloc(sizeof(*member) + size);

	*member = (struct member){.score = score};
	list_init(&member->link);
	memcpy(member->name, name, size);
	return member;
}

struct member *members_add(struct members *m, const char *name, int64_t score)
{
	struct member *member = member_create(name, score);

	map_put_str(m->by_name, name, member);
	m->count++;
	members_move(m, member, score);
	return member;
}

void members_remove(struct members *m, struct member *member)
{
	if (m->by_name)
		map_remove_str(m->by_name, member->name);
	m->count--;
	member_free(member);
}

void members_move(struct members *m, struct member *member, int64_t score)
{
	struct list *behind;

	list_remove(&member->link);
	member->score = score;
	for (behind = m->order.prev; behind != &m->order; behind = behind->prev)
		if (container_of(behind, struct member, link)->score <= score)
			break;
	list_prepend(behind, &member->link);
}

void members_push(struct members *m, const char *text, size_t keep)
{
	struct member *member = member_create(text, 0);

	list_prepend(&m->order, &member->link);
	m->count++;
	while (m->count > keep)
		members_remove(m, container_of(m->order.prev, struct member, link));
}
