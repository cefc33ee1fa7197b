#pragma once

#include "loop/loop.h"

/*
 * What an operator says by signals (spec operations.md, "Keeping it up"): the first SIGTERM or
 * SIGINT drains, the second one stops at once, SIGHUP reads the configuration again. SIGPIPE is
 * ignored: a write to a closed socket is an error of that write.
 */
struct signals_events {
	void (*drain)(void *user);
	void (*stop)(void *user);
	void (*reload)(void *user);
};

struct signals;

/* The events are called on the loop. */
struct signals *signals_create(struct loop *l, const struct signals_events *events, void *user);
void signals_destroy(struct signals **s); /* nulls; *s may be NULL */
