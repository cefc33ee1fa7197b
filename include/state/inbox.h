#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/signal.h"
#include "model/people.h"
#include "model/repo.h"
#include "state/state.h"

/*
 * Users' notifications: how many are unread, and that they were read. The store has them; the state
 * keeps the number for an hour under `notifications:unread:{user}` (spec data.md) and forgets it
 * with every change. Whoever marks as read, by REST or on a socket, does it here, and those who
 * tell the user's sockets listen here. Loop thread only.
 */
struct inbox;

#define INBOX_TTL_MS 3600000u
#define INBOX_READ_MAX 100 /* ids of one call */

struct inbox_config {
	const struct clock *clock;
	struct state state;
	struct repo repo; /* with `people`, whose notification_watch is the inbox's from now on */
};
struct inbox *inbox_create(const struct inbox_config *config);
/* Nulls; what is under way is answered as not ok. */
void inbox_destroy(struct inbox **i);

/* Emitted after notifications were written (data: const struct notification_news). */
struct signal *inbox_arrived(struct inbox *i);

/* done(user, ok, unread): not ok: the store cannot be read. */
typedef void (*inbox_done)(void *user, bool ok, uint32_t unread);
void inbox_unread(struct inbox *i, const char *user_id, inbox_done done, void *user);
/* What was asked of inbox_unread for this `user` is not answered any more. */
void inbox_forget(struct inbox *i, void *user);

/* Marks as read: ids NULL: all. Others' ids do nothing. unread: what is left. */
struct inbox_reading {
	const char *user_id;
	const struct uuid *ids; /* n at most INBOX_READ_MAX */
	size_t n;
	uint32_t unread; /* told by the signal */
	const void *by; /* whatever tells the listeners who did it */
};
void inbox_read(struct inbox *i, const struct inbox_reading *what, inbox_done done, void *user);
/* Emitted after some were marked as read, before `done` (data: struct inbox_reading). */
struct signal *inbox_was_read(struct inbox *i);
