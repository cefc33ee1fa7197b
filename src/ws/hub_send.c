#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub_private.h"

/* The part of a slice that one room has before it is another's turn: a small one does not wait for
 * all of a full one. */
#define GOES 4
/* A member's memory, and that of its socket, are asked for so many visits ahead: with ten thousand
 * of them neither is in a cache. */
#define AHEAD_LINE 2
#define AHEAD_MEMBER 4
#define LINE_BYTES 64
#define PACED 1000 /* members, from which on a room is not served less often */
#define GATHER_SHARE 15
/* A timer cannot be trusted with less. */
#define GATHER_MIN_US 1000

/* The first packet that a slot has yet to hear, as an index of said. */
static unsigned said_after(const struct hub_room *room, uint64_t seq)
{
	unsigned i = 0;

	while (i < room->n_said && room->said[i].packet->seq <= seq)
		i++;
	return i;
}

void hub_seat_catch_up(struct hub_seat *seat)
{
	seat->room->slots[seat->index].since = seat->room->seq;
}

uint64_t hub_offset_sent(const struct hub *h, const struct hub_member *m)
{
	uint64_t sent = h->offset;
	const struct hub_seat *seat;

	if (list_empty(&h->active))
		return sent;
	list_for_each (seat, &m->seats, by_member) {
		const struct hub_room *room = seat->room;
		unsigned i = said_after(room, room->slots[seat->index].since);
		if (i < room->n_said && room->said[i].packet->offset <= sent)
			sent = room->said[i].packet->offset - 1;
	}
	return sent;
}

/* --- when --- */

void hub_room_set_out(struct hub_room *room)
{
	const struct hub_config *c = &room->hub->config;
	unsigned n = room->n_members < PACED ? room->n_members : PACED;
	uint64_t pace = c->pace_us * n / PACED, gather = pace / GATHER_SHARE, due;

	room->lap = room->n_slots;
	room->due_us = 0;
	if (gather < GATHER_MIN_US)
		return;
	due = clock_mono_us(c->clock) + gather;
	room->due_us = due > room->set_out_us + pace ? due : room->set_out_us + pace;
}

bool hub_next_due(const struct hub *h, uint64_t *in_us)
{
	uint64_t now = clock_mono_us(h->config.clock), next = UINT64_MAX;
	const struct hub_room *room;

	list_for_each (room, &h->active, active)
		next = room->due_us < next ? room->due_us : next;
	*in_us = next > now ? next - now : 0;
	return next != UINT64_MAX;
}

static struct hub_room *next_room(const struct hub *h, uint64_t now_us)
{
	struct hub_room *room;

	list_for_each (room, &h->active, active)
		if (room->due_us <= now_us)
			return room;
	return NULL;
}

/* --- what one member is to get --- */

/* Packets in the order of all, in hub.picked. */
struct pick {
	unsigned n, droppable;
	bool exceptions;
};

static void pick_after(struct pick *pick, const struct hub_room *room, uint64_t since)
{
	struct hub *h = room->hub;

	for (unsigned i = said_after(room, since); i < room->n_said; i++) {
		struct hub_packet *p = room->said[i].packet;
		if (pick->n == h->cap_picked) {
			h->cap_picked = h->cap_picked ? h->cap_picked * 2 : 16;
			h->picked =
				mem_realloc(h->picked, h->cap_picked * sizeof(struct hub_packet *));
		}
		h->picked[pick->n++] = p;
		pick->droppable += p->class == HUB_DROPPABLE;
		pick->exceptions = pick->exceptions || p->except;
	}
}

/* Leaves out what is not for this one member. */
static void pick_sieve(
	struct hub *h, struct pick *pick, const struct hub_member *m, bool no_droppable)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pick->n; i++)
		if (h->picked[i]->except != m &&
			!(no_droppable && h->picked[i]->class == HUB_DROPPABLE))
			h->picked[n++] = h->picked[i];
	pick->n = n;
}

/* The frames in one buffer; NULL: there are none. count: how many. */
static struct rcbuf *join_frames(
	struct hub *h, unsigned n, enum hub_framing framing, unsigned *count)
{
	struct rcbuf *only = NULL, *all;
	size_t len = 0, at = 0;

