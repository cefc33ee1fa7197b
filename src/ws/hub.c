#include "ws/hub.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "hub_private.h"

#define HISTORY 100
#define RESUME_US 120000000u
#define MAX_ROOMS 100
#define DROP_ABOVE (64u * 1024)
#define SLICE 1000
#define SWEEP_US 10000000u

static void on_gathered(void *user)
{
	hub_flush_later(user);
}

static void on_sweep(void *user)
{
	hub_sweep(user);
}

static void set_defaults(struct hub_config *c)
{
	c->history = c->history ? c->history : HISTORY;
	c->resume_us = c->resume_us ? c->resume_us : RESUME_US;
	c->max_rooms = c->max_rooms ? c->max_rooms : MAX_ROOMS;
	c->slice = c->slice ? c->slice : SLICE;
	c->drop_above = c->drop_above ? c->drop_above : DROP_ABOVE;
}

static void add_metrics(struct hub *h, struct metrics *m)
{
	h->room_gauge = metrics_gauge(m, "souk_hub_rooms", NULL, "Rooms of the hub.");
	h->events = metrics_counter(
		m, "souk_hub_events_total", NULL, "Events that were said in a room.");
	h->deliveries = metrics_counter(m, "souk_hub_deliveries_total", NULL,
		"Events times the members that they were sent to.");
	h->dropped = metrics_counter(m, "souk_hub_dropped_total", NULL,
		"Droppable events that were left out for a slow member.");
}

struct hub *hub_create(const struct hub_config *config)
{
	struct hub *h = mem_new(struct hub);
	uint8_t random[8];

	must(config->encode != NULL);
	h->config = *config;
	set_defaults(&h->config);
	h->rooms = map_create();
	list_init(&h->active);
	clock_random(config->clock, random, sizeof(random));
	text_hex(h->epoch, random, sizeof(random));
	if (config->metrics)
		add_metrics(h, config->metrics);
	if (config->loop) {
		h->timer = loop_timer_create(config->loop, "hub", on_sweep, h);
		timer_repeat(h->timer, SWEEP_US);
		h->gather = loop_timer_create(config->loop, "hub gather", on_gathered, h);
	}
	return h;
}

static void room_destroy(struct hub_room *room)
{
	map_remove_str(room->hub->rooms, room->name);
	metric_set(room->hub->room_gauge, (int64_t)map_count(room->hub->rooms));
	list_remove(&room->active);
	hub_forget_all(room);
	free(room->kept);
	free(room->said);
	free(room->slots);
	free(room->name);
	free(room);
}

void hub_destroy(struct hub **h)
{
	size_t pos;
	void *room;

	if (!*h)
		return;
	while (pos = 0, map_next((*h)->rooms, &pos, &room))
		room_destroy(room);
	map_destroy((*h)->rooms);
	timer_destroy(&(*h)->timer);
	timer_destroy(&(*h)->gather);
	free((*h)->picked);
	if ((*h)->flush_asked)
		(*h)->orphaned = true;
	else
		free(*h);
	*h = NULL;
}

struct hub_room *hub_room_find(const struct hub *h, const char *name)
{
	return map_get_str(h->rooms, name);
}

/* The offset before which nothing waits for anybody. */
static uint64_t sent_to_all(const struct hub *h)
{
	const struct hub_room *room;
	uint64_t sent = h->offset;

	list_for_each (room, &h->active, active)
		if (room->said[0].packet->offset <= sent)
			sent = room->said[0].packet->offset - 1;
	return sent;
}

struct hub_room *hub_room_get(struct hub *h, const char *name)
{
	struct hub_room *room = hub_room_find(h, name);

	if (room)
		return room;
	room = mem_new(struct hub_room);
	room->hub = h;
	room->name = mem_strdup(name);
	list_init(&room->active);
	/* Nothing of before is known: there may have been a room of this name. */
	room->lost_offset = sent_to_all(h);
	room->seq = room->lost_seq = h->offset;
	map_put_str(h->rooms, name, room);
	metric_set(h->room_gauge, (int64_t)map_count(h->rooms));
	return room;
}

/* Who left a moment ago may come back, and must find that nothing was said meanwhile. */
static bool is_missed(const struct hub_room *room)
{
	const struct hub_config *c = &room->hub->config;

	return room->left_us && clock_mono_us(c->clock) < room->left_us + c->resume_us;
}

void hub_room_settle(struct hub_room *room)
{
	if (room->n_members == 0 && room->n_kept == 0 && !hub_room_is_active(room) &&
		!is_missed(room))
		room_destroy(room);
}

void hub_member_init(
	struct hub_member *m, const struct hub_member_ops *ops, enum hub_framing framing)
{
	*m = (struct hub_member){.ops = ops, .framing = framing};
	list_init(&m->seats);
}

