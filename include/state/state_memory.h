#pragma once

#include "base/clock.h"
#include "base/metrics.h"
#include "state/state.h"

/*
 * The state in the process: for one node, and for tests. A batch is carried out inside the call and
 * answered from the loop. Keys whose time is over are not seen again from that moment, and their
 * memory is given back by a wheel that every batch turns.
 */
struct state_memory;

struct state_memory_config {
	const struct clock *clock;
	/* Runs fn(arg) soon, never inside the call, in order: loop_defer, or a test's own. */
	void (*defer)(void *user, void (*fn)(void *arg), void *arg);
	void *defer_user;
	struct metrics *metrics; /* souk_state_entries; may be NULL */
	size_t max_entries; /* keys and members; 0: 4,000,000 */
};

struct state_memory *state_memory_create(const struct state_memory_config *config);
/* What is under way is not answered. */
void state_memory_destroy(struct state_memory **m);
struct state state_memory_state(struct state_memory *m);

size_t state_memory_entries(const struct state_memory *m);
/* Gives back what is over; every batch does it too. */
void state_memory_sweep(struct state_memory *m);
