#include "ws/event_tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "loop/timer.h"

#define MAX_EVENTS 4096
#define MAX_BYTES (4u * 1024 * 1024)
#define MAX_READ 500
/* Who reads waits half a minute at most, so this is long enough. */
#define LISTENS_US 60000000u
/* Bursts wake the readers once. */
#define WAKE_US 20000u
#define CURSOR_SIZE 48

/* One allocation; the texts stand behind it. */
struct heard {
	uint64_t at_ms, seq, offset;
	size_t bytes, len;
	const char *room, *name, *data;
	char text[];
};

struct event_tail {
	struct event_tail_config config;
	struct heard **kept; /* a ring, the oldest at `first`; NULL while nobody listens */
	unsigned first, n;
	size_t bytes;
	uint64_t lost; /* the offset of the newest event that is not kept */
	struct timer *idle, *wake;
	struct signal heard;
};

bool event_name_fits(const char *patterns, const char *name)
{
	while (*patterns) {
		const char *end = patterns + strcspn(patterns, ","), *p = patterns, *n = name;
		const char *star = NULL, *again = NULL;
		bool fits = true;

		while (fits && *n) {
			if (p < end && *p == '*') {
				star = p++;
				again = n;
			} else if (p < end && (*p == '?' || *p == *n)) {
				p++;
				n++;
			} else if (star) {
				p = star + 1;
				n = ++again;
			} else {
				fits = false;
			}
		}
		while (p < end && *p == '*')
			p++;
		if (fits && p == end && end > patterns)
			return true;
		patterns = end + (*end == ',');
	}
	return false;
}

static void forget_oldest(struct event_tail *t)
{
	struct heard *e = t->kept[t->first];

	t->lost = e->offset;
	t->bytes -= e->bytes;
	t->first = (t->first + 1) % t->config.max_events;
	t->n--;
	free(e);
}

static struct heard *heard_create(const struct event_tail *t, const struct hub_event *e)
{
	size_t room = strlen(e->room) + 1, name = strlen(e->name) + 1;
	struct heard *h = mem_alloc(sizeof(*h) + room + name + e->len);

	*h = (struct heard){
		.at_ms = clock_wall_ms(loop_clock(t->config.loop)),
		.seq = e->seq,
		.offset = e->offset,
		.bytes = sizeof(*h) + room + name + e->len,
		.len = e->len,
		.room = h->text,
		.name = h->text + room,
		.data = h->text + room + name,
	};
	memcpy(h->text, e->room, room);
	memcpy(h->text + room, e->name, name);
	memcpy(h->text + room + name, e->data, e->len);
	return h;
}

static void on_said(void *user, const struct hub_event *e)
{
	struct event_tail *t = user;
	struct heard *h = heard_create(t, e);

	while (t->n && (t->n == t->config.max_events || t->bytes + h->bytes > t->config.max_bytes))
		forget_oldest(t);
	t->kept[(t->first + t->n++) % t->config.max_events] = h;
	t->bytes += h->bytes;
	if (!timer_active(t->wake))
		timer_start(t->wake, WAKE_US);
}

static void listen(struct event_tail *t)
{
	timer_start(t->idle, LISTENS_US);
	if (t->kept)
		return;
	t->kept = mem_zalloc(t->config.max_events * sizeof(*t->kept));
	t->first = t->n = 0;
	t->lost = hub_offset(t->config.hub);
	hub_tap(t->config.hub, on_said, t);
	if (t->config.listening)
		t->config.listening(t->config.user, true);
}

static void forget_all(struct event_tail *t)
{
	hub_tap(t->config.hub, NULL, NULL);
	while (t->n)
		forget_oldest(t);
	free(t->kept);
	t->kept = NULL;
}

static void on_idle(void *user)
{
	struct event_tail *t = user;

	forget_all(t);
	if (t->config.listening)
		t->config.listening(t->config.user, false);
}

