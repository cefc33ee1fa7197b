#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"

/*
 * The event loop: libuv, with one libwebsockets context on it. Everything that belongs to a loop
 * hangs off its struct; there are no globals, so several loops can run in one process. All calls on
 * the loop's thread unless a header says otherwise.
 */
struct loop;
struct uv_loop_s;
struct lws_context;

struct loop_config {
	const struct clock *clock;
	struct metrics *metrics; /* souk_loop_lag_seconds, souk_loop_slow_callbacks_total */
	unsigned max_connections; /* descriptors that libwebsockets prepares for */
	unsigned work_threads_fast, work_threads_slow, work_threads_net; /* 0: 1 */
};

struct loop *loop_create(const struct loop_config *config);
void loop_destroy(struct loop *l); /* after loop_run returned; runs what is left of closing */
/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

struct uv_loop_s *loop_uv(struct loop *l);
struct lws_context *loop_lws(struct loop *l);
const struct clock *loop_clock(const struct loop *l);
struct metrics *loop_metrics(const struct loop *l);
uint64_t loop_now_us(const struct loop *l); /* monotonic */

/*
 * Runs fn(arg) on the loop, never inside this call, before the loop sleeps again; in the order
 * of the calls. Loop thread only (other threads: mailbox).
 */
void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg);

/* Marks the callback that runs now, so that one over 50 ms is logged with its name. Nests. */
void loop_enter(struct loop *l, const char *name);
void loop_leave(struct loop *l);
