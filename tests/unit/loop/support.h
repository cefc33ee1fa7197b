#pragma once

/* cmocka.h needs the others before it, which sorting would undo. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#include "base/metrics.h"
#include "loop/loop.h"

/* A loop with real time whose turns the test makes itself. */
struct fixture {
	struct metrics *metrics;
	struct loop *loop;
};

static inline void fixture_init(struct fixture *f)
{
	f->metrics = metrics_create();
	f->loop = loop_create(&(struct loop_config){
		.clock = &clock_system, .metrics = f->metrics, .max_connections = 64});
}

static inline void fixture_finish(struct fixture *f)
{
	loop_destroy(f->loop);
	metrics_destroy(f->metrics);
}

/* Turns that may sleep, until the condition holds: a test that fails here hangs till its limit. */
#define run_until(f, condition) \
	while (!(condition)) \
	uv_run(loop_uv((f)->loop), UV_RUN_ONCE)
