#include "interruptions.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/signal.h"

struct interruptions {
	struct repo repo;
	struct signal_listener opened;
	struct list streams;
};

struct watched {
	struct list link;
	struct interruptions *owner;
	struct signal_listener changed, destroyed;
	enum live_state state; /* the last one known */
};

static void on_changed(struct signal_listener *listener, void *data)
{
	struct watched *w = container_of(listener, struct watched, changed);
	const struct live_stream *stream = data;
	const struct repo *repo = &w->owner->repo;
	enum live_state before = w->state;

	w->state = live_stream_state(stream);
	if (before == LIVE_PUBLISHING && w->state == LIVE_INTERRUPTED)
		repo->outbox->outbox_event(
			repo->impl, "stream.interrupted", live_stream_id(stream), NULL, NULL);
}

static void forget(struct watched *w)
{
	signal_listener_remove(&w->changed);
	signal_listener_remove(&w->destroyed);
	list_remove(&w->link);
	free(w);
}

static void on_destroyed(struct signal_listener *listener, void *data)
{
	forget(container_of(listener, struct watched, destroyed));
}

static void watch(struct interruptions *i, struct live_stream *stream)
{
	struct watched *w = mem_new(struct watched);

	w->owner = i;
	w->state = live_stream_state(stream);
	signal_listener_init(&w->changed, on_changed);
	signal_listener_init(&w->destroyed, on_destroyed);
	signal_add(live_stream_changed(stream), &w->changed);
	signal_add(live_stream_destroyed(stream), &w->destroyed);
	list_append(&i->streams, &w->link);
}

static void on_opened(struct signal_listener *listener, void *data)
{
	watch(container_of(listener, struct interruptions, opened), data);
}

struct interruptions *interruptions_create(struct live_registry *registry, struct repo repo)
{
	struct interruptions *i = mem_new(struct interruptions);
	struct live_stream *s = NULL;

	i->repo = repo;
	list_init(&i->streams);
	signal_listener_init(&i->opened, on_opened);
	signal_add(live_registry_opened(registry), &i->opened);
	while ((s = live_registry_next(registry, s)))
		watch(i, s);
	return i;
}

void interruptions_destroy(struct interruptions **interruptions)
{
	struct interruptions *i = *interruptions;
	struct watched *w, *next;

	if (!i)
		return;
	*interruptions = NULL;
	signal_listener_remove(&i->opened);
	list_for_each_safe (w, next, &i->streams, link)
		forget(w);
	free(i);
}
