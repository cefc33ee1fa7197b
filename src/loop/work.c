#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_MODULE "work"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "loop/mailbox.h"
#include "loop/work.h"
#include "loop_private.h"

#define LANES 3
/* Slow work and transfers take what the loop, the disk work and the database leave of the cores. */
#define SLOW_NICE 10

struct work_job {
	struct list link; /* in its lane */
	struct work *work;
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
	/*
	 * One for each job and each thread that is to end. Not a condition: pthread_cond_signal
	 * (glibc 2.36) can wait for a thread that was woken before and has not got a core yet.
	 */
	sem_t wake;
	pthread_t *threads;
	unsigned n_threads;
	const char *name;
	int nice; /* more than the loop's */
};

/* `lock` guards the lanes and `stopping`; the rest is the loop's. */
struct work {
	struct loop *loop;
	struct mailbox *mailbox; /* of jobs that are finished */
	pthread_mutex_t lock;
	struct lane lanes[LANES];
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

/* NULL: nothing, or no longer anything (in *stop). */
static struct work_job *lane_take(struct lane *lane, bool *stop)
{
	struct work *w = lane->work;
	struct work_job *job = NULL;

	while (sem_wait(&lane->wake) && errno == EINTR)
		;
	pthread_mutex_lock(&w->lock);
	if (!list_empty(&lane->waiting)) {
		job = container_of(lane->waiting.next, struct work_job, link);
		list_remove(&job->link);
		job->started = true;
	}
	*stop = !job && w->stopping;
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void on_finished(void *arg);

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct work_job *job;
	bool stop = false;

	pthread_setname_np(pthread_self(), lane->name);
	/* On Linux a thread's own (sched(7)); where it is refused the work is done all the same. */
	if (lane->nice)
		(void)!nice(lane->nice);
	while (!stop) {
		job = lane_take(lane, &stop);
		if (!job)
			continue;
		job->run(job->arg);
		mailbox_post(lane->work->mailbox, on_finished, job);
	}
	return NULL;
}

static void lane_submit(struct work *w, struct work_job *job)
{
	struct lane *lane = &w->lanes[job->lane];
	pthread_mutex_lock(&w->lock);
	list_append(&lane->waiting, &job->link);
	pthread_mutex_unlock(&w->lock);
	must(sem_post(&lane->wake) == 0);
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

static void on_finished(void *arg)
{
	struct work_job *job = arg;
	struct work *w = job->work;
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

static const char *const names[LANES] = {
	[WORK_FAST] = "souk-fast",
	[WORK_SLOW] = "souk-slow",
	[WORK_NET] = "souk-net",
};

static void lane_start(struct work *w, enum work_lane which, unsigned n)
{
	struct lane *lane = &w->lanes[which];
	sigset_t all, before;

	lane->work = w;
	list_init(&lane->waiting);
	must(sem_init(&lane->wake, 0, 0) == 0);
	lane->threads = mem_zalloc(n * sizeof(*lane->threads));
	lane->n_threads = n;
	lane->name = names[which];
	lane->nice = which == WORK_FAST ? 0 : SLOW_NICE;
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

struct work *work_create(struct loop *l, unsigned fast, unsigned slow, unsigned net)
{
	struct work *w = mem_new(struct work);
	w->loop = l;
	pthread_mutex_init(&w->lock, NULL);
	w->mailbox = mailbox_create(l);
	lane_start(w, WORK_FAST, fast);
	lane_start(w, WORK_SLOW, slow);
	lane_start(w, WORK_NET, net);
	return w;
}

static void lane_join(struct lane *lane)
{
	for (unsigned i = 0; i < lane->n_threads; i++)
		must(sem_post(&lane->wake) == 0);
	for (unsigned i = 0; i < lane->n_threads; i++)
		pthread_join(lane->threads[i], NULL);
	sem_destroy(&lane->wake);
	free(lane->threads);
}

void work_destroy(struct work **wp)
{
	struct work *w = *wp;
	if (!w)
		return;
	while (w->outstanding)
		mailbox_wait(w->mailbox);
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < LANES; i++)
		lane_join(&w->lanes[i]);
	mailbox_destroy(&w->mailbox);
	pthread_mutex_destroy(&w->lock);
	free(w);
	*wp = NULL;
}

static struct work_job *job_create(struct work *w, enum work_lane lane, void (*run)(void *arg),
	void (*done)(void *arg, bool cancelled), void *arg)
{
	struct work_job *job = mem_new(struct work_job);
	list_init(&job->link);
	job->work = w;
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
	bool dropped;

	pthread_mutex_lock(&w->lock);
	dropped = !job->started && !job->cancelled;
	if (dropped) {
		job->cancelled = true;
		list_remove(&job->link);
	}
	pthread_mutex_unlock(&w->lock);
	if (dropped)
		mailbox_post(w->mailbox, on_finished, job);
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
