#pragma once

#include "base/bucket.h"
#include "base/map.h"
#include "loop/timer.h"
#include "ws/peer.h"

/* What peer.c and peers.c share. */
struct peers {
	struct peers_config config;
	struct list all, ending;
	struct map *users; /* struct peer_user by id */
	struct buckets *handshakes; /* by address */
	struct timer *second; /* looks for tokens that expire */
	struct timer *drain;
	uint64_t drain_step_us;
	void (*drained)(void *user);
	void *drained_user;
	struct signal seen, ended, identified;
	struct {
		const struct room_kind *kind;
		void *user;
	} kinds[ROOM_KINDS_MAX];
	unsigned n_kinds;
	struct metric *open, *slow, *malformed;
	struct metric *sockets[HUB_FRAMINGS];
	struct peer_limit_count {
		struct metric *met;
		uint64_t untold; /* since the last line of the log */
		uint64_t told_us;
	} limits[PEER_LIMITS];
	uint64_t last_number;
	unsigned count;
	bool draining, reap_asked, orphaned;
};

struct peer_user {
	struct list peers;
	unsigned count;
};

void peers_reap_later(struct peers *p);
/* Leaves everything and destroys it. */
void peer_reap(struct peer *p);
/* events.c: what is under way will be answered to nobody. */
void peer_calls_forget(struct peer *p);
/* peers_limits.c */
void peers_limits_register(struct peers *p);
