#define LOG_MODULE "workers"

#include "loop/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/must.h"
#include "loop/mailbox.h"

/* What is done waits no longer than this for the rest of what is under way. */
#define SLICE_US 2000

static const double lag_bounds[] = {
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

struct worker {
	struct workers *all;
	unsigned number, users;
	pthread_t thread;
	struct list leaving; /* the loop's: sent in this turn of it */
	unsigned away; /* likewise: left and not back */
	struct metric *lag, *queue, *users_gauge, *cpu;
	/* `lock` guards what follows. */
	pthread_mutex_t lock;
	pthread_cond_t wake, came_back;
	struct list inbox, finished;
	bool posted; /* the loop was told of the finished ones */
	bool stopping;
};

struct workers {
	struct loop *loop;
	struct mailbox *mailbox;
	bool is_sending; /* the end of the turn was asked for */
	unsigned n;
	struct worker workers[];
};

static void move_all(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *first = from->next;
		list_remove(first);
		list_append(to, first);
	}
}

/* --- on the thread --- */

static uint64_t thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void collect(void *arg);

static void hand_in(struct worker *w, struct list *finished, bool tell)
{
	pthread_mutex_lock(&w->lock);
	move_all(finished, &w->finished);
	tell = tell && !w->posted;
	w->posted = w->posted || tell;
	pthread_cond_signal(&w->came_back);
	pthread_mutex_unlock(&w->lock);
	/*
	 * Not under the lock, which the loop, that wakes up by it, would then wait for. The mailbox
	 * stays: it is destroyed when this thread has ended.
	 */
	if (tell)
		mailbox_post(w->all->mailbox, collect, w);
}

static void run_all(struct worker *w, struct list *errands)
{
	const struct clock *clock = loop_clock(w->all->loop);
	uint64_t since = clock_mono_us(clock), now = since;
	struct list finished;
	bool tell = false;

	list_init(&finished);
	while (!list_empty(errands)) {
		struct errand *e = container_of(errands->next, struct errand, link);
		list_remove(&e->link);
		metric_observe(w->lag, now > e->left_us ? (double)(now - e->left_us) / 1e6 : 0);
		tell = e->ops->run(e) || tell;
		list_append(&finished, &e->link);
		now = clock_mono_us(clock);
		if (tell && now - since > SLICE_US) {
			hand_in(w, &finished, true);
			since = now;
			tell = false;
		}
	}
	hand_in(w, &finished, tell);
}

static bool take_all(struct worker *w, struct list *out)
{
	list_init(out);
	pthread_mutex_lock(&w->lock);
	while (list_empty(&w->inbox) && !w->stopping)
		pthread_cond_wait(&w->wake, &w->lock);
	move_all(&w->inbox, out);
	pthread_mutex_unlock(&w->lock);
	return !list_empty(out);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t cpu = 0;
	struct list errands;

	while (take_all(w, &errands)) {
		run_all(w, &errands);
		uint64_t now = thread_cpu_us();
		metric_add(w->cpu, now - cpu);
		cpu = now;
	}
	return NULL;
}

/* --- on the loop --- */

static void come_back(struct worker *w, struct list *finished)
{
	while (!list_empty(finished)) {
		struct errand *e = container_of(finished->next, struct errand, link);
		list_remove(&e->link);
		w->away--;
		metric_change(w->queue, -(int64_t)e->bytes);
		e->ops->done(e);
	}
}

static void collect(void *arg)
{
	struct worker *w = arg;
	struct list finished;

	list_init(&finished);
	pthread_mutex_lock(&w->lock);
	move_all(&w->finished, &finished);
	w->posted = false;
	pthread_mutex_unlock(&w->lock);
	come_back(w, &finished);
}

