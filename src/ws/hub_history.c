#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub_private.h"

static struct hub_packet *kept_at(const struct hub_room *room, unsigned i)
{
	return room->kept[(room->first + i) % room->hub->config.history];
}

static void forget_oldest(struct hub_room *room)
{
	struct hub_packet *p = kept_at(room, 0);

	room->lost_seq = p->seq;
	room->lost_offset = p->offset;
	room->first = (room->first + 1) % room->hub->config.history;
	room->n_kept--;
	hub_packet_unref(&p);
}

void hub_keep(struct hub_room *room, struct hub_packet *p)
{
	unsigned size = room->hub->config.history;

	if (p->class == HUB_DROPPABLE)
		return;
	if (!room->kept)
		room->kept = mem_zalloc(size * sizeof(struct hub_packet *));
	if (room->n_kept == size)
		forget_oldest(room);
	p->refs++;
	room->kept[(room->first + room->n_kept++) % size] = p;
}

void hub_forget_old(struct hub_room *room, uint64_t before_us)
{
	while (room->n_kept > 0 && kept_at(room, 0)->at_us < before_us)
		forget_oldest(room);
	if (room->n_kept == 0 && room->kept) {
		free(room->kept);
		room->kept = NULL;
		room->first = 0;
	}
}

void hub_forget_all(struct hub_room *room)
{
	while (room->n_kept > 0)
		forget_oldest(room);
	for (unsigned i = 0; i < room->n_said; i++)
		hub_packet_unref(&room->said[i].packet);
	room->n_said = 0;
}

bool hub_room_place(const struct hub *h, const char *name, struct hub_place *out)
{
	const struct hub_room *room = hub_room_find(h, name);

	if (!room)
		return false;
	text_copy(out->epoch, sizeof(out->epoch), h->epoch);
	out->seq = room->seq;
	return true;
}

uint64_t hub_offset(const struct hub *h)
{
	return h->offset;
}

const char *hub_epoch(const struct hub *h)
{
	return h->epoch;
}

/* A room that is gone has nothing to tell; one that came anew knows since when. */
static bool has_all_since(const struct hub *h, const char *name, uint64_t offset)
{
	const struct hub_room *room = hub_room_find(h, name);

	return room && offset >= room->lost_offset;
}

static void send_packet(struct hub_member *m, struct hub_packet *p)
{
	struct rcbuf *frame = hub_packet_frame(p, m->framing);

	if (frame)
		m->ops->send(m, frame);
}

/* A member hears of this turn's events by the replay already: the seat begins behind them. */
bool hub_resume(
	struct hub *h, struct hub_member *m, const char *name, const char *epoch, uint64_t seq)
{
	struct hub_room *room = hub_room_find(h, name);
	struct hub_seat *before = hub_seat_find(m, room);
	uint64_t until;
	unsigned n;

	if (!room || !text_eq(epoch, h->epoch) || seq < room->lost_seq || seq > room->seq ||
		!hub_join(h, m, name))
		return false;
	until = before ? before->from : room->seq;
	n = room->n_kept;
	for (unsigned i = 0; i < n && hub_seat_find(m, room); i++) {
		struct hub_packet *p = kept_at(room, i);
		if (p->seq > seq && p->seq <= until)
			send_packet(m, p);
	}
	return true;
}

static size_t collect(struct hub *h, const char *const *rooms, size_t n, uint64_t offset,
	struct hub_packet ***out)
{
	size_t count = 0, room_for = 0;

	for (size_t i = 0; i < n; i++)
		room_for += hub_room_find(h, rooms[i])->n_kept;
	*out = mem_alloc(room_for * sizeof(struct hub_packet *) + 1);
	for (size_t i = 0; i < n; i++) {
		struct hub_room *room = hub_room_find(h, rooms[i]);
		for (unsigned j = 0; j < room->n_kept; j++)
			if (kept_at(room, j)->offset > offset)
				(*out)[count++] = kept_at(room, j);
	}
	hub_packets_sort(*out, count);
	return count;
}

/* The server put it into some of them already. */
static bool has_room_for(
	const struct hub *h, const struct hub_member *m, const char *const *rooms, size_t n)
{
	size_t all = m->n_rooms - m->n_own;

	for (size_t i = 0; i < n; i++)
		all += !hub_seat_find(m, hub_room_find(h, rooms[i]));
	return all <= h->config.max_rooms;
}

bool hub_can_recover(const struct hub *h, const struct hub_member *m, const char *const *rooms,
	size_t n, const char *epoch, uint64_t offset)
{
	if (!text_eq(epoch, h->epoch) || offset > h->offset || !has_room_for(h, m, rooms, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!has_all_since(h, rooms[i], offset))
			return false;
	return true;
}

bool hub_recover(struct hub *h, struct hub_member *m, const char *const *rooms, size_t n,
	const char *epoch, uint64_t offset)
{
	struct hub_packet **all;
	size_t count;

	if (!hub_can_recover(h, m, rooms, n, epoch, offset))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct hub_room *room = hub_room_find(h, rooms[i]);
		hub_join(h, m, rooms[i]);
		hub_seat_catch_up(hub_seat_find(m, room));
	}
	count = collect(h, rooms, n, offset, &all);
	for (size_t i = 0; i < count && !list_empty(&m->seats); i++)
		send_packet(m, all[i]);
	free(all);
	return true;
}
