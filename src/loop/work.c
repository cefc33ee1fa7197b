#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#define LOG_MODULE "work"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "loop/work.h"
#include "loop_private.h"

#define LANES 2
/* Slow work takes what the loop, the disk work and the database leave of the cores. */
#define SLOW_NICE 10

struct work_job {
	struct list link; /* in its lane, or among the finished */
	enum work_lane lane;
	void (*run)(void *arg);
	void (*done)(void *arg, bool cancelled);
	void *arg;
	bool started, cancelled;
	struct work_queue *queue; /* NULL: submitted by itself */
};

struct lane {
	struct work *work;
	struct list waiting;
	pthread_cond_t wake;
	pthread_t *threads;
	unsigned n_threads;
	const char *name;
	int nice; /* more than the loop's */
};

/* `lock` guards the lanes, the finished jobs and `stopping`; the rest is the loop's. */
struct work {
	struct loop *loop;
	uv_async_t async;
	pthread_mutex_t lock;
	pthread_cond_t finished_wake;
	struct lane lanes[LANES];
	struct list finished;
	bool stopping;
	unsigned outstanding; /* submitted, done not yet called */
};

struct work_queue {
	struct work *work;
	enum work_lane lane;
	struct list waiting; /* jobs that are not in the lane yet */
	unsigned length;
	bool busy, released;
};

static struct work_job *lane_take(struct lane *lane)
{
	struct work *w = lane->work;
	struct work_job *job = NULL;

	pthread_mutex_lock(&w->lock);
	while (list_empty(&lane->waiting) && !w->stopping)
		pthread_cond_wait(&lane->wake, &w->lock);
	if (!list_empty(&lane->waiting)) {
		job = container_of(lane->waiting.next, struct work_job, link);
		list_remove(&job->link);
		job->started = true;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void finish(struct work *w, struct work_job *job)
{
	if (list_empty(&w->finished))
		uv_async_send(&w->async);
	list_append(&w->finished, &job->link);
	pthread_cond_signal(&w->finished_wake);
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct work *w = lane->work;
	struct work_job *job;

	pthread_setname_np(pthread_self(), lane->name);
	/* On Linux a thread's own (sched(7)); where it is refused the work is done all the same. */
	if (lane->nice)
		(void)!nice(lane->nice);
	while ((job = lane_take(lane))) {
		job->run(job->arg);
		pthread_mutex_lock(&w->lock);
		finish(w, job);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static void lane_submit(struct work *w, struct work_job *job)
{
	struct lane *lane = &w->lanes[job->lane];
	pthread_mutex_lock(&w->lock);
	list_append(&lane->waiting, &job->link);
	pthread_cond_signal(&lane->wake);
	pthread_mutex_unlock(&w->lock);
}

static void queue_next(struct work_queue *q)
{
	q->busy = false;
	if (list_empty(&q->waiting)) {
		if (q->released)
			free(q);
		return;
	}
	struct work_job *job = container_of(q->waiting.next, struct work_job, link);
	list_remove(&job->link);
	q->busy = true;
	lane_submit(q->work, job);
}

static void job_done(struct work *w, struct work_job *job)
{
	struct work_queue *q = job->queue;
	w->outstanding--;
	if (q)
		q->length--;
	if (job->done) {
		loop_enter(w->loop, "work done");
		job->done(job->arg, job->cancelled);
		loop_leave(w->loop);
	}
	free(job);
	if (q)
		queue_next(q);
}

static struct work_job *finished_take(struct work *w, bool wait)
{
	struct work_job *job = NULL;

	pthread_mutex_lock(&w->lock);
	while (wait && list_empty(&w->finished))
		pthread_cond_wait(&w->finished_wake, &w->lock);
	if (!list_empty(&w->finished)) {
		job = container_of(w->finished.next, struct work_job, link);
		list_remove(&job->link);
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void on_async(uv_async_t *handle)
{
	struct work *w = handle->data;
	struct work_job *job;

	while ((job = finished_take(w, false)))
		job_done(w, job);
}

static void lane_start(struct work *w, enum work_lane which, unsigned n)
{
	struct lane *lane = &w->lanes[which];
	sigset_t all, before;

	lane->work = w;
	list_init(&lane->waiting);
	pthread_cond_init(&lane->wake, NULL);
	lane->threads = mem_zalloc(n * sizeof(*lane->threads));
	lane->n_threads = n;
	lane->name = which == WORK_SLOW ? "souk-slow" : "souk-fast";
	lane->nice = which == WORK_SLOW ? SLOW_NICE : 0;
	/* Signals are for the loop's thread. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < n; i++)
		must(pthread_create(&lane->threads[i], NULL, lane_main, lane) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct work *work_create(struct loop *l, unsigned fast, unsigned slow)
{
	struct work *w = mem_new(struct work);
	w->loop = l;
	list_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->finished_wake, NULL);
	must(uv_async_init(&l->uv, &w->async, on_async) == 0);
	w->async.data = w;
	lane_start(w, WORK_FAST, fast);
	lane_start(w, WORK_SLOW, slow);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	struct work *w = handle->data;
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->finished_wake);
	free(w);
}

static void lane_join(struct lane *lane)
{
	pthread_cond_broadcast(&lane->wake);
	for (unsigned i = 0; i < lane->n_threads; i++)
		pthread_join(lane->threads[i], NULL);
	pthread_cond_destroy(&lane->wake);
	free(lane->threads);
}

void work_destroy(struct work **wp)
{
	struct work *w = *wp;
	if (!w)
		return;
	while (w->outstanding)
		job_done(w, finished_take(w, true));
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < LANES; i++)
		lane_join(&w->lanes[i]);
	uv_close((uv_handle_t *)&w->async, on_closed);
	*wp = NULL;
}

static struct work_job *job_create(struct work *w, enum work_lane lane, void (*run)(void *arg),
	void (*done)(void *arg, bool cancelled), void *arg)
{
	struct work_job *job = mem_new(struct work_job);
	list_init(&job->link);
	job->lane = lane;
	job->run = run;
	job->done = done;
	job->arg = arg;
	w->outstanding++;
	return job;
}

struct work_job *work_submit(struct work *w, enum work_lane lane, void (*run)(void *arg),
	void (*done)(void *arg, bool cancelled), void *arg)
{
	struct work_job *job = job_create(w, lane, run, done, arg);
	lane_submit(w, job);
	return job;
}

void work_cancel(struct work *w, struct work_job *job)
{
	pthread_mutex_lock(&w->lock);
	if (!job->started && !job->cancelled) {
		job->cancelled = true;
		list_remove(&job->link);
		finish(w, job);
	}
	pthread_mutex_unlock(&w->lock);
}

struct work_queue *work_queue_create(struct work *w, enum work_lane lane)
{
	struct work_queue *q = mem_new(struct work_queue);
	q->work = w;
	q->lane = lane;
	list_init(&q->waiting);
	return q;
}

void work_queue_release(struct work_queue **q)
{
	struct work_queue *queue = *q;
	if (!queue)
		return;
	*q = NULL;
	queue->released = true;
	if (!queue->busy)
		free(queue);
}

void work_queue_submit(struct work_queue *q, void (*run)(void *arg),
	void (*done)(void *arg, bool cancelled), void *arg)
{
	must(!q->released);
	struct work_job *job = job_create(q->work, q->lane, run, done, arg);
	job->queue = q;
	q->length++;
	list_append(&q->waiting, &job->link);
	if (!q->busy)
		queue_next(q);
}

unsigned work_queue_length(const struct work_queue *q)
{
	return q->length;
}
