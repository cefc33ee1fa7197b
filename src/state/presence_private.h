#pragma once

#include "base/list.h"
#include "base/map.h"
#include "loop/timer.h"
#include "state/presence.h"

/* What presence.c (the keys), presence_users.c (who has sockets here) and presence_sweep.c share.
 */

#define PRESENCE_ONLINE_KEY "users:online"

/* One who has sockets here, had some a moment ago, or has to be written to the store. */
struct presence_user {
	struct list leaving; /* in presence.leaving, in the order of going; else alone */
	struct list unwritten; /* in presence.unwritten; else alone */
	char *id, *device;
	unsigned sockets;
	enum presence_status status; /* as far as this process knows */
	bool said; /* by the user, since the first socket came */
	uint64_t gone_us, renewed_us;
	uint64_t seen_ms, written_ms;
};

struct presence {
	struct presence_config config;
	struct timer *second, *minute;
	struct list calls; /* call.link */
	struct map *users; /* struct presence_user by id */
	struct list leaving, unwritten;
	uint64_t flushed_us;
	struct signal changed;
};

/* A question under way; the struct in which it is embedded may go on behind it. */
struct presence_call {
	struct list link;
	struct presence *presence;
	void (*lost)(struct presence_call *c); /* who waits for it hears so; NULL: nobody does */
	void (*finish)(struct presence_call *c); /* what it holds; NULL: nothing */
};
/* size: of the whole struct, which begins with the call. */
void *presence_call_create(struct presence *p, size_t size);
void presence_call_free(struct presence_call *c);

char *presence_key(const char *user_id); /* heap */
/* What a key's reply says. */
enum presence_status presence_status_of(const struct state_reply *r);
/* Asks for the keys of several at once. */
void presence_ask(struct presence *p, const char *const *user_ids, size_t n, state_done done,
	struct presence_call *c);

/* Writes the keys; then tells, if it is another status than the key had, or `device` is new. */
struct presence_change {
	const char *user_id;
	enum presence_status status;
	bool said, new_device;
	const void *by;
};
void presence_apply(struct presence *p, const struct presence_change *change,
	presence_set_done done, void *user);
/* What is known of a user beside the status; the store is asked for who is not here. */
struct presence_row presence_row_of(
	struct presence *p, const char *user_id, enum presence_status status);

/* presence_users.c */
struct presence_user *presence_user_find(const struct presence *p, const char *user_id);
struct presence_user *presence_user_get(struct presence *p, const char *user_id);
void presence_user_free(struct presence *p, struct presence_user *u);
/* He was there just now; the store is to know soon. */
void presence_user_touch(struct presence *p, struct presence_user *u);
