#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "live/registry.h"
#include "loop/loop.h"
#include "model/repo.h"

/*
 * Live streams sent on to other servers (spec media.md, "Relay"). Every target that is stored for a
 * stream gets what the stream's feed gives, from the time that it has a publisher until it ends:
 * librtmp pushes it from a thread of its own, which the loop never waits for. A target that is slow
 * loses whole groups of pictures; one that fails is tried again, later and later. Loop thread only.
 *
 *   STORED ──▶ CONNECTING ──accepted──▶ LIVE ◀──encoder back / lost──▶ PAUSED
 *                  ▲  │ failed            │ failed                       │ failed
 *       time, or   │  ▼                   │                              ▼
 *   encoder back  WAITING ◀───────────────┘          (PAUSED still: no encoder, no attempt)
 *
 * STOPPED: the stream is over. Targets that are added or taken away while the stream is live begin
 * or end at once; the others are left alone.
 */
#define RELAY_STATE_TABLE(X) \
	X(STORED, "stored") \
	X(CONNECTING, "connecting") \
	X(LIVE, "live") \
	X(WAITING, "waiting") \
	X(PAUSED, "paused") \
	X(STOPPED, "stopped")

enum relay_state {
#define X(name, text) RELAY_##name,
	RELAY_STATE_TABLE(X)
#undef X
		RELAY_STATES
};
const char *relay_state_text(enum relay_state s);

#define RELAY_ERROR_SIZE 256

struct relay_config {
	uint64_t connect_us; /* for everything up to being accepted */
	uint64_t stall_us; /* a target that takes nothing for so long has failed */
	uint64_t backoff_min_us, backoff_max_us;
	size_t queue_max; /* bytes that wait for a target; more: on to the next keyframe */
	uint64_t queue_us; /* and how long they may */
	unsigned targets_max; /* connections in all; 0: no bound */
	/* Networks of which a target may be though they are private, with commas between; NULL:
	 * none. Texts are copied. */
	const char *allow;
	bool tls_verify;
	const char *ca_file; /* PEM; NULL: the system's */
};

struct relay_status {
	enum relay_state state;
	uint64_t since_ms; /* wall: of the state; 0: STORED */
	uint64_t next_ms; /* wall: of the next attempt, WAITING only */
	uint64_t bytes; /* of tags that were sent */
	uint64_t dropped; /* packets that the target was too slow for */
	uint64_t attempts, connects; /* made, and accepted */
	const char *error; /* the last failure's; NULL: none. Lives for the turn of the loop. */
};

struct relays;

/* `registry` is borrowed; streams that are live already are taken up. */
struct relays *relays_create(struct loop *l, struct live_registry *registry, struct repo repo,
	const struct relay_config *config);
/* Breaks off what still goes. Before the registry. */
void relays_destroy(struct relays **r);
/* Says goodbye to all targets; nothing begins any more. */
void relays_drain(struct relays *r);
/* For attempts from now on. */
void relays_reconfigure(struct relays *r, const struct relay_config *config);
/* Of a target by its row's id; STORED if it is not of a live stream. */
void relays_status(const struct relays *r, struct uuid stream_id, struct uuid relay_id,
	struct relay_status *out);
