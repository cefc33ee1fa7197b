#pragma once

#include "loop/loop.h"

/*
 * The one way from another thread into the loop: fn(arg) runs on the loop, in order per thread. The
 * loop never waits for a thread that posts, whatever its priority.
 */
struct mailbox;

struct mailbox *mailbox_create(struct loop *l);
/* What is queued is still run. No post may come after. */
void mailbox_destroy(struct mailbox **m);
void mailbox_post(struct mailbox *m, void (*fn)(void *arg), void *arg); /* any thread */
/* mailbox_post in the shape that lower floors take as a plain function. */
void mailbox_post_fn(void *mailbox, void (*fn)(void *arg), void *arg);
/* Waits for letters and delivers them: for the loop's thread while the loop does not run. */
void mailbox_wait(struct mailbox *m);
