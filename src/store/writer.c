#include "writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/must.h"
#include "job.h"
#include "outbox.h"
#include "stmt.h"

#define LOG_MODULE "store"
#include "base/log.h"

#define QUEUE_MAX 8192
#define BATCH_MAX 512 /* jobs of one transaction: bounds how long it holds up the next */

struct writer {
	struct db db; /* the thread's, while it runs */
	const struct clock *clock;
	void (*post)(void *user, void (*fn)(void *arg), void *arg);
	void *post_user;
	size_t queue_max;
	pthread_t thread;
	atomic_bool healthy;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t work, progress;
	struct list queue; /* struct store_job */
	struct list unfinished; /* jobs that want another turn */
	bool turn_is_due; /* for one of them */
	uint64_t due_us; /* CLOCK_MONOTONIC; UINT64_MAX while nothing is queued */
	size_t depth;
	uint64_t submitted, finished;
	bool stopping;

	struct metric *commit_seconds, *writes, *failures, *depth_gauge;
};

/* The jobs of a transaction on their way to the loop. */
struct batch {
	struct list jobs;
	size_t n;
};

enum batch_result {
	BATCH_DONE,
	BATCH_LOST, /* rolled back as a whole */
	BATCH_REFUSED /* no transaction could be begun */
};

static struct batch *batch_create(void)
{
	struct batch *b = mem_new(struct batch);
	list_init(&b->jobs);
	return b;
}

static void batch_add(struct batch *b, struct store_job *job)
{
	list_append(&b->jobs, &job->link);
	b->n++;
}

/* On the loop thread. */
static void batch_complete(void *arg)
{
	struct batch *b = arg;
	struct store_job *job, *next;
	list_for_each_safe (job, next, &b->jobs, link) {
		list_remove(&job->link);
		job->complete(job);
	}
	free(b);
}

static void set_failed(struct store_job *job)
{
	job->result = REPO_FAILED;
	job->again = false;
}

static enum batch_result give_up(struct writer *w)
{
	if (sqlite3_get_autocommit(w->db.handle) == 0) {
		stmt_do(&w->db, "ROLLBACK");
	}
	return BATCH_LOST;
}

static enum batch_result commit(struct writer *w)
{
	return stmt_do(&w->db, "COMMIT") ? BATCH_DONE : give_up(w);
}

static enum batch_result run_together(struct writer *w, struct batch *b)
{
	struct store_job *job;
	if (!stmt_do(&w->db, "BEGIN IMMEDIATE")) {
		return BATCH_REFUSED;
	}
	list_for_each (job, &b->jobs, link) {
		if (!job_apply(&w->db, job)) {
			return give_up(w);
		}
	}
	return commit(w);
}

static enum batch_result run_alone(struct writer *w, struct store_job *job)
{
	if (!stmt_do(&w->db, "BEGIN IMMEDIATE")) {
		return BATCH_REFUSED;
	}
	return job_apply(&w->db, job) ? commit(w) : give_up(w);
}

static void count_outcomes(struct writer *w, const struct batch *b)
{
	const struct store_job *job;
	uint64_t failed = 0;
	list_for_each (job, &b->jobs, link) {
		if (job->result == REPO_FAILED) {
			log_error("write failed", kv_str("op", job->name));
			failed++;
		}
	}
	metric_add(w->writes, b->n);
	metric_add(w->failures, failed);
	atomic_store(&w->healthy, failed == 0);
}

static void run_batch(struct writer *w, struct batch *b)
{
	struct store_job *job;
	uint64_t started = clock_mono_us(w->clock);
	enum batch_result result = run_together(w, b);
	metric_observe(w->commit_seconds, (double)(clock_mono_us(w->clock) - started) / 1e6);
	if (result != BATCH_DONE) {
		/* The write that broke the transaction must not take the others with it. */
		list_for_each (job, &b->jobs, link) {
			bool retry = result == BATCH_LOST && b->n > 1;
			if (!retry || run_alone(w, job) != BATCH_DONE) {
				set_failed(job);
			}
		}
	}
	count_outcomes(w, b);
}

static void move_first(struct list *from, struct batch *b)
{
	struct store_job *job = container_of(from->next, struct store_job, link);
	list_remove(&job->link);
	batch_add(b, job);
}

/*
 * What waits goes together; jobs that want further turns have them one by one, each between two of
 * those, so that a short write waits for one turn at most.
 */
static void fill_batch(struct writer *w, struct batch *b)
{
	bool a_turn = list_empty(&w->queue) || (w->turn_is_due && !list_empty(&w->unfinished));
	if (a_turn) {
		move_first(&w->unfinished, b);
	}
	while (!a_turn && !list_empty(&w->queue) && b->n < BATCH_MAX) {
		move_first(&w->queue, b);
	}
	w->turn_is_due = !a_turn;
}

static bool is_idle(const struct writer *w)
{
	return list_empty(&w->queue) && list_empty(&w->unfinished);
}

static uint64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* What is queued waits for company, if all of it has the patience. */
static void wait_for_company(struct writer *w)
{
	while (list_empty(&w->unfinished) && !w->stopping && w->due_us > now_us()) {
		const struct timespec until = {
			(time_t)(w->due_us / 1000000), (long)(w->due_us % 1000000 * 1000)};
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	}
}

