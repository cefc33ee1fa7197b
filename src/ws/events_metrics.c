#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "metric_private.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROOM_PREFIX "metrics:"
#define UPDATE "metrics_update"
#define RATE 120

/* --- subjects --- */

static struct hub *hub_of(const struct metric_events *m)
{
	return peers_hub(m->config.peers);
}

static struct metric_subject *subject_create(
	struct metric_events *m, const struct stream_record *row)
{
	struct metric_subject *s = mem_new(struct metric_subject);

	s->owner = m;
	s->server = !row;
	if (row) {
		s->stream = row->id;
		s->seller = mem_strdup(row->seller_id);
		uuid_text(s->id, row->id);
	} else {
		text_copy(s->id, sizeof(s->id), METRIC_SERVER);
	}
	snprintf(s->room, sizeof(s->room), ROOM_PREFIX "%s", s->id);
	list_init(&s->seats);
	map_put_str(m->subjects, s->id, s);
	if (!timer_active(m->timer)) {
		m->before = m->now = (struct metric_sample){0};
		metric_sample_take(m);
		timer_repeat(m->timer, METRIC_EVENTS_EVERY_US);
	}
	return s;
}

static void subject_settle(struct metric_subject *s)
{
	struct metric_events *m = s->owner;

	if (!list_empty(&s->seats))
		return;
	map_remove_str(m->subjects, s->id);
	if (!map_count(m->subjects))
		timer_stop(m->timer);
	free(s->seller);
	free(s);
}

static struct metric_seat *seat_find(const struct peer *p, const char *id)
{
	struct metric_seat *seat;

	list_for_each (seat, &p->subscriptions, by_peer)
		if (text_eq(seat->subject->id, id))
			return seat;
	return NULL;
}

static unsigned seats_of(const struct peer *p)
{
	const struct metric_seat *seat;
	unsigned n = 0;

	list_for_each (seat, &p->subscriptions, by_peer)
		n++;
	return n;
}

/* The subject is the caller's to settle. */
static void seat_end(struct metric_seat *seat)
{
	struct metric_events *m = seat->subject->owner;

	hub_leave(hub_of(m), &seat->peer->member, seat->subject->room);
	list_remove(&seat->by_peer);
	list_remove(&seat->by_subject);
	metric_change(m->subscriptions, -1);
	free(seat);
}

/* False: in too many rooms. */
static bool seat_create(struct metric_subject *s, struct peer *p)
{
	struct metric_seat *seat;

	if (!hub_join(hub_of(s->owner), &p->member, s->room))
		return false;
	seat = mem_new(struct metric_seat);
	seat->peer = p;
	seat->subject = s;
	list_append(&s->seats, &seat->by_subject);
	list_append(&p->subscriptions, &seat->by_peer);
	metric_change(s->owner->subscriptions, 1);
	return true;
}

static json_t *subject_json(const struct metric_subject *s, bool final)
{
	return s->server ? metric_server_json(s->owner) : metric_stream_json(s, final);
}

/* To each alone: who leaves a room hears nothing more of it, not even of this turn. */
static void subject_end(struct metric_subject *s, json_t *last)
{
	struct metric_seat *seat, *next;

	list_for_each_safe (seat, next, &s->seats, by_subject) {
		if (last)
			peer_send(seat->peer, UPDATE, json_incref(last));
		seat_end(seat);
	}
	json_decref(last);
	subject_settle(s);
}

/* --- every five seconds --- */

/* A token may have come that says less of its user than the one before. */
static void put_out(struct metric_subject *s)
{
	struct metric_seat *seat, *next;

	list_for_each_safe (seat, next, &s->seats, by_subject) {
		if (peer_owns(seat->peer, s->seller))
			continue;
		peer_send(seat->peer, "error",
			json_pack("{s:s, s:s, s:s}", "event", "metrics:subscribe", "code",
				"forbidden", "message", "These figures are not yours any more."));
		seat_end(seat);
	}
}

static bool is_over(const struct metric_subject *s, const json_t *update)
{
	const char *status = json_string_value(json_object_get(update, "status"));

	return !s->server &&
		(text_eq(status, stream_status_text(STREAM_ENDED)) ||
			text_eq(status, stream_status_text(STREAM_CANCELLED)));
}

