#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/metrics.h"
#include "live/feed.h"
#include "loop/mailbox.h"
#include "rtmp/relay.h"

/*
 * One attempt at a target: a thread that connects, publishes, and sends what the loop puts into its
 * queue until one of them has enough. Towards the thread go packets (under a lock, with an eventfd
 * to wake it); back come two letters, `up` and `down`, by the mailbox.
 *
 * The thread blocks in the socket only, and the loop can shut that down at any time, so that an end
 * never waits for a target.
 */
#define RELAY_END_TABLE(X) \
	X(DONE, "done") \
	X(ABORTED, "aborted") \
	X(LOOKUP, "lookup") \
	X(ADDRESS, "address") \
	X(CONNECT, "connect") \
	X(TLS, "tls") \
	X(TIMEOUT, "timeout") \
	X(REFUSED, "refused") \
	X(STALLED, "stalled") \
	X(CLOSED, "closed") \
	X(LIMIT, "limit")

enum relay_end {
#define X(name, text) RELAY_END_##name,
	RELAY_END_TABLE(X)
#undef X
		RELAY_ENDS
};

struct relay_link;

struct relay_link_events {
	void (*up)(void *user); /* the target has accepted the stream */
	/* It is over; the link goes after this. */
	void (*down)(void *user, enum relay_end why, const char *error);
};

struct relay_link_config {
	const struct relay_config *relay; /* for the call */
	struct mailbox *mailbox;
	struct metric *bytes; /* counted by the thread */
	const char *url;
	const struct relay_link_events *events;
	void *user;
};

/* NULL: there is no thread for it. */
struct relay_link *relay_link_start(const struct relay_link_config *config, struct list *all);
/* Returns how many packets were dropped for it. */
unsigned relay_link_put(struct relay_link *l, const struct feed_item *item, uint64_t now_us);
/* Sends what waits, says goodbye and ends: `down` comes with DONE. Soon, or relay_link_look ends
 * it. */
void relay_link_finish(struct relay_link *l, uint64_t now_us);
/* No more events; the thread ends, and the link with it. */
void relay_link_drop(struct relay_link **l);
/* Breaks off one that is past its time to connect, or to end. */
void relay_link_look(struct relay_link *l, uint64_t now_us);
uint64_t relay_link_bytes(struct relay_link *l); /* of tags, that were sent */
uint64_t relay_link_queued(struct relay_link *l);
/* Breaks off all in the list and waits for their threads; their letters still come. */
void relay_links_join(struct list *all);
struct relay_link *relay_link_of(struct list *link); /* an element of `all` */
