#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/signal.h"
#include "loop/loop.h"
#include "ws/hub.h"

/*
 * What is said in all rooms, for operators who look on. Nothing is kept, and the hub does not even
 * ask, while nobody has read for a minute; then a bounded part of the past is kept for all readers
 * together, and who reads too slowly is told how many events he missed. Tokens and keys are struck
 * out. Loop thread only.
 */
struct event_tail;

struct event_tail_config {
	struct loop *loop;
	struct hub *hub;
	/* Somebody looks on, or nobody does any more. Not told by the end. */
	void (*listening)(void *user, bool on);
	void *user;
	unsigned max_events; /* that are kept; 0: 4096 */
	size_t max_bytes; /* of their texts; 0: 4 MiB */
};
struct event_tail *event_tail_create(const struct event_tail_config *config);
/* Before the hub is destroyed; NULL is fine. */
void event_tail_destroy(struct event_tail **t);

struct event_tail_query {
	const char *after; /* the cursor of the answer before; NULL: from now on */
	const char *of; /* rooms of this stream or user alone; NULL: all */
	const char *names; /* patterns with * and ?, with commas between; NULL: all */
	unsigned max; /* events; 0: 500 */
};

/*
 * {"cursor", "missed", "restarted", "events": [{"at", "room", "event", "seq", "data"}]}: missed are
 * the events of all rooms that are not kept any more; restarted: the cursor is of a process before
 * this one. NULL: the cursor is none.
 */
json_t *event_tail_read(struct event_tail *t, const struct event_tail_query *q);
/* Emitted when there may be more to read, a few times a second at most. */
struct signal *event_tail_heard(struct event_tail *t);
/* Emits it now: who waits is to look again. */
void event_tail_wake(struct event_tail *t);

/* "chat:*,stream:ended": one of the patterns fits. */
bool event_name_fits(const char *patterns, const char *name);
/* Strikes out what nobody may read: members named like tokens and keys, tokens in URLs, JWTs, what
 * is behind the application of an RTMP URL. In place; returns it. */
json_t *event_scrub(json_t *value);