static void on_wake(void *user)
{
	event_tail_wake(user);
}

void event_tail_wake(struct event_tail *t)
{
	signal_emit(&t->heard, NULL);
}

struct signal *event_tail_heard(struct event_tail *t)
{
	return &t->heard;
}

struct event_tail *event_tail_create(const struct event_tail_config *config)
{
	struct event_tail *t = mem_new(struct event_tail);

	t->config = *config;
	t->config.max_events = config->max_events ? config->max_events : MAX_EVENTS;
	t->config.max_bytes = config->max_bytes ? config->max_bytes : MAX_BYTES;
	t->idle = loop_timer_create(config->loop, "event tail", on_idle, t);
	t->wake = loop_timer_create(config->loop, "event tail's wake", on_wake, t);
	signal_init(&t->heard);
	return t;
}

void event_tail_destroy(struct event_tail **pointer)
{
	struct event_tail *t = *pointer;

	if (!t)
		return;
	*pointer = NULL;
	timer_destroy(&t->idle);
	timer_destroy(&t->wake);
	if (t->kept)
		forget_all(t);
	free(t);
}

/* --- reading --- */

/* Where a reader stands. */
struct place {
	uint64_t offset;
	bool restarted;
};

static bool place_of(const struct event_tail *t, const char *cursor, struct place *out)
{
	const char *dash = cursor ? strrchr(cursor, '-') : NULL, *epoch = hub_epoch(t->config.hub);

	*out = (struct place){.offset = hub_offset(t->config.hub)};
	if (!cursor)
		return true;
	if (!dash || !text_u64(dash + 1, 0, UINT64_MAX, &out->offset))
		return false;
	out->restarted = (size_t)(dash - cursor) != strlen(epoch) ||
		memcmp(cursor, epoch, strlen(epoch)) != 0;
	if (out->restarted)
		out->offset = t->lost;
	else if (out->offset > hub_offset(t->config.hub))
		out->offset = hub_offset(t->config.hub);
	return true;
}

static bool is_of(const char *room, const char *of)
{
	const char *colon = strchr(room, ':');

	return !of || (colon && strcmp(colon + 1, of) == 0);
}

static json_t *heard_json(const struct heard *e)
{
	char at[TEXT_TIME_SIZE];
	json_t *data = json_loadb(e->data, e->len, JSON_DECODE_ANY, NULL);

	text_time(at, e->at_ms);
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "at", at, "room", e->room, "event", e->name,
		"seq", (json_int_t)e->seq, "data", data ? event_scrub(data) : json_null());
}

/* Returns where the reader stands then. */
static uint64_t collect(
	const struct event_tail *t, const struct event_tail_query *q, uint64_t after, json_t *out)
{
	size_t max = q->max ? q->max : MAX_READ;

	for (unsigned i = 0; i < t->n; i++) {
		const struct heard *e = t->kept[(t->first + i) % t->config.max_events];
		if (e->offset <= after)
			continue;
		if (json_array_size(out) == max)
			return after;
		after = e->offset;
		if (is_of(e->room, q->of) && (!q->names || event_name_fits(q->names, e->name)))
			json_array_append_new(out, heard_json(e));
	}
	return after > t->lost ? after : t->lost;
}

json_t *event_tail_read(struct event_tail *t, const struct event_tail_query *q)
{
	struct place place;
	char cursor[CURSOR_SIZE];
	json_t *events;
	uint64_t at, missed;

	listen(t);
	if (!place_of(t, q->after, &place))
		return NULL;
	events = json_array();
	missed = t->lost > place.offset ? t->lost - place.offset : 0;
	at = collect(t, q, place.offset, events);
	snprintf(cursor, sizeof(cursor), "%s-%llu", hub_epoch(t->config.hub),
		(unsigned long long)at);
	return json_pack("{s:s, s:I, s:b, s:o}", "cursor", cursor, "missed", (json_int_t)missed,
		"restarted", place.restarted, "events", events);
}
