#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/signal.h"
#include "loop/loop.h"
#include "model/repo.h"
#include "state/state.h"

/*
 * Who is there: online or away for five minutes from the last sign of life, else offline. Keys
 * `presence:{user}` and `users:online` of spec data.md; when somebody was last seen is in the
 * store, written in batches. Whoever changes it, by REST or on a socket, does it here, and those
 * who tell others of it listen here. Loop thread only.
 *
 * A socket layer calls presence_here and presence_gone for each socket of a user, and presence_seen
 * at signs of life. The first socket makes online, unless the user is there already or has said
 * otherwise; what was said holds until the last socket is gone for PRESENCE_ABSENT_US, so that a
 * page may be loaded again meanwhile. Sockets of one process are counted: with several nodes, the
 * one that the user leaves last says so.
 */
struct presence;

enum presence_status { PRESENCE_OFFLINE, PRESENCE_ONLINE, PRESENCE_AWAY };
const char *presence_status_text(enum presence_status s);
bool presence_status_parse(const char *text, enum presence_status *out);

#define PRESENCE_TTL_MS 300000u
#define PRESENCE_ABSENT_US 10000000u
#define PRESENCE_BATCH_MAX 200 /* users of one question */
#define PRESENCE_DEVICE_MAX 64 /* characters */

struct presence_row {
	enum presence_status status;
	uint64_t last_seen; /* wall ms; 0: never. Of who is there: some minutes old at most */
	const char *device; /* as the user said it; NULL: not known here, or offline */
};

struct presence_config {
	struct loop *loop; /* for the ticks; NULL: the owner calls presence_tick */
	const struct clock *clock;
	struct state state;
	struct repo repo; /* without `people`: nobody was ever seen */
};
struct presence *presence_create(const struct presence_config *config);
void presence_destroy(struct presence **p); /* nulls; who waits hears that the state is lost */

/* Emitted after somebody's status, or the device, is another (data: struct presence_news). */
struct presence_news {
	const char *user_id;
	struct presence_row now;
	bool said; /* by the user, not by a socket's coming or going, nor by time */
	const void *by; /* as presence_set got it, else NULL */
};
struct signal *presence_changed(struct presence *p);

/* done(user, now): as it is now, borrowed; NULL: the state is lost. May be NULL. */
typedef void (*presence_set_done)(void *user, const struct presence_row *now);
/* What a user says. device NULL: as before. by: whatever tells the listeners who said it. */
struct presence_saying {
	const char *user_id;
	enum presence_status status;
	const char *device;
	const void *by;
};
void presence_set(
	struct presence *p, const struct presence_saying *what, presence_set_done done, void *user);

/* A socket of the user came, went; a sign of life, which changes no status. */
void presence_here(struct presence *p, const char *user_id);
void presence_gone(struct presence *p, const char *user_id);
void presence_seen(struct presence *p, const char *user_id);

/* rows: as many as were asked for, in their order, borrowed; NULL: the state is lost. */
typedef void (*presence_get_done)(void *user, const struct presence_row *rows, size_t n);
void presence_get(struct presence *p, const char *const *user_ids, size_t n, presence_get_done done,
	void *user);

/* Each second: who is gone for long enough, and what the store has to be told. */
void presence_tick(struct presence *p);
/* Each minute: takes those out of `users:online` whose time is over, and tells of it. */
void presence_sweep(struct presence *p);
/* Hands the store all that it does not know, before a shutdown. */
void presence_flush(struct presence *p);
