#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/presence.h"
#include "ws/events.h"
#include "ws/peer.h"

/*
 * Rooms that clients open by joining them: `join_room`, `leave_room`, `broadcast` and the heartbeat
 * (spec events.md, "Conversations, rooms, groups" and "Collaboration"; its fourth source). They
 * hold nobody's data: who has a token may come in under any name. In the hub they are "room:" and
 * the name, so that no name of a client's choice is a stream's or a user's room. Loop thread only.
 */
struct room_events;

struct room_events_config {
	struct peers *peers;
	struct events *events; /* the table is added here */
	const struct clock *clock;
	struct presence *presence; /* whose changes members are told of; NULL: none are */
	unsigned max_rooms; /* at once; 0: none may be opened */
	unsigned max_members; /* sockets of one room */
	unsigned max_name; /* code points */
	size_t max_broadcast; /* bytes of JSON */
	struct metrics *metrics; /* souk_open_rooms, …; may be NULL */
};
struct room_events *room_events_create(const struct room_events_config *config);
/*
 * Who heard of a user's presence in a room: a member who watches him besides (presence_watch.h) is
 * not told twice. The moment is taken when the rooms are told; later, in one turn of the loop, the
 * user is marked and any number of peers asked for. Who came in after the moment did not hear.
 */
uint64_t room_events_moment(const struct room_events *r);
void room_events_mark(struct room_events *r, const char *user_id, uint64_t moment);
bool room_events_marked(const struct room_events *r, const struct peer *p, uint64_t moment);
/* Before the peers and the presence are destroyed; NULL is fine. */
void room_events_destroy(struct room_events **r);
