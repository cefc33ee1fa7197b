#pragma once

#include "model/repo.h"
#include "state/presence.h"
#include "ws/events.h"
#include "ws/peer.h"
#include "ws/room_events.h"

/*
 * Presence on the event layer: sockets come and go in state/presence.h, what users say of
 * themselves (`presence_update`) and ask of others (`get_presence`), and who is told of a change
 * (`user_status` and `presence_update` {userId, status, lastSeen, device}). Source: spec events.md,
 * "Presence and notifications". Loop thread only.
 *
 * Told are those who watch a user and have sockets here, never the world. Who watches whom stands
 * in one place, src/ws/presence_watch.h: for now it is followers; partners of conversations are to
 * be added there. Members of an open room hear of each other in that room (ws/room_events.h).
 */
struct presence_events;

struct presence_events_config {
	struct loop *loop;
	struct peers *peers;
	struct events *events; /* the table is added here */
	struct presence *presence;
	struct room_events *rooms; /* whose members hear of each other there; may be NULL */
	struct repo repo; /* with `people`, whose follow_watch is theirs from now on */
	unsigned follows; /* of one user whose presence he is told of; 0: none is */
	struct metrics *metrics; /* may be NULL */
};
struct presence_events *presence_events_create(const struct presence_events_config *config);
/* Before the peers and the presence; NULL is fine. */
void presence_events_destroy(struct presence_events **p);
