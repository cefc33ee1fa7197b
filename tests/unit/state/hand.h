#pragma once

#include "state/state_memory.h"
#include "support/state_contract.h"

/* A state in memory, with a clock and a loop that the test turns by hand. */
struct hand {
	struct state_backend backend; /* first: the contract takes the state for one */
	struct clock_manual clock;
	struct state_memory *memory;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} deferred[64];
	size_t n_deferred;
};

void hand_init(struct hand *h, size_t max_entries);
void hand_finish(struct hand *h);
void hand_turn(struct hand *h);
