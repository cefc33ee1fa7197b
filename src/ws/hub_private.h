#pragma once

#include "base/map.h"
#include "loop/timer.h"
#include "ws/hub.h"

/* What hub.c (rooms, members), hub_emit.c (sending) and hub_history.c (coming back) share. */

/* Something that was said; held by the room's history and, for a turn, by what is to be sent. */
struct hub_packet {
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
	unsigned index; /* in room->seats */
	uint64_t since; /* hears what has a larger seq */
	bool own; /* counts for no bound */
};

struct hub_room {
	struct hub *hub;
	char *name;
	struct hub_seat **seats;
	unsigned n_seats, cap_seats;
	uint64_t seq;
	uint64_t left_us; /* when the last member left; 0: nobody ever was here */
	/* A ring, the oldest at `first`. lost_*: of the newest that is forgotten. */
	struct hub_packet **kept;
	unsigned first, n_kept;
	uint64_t lost_seq, lost_offset;
	struct hub_packet **said; /* in this turn */
	unsigned n_said, cap_said;
	struct list dirty; /* in hub.dirty while something was said */
	bool sending; /* members may leave meanwhile: seats are emptied, not moved */
	bool holes;
};

struct hub {
	struct hub_config config;
	struct map *rooms;
	struct list dirty;
	struct timer *timer;
	uint64_t offset, offset_sent;
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

/* hub_emit.c */
struct rcbuf *hub_packet_frame(
	struct hub_room *room, struct hub_packet *p, enum hub_framing framing);
void hub_packet_unref(struct hub_packet **p);
/* Seats that were emptied while the room was sending. */
void hub_room_close_holes(struct hub_room *room);

/* hub_tap.c: shows it to who looks on. */
void hub_tapped(const struct hub_room *room, const struct hub_packet *p);

/* hub_history.c */
void hub_keep(struct hub_room *room, struct hub_packet *p);
void hub_forget_old(struct hub_room *room, uint64_t before_us);
void hub_forget_all(struct hub_room *room);
