#include <limits.h>
#include <stdlib.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/timer.h"

/*
 * What is said in the rooms of the event layer, by polls that wait: they go through any proxy, need
 * no protocol of their own, and who reads slowly asks later.
 */

#define READ_DEFAULT 500
#define READ_MAX 1000
#define WAIT_MAX_S 25
#define NAMES_MAX 200
#define OF_MAX 128

/* A poll that waits for something to be said. */
struct poll {
	struct api *api;
	struct http_request *request;
	struct signal_listener heard;
	struct timer *limit;
	char *after, *of, *names; /* NULL: not given */
	unsigned max;
};

static void poll_free(struct poll *p)
{
	signal_listener_remove(&p->heard);
	timer_destroy(&p->limit);
	p->api->event_polls--;
	free(p->after);
	free(p->of);
	free(p->names);
	free(p);
}

static void on_gone(void *user)
{
	poll_free(user);
}

static bool draining(const struct api *a)
{
	return a->config.host.draining && a->config.host.draining(a->config.host.user);
}

static json_t *read_events(const struct poll *p)
{
	const struct api_host *h = &p->api->config.host;

	return h->events_read(h->user,
		&(struct api_events_query){
			.after = p->after,
			.of = p->of,
			.names = p->names,
			.limit = p->max,
		});
}

static void answer(struct poll *p, json_t *answer)
{
	struct http_request *r = p->request;

	json_object_set_new(answer, "draining", json_boolean(draining(p->api)));
	poll_free(p);
	reply_data(r, 200, answer);
}

/* Where it stands by now, so that nothing is looked at twice. */
static void go_on(struct poll *p, json_t *empty)
{
	free(p->after);
	p->after = mem_strdup(json_string_value(json_object_get(empty, "cursor")));
	json_decref(empty);
}

static bool says_something(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "events")) ||
		json_integer_value(json_object_get(answer, "missed")) ||
		json_is_true(json_object_get(answer, "restarted"));
}

static void on_heard(struct signal_listener *l, void *data)
{
	struct poll *p = container_of(l, struct poll, heard);
	json_t *found = read_events(p);

	if (says_something(found) || draining(p->api))
		answer(p, found);
	else
		go_on(p, found);
}

static void on_limit(void *user)
{
	struct poll *p = user;

	answer(p, read_events(p));
}

static char *given(const struct http_request *r, const char *name)
{
	struct api_arg room;
	const char *text = api_arg(r, name, &room);

	return *text ? mem_strdup(text) : NULL;
}

static unsigned number(const struct http_request *r, const char *name, unsigned fallback)
{
	struct api_arg room;
	uint64_t v;

	return text_u64(api_arg(r, name, &room), 0, UINT_MAX, &v) ? (unsigned)v : fallback;
}

static void wait_for_more(struct poll *p, unsigned seconds)
{
	const struct api_host *h = &p->api->config.host;

	signal_add(h->events_heard(h->user), &p->heard);
	p->limit = loop_timer_create(p->api->config.loop, "events poll", on_limit, p);
	timer_start(p->limit, (uint64_t)seconds * 1000000);
	http_request_hold(p->request, on_gone, p);
}

static void begin(struct api *a, struct http_request *r)
{
	struct poll *p = mem_new(struct poll);
	unsigned wait = number(r, "wait", 0);
	json_t *found;

	*p = (struct poll){
		.api = a,
		.request = r,
		.after = given(r, "after"),
		.of = given(r, "of"),
		.names = given(r, "event"),
		.max = number(r, "limit", READ_DEFAULT),
	};
	signal_listener_init(&p->heard, on_heard);
	a->event_polls++;
	found = read_events(p);
	if (!found) {
		poll_free(p);
		reply_error(r, 422, "invalid_cursor", "The cursor is none of ours.", "after");
	} else if (says_something(found) || !wait || !p->after || draining(a)) {
		answer(p, found);
	} else {
		go_on(p, found);
		wait_for_more(p, wait);
	}
}

static void events(void *user, struct http_request *r)
{
	struct api *a = user;

	if (!a->config.host.events_read)
		reply_error(r, 503, "unavailable", "This process cannot do that.", NULL);
	else if (a->event_polls >= API_EVENT_POLLS_MAX)
		reply_retry(r, 429, "rate_limited", "As many look on as may.", WAIT_MAX_S);
	else
		begin(a, r);
}

static const struct route_field events_query[] = {
	{"after", FIELD_STRING, .min = 1, .max = 64,
		.text = "The cursor of the answer before; without it: from now on."},
	{"of", FIELD_STRING, .min = 1, .max = OF_MAX, .text = "Only rooms of this stream or user."},
	{"event", FIELD_STRING, .min = 1, .max = NAMES_MAX,
		.text = "Only these events: names with * and ?, with commas between."},
	{"wait", FIELD_INTEGER, .min = 0, .max = WAIT_MAX_S,
		.text = "Seconds to wait until there is one; default 0."},
	{"limit", FIELD_INTEGER, .min = 1, .max = READ_MAX, .text = "Default 500."},
};

static const struct shape_field event_fields[] = {
	{"at", SHAPE_TIME},
	{"room", SHAPE_TEXT},
	{"event", SHAPE_TEXT},
	{"seq", SHAPE_INTEGER, .text = "Within the room."},
	{"data", SHAPE_ANY, .nullable = true, .text = "As clients get it, without tokens."},
};
static const struct shape event_shape = {"RoomEvent", event_fields, API_COUNT(event_fields)};

static const struct shape_field events_fields[] = {
	{"cursor", SHAPE_TEXT, .text = "For the next request's after."},
	{"missed", SHAPE_INTEGER,
		.text = "Events of all rooms that came and went since the cursor."},
	{"restarted", SHAPE_BOOL, .text = "The cursor is of a process before this one."},
	{"draining", SHAPE_BOOL, .text = "This process is being stopped."},
	{"events", SHAPE_LIST, .of = &event_shape},
};
static const struct shape events_shape = {"RoomEvents", events_fields, API_COUNT(events_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/events", ROUTE_ADMIN,
		"What is said in the rooms of the event layer.", .query = events_query,
		.n_query = API_COUNT(events_query), .answer = "What was said since the cursor.",
		.shape = &events_shape, .errors = "422 invalid_cursor, 503 unavailable",
		.handler = events},
};

void api_admin_events_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
