#pragma once

#include "base/map.h"
#include "loop/timer.h"
#include "ws/hub.h"

/*
 * What hub.c (rooms, members), hub_emit.c (what is said), hub_send.c (slices) and hub_history.c
 * (coming back) share.
 *
 * A room with something to send is active: its members are visited round and round, from wherever
 * the last slice ended, until everybody has heard everything.
 */

/* Something that was said; held by the room's history and, for a turn, by what is to be sent. */
struct hub_packet {
	struct hub_room *room;
	unsigned refs;
	uint64_t at_us, seq, offset;
	enum hub_class class;
	const struct hub_member *except;
	struct rcbuf *frames[HUB_FRAMINGS]; /* made when first needed */
	bool encoded[HUB_FRAMINGS];
	char *name, *data;
	size_t len;
};

/* A member in a room. */
struct hub_seat {
	struct list by_member;
	struct hub_member *member;
	struct hub_room *room;
	unsigned index; /* in room->slots */
	uint64_t from; /* hears what has a larger seq */
	bool own; /* counts for no bound */
};

struct hub_slot {
	struct hub_member *member; /* NULL: has left while the room was active */
	struct hub_seat *seat;
	uint64_t since; /* has heard all up to this seq */
};

struct hub_said {
	struct hub_packet *packet;
	int64_t until; /* room->visits by which everybody has heard it */
};

struct hub_room {
	struct hub *hub;
	char *name;
	struct hub_slot *slots;
	unsigned n_slots, cap_slots, n_members;
	uint64_t seq;
	uint64_t left_us; /* when the last member left; 0: nobody ever was here */
	/* A ring, the oldest at `first`. lost_*: of the newest that is forgotten. */
	struct hub_packet **kept;
	unsigned first, n_kept;
	uint64_t lost_seq, lost_offset;
	/* While it is active. */
	struct list active; /* in hub.active */
	struct hub_said *said; /* that not everybody has heard, the oldest first */
	unsigned n_said, cap_said;
	unsigned cursor; /* the slot that is next */
	uint64_t due_us; /* when the way round begins */
	uint64_t set_out_us; /* when it began last */
	unsigned lap; /* slots until it begins again */
	unsigned left; /* slots from there on, round and round, that may have missed something */
	int64_t visits; /* slots that were visited, less those that came meanwhile */
	bool holes; /* slots of members who have left */
};

struct hub {
	struct hub_config config;
	struct map *rooms;
	struct list active; /* struct hub_room, in turn */
	struct timer *gather;
	struct hub_packet **picked; /* for one member or several alike: scratch */
	unsigned cap_picked;
	struct timer *timer;
	uint64_t offset;
	char epoch[17];
	bool flush_asked;
	bool orphaned; /* destroyed, but for the flush that was asked of the loop */
	struct metric *room_gauge, *events, *deliveries, *dropped;
	/* Who looks on; NULL: nobody. */
	void (*tap)(void *user, const struct hub_event *e);
	void *tap_user;
};

/* hub.c */
struct hub_room *hub_room_find(const struct hub *h, const char *name);
struct hub_room *hub_room_get(struct hub *h, const char *name);
struct hub_seat *hub_seat_find(const struct hub_member *m, const struct hub_room *room);
/* Frees it if nobody is in it and nothing is kept. */
void hub_room_settle(struct hub_room *room);

static inline bool hub_room_is_active(const struct hub_room *room)
{
	return !list_empty(&room->active);
}

/* hub_emit.c */
void hub_flush_later(struct hub *h);
struct rcbuf *hub_packet_frame(struct hub_packet *p, enum hub_framing framing);
void hub_packet_unref(struct hub_packet **p);

/* hub_send.c */
/* The way round begins for a room that has rested, or has been all round. */
void hub_room_set_out(struct hub_room *room);
/* How long it is until the next room is due; false: none waits. */
bool hub_next_due(const struct hub *h, uint64_t *in_us);
/* The member's slot has heard all that was said so far, or is told it in another way. */
void hub_seat_catch_up(struct hub_seat *seat);
void hub_packets_sort(struct hub_packet **packets, size_t n); /* in the order of all */

/* hub_tap.c: shows it to who looks on. */
void hub_tapped(const struct hub_room *room, const struct hub_packet *p);

/* hub_history.c */
void hub_keep(struct hub_room *room, struct hub_packet *p);
void hub_forget_old(struct hub_room *room, uint64_t before_us);
void hub_forget_all(struct hub_room *room);
