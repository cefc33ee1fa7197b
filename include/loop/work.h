#pragma once

#include <stdbool.h>

#include "loop/loop.h"

/*
 * Work lanes: threads of our own for what blocks. FAST is for short disk work (appending a
 * segment, a journal line), SLOW for remuxing, pictures, deleting, backups: slow work never holds
 * up fast. NET is for transfers that wait for a peer; whoever submits one can make it end within a
 * second. Both have a lower priority than all other threads where cores are few. `run` gets no loop
 * access; `done` comes back on the loop, never inside work_submit.
 */
enum work_lane { WORK_FAST, WORK_SLOW, WORK_NET };

struct work; /* the lanes of one loop */
struct work_job; /* one submitted job */

struct work *loop_work(struct loop *l);

/*
 * done's `cancelled` tells that run was never called. A cancelled job still gets its done.
 */
struct work_job *work_submit(struct work *w, enum work_lane lane, void (*run)(void *arg),
	void (*done)(void *arg, bool cancelled), void *arg);
/* Asks that a job that has not started be dropped; a running one goes on. */
void work_cancel(struct work *w, struct work_job *job);

/*
 * A serial queue over a lane: its jobs run one at a time in order (a stream's recorder). The queue
 * is bounded by the caller, who can ask for its length.
 */
struct work_queue;
struct work_queue *work_queue_create(struct work *w, enum work_lane lane);
/* Jobs that have not started are run all the same; the queue is freed after the last. */
void work_queue_release(struct work_queue **q);
void work_queue_submit(struct work_queue *q, void (*run)(void *arg),
	void (*done)(void *arg, bool cancelled), void *arg);
unsigned work_queue_length(const struct work_queue *q);
