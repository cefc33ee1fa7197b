#include "ws/user_rooms.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "payload.h"

#define PREFIX "user:"

struct user_rooms {
	struct peers *peers;
	struct signal_listener identified;
};

static char *name_of(const char *user_id)
{
	return mem_printf(PREFIX "%s", user_id);
}

static void on_identified(struct signal_listener *l, void *data)
{
	struct user_rooms *u = container_of(l, struct user_rooms, identified);
	const struct peer_change *change = data;
	char *name = name_of(change->peer->who.user_id);

	hub_join_own(peers_hub(u->peers), &change->peer->member, name);
	free(name);
}

static bool may_return(void *user, const struct peer *p, const char *room)
{
	return p->who.user_id && text_eq(room + strlen(PREFIX), p->who.user_id);
}

static const struct room_kind kind = {.prefix = PREFIX, .may_return = may_return};

struct user_rooms *user_rooms_create(struct peers *peers)
{
	struct user_rooms *u = mem_new(struct user_rooms);

	u->peers = peers;
	signal_listener_init(&u->identified, on_identified);
	signal_add(peers_identified(peers), &u->identified);
	peers_add_room_kind(peers, &kind, u);
	return u;
}

void user_rooms_destroy(struct user_rooms **u)
{
	if (!*u)
		return;
	signal_listener_remove(&(*u)->identified);
	free(*u);
	*u = NULL;
}

bool user_rooms_hears(const struct user_rooms *u, const char *user_id)
{
	char *name = name_of(user_id);
	struct hub_place place;
	bool hears = hub_room_place(peers_hub(u->peers), name, &place);

	free(name);
	return hears;
}

void user_rooms_say(struct user_rooms *u, const char *user_id, const char *name, json_t *data,
	const struct peer *except)
{
	char *room = name_of(user_id);

	if (user_rooms_hears(u, user_id))
		payload_emit(peers_hub(u->peers), room, name, json_incref(data), HUB_MUST, except);
	free(room);
	json_decref(data);
}

void user_rooms_place(const struct peer *p, json_t *out)
{
	char *name = name_of(p->id);
	struct hub_place place;

	if (hub_room_place(peers_hub(p->owner), name, &place)) {
		json_object_set_new(out, "room", json_string(name));
		json_object_set_new(out, "epoch", json_string(place.epoch));
		json_object_set_new(out, "seq", json_integer((json_int_t)place.seq));
	}
	free(name);
}
