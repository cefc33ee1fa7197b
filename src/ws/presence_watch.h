#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ws/presence_events.h"

/*
 * Who is told of whose presence, among the users who have sockets here. The index goes from the one
 * who is watched to his watchers: telling costs what is told, however many follow him in the store.
 *
 * Reasons to watch are bits, and each has its place where it begins and ends:
 *
 *   WATCH_FOLLOWS  filled from the store when a user's first socket comes (presence_watch.c,
 *                  fill), kept current by the store's follow_watch
 *
 * A new reason (partners of a conversation) is a bit here, a read in `fill`, and
 * presence_watch_set where it changes.
 */
enum watch_reason { WATCH_FOLLOWS = 1 };

/* events_presence.c: the table, for checks of payloads with p NULL. */
void presence_events_add(struct events *e, struct presence_events *p);

struct presence_watch;

struct presence_watch *presence_watch_create(const struct presence_events_config *config);
void presence_watch_destroy(struct presence_watch **w);

/* The first socket of a user came; the last one went. */
void presence_watch_come(struct presence_watch *w, const char *user_id);
void presence_watch_go(struct presence_watch *w, const char *user_id);
/* A reason began or ended; of a watcher who has no sockets here it changes nothing. */
void presence_watch_set(struct presence_watch *w, const char *watcher, const char *watched,
	enum watch_reason reason, bool holds);
/* Tells the watchers of this user, some in each turn of the loop; a newer word overtakes. json: the
 * payload of both events. */
void presence_watch_tell(struct presence_watch *w, const char *user_id, const char *json);