static void tell(struct metric_subject *s)
{
	json_t *update = list_empty(&s->seats) ? NULL : subject_json(s, false);
	char *text = update ? json_dumps(update, JSON_COMPACT) : NULL;

	if (!update || is_over(s, update)) {
		/* Deleted or cancelled before it ever was live. */
		if (update)
			json_object_set_new(update, "final", json_true());
		subject_end(s, update);
	} else {
		metric_add(s->owner->updates, 1);
		if (text)
			hub_emit(hub_of(s->owner), s->room, UPDATE, text, strlen(text),
				HUB_DROPPABLE, NULL);
		json_decref(update);
	}
	free(text);
}

static void on_timer(void *user)
{
	struct metric_events *m = user;
	size_t n = 0, pos = 0, count = map_count(m->subjects);
	struct metric_subject **all = mem_alloc((count + 1) * sizeof(struct metric_subject *));
	void *s;

	metric_sample_take(m);
	while (map_next(m->subjects, &pos, &s))
		all[n++] = s;
	for (size_t i = 0; i < n; i++) {
		put_out(all[i]);
		tell(all[i]);
	}
	free(all);
}

/* --- events --- */

/* NULL: refused, or not there. */
static struct metric_subject *stream_subject(
	struct metric_events *m, struct event_call *call, struct uuid id)
{
	struct metric_subject *s = NULL;
	struct stream_record row;
	enum repo_result r = m->config.repo.ops->stream_get(m->config.repo.impl, id, &row);
	char text[UUID_TEXT_SIZE];

	if (r != REPO_OK) {
		event_refuse(call, r == REPO_NOT_FOUND ? "stream_not_found" : "unavailable",
			r == REPO_NOT_FOUND ? "There is no such stream."
					    : "The server cannot read this now.",
			0);
		return NULL;
	}
	uuid_text(text, id);
	if (!peer_owns(call->peer, row.seller_id))
		event_refuse(call, "forbidden", "These figures are the seller's.", 0);
	else if (row.status != STREAM_SCHEDULED && row.status != STREAM_LIVE)
		event_refuse(call, "stream_over", "The stream is over.", 0);
	else if (!(s = map_get_str(m->subjects, text)))
		s = subject_create(m, &row);
	stream_record_finish(&row);
	return s;
}

static struct metric_subject *server_subject(struct metric_events *m, struct event_call *call)
{
	struct metric_subject *s = map_get_str(m->subjects, METRIC_SERVER);

	if (peer_owns(call->peer, NULL))
		return s ? s : subject_create(m, NULL);
	event_refuse(call, "forbidden", "These figures are for admins.", 0);
	return NULL;
}

static json_t *answer_json(const struct metric_subject *s)
{
	return json_pack("{s:o, s:i}", "streamId", s->server ? json_null() : json_string(s->id),
		"intervalMs", METRIC_EVENTS_EVERY_US / 1000);
}

static void subscribe(void *user, struct event_call *call)
{
	struct metric_events *m = user;
	struct peer *p = call->peer;
	struct metric_subject *s;
	struct uuid id;
	json_t *first;

	s = event_uuid(call, "stream_id", &id) ? stream_subject(m, call, id)
					       : server_subject(m, call);
	if (!s)
		return;
	if (!seat_find(p, s->id) &&
		(seats_of(p) >= m->config.max_subscriptions || !seat_create(s, p))) {
		subject_settle(s);
		peer_limited(p, PEER_LIMIT_ROOMS);
		event_refuse(call, "too_many_rooms",
			"This socket has as many subscriptions as it may have.", 0);
		return;
	}
	event_answer(call, answer_json(s));
	first = subject_json(s, false);
	if (first)
		peer_send(p, UPDATE, first);
}

static void unsubscribe(void *user, struct event_call *call)
{
	const char *id = event_text(call, "stream_id", METRIC_SERVER);
	struct metric_seat *seat;
	struct uuid stream;
	char text[UUID_TEXT_SIZE];

	if (event_uuid(call, "stream_id", &stream)) {
		uuid_text(text, stream);
		id = text;
	}
	seat = seat_find(call->peer, id);
	if (seat) {
		struct metric_subject *s = seat->subject;
		seat_end(seat);
		subject_settle(s);
	}
	event_answer(call,
		json_pack("{s:o}", "streamId",
			event_given(call, "stream_id") ? json_string(id) : json_null()));
}

static const struct event_field fields[] = {{"stream_id", EVENT_UUID}};

