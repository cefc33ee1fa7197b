#pragma once

#include "base/list.h"
#include "base/metrics.h"
#include "base/signal.h"
#include "live/feed.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "model/sales.h"
#include "relay_link.h"
#include "relay_rules.h"
#include "rtmp/relay.h"

/* What relay.c and relay_target.c share. */

/* How often links are looked after while there are any. */
#define RELAY_LOOK_US 250000u
/* How long a target may take to the end while the server drains. */
#define RELAY_GOODBYE_US 1000000u

struct relay_metrics {
	struct metric *targets[RELAY_STATES];
	struct metric *bytes, *dropped, *attempts, *connects, *queued;
	struct metric *ended[RELAY_ENDS];
};

struct relays {
	struct loop *loop;
	struct live_registry *registry;
	struct repo repo;
	struct relay_config config; /* texts are copies */
	struct mailbox *mailbox;
	struct list links; /* of relay_link.c: every thread there is */
	struct timer *look;
	struct list streams; /* relay_stream.link */
	struct signal_listener opened, changed;
	struct relay_metrics metrics;
	bool draining;
};

struct relay_stream {
	struct list link;
	struct relays *relays;
	struct live_stream *live;
	struct signal_listener changed, destroyed;
	struct list targets; /* relay_target.link, in the order of their rows */
};

struct relay_target {
	struct list link;
	struct relay_stream *stream;
	struct uuid id; /* of its row: a new one whenever the list is replaced */
	char *url, *masked;
	enum relay_state state;
	uint64_t since_ms, next_ms; /* wall */
	struct timer *timer; /* of the next attempt */
	struct relay_backoff backoff;
	struct relay_link *attempt; /* NULL: none */
	bool is_up;
	uint64_t up_us; /* since when */
	struct feed_player player;
	uint64_t bytes, dropped, attempts, connects; /* bytes: of the links before */
	char error[RELAY_ERROR_SIZE]; /* "": none */
};

/* relay_target.c */
struct relay_target *relay_target_create(struct relay_stream *s, const struct relay_record *row);
void relay_target_destroy(struct relay_target *t);
/* The stream's state is another, or the server drains. */
void relay_target_update(struct relay_target *t);
void relay_target_status(const struct relay_target *t, struct relay_status *out);
/* relay.c */
bool relays_have_room(const struct relays *r);