	*count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rcbuf *frame = hub_packet_frame(h->picked[i], framing);
		if (!frame)
			continue;
		only = frame;
		len += rcbuf_len(frame);
		++*count;
	}
	if (*count <= 1)
		return only ? rcbuf_ref(only) : NULL;
	all = rcbuf_create(len);
	for (unsigned i = 0; i < n; i++) {
		struct rcbuf *frame = hub_packet_frame(h->picked[i], framing);
		if (!frame)
			continue;
		memcpy(rcbuf_writable(all) + at, rcbuf_data(frame), rcbuf_len(frame));
		at += rcbuf_len(frame);
	}
	return all;
}

/* --- slices --- */

/* What neighbours get alike: they have heard as much, and nothing is left out for them. */
struct shared {
	bool made;
	uint64_t since;
	unsigned upto; /* room->n_said */
	struct rcbuf *frames;
	unsigned count, droppable;
	bool exceptions;
};

struct slice {
	struct hub_room *room;
	struct shared shared[HUB_FRAMINGS];
	uint64_t deliveries;
};

/* The last thing that is done with a member: it may be gone after. */
static void send_to(struct slice *s, struct hub_member *m, struct rcbuf *frames, unsigned count)
{
	if (!frames)
		return;
	s->deliveries += count;
	if (!m->line.ops || !m->line.ops->write(m->line.impl, frames))
		m->ops->send(m, frames);
}

static bool is_slow(const struct hub *h, const struct hub_member *m, unsigned droppable)
{
	if (!droppable || m->ops->queued(m) <= h->config.drop_above)
		return false;
	metric_add(h->dropped, droppable);
	return true;
}

static void send_picked(struct slice *s, struct hub_member *m, struct pick *pick)
{
	struct hub *h = s->room->hub;
	struct rcbuf *frames;
	unsigned count;

	pick_sieve(h, pick, m, is_slow(h, m, pick->droppable));
	frames = join_frames(h, pick->n, m->framing, &count);
	send_to(s, m, frames, count);
	rcbuf_unref(&frames);
}

static int by_offset(const void *a, const void *b)
{
	const struct hub_packet *const *x = a, *const *y = b;

	return (*x)->offset < (*y)->offset ? -1 : (*x)->offset > (*y)->offset;
}

void hub_packets_sort(struct hub_packet **packets, size_t n)
{
	qsort(packets, n, sizeof(struct hub_packet *), by_offset);
}

/* In other rooms, too, something is to be sent: it goes with it, in the order of all. */
static void serve_everywhere(struct slice *s, struct hub_member *m)
{
	struct hub *h = s->room->hub;
	struct pick pick = {0};
	struct hub_seat *seat;

	list_for_each (seat, &m->seats, by_member) {
		pick_after(&pick, seat->room, seat->room->slots[seat->index].since);
		hub_seat_catch_up(seat);
	}
	hub_packets_sort(h->picked, pick.n);
	send_picked(s, m, &pick);
}

static bool has_elsewhere(const struct hub_room *room, const struct hub_member *m)
{
	const struct hub_seat *seat;

	/* Mostly there is one active room. */
	if (m->n_rooms < 2 || room->active.next == room->active.prev)
		return false;
	list_for_each (seat, &m->seats, by_member)
		if (seat->room != room && hub_room_is_active(seat->room) &&
			seat->room->slots[seat->index].since < seat->room->seq)
			return true;
	return false;
}

static struct shared *shared_for(struct slice *s, enum hub_framing framing, uint64_t since)
{
	struct shared *sh = &s->shared[framing];
	struct pick pick = {0};

	if (sh->made && sh->since == since && sh->upto == s->room->n_said)
		return sh;
	rcbuf_unref(&sh->frames);
	pick_after(&pick, s->room, since);
	*sh = (struct shared){
		.made = true,
		.since = since,
		.upto = s->room->n_said,
		.droppable = pick.droppable,
		.exceptions = pick.exceptions,
	};
	sh->frames = join_frames(s->room->hub, pick.n, framing, &sh->count);
	return sh;
}

static bool is_excepted(const struct hub_room *room, const struct hub_member *m)
{
	for (unsigned i = 0; i < room->n_said; i++)
		if (room->said[i].packet->except == m)
			return true;
	return false;
}