struct hub_seat *hub_seat_find(const struct hub_member *m, const struct hub_room *room)
{
	struct hub_seat *seat;

	if (!room)
		return NULL;
	list_for_each (seat, &m->seats, by_member)
		if (seat->room == room)
			return seat;
	return NULL;
}

static void slot_add(struct hub_room *room, struct hub_seat *seat)
{
	if (room->n_slots == room->cap_slots) {
		room->cap_slots = room->cap_slots ? room->cap_slots * 2 : 4;
		room->slots = mem_realloc(room->slots, room->cap_slots * sizeof(struct hub_slot));
	}
	seat->index = room->n_slots++;
	room->slots[seat->index] = (struct hub_slot){seat->member, seat, room->seq};
	room->n_members++;
	/* The way round has become longer by one. */
	if (hub_room_is_active(room)) {
		room->left++;
		room->visits--;
	}
}

static struct hub_seat *seat_create(struct hub_room *room, struct hub_member *m)
{
	struct hub_seat *seat = mem_new(struct hub_seat);

	seat->member = m;
	seat->room = room;
	seat->from = room->seq;
	slot_add(room, seat);
	list_append(&m->seats, &seat->by_member);
	m->n_rooms++;
	return seat;
}

bool hub_join(struct hub *h, struct hub_member *m, const char *name)
{
	if (hub_seat_find(m, hub_room_find(h, name)))
		return true;
	if (m->n_rooms - m->n_own >= h->config.max_rooms)
		return false;
	seat_create(hub_room_get(h, name), m);
	return true;
}

void hub_join_own(struct hub *h, struct hub_member *m, const char *name)
{
	struct hub_room *room = hub_room_get(h, name);

	if (hub_seat_find(m, room))
		return;
	seat_create(room, m)->own = true;
	m->n_own++;
}

/* The way round must not lead past anybody: slots move only while nobody is on it. */
static void slot_remove(struct hub_room *room, unsigned index)
{
	struct hub_slot *last;

	room->n_members--;
	if (hub_room_is_active(room)) {
		room->slots[index] = (struct hub_slot){0};
		room->holes = true;
		return;
	}
	last = &room->slots[--room->n_slots];
	room->slots[index] = *last;
	last->seat->index = index;
}

static void seat_free(struct hub_seat *seat)
{
	list_remove(&seat->by_member);
	seat->member->n_rooms--;
	seat->member->n_own -= seat->own;
	seat->room->left_us = clock_mono_us(seat->room->hub->config.clock);
	slot_remove(seat->room, seat->index);
	free(seat);
}

bool hub_leave(struct hub *h, struct hub_member *m, const char *name)
{
	struct hub_room *room = hub_room_find(h, name);
	struct hub_seat *seat = hub_seat_find(m, room);

	if (!seat)
		return false;
	seat_free(seat);
	hub_room_settle(room);
	return true;
}

/* What is being said to all but this member names it no longer. */
static void forget_member(struct hub *h, const struct hub_member *m)
{
	struct hub_room *room;

	list_for_each (room, &h->active, active)
		for (unsigned i = 0; i < room->n_said; i++)
			if (room->said[i].packet->except == m)
				room->said[i].packet->except = NULL;
}

void hub_leave_all(struct hub *h, struct hub_member *m)
{
	forget_member(h, m);
	while (!list_empty(&m->seats)) {
		struct hub_seat *seat = container_of(m->seats.next, struct hub_seat, by_member);
		struct hub_room *room = seat->room;
		seat_free(seat);
		hub_room_settle(room);
	}
}

bool hub_is_in(const struct hub *h, const struct hub_member *m, const char *name)
{
	return hub_seat_find(m, hub_room_find(h, name)) != NULL;
}

size_t hub_room_members(const struct hub *h, const char *name)
{
	const struct hub_room *room = hub_room_find(h, name);

	return room ? room->n_members : 0;
}

void hub_each_room(
	struct hub *h, struct hub_member *m, void (*each)(void *arg, const char *room), void *arg)
{
	struct hub_seat *seat, *next;

	list_for_each_safe (seat, next, &m->seats, by_member)
		each(arg, seat->room->name);
}

void hub_sweep(struct hub *h)
{
	uint64_t now = clock_mono_us(h->config.clock);
	uint64_t before = now > h->config.resume_us ? now - h->config.resume_us : 0;
	struct hub_room **all = mem_alloc(map_count(h->rooms) * sizeof(struct hub_room *) + 1);
	size_t pos = 0, n = 0;
	void *room;

	while (map_next(h->rooms, &pos, &room))
		all[n++] = room;
	for (size_t i = 0; i < n; i++) {
		hub_forget_old(all[i], before);
		hub_room_settle(all[i]);
	}
	free(all);
}
