#pragma once

#include <stdbool.h>

#include "loop/loop.h"

/*
 * Work of many small steps that must not hold the loop: so many of them as a few milliseconds take,
 * then the loop's other business, then more. Loop thread only.
 */
struct pacer;

/* step does a little; false: nothing is left to do. */
struct pacer *pacer_create(struct loop *l, const char *name, bool (*step)(void *user), void *user);
void pacer_destroy(struct pacer **p); /* nulls; NULL is fine */
/* There is work: in the loop's next turn, never inside the call. */
void pacer_wake(struct pacer *p);
