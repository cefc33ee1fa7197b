#pragma once

#include <stdbool.h>

#include "base/mem.h"

/* Intrusive doubly linked list; the head is a link of its own. */
struct list {
	struct list *prev, *next;
};

void list_init(struct list *head);
void list_append(struct list *head, struct list *link);
void list_prepend(struct list *head, struct list *link);
void list_remove(struct list *link); /* leaves the link alone in its own list: safe to repeat */
bool list_empty(const struct list *head);

#define list_for_each(it, head, member) \
	for (it = container_of((head)->next, __typeof__(*it), member); &it->member != (head); \
		it = container_of(it->member.next, __typeof__(*it), member))

/* The current element may be removed (and freed) in the body; others may not. */
#define list_for_each_safe(it, tmp, head, member) \
	for (it = container_of((head)->next, __typeof__(*it), member), \
	    tmp = container_of(it->member.next, __typeof__(*it), member); \
		&it->member != (head); \
		it = tmp, tmp = container_of(it->member.next, __typeof__(*it), member))
