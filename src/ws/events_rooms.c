#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "payload.h"
#include "room_private.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RATE 120
#define STREAM_PREFIX "stream:"

static json_t *time_json(const struct room_events *r)
{
	return payload_time(clock_wall_ms(r->config.clock));
}

/* --- names --- */

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* The hub's name of the room in the payload, the caller's; NULL: refused. */
static char *name_of_call(const struct room_events *r, struct event_call *call)
{
	const char *id = event_text(call, "room_id", "");

	if (text_starts(id, STREAM_PREFIX)) {
		event_refuse(call, "room_not_found", "Streams are joined with stream:join.", 0);
		return NULL;
	}
	if (text_utf8_count(id) > r->config.max_name || !is_printable(id)) {
		event_refuse(call, "invalid_payload", "room_id is too long or not printable.", 0);
		return NULL;
	}
	return mem_printf(ROOM_PREFIX "%s", id);
}

/* --- coming and going --- */

/* NULL, with code and sentence: it may not. */
static struct room_seat *enter(struct room_events *r, struct peer *p, const char *name,
	const char **code, const char **why)
{
	struct hub *hub = peers_hub(r->config.peers);
	struct open_room *room = open_room_find(r, name);
	struct room_seat *seat = room ? room_seat_find(p, room) : NULL;

	if (seat)
		return seat;
	if (!hub_join(hub, &p->member, name)) {
		peer_limited(p, PEER_LIMIT_ROOMS);
		*code = "too_many_rooms";
		*why = "This socket is in as many rooms as it may be.";
		return NULL;
	}
	seat = room_seat_create(r, p, name, code, why);
	if (!seat)
		hub_leave(hub, &p->member, name);
	return seat;
}

static json_t *joined_json(const struct open_room *room)
{
	struct hub_place place = {0};

	hub_room_place(peers_hub(room->owner->config.peers), room->name, &place);
	return json_pack("{s:s, s:o, s:I, s:s, s:s, s:I}", "roomId", room->id, "members",
		open_room_members_json(room), "memberCount", (json_int_t)room->n_users, "room",
		room->name, "epoch", place.epoch, "seq", (json_int_t)place.seq);
}

/* Clients without acks hear of it by an event. */
static void tell(struct event_call *call, const char *name, json_t *data)
{
	if (!call->has_ack)
		peer_send(call->peer, name, json_incref(data));
	event_answer(call, data);
}

static void join_room(void *user, struct event_call *call)
{
	struct room_events *r = user;
	const char *code = NULL, *why = NULL;
	char *name = name_of_call(r, call);
	struct room_seat *seat;

	if (!name)
		return;
	seat = enter(r, call->peer, name, &code, &why);
	if (seat)
		tell(call, "room_joined", joined_json(seat->room));
	else
		event_refuse(call, code, why, 0);
	free(name);
}

/* NULL: it is in no such room. */
static struct room_seat *seat_of_call(const struct room_events *r, const struct event_call *call)
{
	char *name = mem_printf(ROOM_PREFIX "%s", event_text(call, "room_id", ""));
	struct open_room *room = open_room_find(r, name);

	free(name);
	return room ? room_seat_find(call->peer, room) : NULL;
}

static void leave_room(void *user, struct event_call *call)
{
	struct room_seat *seat = seat_of_call(user, call);
	json_t *answer = json_pack("{s:s}", "roomId", event_text(call, "room_id", ""));

	if (seat)
		room_seat_end(seat);
	tell(call, "room_left", answer);
}

/* --- what is said --- */

static bool message_fits(const struct room_events *r, struct event_call *call)
{
	const json_t *message = json_object_get(call->data, "message");

	if (!message || json_is_null(message)) {
		event_refuse(call, "invalid_payload", "message is missing.", 0);
		return false;
	}
	if (json_dumpb(message, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) <= r->config.max_broadcast)
		return true;
	metric_add(r->refused, 1);
	event_refuse(call, "message_too_long", "message is too long.", 0);
	return false;
}