static void serve(struct slice *s, struct hub_slot *slot)
{
	struct hub_room *room = s->room;
	struct hub_member *m = slot->member;
	uint64_t since = slot->since;
	struct shared *sh;
	struct pick pick = {0};

	if (has_elsewhere(room, m)) {
		serve_everywhere(s, m);
		return;
	}
	slot->since = room->seq;
	sh = shared_for(s, m->framing, since);
	if ((sh->droppable && m->ops->queued(m) > room->hub->config.drop_above) ||
		(sh->exceptions && is_excepted(room, m))) {
		pick_after(&pick, room, since);
		send_picked(s, m, &pick);
	} else {
		send_to(s, m, sh->frames, sh->count);
	}
}

/* Bytes that may lie in two lines. A macro: gcc takes a function that does nothing but this for one
 * that does nothing. */
#define ask_for(start, size) \
	do { \
		__builtin_prefetch(start); \
		__builtin_prefetch((const char *)(start) + (size)-1); \
	} while (0)

/* Slots of members who have left, while the next slot to visit is the first one. */
static void close_holes(struct hub_room *room)
{
	unsigned n = 0, left = 0;

	for (unsigned i = 0; i < room->n_slots; i++) {
		if (!room->slots[i].member)
			continue;
		left += i < room->left;
		room->slots[i].seat->index = n;
		room->slots[n++] = room->slots[i];
	}
	room->n_slots = n;
	room->left = left;
	room->holes = false;
}

static void visit(struct slice *s)
{
	struct hub_room *room = s->room;
	struct hub_slot *slot = &room->slots[room->cursor];

	if (room->cursor + AHEAD_MEMBER < room->n_slots) {
		const struct hub_slot *next = slot + AHEAD_LINE;
		ask_for(slot[AHEAD_MEMBER].member, sizeof(struct hub_member));
		if (next->member)
			ask_for(next->member->line.impl, LINE_BYTES);
	}
	room->cursor = room->cursor + 1 < room->n_slots ? room->cursor + 1 : 0;
	room->left--;
	room->visits++;
	if (slot->member && slot->since < room->seq)
		serve(s, slot);
	if (!room->cursor && room->holes)
		close_holes(room);
	if (!--room->lap)
		hub_room_set_out(room);
}

/* What everybody has heard. It may still be sent to those who come back. */
static void said_forget(struct hub_room *room)
{
	unsigned n = 0;

	while (n < room->n_said && (!room->left || room->said[n].until <= room->visits)) {
		room->said[n].packet->except = NULL;
		hub_packet_unref(&room->said[n++].packet);
	}
	room->n_said -= n;
	if (room->n_said) {
		memmove(room->said, room->said + n, room->n_said * sizeof(struct hub_said));
		return;
	}
	free(room->said);
	room->said = NULL;
	room->cap_said = 0;
}

static void come_to_rest(struct hub_room *room)
{
	list_remove(&room->active);
	if (room->holes)
		close_holes(room);
	if (room->cursor >= room->n_slots)
		room->cursor = 0;
	hub_room_settle(room);
}

/* Returns how many it took. */
static unsigned serve_slice(struct hub_room *room, unsigned max)
{
	struct slice s = {.room = room};
	unsigned n = 0;

	if (room->cursor >= room->n_slots)
		room->cursor = 0;
	if (room->due_us) {
		room->set_out_us = room->due_us;
		room->due_us = 0;
	}
	for (; n < max && room->left && !room->due_us; n++)
		visit(&s);
	metric_add(room->hub->deliveries, s.deliveries);
	for (unsigned i = 0; i < HUB_FRAMINGS; i++)
		rcbuf_unref(&s.shared[i].frames);
	said_forget(room);
	if (!room->left)
		come_to_rest(room);
	return n;
}

bool hub_flush(struct hub *h)
{
	unsigned left = h->config.slice, go = (left + GOES - 1) / GOES;
	uint64_t now = clock_mono_us(h->config.clock);
	struct hub_room *room;

	while (left && (room = next_room(h, now))) {
		list_remove(&room->active);
		list_append(&h->active, &room->active);
		left -= serve_slice(room, left < go ? left : go);
	}
	return next_room(h, now) != NULL;
}
