#include <pthread.h>

#include "base/mem.h"
#include "loop/workers.h"
#include "support.h"

#define WORKERS 2
#define ERRANDS 3000

struct log {
	unsigned left, run, back; /* how many; each written by one thread alone */
	bool in_order, ran_in_order; /* likewise */
	bool strange_thread, ran_on_strange_thread;
	pthread_t loop_thread, worker_thread;
};

struct thing {
	struct errand errand;
	struct log *log;
	unsigned number;
	bool tell;
	struct worker *again; /* where the next one goes when this one is back */
};

static void thing_leave(struct errand *e)
{
	struct thing *t = container_of(e, struct thing, errand);

	t->log->in_order = t->log->in_order && t->number == t->log->left;
	t->log->left++;
}

static bool thing_run(struct errand *e)
{
	struct thing *t = container_of(e, struct thing, errand);

	t->log->ran_in_order = t->log->ran_in_order && t->number == t->log->run;
	if (t->log->run++ == 0)
		t->log->worker_thread = pthread_self();
	if (!pthread_equal(t->log->worker_thread, pthread_self()))
		t->log->ran_on_strange_thread = true;
	return t->tell;
}

static void send_thing(struct worker *w, struct log *log, unsigned number, bool tell);

static void thing_done(struct errand *e)
{
	struct thing *t = container_of(e, struct thing, errand);
	struct log *log = t->log;

	log->in_order = log->in_order && t->number == log->back;
	log->back++;
	if (!pthread_equal(log->loop_thread, pthread_self()))
		log->strange_thread = true;
	if (t->again)
		send_thing(t->again, log, t->number + 1, true);
	free(t);
}

static const struct errand_ops ops = {thing_leave, thing_run, thing_done};

static struct thing *thing_create(struct log *log, unsigned number, bool tell)
{
	struct thing *t = mem_new(struct thing);

	*t = (struct thing){
		.errand = {.ops = &ops, .bytes = 10}, .log = log, .number = number, .tell = tell};
	return t;
}

static void send_thing(struct worker *w, struct log *log, unsigned number, bool tell)
{
	worker_send(w, &thing_create(log, number, tell)->errand);
}

static struct log log_new(void)
{
	return (struct log){.in_order = true, .ran_in_order = true, .loop_thread = pthread_self()};
}

/* Each runs its own in order, on one thread that is not the loop's, while more is sent. */
static void errands_keep_their_order(void **state)
{
	struct fixture f;
	struct log logs[WORKERS] = {log_new(), log_new()};
	struct worker *w[WORKERS];

	fixture_init(&f);
	struct workers *all = workers_create(f.loop, "test", WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		w[i] = workers_take(all);
	assert_ptr_not_equal(w[0], w[1]);
	for (unsigned n = 0; n < ERRANDS; n++) {
		for (unsigned i = 0; i < WORKERS; i++)
			send_thing(w[i], &logs[i], n, n % 7 == 0 || n + 1 == ERRANDS);
		if (n % 100 == 0)
			uv_run(loop_uv(f.loop), UV_RUN_NOWAIT);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		run_until(&f, logs[i].back == ERRANDS);
		assert_int_equal(logs[i].run, ERRANDS);
		assert_true(logs[i].in_order && logs[i].ran_in_order);
		assert_false(logs[i].strange_thread || logs[i].ran_on_strange_thread);
		assert_false(pthread_equal(logs[i].worker_thread, pthread_self()));
		worker_give_back(&w[i]);
	}
	assert_false(pthread_equal(logs[0].worker_thread, logs[1].worker_thread));
	workers_destroy(&all);
	fixture_finish(&f);
}

static void they_leave_when_the_turn_ends(void **state)
{
	struct fixture f;
	struct log log = log_new();

	fixture_init(&f);
	struct workers *all = workers_create(f.loop, "test", 1);
	struct worker *w = workers_take(all);
	send_thing(w, &log, 0, false);
	send_thing(w, &log, 1, true);
	assert_int_equal(log.left, 0);
	/* Whoever brings nothing back comes with the one that does. */
	run_until(&f, log.back > 0);
	run_until(&f, log.back == 2);
	assert_int_equal(log.left, 2);
	worker_give_back(&w);
	workers_destroy(&all);
	fixture_finish(&f);
}

static void figures_are_kept_of_each(void **state)
{
	struct fixture f;
	struct log log = log_new();

	fixture_init(&f);
	struct workers *all = workers_create(f.loop, "test", 1);
	struct worker *w = workers_take(all);
	struct metric *queue =
		metrics_find(f.metrics, "souk_test_worker_queue_bytes", "worker=\"0\"");
	struct metric *users = metrics_find(f.metrics, "souk_test_worker_users", "worker=\"0\"");
	struct metric *lag =
		metrics_find(f.metrics, "souk_test_worker_lag_seconds", "worker=\"0\"");
	assert_non_null(
		metrics_find(f.metrics, "souk_test_worker_cpu_microseconds_total", "worker=\"0\""));
	assert_int_equal(metric_count(users), 1);
	send_thing(w, &log, 0, false);
	send_thing(w, &log, 1, false);
	workers_settle(all);
	assert_int_equal(metric_count(queue), 0);
	assert_int_equal(metric_count(lag), 2);
	worker_give_back(&w);
	assert_int_equal(metric_count(users), 0);
	workers_destroy(&all);
	fixture_finish(&f);
}

static void who_has_fewest_is_taken(void **state)
{
	struct fixture f;
	struct worker *w[5];

	fixture_init(&f);
	struct workers *all = workers_create(f.loop, "test", 2);
	for (unsigned i = 0; i < 4; i++)
		w[i] = workers_take(all);
	assert_int_equal(worker_number(w[0]), 0);
	assert_int_equal(worker_number(w[1]), 1);
	assert_int_equal(worker_number(w[2]), 0);
	assert_int_equal(worker_number(w[3]), 1);
	worker_give_back(&w[1]);
	w[1] = workers_take(all);
	assert_int_equal(worker_number(w[1]), 1);
	for (unsigned i = 0; i < 4; i++)
		worker_give_back(&w[i]);
	w[4] = NULL;
	worker_give_back(&w[4]);
	workers_destroy(&all);
	fixture_finish(&f);
}

/* Also what is sent by what comes back. */
static void settling_waits_for_all_that_is_under_way(void **state)
{
	struct fixture f;
	struct log log = log_new();

	fixture_init(&f);
	struct workers *all = workers_create(f.loop, "test", 1);
	struct worker *w = workers_take(all);
	for (unsigned n = 0; n < 99; n++)
		send_thing(w, &log, n, false);
	struct thing *last = thing_create(&log, 99, false);
	last->again = w;
	worker_send(w, &last->errand);
	workers_settle(all);
	assert_int_equal(log.back, 101);
	workers_settle(all);
	send_thing(w, &log, 101, true);
	worker_give_back(&w);
	workers_destroy(&all);
	assert_int_equal(log.back, 102);
	assert_true(log.in_order);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errands_keep_their_order),
		cmocka_unit_test(they_leave_when_the_turn_ends),
		cmocka_unit_test(figures_are_kept_of_each),
		cmocka_unit_test(who_has_fewest_is_taken),
		cmocka_unit_test(settling_waits_for_all_that_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
