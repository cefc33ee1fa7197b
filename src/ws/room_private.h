#pragma once

#include "base/map.h"
#include "ws/room_events.h"

/* What the files of the open rooms share. */

#define ROOM_PREFIX "room:"

struct room_events {
	struct room_events_config config;
	struct map *rooms; /* struct open_room by the hub's name */
	struct signal_listener peer_ended, presence_changed;
	uint64_t seats; /* taken so far */
	uint64_t round; /* of telling or asking: what bears it was met */
	struct metric *open, *refused;
};

/* A room while somebody is in it. */
struct open_room {
	struct room_events *owner;
	char *name; /* of the hub's room */
	const char *id; /* what clients call it: the end of name */
	struct list seats; /* struct room_seat */
	unsigned n_seats;
	unsigned n_users; /* several sockets of one user are one */
	uint64_t round;
};

struct room_seat {
	struct list by_peer, by_room;
	struct peer *peer;
	struct open_room *room;
	uint64_t number; /* of all seats */
	uint64_t round; /* of its peer, in the first of its seats */
};

/* events_rooms.c */
void room_events_add(struct events *e, struct room_events *r);

/* open_rooms.c */
struct open_room *open_room_find(const struct room_events *r, const char *name);
struct room_seat *room_seat_find(const struct peer *p, const struct open_room *room);
/*
 * Into the books, and tells the others; the hub's room is the caller's. Else NULL, with code and
 * sentence.
 */
struct room_seat *room_seat_create(struct room_events *r, struct peer *p, const char *name,
	const char **code, const char **why);
/* Out of the hub's room as well; with its last seat the room is gone. */
void room_seat_end(struct room_seat *seat);
void open_room_emit(struct open_room *room, const char *event, json_t *data,
	const struct peer *except); /* steals data */
/* To all who share a room with the user that is not too big for it, once; data is borrowed. */
void open_rooms_tell_of(
	struct room_events *r, const char *user_id, const char *event, const json_t *data);
json_t *open_room_members_json(const struct open_room *room);
