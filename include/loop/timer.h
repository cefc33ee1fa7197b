#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

/*
 * A timer on the loop. Never fires inside a call. The owner may destroy it in its own callback.
 */
struct timer;

/* Not timer_create: that one is POSIX's, in <time.h>. */
struct timer *loop_timer_create(
	struct loop *l, const char *name, void (*fire)(void *user), void *user);
void timer_destroy(struct timer **t); /* stops; nulls; *t may be NULL */
void timer_start(struct timer *t, uint64_t after_us); /* once; restarts a running one */
void timer_repeat(struct timer *t, uint64_t every_us);
void timer_stop(struct timer *t);
bool timer_active(const struct timer *t);
