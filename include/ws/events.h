#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "model/uuid.h"
#include "ws/peer.h"

/*
 * The registry of events: what clients may send, what its payload has to be, who may send it and
 * how often, and who handles it. A handler gets a payload that fits its fields and the peer, and
 * answers once, now or later; it never knows the framing. Source: spec events.md. Loop thread only.
 *
 * What is refused is answered {"error": {code, message, retryAfter?}} where the client wants an
 * answer, else by an event `error` {event, code, message, retryAfter?}.
 */
struct events;

enum event_field_type {
	EVENT_TEXT,
	EVENT_UUID,
	EVENT_INTEGER,
	EVENT_NUMBER,
	EVENT_BOOL,
	EVENT_TEXTS, /* an array of texts of 1 to EVENT_ITEM_MAX characters */
	EVENT_UUIDS,
};
#define EVENT_ITEM_MAX 128

struct event_field {
	const char *name; /* snake_case; "a.b" does not exist: payloads are flat */
	enum event_field_type type;
	bool required; /* null is as good as absent where it is not */
	double min, max; /* of numbers; of texts code points; of arrays items. Both 0: no bound but
			    the message's */
	const char *const *words; /* of a text: NULL-terminated; NULL: any */
};

enum event_who { EVENT_ANYBODY, EVENT_IDENTIFIED, EVENT_USER };

/* One event of a client, from its coming until its answer. */
struct event_call {
	struct list link; /* of the peer's calls */
	struct peer *peer; /* NULL: gone; the answer is still to be given, to nobody */
	struct events *events;
	const struct event_spec *spec;
	json_t *data; /* an object that fits the fields; the call's */
	struct metric *seconds; /* how long it took */
	uint64_t since_us;
	bool has_ack;
	uint64_t ack;
};

struct event_spec {
	const char *name;
	enum event_who who;
	const struct event_field *fields;
	size_t n_fields;
	/* A minute, of a user or guest, as many at once; of an address more (struct
	 * events_config). 0: no bound of its own. */
	unsigned rate;
	bool names_another; /* its user_id is not the caller's */
	const char *bare; /* the field that a payload of text alone stands for; NULL: none */
	void (*handle)(void *user, struct event_call *call);
};

struct events_config {
	struct loop *loop;
	struct metrics *metrics;
	bool unlimited; /* events have no bounds of their own */
	unsigned address_factor; /* what an address may, in users; 0: no bound */
};
struct events *events_create(const struct events_config *config);
/* `unlimited` and `address_factor` of a new configuration, at once. */
void events_reconfigure(struct events *e, const struct events_config *fresh);
/* After all peers are gone. NULL is fine. */
void events_destroy(struct events **e);
/* Adds a table; it is static. */
void events_add(struct events *e, const struct event_spec *specs, size_t n, void *user);

/* The event has another name as well. False: there is none of that name. */
bool events_alias(struct events *e, const char *alias, const char *name);

/* NULL: there is none of that name. */
const struct event_spec *events_find(const struct events *e, const char *name);

/* In the order of adding, each once whatever its aliases. */
void events_each(
	const struct events *e, void (*each)(void *arg, const struct event_spec *spec), void *arg);

/* An event came. data is borrowed and may be NULL: an empty payload. */
void events_dispatch(struct events *e, struct peer *p, const char *name, json_t *data, bool has_ack,
	uint64_t ack);

/* The answer, once: ends the call. data is stolen. */
void event_answer(struct event_call *call, json_t *data);
/* retry_after: seconds, 0: not said. */
void event_refuse(
	struct event_call *call, const char *code, const char *message, unsigned retry_after);

/* Of the payload; what is absent or null is the fallback. */
bool event_given(const struct event_call *call, const char *field);
const char *event_text(const struct event_call *call, const char *field, const char *fallback);
int64_t event_integer(const struct event_call *call, const char *field, int64_t fallback);
bool event_uuid(const struct event_call *call, const char *field, struct uuid *out);

/* Whether a payload fits; else a sentence that names the field. */
bool event_check(const struct event_spec *spec, const json_t *data, char *why, size_t size);
