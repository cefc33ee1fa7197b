#include "base/signal.h"

void signal_init(struct signal *s)
{
	list_init(&s->listeners);
}

void signal_add(struct signal *s, struct signal_listener *l)
{
	list_append(&s->listeners, &l->link);
}

static void ignore(struct signal_listener *listener, void *data)
{
}

/*
 * A cursor and an end marker are linked into the list itself, so that whatever the listeners do to
 * the list, these two stay valid. Markers of an emission further up the stack are listeners that do
 * nothing. (The idea is that of libwayland's wl_signal_emit_mutable.)
 */
void signal_emit(struct signal *s, void *data)
{
	struct signal_listener cursor = {.notify = ignore}, end = {.notify = ignore};

	list_prepend(&s->listeners, &cursor.link);
	list_append(&s->listeners, &end.link);
	while (cursor.link.next != &end.link) {
		struct list *link = cursor.link.next;
		struct signal_listener *l = container_of(link, struct signal_listener, link);

		list_remove(&cursor.link);
		list_prepend(link, &cursor.link);
		l->notify(l, data);
	}
	list_remove(&cursor.link);
	list_remove(&end.link);
}

void signal_listener_init(
	struct signal_listener *l, void (*notify)(struct signal_listener *listener, void *data))
{
	list_init(&l->link);
	l->notify = notify;
}

void signal_listener_remove(struct signal_listener *l)
{
	list_remove(&l->link);
}
