#pragma once

#include "loop/loop.h"

/*
 * Tells when a descriptor is readable: level-triggered, by libuv. The descriptor stays the
 * caller's, who closes it after watch_destroy. Loop thread only.
 */
struct watch;

struct watch *loop_watch_create(
	struct loop *l, const char *name, int fd, void (*readable)(void *user), void *user);
void watch_destroy(struct watch **w); /* no call after this; nulls; *w may be NULL */