static void leave_all(struct worker *w, uint64_t now)
{
	struct list *at;

	for (at = w->leaving.next; at != &w->leaving; at = at->next) {
		struct errand *e = container_of(at, struct errand, link);
		e->ops->leave(e);
		e->left_us = now;
		w->away++;
		metric_change(w->queue, (int64_t)e->bytes);
	}
	pthread_mutex_lock(&w->lock);
	move_all(&w->leaving, &w->inbox);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static void turn_ends(void *arg)
{
	struct workers *all = arg;
	uint64_t now = loop_now_us(all->loop);

	all->is_sending = false;
	for (unsigned i = 0; i < all->n; i++) {
		struct worker *w = &all->workers[i];
		if (list_empty(&w->leaving))
			continue;
		leave_all(w, now);
		collect(w);
	}
}

void worker_send(struct worker *w, struct errand *e)
{
	struct workers *all = w->all;

	list_append(&w->leaving, &e->link);
	if (all->is_sending)
		return;
	all->is_sending = true;
	loop_defer(all->loop, turn_ends, all);
}

static struct metric *figure(struct worker *w, const char *name, const char *what,
	struct metric *(*make)(struct metrics *, const char *, const char *, const char *),
	const char *help)
{
	char label[32], full[64];

	snprintf(label, sizeof(label), "worker=\"%u\"", w->number);
	snprintf(full, sizeof(full), "souk_%s_worker_%s", name, what);
	return make(loop_metrics(w->all->loop), full, label, help);
}

static struct metric *lag_histogram(
	struct metrics *m, const char *name, const char *labels, const char *help)
{
	return metrics_histogram(
		m, name, labels, help, lag_bounds, sizeof(lag_bounds) / sizeof(lag_bounds[0]));
}

static void worker_start(struct workers *all, unsigned number, const char *name)
{
	struct worker *w = &all->workers[number];
	char thread_name[16];

	w->all = all;
	w->number = number;
	list_init(&w->leaving);
	list_init(&w->inbox);
	list_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	pthread_cond_init(&w->came_back, NULL);
	w->lag = figure(w, name, "lag_seconds", lag_histogram,
		"How long errands wait for the worker, by worker.");
	w->queue = figure(w, name, "queue_bytes", metrics_gauge,
		"Bytes that are on their way to the worker or not yet back, by worker.");
	w->users_gauge = figure(w, name, "users", metrics_gauge, "Who has the worker, by worker.");
	w->cpu = figure(w, name, "cpu_microseconds_total", metrics_counter,
		"Processor time of the worker's thread, by worker.");
	must(pthread_create(&w->thread, NULL, worker_main, w) == 0);
	snprintf(thread_name, sizeof(thread_name), "souk-%.7s-%u", name, number % 100);
	pthread_setname_np(w->thread, thread_name);
}

struct workers *workers_create(struct loop *l, const char *name, unsigned n)
{
	struct workers *all = mem_zalloc(sizeof(*all) + n * sizeof(struct worker));
	sigset_t some, before;

	all->loop = l;
	all->n = n;
	all->mailbox = mailbox_create(l);
	/* Signals are for the loop's thread. */
	sigfillset(&some);
	sigdelset(&some, SIGSEGV);
	sigdelset(&some, SIGBUS);
	sigdelset(&some, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &some, &before);
	for (unsigned i = 0; i < n; i++)
		worker_start(all, i, name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return all;
}

static void wait_for_some(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (list_empty(&w->finished))
		pthread_cond_wait(&w->came_back, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void workers_settle(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct worker *w = &all->workers[i];
		while (w->away > 0 || !list_empty(&w->leaving)) {
			leave_all(w, loop_now_us(all->loop));
			wait_for_some(w);
			collect(w);
		}
	}
}

static void worker_stop(struct worker *w)
{
	must(w->users == 0);
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_cond_destroy(&w->came_back);
}

/* The end of the turn may still be under way. */
static void workers_free(void *arg)
{
	struct workers *all = arg;

	for (unsigned i = 0; i < all->n; i++)
		pthread_mutex_destroy(&all->workers[i].lock);
	free(all);
}

void workers_destroy(struct workers **workers)
{
	struct workers *all = *workers;

	if (!all)
		return;
	*workers = NULL;
	workers_settle(all);
	for (unsigned i = 0; i < all->n; i++)
		worker_stop(&all->workers[i]);
	mailbox_destroy(&all->mailbox);
	loop_defer(all->loop, workers_free, all);
}

struct worker *workers_take(struct workers *all)
{
	struct worker *least = &all->workers[0];

	for (unsigned i = 1; i < all->n; i++) {
		if (all->workers[i].users < least->users)
			least = &all->workers[i];
	}
	metric_set(least->users_gauge, ++least->users);
	return least;
}

void worker_give_back(struct worker **worker)
{
	struct worker *w = *worker;

	*worker = NULL;
	if (w)
		metric_set(w->users_gauge, --w->users);
}

unsigned worker_number(const struct worker *w)
{
	return w->number;
}