static void say(struct room_events *r, struct event_call *call, struct open_room *room)
{
	const struct peer *p = call->peer;
	json_t *at = time_json(r), *news;

	news = json_pack("{s:s, s:s, s:O, s:O}", "roomId", room->id, "userId", p->id, "message",
		json_object_get(call->data, "message"), "timestamp", at);
	json_object_set_new(news, "username", p->who.name ? json_string(p->who.name) : json_null());
	open_room_emit(room, "broadcast", news, p);
	event_answer(call, json_pack("{s:s, s:o}", "roomId", room->id, "timestamp", at));
}

static void broadcast(void *user, struct event_call *call)
{
	struct room_events *r = user;
	struct room_seat *seat = seat_of_call(r, call);

	if (!seat)
		event_refuse(call, "not_joined", "This socket is not in that room.", 0);
	else if (message_fits(r, call))
		say(r, call, seat->room);
}

static void ping(void *user, struct event_call *call)
{
	tell(call, "pong", json_pack("{s:o}", "timestamp", time_json(user)));
}

/* A name alone is a payload for clients of the third source: emit('join_room', roomId). */
static const struct event_field room_fields[] = {
	{"room_id", EVENT_TEXT, .required = true, .min = 1, .max = 1024},
};

static const struct event_spec specs[] = {
	{"join_room", EVENT_USER, room_fields, COUNT(room_fields), .rate = RATE, .bare = "room_id",
		.handle = join_room},
	{"leave_room", EVENT_USER, room_fields, COUNT(room_fields), .bare = "room_id",
		.handle = leave_room},
	{"broadcast", EVENT_USER, room_fields, COUNT(room_fields), .rate = RATE,
		.handle = broadcast},
	{"ping", EVENT_ANYBODY, NULL, 0, .handle = ping},
	{"heartbeat", EVENT_ANYBODY, NULL, 0, .handle = ping},
};

void room_events_add(struct events *e, struct room_events *r)
{
	events_add(e, specs, COUNT(specs), r);
}

/* --- life --- */

static bool may_return(void *user, const struct peer *p, const char *room)
{
	const struct room_events *r = user;

	return !peer_is_guest(p) &&
		(open_room_find(r, room) || map_count(r->rooms) < r->config.max_rooms);
}

static void come_back(void *user, struct peer *p, const char *room)
{
	const char *code, *why;

	enter(user, p, room, &code, &why);
}

static const struct room_kind kind = {ROOM_PREFIX, may_return, come_back};

static void on_peer_ended(struct signal_listener *l, void *data)
{
	const struct peer *p = data;
	struct room_seat *seat, *next;

	list_for_each_safe (seat, next, &p->rooms, by_peer)
		room_seat_end(seat);
}

static void on_presence(struct signal_listener *l, void *data)
{
	struct room_events *r = container_of(l, struct room_events, presence_changed);
	const struct presence_news *news = data;
	json_t *o = payload_presence(news->user_id, &news->now, true);

	open_rooms_tell_of(r, news->user_id, "presence_update", o);
	json_decref(o);
}

struct room_events *room_events_create(const struct room_events_config *config)
{
	struct room_events *r = mem_new(struct room_events);

	r->config = *config;
	r->rooms = map_create();
	r->open = metrics_gauge(config->metrics, "souk_open_rooms", NULL,
		"Rooms that clients opened by joining them.");
	r->refused = metrics_counter(config->metrics, "souk_open_rooms_refused_total", NULL,
		"Joins of open rooms and broadcasts that went over a limit.");
	signal_listener_init(&r->peer_ended, on_peer_ended);
	signal_add(peers_ended(config->peers), &r->peer_ended);
	signal_listener_init(&r->presence_changed, on_presence);
	if (config->presence)
		signal_add(presence_changed(config->presence), &r->presence_changed);
	peers_add_room_kind(config->peers, &kind, r);
	room_events_add(config->events, r);
	return r;
}

void room_events_destroy(struct room_events **pointer)
{
	struct room_events *r = *pointer;
	struct open_room *room;
	size_t pos;
	void *at;

	if (!r)
		return;
	*pointer = NULL;
	signal_listener_remove(&r->peer_ended);
	signal_listener_remove(&r->presence_changed);
	for (pos = 0; map_next(r->rooms, &pos, &at); pos = 0) {
		room = at;
		/* With its last seat it is freed. */
		for (unsigned n = room->n_seats; n; n--)
			room_seat_end(container_of(room->seats.next, struct room_seat, by_room));
	}
	map_destroy(r->rooms);
	free(r);
}
