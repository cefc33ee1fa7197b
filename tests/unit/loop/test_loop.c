#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/timer.h"
#include "support.h"

struct trace {
	struct loop *loop;
	char text[64];
	unsigned n;
};

static void add_a(void *arg)
{
	struct trace *t = arg;
	t->text[t->n++] = 'a';
}

static void add_b_then_a(void *arg)
{
	struct trace *t = arg;
	t->text[t->n++] = 'b';
	loop_defer(t->loop, add_a, t);
}

static void deferred_runs_in_order_and_never_inside_the_call(void **state)
{
	struct fixture f;
	struct trace t = {.text = ""};
	fixture_init(&f);
	t.loop = f.loop;
	loop_defer(f.loop, add_b_then_a, &t);
	loop_defer(f.loop, add_a, &t);
	assert_string_equal(t.text, "");
	run_until(&f, strlen(t.text) == 3);
	assert_string_equal(t.text, "baa");
	fixture_finish(&f);
}

static void deferred_is_run_at_the_end_too(void **state)
{
	struct fixture f;
	struct trace t = {.text = ""};
	fixture_init(&f);
	t.loop = f.loop;
	loop_defer(f.loop, add_b_then_a, &t);
	fixture_finish(&f);
	assert_string_equal(t.text, "ba");
}

struct timed {
	struct timer *timer;
	struct loop *loop;
	unsigned fired;
};

static void fire_and_destroy(void *user)
{
	struct timed *t = user;
	t->fired++;
	timer_destroy(&t->timer);
}

static void timer_may_be_destroyed_by_its_callback(void **state)
{
	struct fixture f;
	struct timed t = {0};
	fixture_init(&f);
	t.timer = loop_timer_create(f.loop, "test", fire_and_destroy, &t);
	timer_start(t.timer, 0);
	assert_true(timer_active(t.timer));
	assert_int_equal(t.fired, 0);
	run_until(&f, t.fired);
	assert_null(t.timer);
	timer_destroy(&t.timer);
	fixture_finish(&f);
	assert_int_equal(t.fired, 1);
}

static void fire_thrice(void *user)
{
	struct timed *t = user;
	if (++t->fired < 3)
		return;
	timer_stop(t->timer);
	loop_stop(t->loop);
}

static void timer_repeats_until_stopped(void **state)
{
	struct fixture f;
	struct timed t = {0};
	fixture_init(&f);
	t.loop = f.loop;
	t.timer = loop_timer_create(f.loop, "test", fire_thrice, &t);
	timer_repeat(t.timer, 1000);
	loop_run(f.loop);
	assert_int_equal(t.fired, 3);
	assert_false(timer_active(t.timer));
	timer_destroy(&t.timer);
	fixture_finish(&f);
}

static unsigned slow_lines;

static void count_slow(const char *line, void *user)
{
	if (strstr(line, "slow callback") && strstr(line, (const char *)user))
		slow_lines++;
}

static void slow_callback_is_named_once(void **state)
{
	struct clock_manual clock;
	struct metrics *metrics = metrics_create();
	clock_manual_init(&clock, 0);
	struct loop *l = loop_create(&(struct loop_config){
		.clock = &clock.clock, .metrics = metrics, .max_connections = 8});
	slow_lines = 0;
	log_set_sink(count_slow, "inner");
	loop_enter(l, "outer");
	loop_enter(l, "inner");
	clock_manual_advance(&clock, 50001);
	loop_leave(l);
	loop_leave(l);
	loop_enter(l, "inner");
	clock_manual_advance(&clock, 50000);
	loop_leave(l);
	log_set_sink(NULL, NULL);
	assert_int_equal(slow_lines, 1);
	assert_int_equal(metric_count(metrics_counter(
				 metrics, "souk_loop_slow_callbacks_total", NULL, NULL)),
		1);
	loop_destroy(l);
	metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deferred_runs_in_order_and_never_inside_the_call),
		cmocka_unit_test(deferred_is_run_at_the_end_too),
		cmocka_unit_test(timer_may_be_destroyed_by_its_callback),
		cmocka_unit_test(timer_repeats_until_stopped),
		cmocka_unit_test(slow_callback_is_named_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
