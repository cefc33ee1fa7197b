#include "hand.h"

#include <stdlib.h>
#include <string.h>

static void defer(void *user, void (*fn)(void *arg), void *arg)
{
	struct hand *h = user;

	if (h->n_deferred == sizeof(h->deferred) / sizeof(h->deferred[0]))
		abort();
	h->deferred[h->n_deferred].fn = fn;
	h->deferred[h->n_deferred++].arg = arg;
}

void hand_turn(struct hand *h)
{
	while (h->n_deferred > 0) {
		void (*fn)(void *arg) = h->deferred[0].fn;
		void *arg = h->deferred[0].arg;

		h->n_deferred--;
		memmove(h->deferred, h->deferred + 1, h->n_deferred * sizeof(h->deferred[0]));
		fn(arg);
	}
}

static void turn(struct state_backend *b)
{
	hand_turn((struct hand *)b);
}

static void pass(struct state_backend *b, uint64_t ms)
{
	clock_manual_advance(&((struct hand *)b)->clock, ms * 1000);
}

void hand_init(struct hand *h, size_t max_entries)
{
	*h = (struct hand){.backend = {.turn = turn, .pass = pass}};
	clock_manual_init(&h->clock, 1770000000000000);
	h->memory = state_memory_create(&(struct state_memory_config){.clock = &h->clock.clock,
		.defer = defer,
		.defer_user = h,
		.max_entries = max_entries});
	h->backend.state = state_memory_state(h->memory);
}

void hand_finish(struct hand *h)
{
	state_memory_destroy(&h->memory);
	hand_turn(h);
}
