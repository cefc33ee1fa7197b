#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub_private.h"

static struct hub_packet *packet_create(struct hub_room *room, const char *name, const char *data,
	size_t len, enum hub_class class, const struct hub_member *except)
{
	struct hub_packet *p = mem_new(struct hub_packet);
	struct hub *h = room->hub;

	p->refs = 1;
	p->at_us = clock_mono_us(h->config.clock);
	p->seq = ++room->seq;
	p->offset = ++h->offset;
	p->class = class;
	p->except = except;
	p->name = mem_strdup(name);
	p->data = mem_dup(data, len);
	p->len = len;
	return p;
}

void hub_packet_unref(struct hub_packet **packet)
{
	struct hub_packet *p = *packet;

	*packet = NULL;
	if (!p || --p->refs > 0)
		return;
	for (unsigned i = 0; i < HUB_FRAMINGS; i++)
		rcbuf_unref(&p->frames[i]);
	free(p->name);
	free(p->data);
	free(p);
}

struct rcbuf *hub_packet_frame(
	struct hub_room *room, struct hub_packet *p, enum hub_framing framing)
{
	const struct hub_config *c = &room->hub->config;
	const struct hub_event e = {
		.name = p->name,
		.data = p->data,
		.len = p->len,
		.room = room->name,
		.seq = p->seq,
		.offset = p->offset,
	};

	if (!p->encoded[framing]) {
		p->encoded[framing] = true;
		p->frames[framing] = c->encode(c->user, framing, &e);
	}
	return p->frames[framing];
}

static void on_flush(void *arg)
{
	struct hub *h = arg;

	if (h->orphaned)
		free(h);
	else
		hub_flush(h);
}

static void ask_for_flush(struct hub_room *room)
{
	struct hub *h = room->hub;

	if (list_empty(&room->dirty))
		list_append(&h->dirty, &room->dirty);
	if (h->flush_asked || !h->config.loop)
		return;
	h->flush_asked = true;
	loop_defer(h->config.loop, on_flush, h);
}

void hub_emit(struct hub *h, const char *name, const char *event, const char *data, size_t len,
	enum hub_class class, const struct hub_member *except)
{
	struct hub_room *room = hub_room_get(h, name);
	struct hub_packet *p = packet_create(room, event, data, len, class, except);

	metric_add(h->events, 1);
	if (h->tap)
		hub_tapped(room, p);
	hub_keep(room, p);
	if (room->n_said == room->cap_said) {
		room->cap_said = room->cap_said ? room->cap_said * 2 : 4;
		room->said = mem_realloc(room->said, room->cap_said * sizeof(struct hub_packet *));
	}
	room->said[room->n_said++] = p;
	ask_for_flush(room);
}

/* What of this turn's packets one member is to get. */
struct selection {
	enum hub_framing framing;
	uint64_t since;
	const struct hub_member *member; /* for packets with an exception */
	bool no_droppable;
};

static bool takes(const struct selection *s, const struct hub_packet *p)
{
	return p->seq > s->since && (!p->except || p->except != s->member) &&
		!(s->no_droppable && p->class == HUB_DROPPABLE);
}

/* The frames of a selection in one buffer; NULL: there are none. */
static struct rcbuf *join_frames(struct hub_room *room, struct hub_packet **said, unsigned n,
	const struct selection *s, unsigned *count)
{
	struct rcbuf *frame, *only = NULL, *all;
	size_t len = 0, at = 0;

	*count = 0;
	for (unsigned i = 0; i < n; i++) {
		frame = takes(s, said[i]) ? hub_packet_frame(room, said[i], s->framing) : NULL;
		if (frame) {
			only = frame;
			len += rcbuf_len(frame);
			++*count;
		}
	}
	if (*count <= 1)
		return only ? rcbuf_ref(only) : NULL;
	all = rcbuf_create(len);
	for (unsigned i = 0; i < n; i++) {
		frame = takes(s, said[i]) ? hub_packet_frame(room, said[i], s->framing) : NULL;
		if (frame) {
			memcpy(rcbuf_writable(all) + at, rcbuf_data(frame), rcbuf_len(frame));
			at += rcbuf_len(frame);
		}
	}
	return all;
}

