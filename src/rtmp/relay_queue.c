#include "relay_queue.h"

#include <stdlib.h>

#include "base/mem.h"

struct entry {
	struct list link;
	struct relay_packet packet;
	uint64_t at_us;
};

void relay_queue_init(struct relay_queue *q, size_t max, uint64_t max_us)
{
	*q = (struct relay_queue){.max = max, .max_us = max_us};
	list_init(&q->packets);
}

static void entry_free(struct relay_queue *q, struct entry *e)
{
	q->bytes -= rcbuf_len(e->packet.wire);
	list_remove(&e->link);
	rcbuf_unref(&e->packet.wire);
	free(e);
}

void relay_queue_finish(struct relay_queue *q)
{
	struct entry *e, *next;

	list_for_each_safe (e, next, &q->packets, link)
		entry_free(q, e);
}

static void append(struct relay_queue *q, const struct relay_packet *p, uint64_t now_us)
{
	struct entry *e = mem_new(struct entry);

	e->packet = *p;
	e->packet.wire = rcbuf_ref(p->wire);
	e->at_us = now_us;
	q->bytes += rcbuf_len(p->wire);
	list_append(&q->packets, &e->link);
}

static bool is_full(const struct relay_queue *q, const struct relay_packet *p, uint64_t now_us)
{
	const struct entry *first;

	if (list_empty(&q->packets))
		return false;
	first = container_of(q->packets.next, struct entry, link);
	return q->bytes + rcbuf_len(p->wire) > q->max || now_us - first->at_us > q->max_us;
}

static bool is_same_config(const struct relay_packet *a, const struct relay_packet *b)
{
	return a->is_config && b->is_config && a->type == b->type && a->track == b->track;
}

static bool has_newer(const struct relay_queue *q, const struct entry *e)
{
	for (const struct list *l = e->link.next; l != &q->packets; l = l->next)
		if (is_same_config(&container_of(l, struct entry, link)->packet, &e->packet))
			return true;
	return false;
}

static unsigned empty(struct relay_queue *q)
{
	struct entry *e, *next;
	unsigned dropped = 0;

	list_for_each_safe (e, next, &q->packets, link) {
		if (e->packet.is_config && !has_newer(q, e))
			continue;
		dropped += !e->packet.is_config;
		entry_free(q, e);
	}
	return dropped;
}

static void drop_same_config(struct relay_queue *q, const struct relay_packet *p)
{
	struct entry *e, *next;

	list_for_each_safe (e, next, &q->packets, link)
		if (is_same_config(&e->packet, p))
			entry_free(q, e);
}

/* The configurations that waited for it are as old as the keyframe. */
static void end_wait(struct relay_queue *q, uint64_t now_us)
{
	struct entry *e;

	q->waits_for_key = false;
	list_for_each (e, &q->packets, link)
		e->at_us = now_us;
}

unsigned relay_queue_put(struct relay_queue *q, const struct relay_packet *p, uint64_t now_us)
{
	unsigned dropped = 0;

	if (!q->waits_for_key && is_full(q, p, now_us)) {
		dropped = empty(q);
		q->waits_for_key = true;
	}
	if (q->waits_for_key && p->is_config)
		drop_same_config(q, p);
	else if (q->waits_for_key && !p->is_key)
		dropped++;
	if (q->waits_for_key && p->is_key)
		end_wait(q, now_us);
	if (!q->waits_for_key || p->is_config)
		append(q, p, now_us);
	q->dropped += dropped;
	return dropped;
}

bool relay_queue_take(struct relay_queue *q, struct relay_packet *out)
{
	struct entry *e;

	if (list_empty(&q->packets))
		return false;
	e = container_of(q->packets.next, struct entry, link);
	*out = e->packet;
	out->wire = rcbuf_ref(e->packet.wire);
	entry_free(q, e);
	return true;
}
