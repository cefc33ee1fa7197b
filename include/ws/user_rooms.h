#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ws/peer.h"

/*
 * What is said to a user is heard by all sockets of that user: the hub's room "user:" and the id,
 * in which they are from the moment they are identified. Nobody joins or leaves it, it counts for
 * no bound, and it takes part in recovery as other rooms do. Source: spec events.md, and its second
 * source ("Join user's room"). Loop thread only.
 */
struct user_rooms;

struct user_rooms *user_rooms_create(struct peers *peers);
/* Before the peers; NULL is fine. */
void user_rooms_destroy(struct user_rooms **u);

/* Whether it would be heard: the user has sockets here, or had some that may come back. */
bool user_rooms_hears(const struct user_rooms *u, const char *user_id);
/* except: a socket that is not to hear it, or NULL. Steals data. */
void user_rooms_say(struct user_rooms *u, const char *user_id, const char *name, json_t *data,
	const struct peer *except);
/* Where the room of this user's socket stands, for `resume`; "room", "epoch" and "seq" are set. */
void user_rooms_place(const struct peer *p, json_t *out);
