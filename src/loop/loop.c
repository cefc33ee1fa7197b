#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "loop"

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "loop/work.h"
#include "loop_private.h"

#define LAG_PERIOD_MS 100
#define SLOW_US 50000
#define CLOSING_TURNS 10000

static const double lag_bounds[] = {
	0.001,
	0.0025,
	0.005,
	0.01,
	0.015,
	0.02,
	0.025,
	0.05,
	0.1,
	0.25,
	0.5,
	1,
};

static void deferred_run(struct loop *l)
{
	size_t n = l->n_deferred;
	struct deferred *batch = l->deferred;
	size_t cap = l->cap_deferred;

	l->deferred = l->running;
	l->cap_deferred = l->cap_running;
	l->n_deferred = 0;
	l->running = NULL;
	l->cap_running = 0;
	for (size_t i = 0; i < n; i++) {
		loop_enter(l, "deferred");
		batch[i].fn(batch[i].arg);
		loop_leave(l);
	}
	l->running = batch;
	l->cap_running = cap;
}

static void on_prepare(uv_prepare_t *handle)
{
	struct loop *l = handle->data;
	if (l->n_deferred)
		deferred_run(l);
	if (!l->n_deferred)
		uv_idle_stop(&l->idle);
}

static void on_idle(uv_idle_t *handle)
{
	(void)handle;
}

static void on_lag(uv_timer_t *handle)
{
	struct loop *l = handle->data;
	uint64_t now = loop_now_us(l);
	uint64_t late = now > l->lag_expected_us ? now - l->lag_expected_us : 0;

	metric_observe(l->lag, (double)late / 1e6);
	l->lag_expected_us = now + LAG_PERIOD_MS * 1000;
}

static void handles_init(struct loop *l)
{
	must(uv_prepare_init(&l->uv, &l->prepare) == 0);
	must(uv_idle_init(&l->uv, &l->idle) == 0);
	must(uv_timer_init(&l->uv, &l->lag_timer) == 0);
	l->prepare.data = l->idle.data = l->lag_timer.data = l;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_timer_start(&l->lag_timer, on_lag, LAG_PERIOD_MS, LAG_PERIOD_MS);
	l->lag_expected_us = loop_now_us(l) + LAG_PERIOD_MS * 1000;
}

struct loop *loop_create(const struct loop_config *config)
{
	struct loop *l = mem_new(struct loop);
	l->clock = config->clock ? config->clock : &clock_system;
	l->metrics = config->metrics;
	if (l->metrics) {
		l->lag = metrics_histogram(l->metrics, "souk_loop_lag_seconds", NULL,
			"How late the loop's timer fires.", lag_bounds,
			sizeof(lag_bounds) / sizeof(lag_bounds[0]));
		l->slow = metrics_counter(l->metrics, "souk_loop_slow_callbacks_total", NULL,
			"Callbacks that held the loop for over 50 ms.");
	}
	must(uv_loop_init(&l->uv) == 0);
	handles_init(l);
	if (!loop_lws_create(l, config->max_connections)) {
		log_error("libwebsockets refuses to start",
			kv_str("hint", "is libwebsockets-evlib-uv installed?"));
		loop_destroy(l);
		return NULL;
	}
	l->work = work_create(l, config->work_threads_fast ? config->work_threads_fast : 1,
		config->work_threads_slow ? config->work_threads_slow : 1,
		config->work_threads_net ? config->work_threads_net : 1);
	return l;
}

void loop_turn(struct loop *l)
{
	for (unsigned i = 0; i < CLOSING_TURNS && uv_run(&l->uv, UV_RUN_NOWAIT); i++)
		;
}

static void log_open_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	log_error("handle left open", kv_str("type", uv_handle_type_name(handle->type)),
		kv_bool("closing", uv_is_closing(handle)));
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	work_destroy(&l->work);
	while (l->n_deferred)
		deferred_run(l);
	uv_close((uv_handle_t *)&l->lag_timer, NULL);
	uv_idle_stop(&l->idle);
	uv_unref((uv_handle_t *)&l->prepare);
	loop_lws_destroy(l);
	while (l->n_deferred)
		deferred_run(l);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->idle, NULL);
	loop_turn(l);
	if (uv_loop_close(&l->uv))
		uv_walk(&l->uv, log_open_handle, NULL);
	free(l->deferred);
	free(l->running);
	free(l);
}

void loop_run(struct loop *l)
{
	while (!l->stopped)
		uv_run(&l->uv, UV_RUN_DEFAULT);
	l->stopped = false;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
	uv_stop(&l->uv);
}

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}

struct lws_context *loop_lws(struct loop *l)
{
	return l->lws;
}

struct work *loop_work(struct loop *l)
{
	return l->work;
}

const struct clock *loop_clock(const struct loop *l)
{
	return l->clock;
}

struct metrics *loop_metrics(const struct loop *l)
{
	return l->metrics;
}

uint64_t loop_now_us(const struct loop *l)
{
	return clock_mono_us(l->clock);
}

void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
	if (l->n_deferred == l->cap_deferred) {
		l->cap_deferred = l->cap_deferred ? 2 * l->cap_deferred : 32;
		l->deferred = mem_realloc(l->deferred, l->cap_deferred * sizeof(*l->deferred));
	}
	l->deferred[l->n_deferred++] = (struct deferred){fn, arg};
	if (l->n_deferred == 1 && !uv_is_closing((uv_handle_t *)&l->idle))
		uv_idle_start(&l->idle, on_idle);
}

void loop_enter(struct loop *l, const char *name)
{
	unsigned at = l->depth++;
	if (at < LOOP_DEPTH)
		l->marks[at] = (struct loop_mark){.name = name, .since_us = loop_now_us(l)};
}

void loop_leave(struct loop *l)
{
	must(l->depth > 0);
	unsigned at = --l->depth;
	if (at >= LOOP_DEPTH)
		return;
	struct loop_mark *mark = &l->marks[at];
	uint64_t took = loop_now_us(l) - mark->since_us;
	if (took <= SLOW_US)
		return;
	if (!mark->reported) {
		metric_add(l->slow, 1);
		log_warn("slow callback", kv_str("name", mark->name), kv_u64("us", took));
	}
	if (at > 0)
		l->marks[at - 1].reported = true;
}
