#include <pthread.h>
#include <sys/resource.h>

#include "loop/work.h"
#include "support.h"

/* A gate that holds a lane's only thread until the test opens it. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool reached, open;
};

static void gate_init(struct gate *g)
{
	*g = (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
}

static void gate_pass(void *arg)
{
	struct gate *g = arg;
	pthread_mutex_lock(&g->lock);
	g->reached = true;
	pthread_cond_broadcast(&g->wake);
	while (!g->open)
		pthread_cond_wait(&g->wake, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_await(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	while (!g->reached)
		pthread_cond_wait(&g->wake, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->wake);
	pthread_mutex_unlock(&g->lock);
}

struct job {
	unsigned order;
	unsigned *counter;
	bool ran, done, cancelled;
	pthread_t thread;
};

static void job_run(void *arg)
{
	struct job *j = arg;
	j->ran = true;
	j->thread = pthread_self();
	if (j->counter)
		j->order = (*j->counter)++;
}

static void job_done(void *arg, bool cancelled)
{
	struct job *j = arg;
	j->done = true;
	j->cancelled = cancelled;
}

static void done_comes_on_the_loop_not_inside_the_call(void **state)
{
	struct fixture f;
	struct job j = {0};
	fixture_init(&f);
	work_submit(loop_work(f.loop), WORK_FAST, job_run, job_done, &j);
	assert_false(j.done);
	run_until(&f, j.done);
	assert_true(j.ran);
	assert_false(j.cancelled);
	assert_false(pthread_equal(j.thread, pthread_self()));
	fixture_finish(&f);
}

static void slow_lane_does_not_hold_up_the_fast(void **state)
{
	struct fixture f;
	struct gate g;
	struct job j = {0};
	gate_init(&g);
	fixture_init(&f);
	work_submit(loop_work(f.loop), WORK_SLOW, gate_pass, NULL, &g);
	gate_await(&g);
	work_submit(loop_work(f.loop), WORK_FAST, job_run, job_done, &j);
	run_until(&f, j.done);
	gate_open(&g);
	fixture_finish(&f);
}

struct niceness {
	int value;
	bool done;
};

static void niceness_run(void *arg)
{
	struct niceness *n = arg;
	n->value = getpriority(PRIO_PROCESS, 0);
}

static void niceness_done(void *arg, bool cancelled)
{
	struct niceness *n = arg;
	n->done = !cancelled;
}

static void slow_work_gives_way(void **state)
{
	struct fixture f;
	struct niceness fast = {0}, slow = {0};
	int mine = getpriority(PRIO_PROCESS, 0);
	fixture_init(&f);
	work_submit(loop_work(f.loop), WORK_FAST, niceness_run, niceness_done, &fast);
	work_submit(loop_work(f.loop), WORK_SLOW, niceness_run, niceness_done, &slow);
	run_until(&f, fast.done && slow.done);
	assert_int_equal(fast.value, mine);
	/* 19 is the last. */
	assert_int_equal(slow.value, mine + 10 < 19 ? mine + 10 : 19);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), mine);
	fixture_finish(&f);
}

static void cancelled_job_is_not_run_but_reported(void **state)
{
	struct fixture f;
	struct gate g;
	struct job waiting = {0};
	gate_init(&g);
	fixture_init(&f);
	struct work *w = loop_work(f.loop);
	work_submit(w, WORK_FAST, gate_pass, NULL, &g);
	gate_await(&g);
	struct work_job *job = work_submit(w, WORK_FAST, job_run, job_done, &waiting);
	work_cancel(w, job);
	work_cancel(w, job);
	assert_false(waiting.done);
	run_until(&f, waiting.done);
	assert_true(waiting.cancelled);
	assert_false(waiting.ran);
	gate_open(&g);
	fixture_finish(&f);
}

static void queue_runs_one_at_a_time_in_order(void **state)
{
	struct loop *l = loop_create(&(struct loop_config){
		.clock = &clock_system, .max_connections = 8, .work_threads_fast = 4});
	struct job jobs[50] = {0};
	unsigned counter = 0;
	struct work_queue *q = work_queue_create(loop_work(l), WORK_FAST);
	for (unsigned i = 0; i < 50; i++) {
		jobs[i].counter = &counter;
		work_queue_submit(q, job_run, job_done, &jobs[i]);
	}
	assert_int_equal(work_queue_length(q), 50);
	while (!jobs[24].done)
		uv_run(loop_uv(l), UV_RUN_ONCE);
	work_queue_release(&q);
	assert_null(q);
	loop_destroy(l);
	for (unsigned i = 0; i < 50; i++) {
		assert_true(jobs[i].done);
		assert_int_equal(jobs[i].order, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(done_comes_on_the_loop_not_inside_the_call),
		cmocka_unit_test(slow_lane_does_not_hold_up_the_fast),
		cmocka_unit_test(slow_work_gives_way),
		cmocka_unit_test(cancelled_job_is_not_run_but_reported),
		cmocka_unit_test(queue_runs_one_at_a_time_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
