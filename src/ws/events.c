#include "ws/events.h"

#include <stdlib.h>

#include "base/bucket.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "peer_private.h"

#define NAMES_MAX 100000

/* An event of the table, with what counts it. */
struct entry {
	struct list link;
	const struct event_spec *spec;
	void *user;
	struct buckets *of_user, *of_address;
	struct metric *count, *seconds;
};

struct events {
	struct loop *loop;
	struct metrics *metrics;
	struct map *by_name;
	struct list entries;
	struct map *refused; /* metrics by code, which are words of ours */
	bool unlimited;
	unsigned address_factor;
};

/* Their counters are there before the first refusal. */
static const char *const usual_codes[] = {
	"rate_limited", "unauthorized", "invalid_payload", "forbidden", "unknown_event"};

static struct metric *refusals_of(struct events *e, const char *code)
{
	struct metric *count = map_get_str(e->refused, code);
	struct buf labels = {0};

	if (count || !e->metrics)
		return count;
	metrics_label(&labels, "code", code);
	count = metrics_counter(e->metrics, "souk_events_refused_total", buf_text(&labels),
		"Events of clients that were refused.");
	buf_finish(&labels);
	map_put_str(e->refused, code, count);
	return count;
}

struct events *events_create(const struct events_config *config)
{
	struct events *e = mem_new(struct events);

	e->loop = config->loop;
	e->metrics = config->metrics;
	e->unlimited = config->unlimited;
	e->address_factor = config->address_factor;
	e->by_name = map_create();
	list_init(&e->entries);
	e->refused = map_create();
	for (size_t i = 0; i < sizeof(usual_codes) / sizeof(*usual_codes); i++)
		refusals_of(e, usual_codes[i]);
	return e;
}

void events_destroy(struct events **pointer)
{
	struct events *e = *pointer;
	struct entry *entry, *next;

	if (!e)
		return;
	*pointer = NULL;
	list_for_each_safe (entry, next, &e->entries, link) {
		buckets_destroy(&entry->of_user);
		buckets_destroy(&entry->of_address);
		free(entry);
	}
	map_destroy(e->by_name);
	map_destroy(e->refused);
	free(e);
}

/* What is answered at once, what waits for a commit, and what should not be. */
static const double duration_bounds[] = {0.0001, 0.001, 0.005, 0.02, 0.1, 1};

static void add(struct events *e, const struct event_spec *spec, void *user)
{
	struct entry *entry = mem_new(struct entry);
	struct buf labels = {0};

	entry->spec = spec;
	entry->user = user;
	entry->of_user = buckets_create(spec->rate / 60.0, spec->rate, NAMES_MAX);
	entry->of_address = buckets_create(spec->rate * e->address_factor / 60.0,
		(double)spec->rate * e->address_factor, NAMES_MAX);
	metrics_label(&labels, "event", spec->name);
	entry->count = metrics_counter(
		e->metrics, "souk_events_total", buf_text(&labels), "Events of clients.");
	entry->seconds = metrics_histogram(e->metrics, "souk_event_duration_seconds",
		buf_text(&labels), "From an event's coming to its answer.", duration_bounds,
		sizeof(duration_bounds) / sizeof(*duration_bounds));
	buf_finish(&labels);
	list_append(&e->entries, &entry->link);
	map_put_str(e->by_name, spec->name, entry);
}

void events_add(struct events *e, const struct event_spec *specs, size_t n, void *user)
{
	for (size_t i = 0; i < n; i++)
		add(e, &specs[i], user);
}

bool events_alias(struct events *e, const char *alias, const char *name)
{
	struct entry *entry = map_get_str(e->by_name, name);

	if (entry)
		map_put_str(e->by_name, alias, entry);
	return entry;
}

const struct event_spec *events_find(const struct events *e, const char *name)
{
	const struct entry *entry = map_get_str(e->by_name, name);

	return entry ? entry->spec : NULL;
}

void events_reconfigure(struct events *e, const struct events_config *fresh)
{
	struct entry *entry;

	e->unlimited = fresh->unlimited;
	e->address_factor = fresh->address_factor;
	list_for_each (entry, &e->entries, link) {
		double of_address = (double)entry->spec->rate * e->address_factor;
		buckets_configure(entry->of_address, of_address / 60.0, of_address);
	}
}

void events_each(
	const struct events *e, void (*each)(void *arg, const struct event_spec *spec), void *arg)
{
	const struct entry *entry;

	list_for_each (entry, &e->entries, link)
		each(arg, entry->spec);
}

/* --- answers --- */

static void call_free(struct event_call *call)
{
	/* One whose peer is gone may have outlived the table, too. */
	if (call->peer)
		metric_observe(call->seconds,
			(double)(clock_mono_us(loop_clock(call->events->loop)) - call->since_us) /
				1e6);
	list_remove(&call->link);
	json_decref(call->data);
	free(call);
}

void peer_calls_forget(struct peer *p)
{
	struct event_call *call, *next;

	list_for_each_safe (call, next, &p->calls, link) {
		list_remove(&call->link);
		call->peer = NULL;
	}
}

void event_answer(struct event_call *call, json_t *data)
{
	if (call->peer && call->has_ack)
		peer_answer(call->peer, call->ack, data);
	else
		json_decref(data);
	call_free(call);
}

