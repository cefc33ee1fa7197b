#include <stdlib.h>

#include "active_private.h"
#include "base/mem.h"
#include "payload.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PREFIX "active:"
#define NEIGHBORHOOD_MAX 120
#define LISTED_MAX 200

struct active_events {
	struct active_events_config config;
	struct list askings; /* asking.link */
	struct signal_listener changed;
};

/* The state is asked, for a client or because of a change. */
struct asking {
	struct list link;
	struct active_events *owner;
	struct event_call *call; /* NULL: a change */
	struct uuid stream_id;
	bool live;
	char *neighborhood;
};

static char *room_of(const char *neighborhood)
{
	return mem_printf(PREFIX "%s", neighborhood);
}

static struct asking *asking_create(
	struct active_events *s, const char *neighborhood, struct event_call *call)
{
	struct asking *a = mem_new(struct asking);

	a->owner = s;
	a->call = call;
	a->neighborhood = mem_strdup(neighborhood);
	list_append(&s->askings, &a->link);
	return a;
}

static void asking_free(struct asking *a)
{
	list_remove(&a->link);
	free(a->neighborhood);
	free(a);
}

/* --- changes --- */

static void tell(const struct asking *a, size_t count)
{
	char *room = room_of(a->neighborhood);

	payload_emit(peers_hub(a->owner->config.peers), room, "active_streams_updated",
		json_pack("{s:s, s:o, s:b, s:I}", "neighborhood", a->neighborhood, "streamId",
			payload_id(a->stream_id), "live", a->live, "count", (json_int_t)count),
		HUB_MUST, NULL);
	free(room);
}

/* Nothing is told of a state that does not answer: 0 would be wrong. */
static void on_count(void *user, const struct state_reply *replies, size_t n)
{
	struct asking *a = user;

	if (replies[0].result == STATE_OK)
		tell(a, replies[0].n);
	asking_free(a);
}

static bool somebody_hears(const struct active_events *s, const char *neighborhood)
{
	char *room = room_of(neighborhood);
	struct hub_place place;
	bool hears = hub_room_place(peers_hub(s->config.peers), room, &place);

	free(room);
	return hears;
}

static void on_changed(struct signal_listener *l, void *data)
{
	struct active_events *s = container_of(l, struct active_events, changed);
	const struct audience_active_change *change = data;
	struct asking *a;

	if (!somebody_hears(s, change->neighborhood))
		return;
	a = asking_create(s, change->neighborhood, NULL);
	a->stream_id = change->stream_id;
	a->live = change->live;
	audience_active(s->config.audience, a->neighborhood, on_count, a);
}

/* --- what clients send --- */

/* NULL, with the refusal sent: neither he nor his token says where. */
static const char *place_of(struct event_call *call)
{
	const char *place = event_text(call, "neighborhood", call->peer->who.neighborhood);

	if (!place)
		event_refuse(call, "invalid_payload", "Say which neighborhood.", 0);
	return place;
}

static json_t *list_json(const struct asking *a, const struct state_reply *reply)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < reply->n && i < LISTED_MAX; i++)
		json_array_append_new(ids, json_string(reply->texts[i]));
	return json_pack("{s:s, s:I, s:o}", "neighborhood", a->neighborhood, "count",
		(json_int_t)reply->n, "streamIds", ids);
}

static void answer(struct event_call *call, json_t *listed)
{
	if (call->peer && !call->has_ack)
		peer_send(call->peer, "active_streams", json_incref(listed));
	event_answer(call, listed);
}

static void on_listed(void *user, const struct state_reply *replies, size_t n)
{
	struct asking *a = user;

	if (replies[0].result == STATE_OK)
		answer(a->call, list_json(a, &replies[0]));
	else
		event_refuse(a->call, "unavailable", "The state cannot be reached now.", 0);
	asking_free(a);
}

static void list(struct active_events *s, struct event_call *call, const char *place)
{
	audience_active(s->config.audience, place, on_listed, asking_create(s, place, call));
}

static void get(void *user, struct event_call *call)
{
	const char *place = place_of(call);

	if (place)
		list(user, call, place);
}

static void subscribe(void *user, struct event_call *call)
{
	struct active_events *s = user;
	const char *place = place_of(call);
	char *room;

	if (!place)
		return;
	room = room_of(place);
	if (hub_join(peers_hub(s->config.peers), &call->peer->member, room)) {
		list(s, call, place);
	} else {
		peer_limited(call->peer, PEER_LIMIT_ROOMS);
		event_refuse(
			call, "too_many_rooms", "This socket is in as many rooms as it may be.", 0);
	}
	free(room);
}

static void unsubscribe(void *user, struct event_call *call)
{
	struct active_events *s = user;
	const char *place = place_of(call);
	char *room;

	if (!place)
		return;
	room = room_of(place);
	hub_leave(peers_hub(s->config.peers), &call->peer->member, room);
	event_answer(call, json_pack("{s:s}", "neighborhood", place));
	free(room);
}

static bool may_return(void *user, const struct peer *p, const char *room)
{
	return true;
}

static const struct room_kind kind = {.prefix = PREFIX, .may_return = may_return};

static const struct event_field fields[] = {
	{"neighborhood", EVENT_TEXT, .min = 1, .max = NEIGHBORHOOD_MAX},
};

static const struct event_spec specs[] = {
	{"get_active_streams", EVENT_IDENTIFIED, fields, COUNT(fields), .rate = 120, .handle = get},
	{"active_streams:subscribe", EVENT_IDENTIFIED, fields, COUNT(fields), .rate = 120,
		.handle = subscribe},
	{"active_streams:unsubscribe", EVENT_IDENTIFIED, fields, COUNT(fields),
		.handle = unsubscribe},
};

void active_events_add(struct events *e, struct active_events *a)
{
	events_add(e, specs, COUNT(specs), a);
}

/* --- life --- */

struct active_events *active_events_create(const struct active_events_config *config)
{
	struct active_events *s = mem_new(struct active_events);

	s->config = *config;
	list_init(&s->askings);
	signal_listener_init(&s->changed, on_changed);
	signal_add(audience_active_changed(config->audience), &s->changed);
	peers_add_room_kind(config->peers, &kind, s);
	active_events_add(config->events, s);
	return s;
}

void active_events_destroy(struct active_events **pointer)
{
	struct active_events *s = *pointer;
	struct asking *a, *next;

	if (!s)
		return;
	*pointer = NULL;
	signal_listener_remove(&s->changed);
	list_for_each_safe (a, next, &s->askings, link) {
		state_forget(s->config.state, a);
		if (a->call)
			event_refuse(a->call, "unavailable", "The server is being stopped.", 0);
		asking_free(a);
	}
	free(s);
}
