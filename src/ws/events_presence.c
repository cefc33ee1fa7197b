#include <stdlib.h>

#include "base/mem.h"
#include "payload.h"
#include "peer_private.h"
#include "presence_watch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct presence_events {
	struct presence_events_config config;
	struct presence_watch *watch;
	struct signal_listener changed;
	struct signal_listener peer_identified, peer_seen, peer_ended;
};

/* --- changes --- */

/* by: the event_call of who said it, whose socket knows. */
static void tell_own(struct presence_events *s, const struct presence_news *news, json_t *data)
{
	const struct peer_user *u = map_get_str(s->config.peers->users, news->user_id);
	const struct event_call *call = news->by;
	struct peer *p, *next;

	if (!u)
		return;
	list_for_each_safe (p, next, &u->peers, by_user) {
		if (call && call->peer == p)
			continue;
		peer_send(p, "user_status", json_incref(data));
		peer_send(p, "presence_update", json_incref(data));
	}
}

static void on_changed(struct signal_listener *l, void *data)
{
	struct presence_events *s = container_of(l, struct presence_events, changed);
	const struct presence_news *news = data;
	json_t *payload = payload_presence(news->user_id, &news->now, true);
	char *text = payload ? json_dumps(payload, JSON_COMPACT) : NULL;

	if (text) {
		presence_watch_tell(s->watch, news->user_id, text);
		if (news->said)
			tell_own(s, news, payload);
	}
	free(text);
	json_decref(payload);
}

/* --- sockets --- */

static void on_identified(struct signal_listener *l, void *data)
{
	struct presence_events *s = container_of(l, struct presence_events, peer_identified);
	const struct peer_change *change = data;

	presence_here(s->config.presence, change->peer->id);
	presence_watch_come(s->watch, change->peer->id);
}

static void on_seen(struct signal_listener *l, void *data)
{
	struct presence_events *s = container_of(l, struct presence_events, peer_seen);
	const struct peer *p = data;

	if (!peer_is_guest(p))
		presence_seen(s->config.presence, p->id);
}

static bool is_last(const struct peer *p)
{
	const struct peer_user *u = map_get_str(p->owner->users, p->id);

	return !u || u->count <= 1;
}

static void on_ended(struct signal_listener *l, void *data)
{
	struct presence_events *s = container_of(l, struct presence_events, peer_ended);
	const struct peer *p = data;

	if (peer_is_guest(p))
		return;
	presence_gone(s->config.presence, p->id);
	if (is_last(p))
		presence_watch_go(s->watch, p->id);
}

/* --- what clients send --- */

static void refuse_lost(struct event_call *call)
{
	event_refuse(call, "unavailable", "The state cannot be reached now.", 0);
}

static void on_set(void *user, const struct presence_row *now)
{
	struct event_call *call = user;

	if (!now || !call->peer)
		refuse_lost(call);
	else
		event_answer(call, payload_presence(call->peer->id, now, true));
}

static void update(void *user, struct event_call *call)
{
	struct presence_events *s = user;
	struct presence_saying what = {
		.user_id = call->peer->id, .device = event_text(call, "device", NULL), .by = call};

	presence_status_parse(event_text(call, "status", ""), &what.status);
	presence_set(s->config.presence, &what, on_set, call);
}

/* Who wants no answer gets events. */
static void answer_list(struct event_call *call, json_t *list)
{
	size_t i;
	json_t *item;

	if (!call->has_ack)
		json_array_foreach(list, i, item)
			peer_send(call->peer, "presence_update", json_incref(item));
	event_answer(call, json_pack("{s:o}", "presences", list));
}

static void on_got_many(void *user, const struct presence_row *rows, size_t n)
{
	struct event_call *call = user;
	const json_t *ids = json_object_get(call->data, "user_ids");
	json_t *list;

	if (!rows || !call->peer) {
		refuse_lost(call);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
			payload_presence(
				json_string_value(json_array_get(ids, i)), &rows[i], true));
	answer_list(call, list);
}

static void on_got_one(void *user, const struct presence_row *rows, size_t n)
{
	struct event_call *call = user;
	json_t *answer;

	if (!rows || !call->peer) {
		refuse_lost(call);
		return;
	}
	answer = payload_presence(
		event_text(call, "user_id", ""), &rows[0], !peer_is_guest(call->peer));
	if (!call->has_ack)
		peer_send(call->peer, "presence_update", json_incref(answer));
	event_answer(call, answer);
}

static void get_many(struct presence_events *s, struct event_call *call)
{
	const json_t *ids = json_object_get(call->data, "user_ids");
	const char *texts[PRESENCE_BATCH_MAX];
	size_t n = json_array_size(ids);

	if (peer_is_guest(call->peer)) {
		event_refuse(call, "unauthorized", "This needs a token.", 0);
		return;
	}
	for (size_t i = 0; i < n; i++)
		texts[i] = json_string_value(json_array_get(ids, i));
	presence_get(s->config.presence, texts, n, on_got_many, call);
}

/* As over REST: anybody may ask for one and hears the status, users ask for many and hear more. */
static void get(void *user, struct event_call *call)
{
	struct presence_events *s = user;
	const char *id = event_text(call, "user_id", NULL);
	bool many = event_given(call, "user_ids");

	if (many == (id != NULL))
		event_refuse(call, "invalid_payload", "Give user_id, or user_ids.", 0);
	else if (many)
		get_many(s, call);
	else
		presence_get(s->config.presence, &id, 1, on_got_one, call);
}

static const char *const statuses[] = {"online", "away", "offline", NULL};

static const struct event_field update_fields[] = {
	{"status", EVENT_TEXT, .required = true, .words = statuses},
	{"device", EVENT_TEXT, .min = 1, .max = PRESENCE_DEVICE_MAX},
};

static const struct event_field get_fields[] = {
	{"user_id", EVENT_TEXT, .min = 1, .max = USER_ID_MAX},
	{"user_ids", EVENT_TEXTS, .min = 1, .max = PRESENCE_BATCH_MAX},
};

static const struct event_spec specs[] = {
	{"presence_update", EVENT_USER, update_fields, COUNT(update_fields), .rate = 30,
		.handle = update},
	{"get_presence", EVENT_IDENTIFIED, get_fields, COUNT(get_fields), .rate = 120,
		.names_another = true, .handle = get},
};

void presence_events_add(struct events *e, struct presence_events *p)
{
	events_add(e, specs, COUNT(specs), p);
}

/* --- life --- */

struct presence_events *presence_events_create(const struct presence_events_config *config)
{
	struct presence_events *s = mem_new(struct presence_events);

	s->config = *config;
	s->watch = presence_watch_create(config);
	signal_listener_init(&s->changed, on_changed);
	signal_listener_init(&s->peer_identified, on_identified);
	signal_listener_init(&s->peer_seen, on_seen);
	signal_listener_init(&s->peer_ended, on_ended);
	signal_add(presence_changed(config->presence), &s->changed);
	signal_add(peers_identified(config->peers), &s->peer_identified);
	signal_add(peers_seen(config->peers), &s->peer_seen);
	signal_add(peers_ended(config->peers), &s->peer_ended);
	presence_events_add(config->events, s);
	return s;
}

void presence_events_destroy(struct presence_events **p)
{
	if (!*p)
		return;
	signal_listener_remove(&(*p)->changed);
	signal_listener_remove(&(*p)->peer_identified);
	signal_listener_remove(&(*p)->peer_seen);
	signal_listener_remove(&(*p)->peer_ended);
	presence_watch_destroy(&(*p)->watch);
	free(*p);
	*p = NULL;
}