static void say_error(struct peer *p, const char *name, bool has_ack, uint64_t ack, json_t *error)
{
	if (has_ack) {
		peer_answer(p, ack, json_pack("{s:o}", "error", error));
		return;
	}
	json_object_set_new(error, "event", json_string(name));
	peer_send(p, "error", error);
}

static json_t *error_json(const char *code, const char *message, unsigned retry_after)
{
	json_t *error = json_pack("{s:s, s:s}", "code", code, "message", message);

	if (retry_after)
		json_object_set_new(error, "retryAfter", json_integer(retry_after));
	return error;
}

void event_refuse(
	struct event_call *call, const char *code, const char *message, unsigned retry_after)
{
	if (call->peer) {
		metric_add(refusals_of(call->events, code), 1);
		say_error(call->peer, call->spec->name, call->has_ack, call->ack,
			error_json(code, message, retry_after));
	}
	call_free(call);
}

/* --- what comes --- */

static unsigned seconds(uint64_t us)
{
	return (unsigned)((us + 999999) / 1000000);
}

/* Seconds to wait, 0: it may. */
static unsigned too_often(struct events *e, struct entry *entry, struct peer *p)
{
	uint64_t now = loop_now_us(e->loop), wait_us = 0;

	if (!peer_may_speak(p))
		return 1;
	if (!entry->spec->rate || e->unlimited)
		return 0;
	if (!buckets_take(entry->of_user, p->id, now, &wait_us))
		peer_limited(p, PEER_LIMIT_EVENT);
	else if (!buckets_take(entry->of_address, p->address, now, &wait_us))
		peer_limited(p, PEER_LIMIT_ADDRESS);
	else
		return 0;
	return wait_us ? seconds(wait_us) : 1;
}

static bool user_is_own(const struct event_spec *spec, const struct peer *p, const json_t *data)
{
	const json_t *said = json_object_get(data, "user_id");

	return spec->names_another || !said || json_is_null(said) ||
		text_eq(json_string_value(said), p->id);
}

static bool is_who(enum event_who who, const struct peer *p)
{
	switch (who) {
	case EVENT_ANYBODY:
		return true;
	case EVENT_IDENTIFIED:
		return p->identified;
	case EVENT_USER:
		return !peer_is_guest(p);
	}
	return false;
}

/* True if it is to be handled. */
static bool pass(struct events *e, struct entry *entry, struct event_call *call)
{
	unsigned wait = too_often(e, entry, call->peer);
	char why[160];

	if (wait) {
		event_refuse(call, "rate_limited", "That is too often.", wait);
		return false;
	}
	if (!is_who(entry->spec->who, call->peer)) {
		event_refuse(call, "unauthorized", "This needs a token.", 0);
		return false;
	}
	if (!event_check(entry->spec, call->data, why, sizeof(why))) {
		event_refuse(call, "invalid_payload", why, 0);
		return false;
	}
	if (!user_is_own(entry->spec, call->peer, call->data)) {
		event_refuse(call, "forbidden", "user_id is not whom the token names.", 0);
		return false;
	}
	return true;
}

static void refuse_unknown(
	struct events *e, struct peer *p, const char *name, bool has_ack, uint64_t ack)
{
	unsigned wait = peer_may_speak(p) ? 0 : 1;
	json_t *error = wait ? error_json("rate_limited", "That is too often.", wait)
			     : error_json("unknown_event", "There is no such event.", 0);

	metric_add(refusals_of(e, wait ? "rate_limited" : "unknown_event"), 1);
	say_error(p, name, has_ack, ack, error);
}

static json_t *payload(const struct event_spec *spec, json_t *data)
{
	if (!data || json_is_null(data))
		return json_object();
	if (spec->bare && json_is_string(data))
		return json_pack("{s:O}", spec->bare, data);
	return json_incref(data);
}

void events_dispatch(struct events *e, struct peer *p, const char *name, json_t *data, bool has_ack,
	uint64_t ack)
{
	struct entry *entry = map_get_str(e->by_name, name);
	struct event_call *call;

	if (p->ending)
		return;
	peer_seen(p);
	if (!entry) {
		refuse_unknown(e, p, name, has_ack, ack);
		return;
	}
	metric_add(entry->count, 1);
	call = mem_new(struct event_call);
	*call = (struct event_call){.peer = p,
		.events = e,
		.spec = entry->spec,
		.seconds = entry->seconds,
		.since_us = clock_mono_us(loop_clock(e->loop)),
		.has_ack = has_ack,
		.ack = ack};
	call->data = payload(entry->spec, data);
	list_append(&p->calls, &call->link);
	if (pass(e, entry, call))
		entry->spec->handle(entry->user, call);
}

/* --- the payload --- */

bool event_given(const struct event_call *call, const char *field)
{
	const json_t *v = json_object_get(call->data, field);

	return v && !json_is_null(v);
}

const char *event_text(const struct event_call *call, const char *field, const char *fallback)
{
	const char *text = json_string_value(json_object_get(call->data, field));

	return text ? text : fallback;
}

int64_t event_integer(const struct event_call *call, const char *field, int64_t fallback)
{
	const json_t *v = json_object_get(call->data, field);

	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool event_uuid(const struct event_call *call, const char *field, struct uuid *out)
{
	const char *text = event_text(call, field, NULL);

	return text && uuid_parse(text, out);
}
