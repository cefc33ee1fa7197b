#include "base/list.h"

void list_init(struct list *head)
{
	head->prev = head;
	head->next = head;
}

static void insert_between(struct list *link, struct list *prev, struct list *next)
{
	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

void list_append(struct list *head, struct list *link)
{
	insert_between(link, head->prev, head);
}

void list_prepend(struct list *head, struct list *link)
{
	insert_between(link, head, head->next);
}

void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

bool list_empty(const struct list *head)
{
	return head->next == head;
}