static const struct event_spec specs[] = {
	{"metrics:subscribe", EVENT_USER, fields, COUNT(fields), .rate = RATE, .handle = subscribe},
	{"metrics:unsubscribe", EVENT_USER, fields, COUNT(fields), .handle = unsubscribe},
};

void metric_events_add(struct events *e, struct metric_events *m)
{
	events_add(e, specs, COUNT(specs), m);
}

/* --- coming back --- */

/* The stream of a room's name. False: the server's, or none. */
static bool room_stream(const char *room, struct uuid *out)
{
	return uuid_parse(room + strlen(ROOM_PREFIX), out);
}

static bool read_permitted(const struct metric_events *m, const struct peer *p, const char *room,
	struct stream_record *row)
{
	struct uuid id;

	if (!room_stream(room, &id) ||
		m->config.repo.ops->stream_get(m->config.repo.impl, id, row) != REPO_OK)
		return false;
	if (peer_owns(p, row->seller_id) &&
		(row->status == STREAM_SCHEDULED || row->status == STREAM_LIVE))
		return true;
	stream_record_finish(row);
	return false;
}

static bool may_return(void *user, const struct peer *p, const char *room)
{
	struct stream_record row;

	if (text_eq(room, ROOM_PREFIX METRIC_SERVER))
		return peer_owns(p, NULL);
	if (!read_permitted(user, p, room, &row))
		return false;
	stream_record_finish(&row);
	return true;
}

static struct metric_subject *subject_of_room(
	struct metric_events *m, const struct peer *p, const char *room)
{
	struct metric_subject *s = map_get_str(m->subjects, room + strlen(ROOM_PREFIX));
	struct stream_record row;

	if (s)
		return s;
	if (text_eq(room, ROOM_PREFIX METRIC_SERVER))
		return subject_create(m, NULL);
	if (!read_permitted(m, p, room, &row))
		return NULL;
	s = subject_create(m, &row);
	stream_record_finish(&row);
	return s;
}

static void come_back(void *user, struct peer *p, const char *room)
{
	struct metric_events *m = user;
	struct metric_subject *s = subject_of_room(m, p, room);
	json_t *first;

	if (!s || seat_find(p, s->id))
		return;
	if (!seat_create(s, p)) {
		subject_settle(s);
		return;
	}
	first = subject_json(s, false);
	if (first)
		peer_send(p, UPDATE, first);
}

static const struct room_kind kind = {ROOM_PREFIX, may_return, come_back, .fleeting = true};

/* --- life --- */

static void on_ended(struct signal_listener *l, void *data)
{
	struct metric_events *m = container_of(l, struct metric_events, ended);
	struct metric_subject *s = map_get_str(m->subjects, live_stream_id_text(data));

	if (s)
		subject_end(s, subject_json(s, true));
}

static void on_peer_ended(struct signal_listener *l, void *data)
{
	const struct peer *p = data;
	struct metric_seat *seat, *next;

	list_for_each_safe (seat, next, &p->subscriptions, by_peer) {
		struct metric_subject *s = seat->subject;
		seat_end(seat);
		subject_settle(s);
	}
}

struct metric_events *metric_events_create(const struct metric_events_config *config)
{
	struct metric_events *m = mem_new(struct metric_events);

	m->config = *config;
	m->subjects = map_create();
	m->timer = loop_timer_create(config->loop, "pushed figures", on_timer, m);
	m->subscriptions = metrics_gauge(config->metrics, "souk_metrics_subscriptions", NULL,
		"Subscriptions to figures of streams or of the server.");
	m->updates = metrics_counter(config->metrics, "souk_metrics_updates_total", NULL,
		"Figures that were gathered for subscribers.");
	signal_listener_init(&m->ended, on_ended);
	signal_add(live_registry_ended(config->registry), &m->ended);
	signal_listener_init(&m->peer_ended, on_peer_ended);
	signal_add(peers_ended(config->peers), &m->peer_ended);
	peers_add_room_kind(config->peers, &kind, m);
	metric_events_add(config->events, m);
	return m;
}

void metric_events_destroy(struct metric_events **pointer)
{
	struct metric_events *m = *pointer;
	size_t pos;
	void *s;

	if (!m)
		return;
	*pointer = NULL;
	signal_listener_remove(&m->ended);
	signal_listener_remove(&m->peer_ended);
	for (pos = 0; map_next(m->subjects, &pos, &s); pos = 0)
		subject_end(s, NULL);
	timer_destroy(&m->timer);
	map_destroy(m->subjects);
	free(m);
}
