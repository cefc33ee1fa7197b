#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/loop.h"
#include "signals.h"
#include "support/test.h"

struct trace {
	struct loop *loop;
	char text[32];
};

/* Each event brings on the next, so that the order does not hang on time. */
static void on_reload(void *user)
{
	struct trace *t = user;
	strncat(t->text, "reload ", sizeof(t->text) - strlen(t->text) - 1);
	raise(SIGTERM);
}

static void on_drain(void *user)
{
	struct trace *t = user;
	strncat(t->text, "drain ", sizeof(t->text) - strlen(t->text) - 1);
	raise(SIGINT);
}

static void on_stop(void *user)
{
	struct trace *t = user;
	strncat(t->text, "stop", sizeof(t->text) - strlen(t->text) - 1);
	loop_stop(t->loop);
}

static void second_end_stops_at_once(void **state)
{
	static const struct signals_events events = {
		.drain = on_drain, .stop = on_stop, .reload = on_reload};
	log_set_levels("off");
	struct trace t = {0};
	t.loop = loop_create(&(struct loop_config){.clock = &clock_system,
		.max_connections = 8,
		.work_threads_fast = 1,
		.work_threads_slow = 1});
	assert_non_null(t.loop);
	struct signals *s = signals_create(t.loop, &events, &t);
	raise(SIGPIPE);
	raise(SIGHUP);
	loop_run(t.loop);
	assert_string_equal(t.text, "reload drain stop");
	signals_destroy(&s);
	assert_null(s);
	loop_destroy(t.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(second_end_stops_at_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