/* What nearly all members get, by framing. */
struct shared {
	bool made;
	struct rcbuf *frames;
	unsigned count;
};

struct turn {
	struct hub_room *room;
	struct hub_packet **said;
	unsigned n, droppable;
	bool exceptions;
	struct shared shared[HUB_FRAMINGS];
};

static bool is_excepted(const struct turn *t, const struct hub_member *m)
{
	for (unsigned i = 0; t->exceptions && i < t->n; i++)
		if (t->said[i]->except == m)
			return true;
	return false;
}

static void deliver(struct turn *t, struct hub_member *m, struct rcbuf *frames, unsigned count)
{
	if (!frames)
		return;
	metric_add(t->room->hub->deliveries, count);
	m->ops->send(m, frames);
}

static void deliver_own(struct turn *t, const struct hub_seat *seat, bool no_droppable)
{
	struct hub_member *m = seat->member;
	const struct selection own = {
		.framing = m->framing,
		.since = seat->since,
		.member = m,
		.no_droppable = no_droppable,
	};
	unsigned count;
	struct rcbuf *frames = join_frames(t->room, t->said, t->n, &own, &count);

	deliver(t, m, frames, count);
	rcbuf_unref(&frames);
}

static void deliver_shared(struct turn *t, struct hub_member *m)
{
	struct shared *s = &t->shared[m->framing];

	if (!s->made) {
		const struct selection all = {.framing = m->framing};
		s->frames = join_frames(t->room, t->said, t->n, &all, &s->count);
		s->made = true;
	}
	deliver(t, m, s->frames, s->count);
}

static void deliver_to(struct turn *t, struct hub_seat *seat)
{
	struct hub *h = t->room->hub;
	struct hub_member *m = seat->member;
	bool slow = t->droppable > 0 && m->ops->queued(m) > h->config.drop_above;

	if (slow)
		metric_add(h->dropped, t->droppable);
	if (slow || seat->since >= t->said[0]->seq || is_excepted(t, m))
		deliver_own(t, seat, slow);
	else
		deliver_shared(t, m);
}

void hub_room_close_holes(struct hub_room *room)
{
	unsigned n = 0;

	if (!room->holes)
		return;
	room->holes = false;
	for (unsigned i = 0; i < room->n_seats; i++) {
		if (!room->seats[i])
			continue;
		room->seats[n] = room->seats[i];
		room->seats[n]->index = n;
		n++;
	}
	room->n_seats = n;
}

static void flush_room(struct hub_room *room)
{
	struct turn t = {.room = room, .said = room->said, .n = room->n_said};

	list_remove(&room->dirty);
	room->said = NULL;
	room->n_said = room->cap_said = 0;
	for (unsigned i = 0; i < t.n; i++) {
		t.droppable += t.said[i]->class == HUB_DROPPABLE;
		t.exceptions = t.exceptions || t.said[i]->except;
	}
	room->sending = true;
	for (unsigned i = 0; i < room->n_seats; i++)
		if (room->seats[i])
			deliver_to(&t, room->seats[i]);
	room->sending = false;
	hub_room_close_holes(room);
	for (unsigned i = 0; i < HUB_FRAMINGS; i++)
		rcbuf_unref(&t.shared[i].frames);
	for (unsigned i = 0; i < t.n; i++) {
		/* The member may be gone when the packet is sent to those who come back. */
		t.said[i]->except = NULL;
		hub_packet_unref(&t.said[i]);
	}
	free(t.said);
	hub_room_settle(room);
}

void hub_flush(struct hub *h)
{
	h->flush_asked = false;
	while (!list_empty(&h->dirty))
		flush_room(container_of(h->dirty.next, struct hub_room, dirty));
	h->offset_sent = h->offset;
}
