#pragma once

#include <uv.h>

#include "base/metrics.h"
#include "loop/loop.h"

/* What the files of src/loop share; nobody else includes it. */

#define LOOP_DEPTH 16

struct loop_mark {
	const char *name;
	uint64_t since_us;
	bool reported; /* an inner mark was slow already: the outer one is not logged for it again
			*/
};

struct deferred {
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	struct lws_context *lws;
	char **vhost_names; /* libwebsockets keeps pointers to them */
	unsigned n_vhost_names;
	const struct clock *clock;
	struct metrics *metrics;
	struct work *work;
	bool stopped;

	uv_prepare_t prepare;
	uv_idle_t idle; /* keeps the loop from sleeping while something is deferred */
	struct deferred *deferred, *running;
	size_t n_deferred, cap_deferred, cap_running;

	uv_timer_t lag_timer;
	uint64_t lag_expected_us;
	struct metric *lag, *slow;

	struct loop_mark marks[LOOP_DEPTH];
	unsigned depth;
};

bool loop_lws_create(struct loop *l, unsigned max_connections);
/* Destroys the context; runs the loop as far as its closing needs. */
void loop_lws_destroy(struct loop *l);
/* Turns of the loop that do not wait, until nothing is left to close (or it does not get less). */
void loop_turn(struct loop *l);

struct work *work_create(struct loop *l, unsigned fast, unsigned slow, unsigned net);
/* Everything submitted is run and reported first. */
void work_destroy(struct work **w);
