#pragma once

#include "loop/loop.h"

/* A signal of the operating system (SIGTERM, …), told on the loop instead of in a handler. */
struct os_signal;

/* `name` marks the callback for the slow-callback log. The watch does not keep the loop running. */
struct os_signal *os_signal_create(
	struct loop *l, int number, const char *name, void (*caught)(void *user), void *user);
void os_signal_destroy(
	struct os_signal **s); /* nulls; *s may be NULL; the default action is back */
