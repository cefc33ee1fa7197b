#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "ws"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "payload.h"
#include "peer_private.h"
#include "room_private.h"

/* From so many users on who comes and goes is not told, and not all are listed. */
#define BIG 200

struct open_room *open_room_find(const struct room_events *r, const char *name)
{
	return map_get_str(r->rooms, name);
}

static struct open_room *open_room_create(struct room_events *r, const char *name)
{
	struct open_room *room = mem_new(struct open_room);

	room->owner = r;
	room->name = mem_strdup(name);
	room->id = room->name + strlen(ROOM_PREFIX);
	list_init(&room->seats);
	map_put_str(r->rooms, name, room);
	metric_set(r->open, (int64_t)map_count(r->rooms));
	return room;
}

static void open_room_free(struct open_room *room)
{
	struct room_events *r = room->owner;

	map_remove_str(r->rooms, room->name);
	metric_set(r->open, (int64_t)map_count(r->rooms));
	free(room->name);
	free(room);
}

struct room_seat *room_seat_find(const struct peer *p, const struct open_room *room)
{
	struct room_seat *seat;

	list_for_each (seat, &p->rooms, by_peer)
		if (seat->room == room)
			return seat;
	return NULL;
}

/* Whether this seat is its user's only one. */
static bool is_alone(const struct room_seat *seat)
{
	const struct room_seat *other;

	list_for_each (other, &seat->room->seats, by_room)
		if (other != seat && text_eq(other->peer->id, seat->peer->id))
			return false;
	return true;
}

void open_room_emit(
	struct open_room *room, const char *event, json_t *data, const struct peer *except)
{
	payload_emit(
		peers_hub(room->owner->config.peers), room->name, event, data, HUB_MUST, except);
}

/* Whether its members hear of one another. */
static bool is_told(const struct open_room *room)
{
	return room->n_users > 1 && room->n_users <= BIG;
}

/* The first time in this round. */
static bool meet(struct room_events *r, struct peer *p)
{
	struct room_seat *first = container_of(p->rooms.next, struct room_seat, by_peer);

	if (first->round == r->round)
		return false;
	first->round = r->round;
	return true;
}

static void tell_others(
	struct room_events *r, struct open_room *room, const char *user_id, struct hub_word *word)
{
	struct room_seat *seat;

	list_for_each (seat, &room->seats, by_room)
		if (!seat->peer->ending && !text_eq(seat->peer->id, user_id) && meet(r, seat->peer))
			hub_word_tell(word, &seat->peer->member);
}

/* Marks the rooms in which others hear of the user, and tells them the word, if there is one. */
static void mark_rooms(
	struct room_events *r, const char *user_id, uint64_t moment, struct hub_word *word)
{
	const struct peer_user *u = map_get_str(r->config.peers->users, user_id);
	const struct peer *p;
	struct room_seat *seat;

	r->round++;
	if (!u)
		return;
	list_for_each (p, &u->peers, by_user)
		list_for_each (seat, &p->rooms, by_peer) {
			if (seat->number > moment || !is_told(seat->room) ||
				seat->room->round == r->round)
				continue;
			seat->room->round = r->round;
			if (word)
				tell_others(r, seat->room, user_id, word);
		}
}

void open_rooms_tell_of(
	struct room_events *r, const char *user_id, const char *event, const json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT);
	struct hub_word word;

	if (!text)
		return;
	hub_word_init(&word, peers_hub(r->config.peers), event, text, strlen(text));
	mark_rooms(r, user_id, UINT64_MAX, &word);
	hub_word_finish(&word);
	free(text);
}

uint64_t room_events_moment(const struct room_events *r)
{
	return r->seats;
}

void room_events_mark(struct room_events *r, const char *user_id, uint64_t moment)
{
	mark_rooms(r, user_id, moment, NULL);
}

bool room_events_marked(const struct room_events *r, const struct peer *p, uint64_t moment)
{
	const struct room_seat *seat;

	list_for_each (seat, &p->rooms, by_peer)
		if (seat->number <= moment && seat->room->round == r->round)
			return true;
	return false;
}

static json_t *member_json(const struct peer *p)
{
	return json_pack("{s:s, s:o, s:o}", "userId", p->id, "username", payload_text(p->who.name),
		"avatar", payload_text(p->who.avatar));
}

static bool is_listed(const json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (text_eq(json_string_value(json_object_get(json_array_get(list, i), "userId")),
			    id))
			return true;
	return false;
}

json_t *open_room_members_json(const struct open_room *room)
{
	json_t *list = json_array();
	const struct room_seat *seat;

	list_for_each (seat, &room->seats, by_room) {
		if (json_array_size(list) == BIG)
			break;
		if (!is_listed(list, seat->peer->id))
			json_array_append_new(list, member_json(seat->peer));
	}
	return list;
}

static void tell_coming(struct room_seat *seat)
{
	struct open_room *room = seat->room;
	json_t *news;

	if (room->n_seats < 2 || room->n_users > BIG)
		return;
	news = member_json(seat->peer);
	json_object_set_new(news, "roomId", json_string(room->id));
	json_object_set_new(news, "memberCount", json_integer(room->n_users));
	open_room_emit(room, "user_joined", news, seat->peer);
}

static void tell_going(struct open_room *room, const char *user_id)
{
	if (room->n_seats && room->n_users <= BIG)
		open_room_emit(room, "user_left",
			json_pack("{s:s, s:s, s:I}", "roomId", room->id, "userId", user_id,
				"memberCount", (json_int_t)room->n_users),
			NULL);
}

/* NULL: there is room. */
static const char *full(const struct room_events *r, const struct open_room *room, const char **why)
{
	if (!room && map_count(r->rooms) >= r->config.max_rooms) {
		*why = "There are as many rooms as there may be.";
		return "too_many_rooms";
	}
	if (room && room->n_seats >= r->config.max_members) {
		*why = "There are as many in this room as there may be.";
		return "room_full";
	}
	return NULL;
}

struct room_seat *room_seat_create(struct room_events *r, struct peer *p, const char *name,
	const char **code, const char **why)
{
	struct open_room *room = open_room_find(r, name);
	struct room_seat *seat;

	*code = full(r, room, why);
	if (*code) {
		metric_add(r->refused, 1);
		log_info("room refused", kv_str("room", name), kv_str("user", p->id),
			kv_str("reason", *code));
		return NULL;
	}
	room = room ? room : open_room_create(r, name);
	seat = mem_new(struct room_seat);
	seat->peer = p;
	seat->room = room;
	seat->number = ++r->seats;
	list_append(&room->seats, &seat->by_room);
	list_append(&p->rooms, &seat->by_peer);
	room->n_seats++;
	if (is_alone(seat)) {
		room->n_users++;
		tell_coming(seat);
	}
	return seat;
}

void room_seat_end(struct room_seat *seat)
{
	struct open_room *room = seat->room;
	bool alone = is_alone(seat);

	hub_leave(peers_hub(room->owner->config.peers), &seat->peer->member, room->name);
	list_remove(&seat->by_room);
	list_remove(&seat->by_peer);
	room->n_seats--;
	if (alone) {
		room->n_users--;
		tell_going(room, seat->peer->id);
	}
	free(seat);
	if (!room->n_seats)
		open_room_free(room);
}
