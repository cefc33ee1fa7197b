#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"

/*
 * Threads with an own inbox each, for what is computed rather than waited for and must stay in
 * order (loop/work.h has the lanes for the rest). Somebody takes a worker and sends it errands:
 * they run there one after the other, and come back to the loop in the same order.
 *
 * Errands leave together when a turn of the loop ends, so that a worker is woken once for all of
 * them; those that bring nothing back come with others that do, or when the next ones leave.
 */
struct workers;
struct worker;
struct errand;

struct errand_ops {
	/* On the loop, as it leaves: nothing may be added to it any more. */
	void (*leave)(struct errand *e);
	/* On the worker's thread. True: the loop should hear of it at once. */
	bool (*run)(struct errand *e);
	/* Back on the loop, never inside worker_send; the errand is its owner's again. */
	void (*done)(struct errand *e);
};

struct errand {
	const struct errand_ops *ops; /* live longer */
	size_t bytes; /* that it holds, for the figures; fixed when it leaves */
	/* The worker's own. */
	struct list link;
	uint64_t left_us;
};

/*
 * n threads, named souk-NAME-0 and so on; NAME has no more than 7 letters. Figures of each:
 * souk_NAME_worker_lag_seconds (how long errands wait), _queue_bytes, _users, and
 * _cpu_microseconds_total.
 */
struct workers *workers_create(struct loop *l, const char *name, unsigned n);
/* What was sent is run and comes back inside this call; nobody may have one any more. */
void workers_destroy(struct workers **w);
/* The same without the end: blocks until nothing is under way. */
void workers_settle(struct workers *w);

/* The one that fewest others have. */
struct worker *workers_take(struct workers *w);
void worker_give_back(
	struct worker **w); /* NULL is fine; errands under way come back all the same */
unsigned worker_number(const struct worker *w);
void worker_send(struct worker *w, struct errand *e);
