#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"
#include "state/state.h"

/*
 * Who is there: online or away for five minutes from the last sign of life, else offline. Keys
 * `presence:{user}` and `users:online` of spec data.md. Loop thread only.
 */
struct presence;

enum presence_status { PRESENCE_OFFLINE, PRESENCE_ONLINE, PRESENCE_AWAY };
const char *presence_status_text(enum presence_status s);
bool presence_status_parse(const char *text, enum presence_status *out);

#define PRESENCE_TTL_MS 300000u
#define PRESENCE_BATCH_MAX 200 /* users of one question */

/* loop NULL: the owner calls presence_sweep. */
struct presence *presence_create(struct loop *loop, struct state state);
void presence_destroy(struct presence **p); /* nulls; what is under way is not answered */

/* done(user, changed): whether it was another status before. done may be NULL. */
typedef void (*presence_set_done)(void *user, bool ok, bool changed);
void presence_set(struct presence *p, const char *user_id, enum presence_status status,
	presence_set_done done, void *user);
/* A sign of life: one who is offline stays so. */
void presence_renew(struct presence *p, const char *user_id);
/* statuses: as many as were asked for, in their order; NULL: the state is lost. */
typedef void (*presence_get_done)(void *user, const enum presence_status *statuses, size_t n);
void presence_get(struct presence *p, const char *const *user_ids, size_t n, presence_get_done done,
	void *user);
/* Takes those out of `users:online` whose time is over; each minute. */
void presence_sweep(struct presence *p);
