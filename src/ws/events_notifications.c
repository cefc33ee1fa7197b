#include <stdlib.h>

#include "base/mem.h"
#include "notification_private.h"
#include "pacer.h"
#include "payload.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the notifications of one commit have in common. */
struct topic {
	unsigned refs;
	char *type, *title, *body;
	struct uuid stream_id;
};

/* One that waits for its turn; then, until its count is known. */
struct notice {
	struct list link;
	struct notification_events *owner;
	struct topic *topic;
	char *user_id;
	struct uuid id;
	uint64_t created_at;
};

struct notification_events {
	struct notification_events_config config;
	struct list waiting, counting; /* notice.link */
	struct pacer *pacer;
	struct signal_listener arrived, read;
};

/* --- what was written --- */

static struct topic *topic_create(const struct notification_news *news)
{
	struct topic *t = mem_new(struct topic);

	t->type = mem_strdup(news->type);
	t->title = mem_strdup(news->title);
	t->body = mem_strdup(news->body);
	t->stream_id = news->stream_id;
	return t;
}

static void topic_unref(struct topic *t)
{
	if (--t->refs)
		return;
	free(t->type);
	free(t->title);
	free(t->body);
	free(t);
}

static void notice_free(struct notice *n)
{
	list_remove(&n->link);
	topic_unref(n->topic);
	free(n->user_id);
	free(n);
}

static void queue(
	struct notification_events *s, struct topic *t, const struct notification_notice *row)
{
	struct notice *n = mem_new(struct notice);

	n->owner = s;
	n->topic = t;
	t->refs++;
	n->user_id = mem_strdup(row->user_id);
	n->id = row->id;
	n->created_at = row->created_at;
	list_append(&s->waiting, &n->link);
}

/* Thousands may come at once, few of whom have sockets here. */
static void on_arrived(struct signal_listener *l, void *data)
{
	struct notification_events *s = container_of(l, struct notification_events, arrived);
	const struct notification_news *news = data;
	struct topic *t = topic_create(news);

	t->refs = 1;
	for (size_t i = 0; i < news->n; i++)
		if (user_rooms_hears(s->config.rooms, news->rows[i].user_id))
			queue(s, t, &news->rows[i]);
	topic_unref(t);
	if (!list_empty(&s->waiting))
		pacer_wake(s->pacer);
}

/* As the REST API answers it. */
static json_t *notification_json(const struct notice *n)
{
	const struct topic *t = n->topic;

	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:n}", "id", payload_id(n->id),
		"type", t->type, "title", t->title, "body", payload_text(t->body), "streamId",
		uuid_is_none(t->stream_id) ? json_null() : payload_id(t->stream_id), "isRead", 0,
		"createdAt", payload_time(n->created_at), "readAt");
}

static json_t *count_json(uint32_t unread)
{
	return json_pack("{s:I}", "count", (json_int_t)unread);
}

static void on_counted(void *user, bool ok, uint32_t unread)
{
	struct notice *n = user;

	if (ok)
		user_rooms_say(n->owner->config.rooms, n->user_id, "notification_count_updated",
			count_json(unread), NULL);
	notice_free(n);
}

static bool step(void *user)
{
	struct notification_events *s = user;
	struct notice *n;

	if (list_empty(&s->waiting))
		return false;
	n = container_of(s->waiting.next, struct notice, link);
	list_remove(&n->link);
	list_append(&s->counting, &n->link);
	user_rooms_say(s->config.rooms, n->user_id, "notification", notification_json(n), NULL);
	inbox_unread(s->config.inbox, n->user_id, on_counted, n);
	return true;
}

/* --- what was read --- */

static json_t *ids_json(const struct inbox_reading *reading)
{
	json_t *ids = reading->ids ? json_array() : json_null();

	for (size_t i = 0; i < reading->n; i++)
		json_array_append_new(ids, payload_id(reading->ids[i]));
	return ids;
}

/* by: the event_call of who read them, whose socket knows. */
static void on_was_read(struct signal_listener *l, void *data)
{
	struct notification_events *s = container_of(l, struct notification_events, read);
	const struct inbox_reading *reading = data;
	const struct event_call *call = reading->by;

	user_rooms_say(s->config.rooms, reading->user_id, "notifications_read",
		json_pack("{s:o}", "notificationIds", ids_json(reading)), call ? call->peer : NULL);
	user_rooms_say(s->config.rooms, reading->user_id, "notification_count_updated",
		count_json(reading->unread), NULL);
}

/* --- what clients send --- */

static void on_count(void *user, bool ok, uint32_t unread)
{
	struct event_call *call = user;

	if (ok)
		event_answer(call, count_json(unread));
	else
		event_refuse(call, "unavailable", "The server cannot store or read this now.", 0);
}

static void mark_read(void *user, struct event_call *call)
{
	struct notification_events *s = user;
	const json_t *list = json_object_get(call->data, "notification_ids");
	struct uuid ids[INBOX_READ_MAX];
	struct inbox_reading what = {.user_id = call->peer->id, .by = call};

	if (event_given(call, "notification_ids")) {
		what.ids = ids;
		what.n = json_array_size(list);
	}
	for (size_t i = 0; i < what.n; i++)
		uuid_parse(json_string_value(json_array_get(list, i)), &ids[i]);
	inbox_read(s->config.inbox, &what, on_count, call);
}

static void on_asked(void *user, bool ok, uint32_t unread)
{
	struct event_call *call = user;

	if (ok && call->peer && !call->has_ack)
		peer_send(call->peer, "notification_count_updated", count_json(unread));
	on_count(call, ok, unread);
}

static void get_count(void *user, struct event_call *call)
{
	struct notification_events *s = user;

	inbox_unread(s->config.inbox, call->peer->id, on_asked, call);
}

static const struct event_field read_fields[] = {
	{"notification_ids", EVENT_UUIDS, .min = 1, .max = INBOX_READ_MAX},
};

static const struct event_spec specs[] = {
	{"notifications_read", EVENT_USER, read_fields, COUNT(read_fields), .rate = 120,
		.handle = mark_read},
	{"get_notification_count", EVENT_USER, .rate = 120, .handle = get_count},
};

void notification_events_add(struct events *e, struct notification_events *n)
{
	events_add(e, specs, COUNT(specs), n);
}

/* --- life --- */

struct notification_events *notification_events_create(
	const struct notification_events_config *config)
{
	struct notification_events *s = mem_new(struct notification_events);

	s->config = *config;
	list_init(&s->waiting);
	list_init(&s->counting);
	s->pacer = pacer_create(config->loop, "notifications", step, s);
	signal_listener_init(&s->arrived, on_arrived);
	signal_listener_init(&s->read, on_was_read);
	signal_add(inbox_arrived(config->inbox), &s->arrived);
	signal_add(inbox_was_read(config->inbox), &s->read);
	notification_events_add(config->events, s);
	return s;
}

void notification_events_destroy(struct notification_events **pointer)
{
	struct notification_events *s = *pointer;
	struct notice *n, *next;

	if (!s)
		return;
	*pointer = NULL;
	signal_listener_remove(&s->arrived);
	signal_listener_remove(&s->read);
	pacer_destroy(&s->pacer);
	list_for_each_safe (n, next, &s->waiting, link)
		notice_free(n);
	list_for_each_safe (n, next, &s->counting, link) {
		inbox_forget(s->config.inbox, n);
		notice_free(n);
	}
	free(s);
}