/* Waits for work; NULL once there is none and the writer is to stop. */
static struct batch *take_batch(struct writer *w)
{
	struct batch *b = NULL;
	pthread_mutex_lock(&w->lock);
	while (is_idle(w) && !w->stopping) {
		pthread_cond_wait(&w->work, &w->lock);
	}
	if (!is_idle(w)) {
		wait_for_company(w);
		b = batch_create();
		fill_batch(w, b);
		w->due_us = list_empty(&w->queue) ? UINT64_MAX : 0;
		w->depth -= b->n;
		metric_set(w->depth_gauge, (int64_t)w->depth);
	}
	pthread_mutex_unlock(&w->lock);
	return b;
}

/* Sets jobs aside that want another turn. Returns how many are done with. */
static size_t keep_unfinished(struct writer *w, struct batch *b)
{
	struct store_job *job, *next;
	pthread_mutex_lock(&w->lock);
	list_for_each_safe (job, next, &b->jobs, link) {
		if (job->again) {
			list_remove(&job->link);
			list_append(&w->unfinished, &job->link);
			w->depth++;
			b->n--;
		}
	}
	pthread_mutex_unlock(&w->lock);
	return b->n;
}

static void *writer_run(void *arg)
{
	struct writer *w = arg;
	struct batch *b;
	while ((b = take_batch(w)) != NULL) {
		run_batch(w, b);
		size_t finished = keep_unfinished(w, b);
		w->post(w->post_user, batch_complete, b);
		outbox_switch_tell(w->db.outbox, w->post, w->post_user);
		pthread_mutex_lock(&w->lock);
		w->finished += finished;
		pthread_cond_broadcast(&w->progress);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* Signals are for the main thread. */
static void start_thread(struct writer *w)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&w->thread, NULL, writer_run, w);
	must(rc == 0);
	pthread_setname_np(w->thread, "souk-store");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void add_metrics(struct writer *w, struct metrics *m)
{
	static const double bounds[] = {
		0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
	w->commit_seconds = metrics_histogram(m, "souk_store_commit_seconds", NULL,
		"Time of a write transaction, from begin to commit.", bounds,
		sizeof(bounds) / sizeof(bounds[0]));
	w->writes = metrics_counter(m, "souk_store_writes_total", NULL, "Writes carried out.");
	w->failures = metrics_counter(m, "souk_store_write_failures_total", NULL,
		"Writes that failed (disk full, I/O error, queue full).");
	w->depth_gauge = metrics_gauge(
		m, "souk_store_queue_depth", NULL, "Writes that wait for the writer.");
}

struct writer *writer_create(struct db *db, const struct store_config *config)
{
	struct writer *w = mem_new(struct writer);
	pthread_condattr_t attr;
	w->db = *db;
	*db = (struct db){0};
	w->clock = config->clock;
	w->post = config->post;
	w->post_user = config->post_user;
	w->queue_max = config->queue_max > 0 ? config->queue_max : QUEUE_MAX;
	atomic_init(&w->healthy, true);
	pthread_mutex_init(&w->lock, NULL);
	/* Waits with a deadline go by the clock that nobody sets. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&w->progress, NULL);
	list_init(&w->queue);
	list_init(&w->unfinished);
	w->due_us = UINT64_MAX;
	add_metrics(w, config->metrics);
	start_thread(w);
	return w;
}

void writer_destroy(struct writer *w)
{
	if (w == NULL) {
		return;
	}
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	db_close(&w->db);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->progress);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void refuse(struct writer *w, struct store_job *job)
{
	struct batch *b = batch_create();
	log_error("queue full", kv_str("op", job->name), kv_u64("depth", w->queue_max));
	metric_add(w->failures, 1);
	set_failed(job);
	batch_add(b, job);
	w->post(w->post_user, batch_complete, b);
}

/* The thread is woken by the first write, and by those that want to go earlier. */
static void queue_job(struct writer *w, struct store_job *job)
{
	bool full = w->depth >= BATCH_MAX;
	uint64_t due_us = job->patience_us && !full ? now_us() + job->patience_us : 0;
	list_append(&w->queue, &job->link);
	w->depth++;
	w->submitted++;
	metric_set(w->depth_gauge, (int64_t)w->depth);
	if (due_us < w->due_us) {
		w->due_us = due_us;
		pthread_cond_signal(&w->work);
	}
}

void writer_submit(struct writer *w, struct store_job *job)
{
	pthread_mutex_lock(&w->lock);
	bool full = w->depth >= w->queue_max;
	if (!full) {
		queue_job(w, job);
	}
	pthread_mutex_unlock(&w->lock);
	if (full) {
		refuse(w, job);
	}
}

void writer_flush(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	uint64_t until = w->submitted;
	if (!list_empty(&w->queue)) {
		w->due_us = 0;
		pthread_cond_signal(&w->work);
	}
	while (w->finished < until) {
		pthread_cond_wait(&w->progress, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

bool writer_healthy(struct writer *w)
{
	return atomic_load(&w->healthy);
}
