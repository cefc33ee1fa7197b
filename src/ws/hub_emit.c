#include <stdlib.h>

#include "base/mem.h"
#include "hub_private.h"

static struct hub_packet *packet_create(struct hub_room *room, const char *name, const char *data,
	size_t len, enum hub_class class, const struct hub_member *except)
{
	struct hub_packet *p = mem_new(struct hub_packet);
	struct hub *h = room->hub;

	p->room = room;
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

struct rcbuf *hub_packet_frame(struct hub_packet *p, enum hub_framing framing)
{
	const struct hub_config *c = &p->room->hub->config;
	const struct hub_event e = {
		.name = p->name,
		.data = p->data,
		.len = p->len,
		.room = p->room->name,
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
	uint64_t in_us;

	h->flush_asked = false;
	if (h->orphaned)
		free(h);
	else if (hub_flush(h))
		hub_flush_later(h);
	else if (hub_next_due(h, &in_us))
		timer_start(h->gather, in_us);
}

void hub_flush_later(struct hub *h)
{
	if (h->flush_asked || !h->config.loop)
		return;
	h->flush_asked = true;
	loop_defer(h->config.loop, on_flush, h);
}

static void said_add(struct hub_room *room, struct hub_packet *p)
{
	if (room->n_said == room->cap_said) {
		room->cap_said = room->cap_said ? room->cap_said * 2 : 4;
		room->said = mem_realloc(room->said, room->cap_said * sizeof(struct hub_said));
	}
	room->said[room->n_said++] = (struct hub_said){p, room->visits + room->n_slots};
	room->left = room->n_slots;
	if (!hub_room_is_active(room)) {
		list_append(&room->hub->active, &room->active);
		hub_room_set_out(room);
	}
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
	said_add(room, p);
	hub_flush_later(h);
}
