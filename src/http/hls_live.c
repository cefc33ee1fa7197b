#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/rcbuf.h"
#include "hls_answer.h"
#include "hls_private.h"
#include "http/reply.h"

/*
 * The live side. Requests that wait are gathered by what they wait for: when the stream announces
 * an update, each group is looked up once and its members share the answer, some each loop turn,
 * so that ten thousand viewers do not hold up the next frame.
 */
#define ANSWERS_PER_TURN 256
/* Until the target duration is known. */
#define FIRST_WAIT_US 6000000
#define WAIT_TARGETS 3

struct hls_stream {
	struct hls *hls;
	struct live_stream *live;
	struct uuid id;
	struct signal_listener updated, destroyed;
	struct list groups;
	struct list waiters; /* in the order of coming */
	struct list texts;
};

/* Those that ask the same. */
struct hls_group {
	struct list link;
	struct hls_stream *stream;
	struct hls_ask ask; /* its text points to name */
	char name[HLS_NAME_MAX];
	struct list waiters;
};

struct hls_waiter {
	struct list by_stream, by_group;
	struct hls *hls;
	struct hls_group *group; /* NULL: in a batch */
	struct http_request *request;
	uint64_t since_us;
};

/* An answer and those who are to get it in the next turns. */
struct hls_batch {
	struct list link;
	struct hls_answer answer;
	struct list waiters;
};

static void waiting_change(struct hls *h, int delta)
{
	h->waiting = (unsigned)((int)h->waiting + delta);
	metric_change(h->waiting_gauge, delta);
}

static void group_free_if_empty(struct hls_group *g)
{
	if (!g || !list_empty(&g->waiters))
		return;
	list_remove(&g->link);
	free(g);
}

/* Takes the waiter out of everything and gives its request back. */
static struct http_request *waiter_finish(struct hls_waiter *w)
{
	struct http_request *r = w->request;
	struct hls_group *g = w->group;

	list_remove(&w->by_stream);
	list_remove(&w->by_group);
	waiting_change(w->hls, -1);
	free(w);
	group_free_if_empty(g);
	return r;
}

static void on_gone(void *user)
{
	waiter_finish(user);
}

static void answer_lookup(struct hls_stream *s, struct http_request *r, enum media_lookup outcome)
{
	switch (outcome) {
	case MEDIA_TOO_FAR:
		metric_add(s->hls->too_far, 1);
		reply_error(r, 400, "too_far_ahead",
			"This is further ahead than can be waited for.", NULL);
		break;
	case MEDIA_GONE:
		reply_error(r, 404, "not_found",
			"There is no such file, or it has left the window.", NULL);
		break;
	case MEDIA_FOUND:
	case MEDIA_WAIT:
		must_not_reach();
	}
}

static void answer_timeout(struct hls *h, struct http_request *r)
{
	metric_add(h->timeouts, 1);
	reply_retry(r, 503, "not_yet", "The stream did not get there in time.", 1);
}

static void batch_free(struct hls_batch *b)
{
	list_remove(&b->link);
	hls_answer_finish(&b->answer);
	free(b);
}

static void batches_run(void *hls);

static void batches_schedule(struct hls *h)
{
	if (h->batches_scheduled || list_empty(&h->batches))
		return;
	h->batches_scheduled = true;
	loop_defer(h->config.loop, batches_run, h);
}

static void batches_run(void *hls)
{
	struct hls *h = hls;
	unsigned left = ANSWERS_PER_TURN;

	if (h->destroyed) {
		free(h);
		return;
	}
	h->batches_scheduled = false;
	while (left && !list_empty(&h->batches)) {
		struct hls_batch *b = container_of(h->batches.next, struct hls_batch, link);
		while (left && !list_empty(&b->waiters)) {
			struct hls_waiter *w =
				container_of(b->waiters.next, struct hls_waiter, by_group);
			hls_answer_send(h, waiter_finish(w), &b->answer);
			left--;
		}
		if (list_empty(&b->waiters))
			batch_free(b);
	}
	batches_schedule(h);
}

/* The group's members move to a batch with the answer; the group ends. */
static void group_found(struct hls_group *g, struct hls_answer *answer)
{
	struct hls *h = g->stream->hls;
	struct hls_batch *b = mem_new(struct hls_batch);
	struct hls_waiter *w, *next;

	b->answer = *answer;
	list_init(&b->waiters);
	list_append(&h->batches, &b->link);
	list_for_each_safe (w, next, &g->waiters, by_group) {
		w->group = NULL;
		list_remove(&w->by_stream);
		list_remove(&w->by_group);
		list_append(&b->waiters, &w->by_group);
	}
	group_free_if_empty(g);
	batches_schedule(h);
}

static void group_refused(struct hls_group *g, enum media_lookup outcome)
{
	struct hls_stream *s = g->stream;
	struct hls_waiter *w, *next;

	list_for_each_safe (w, next, &g->waiters, by_group) {
		/* The last one takes the group with it. */
		bool last = g->waiters.next == g->waiters.prev;
		answer_lookup(s, waiter_finish(w), outcome);
		if (last)
			return;
	}
}

static void on_updated(struct signal_listener *listener, void *data)
{
	struct hls_stream *s = container_of(listener, struct hls_stream, updated);
	struct hls_group *g, *next;

	(void)data;
	list_for_each_safe (g, next, &s->groups, link) {
		struct hls_answer answer;
		enum media_lookup outcome = hls_answer_make(
			s->hls, live_stream_window(s->live), &s->texts, &g->ask, &answer);
		if (outcome == MEDIA_FOUND)
			group_found(g, &answer);
		else if (outcome != MEDIA_WAIT)
			group_refused(g, outcome);
	}
}

static void stream_free(struct hls_stream *s)
{
	signal_listener_remove(&s->updated);
	signal_listener_remove(&s->destroyed);
	map_remove(s->hls->streams, &s->id, sizeof(s->id));
	hls_texts_free(&s->texts);
	free(s);
}

static void on_destroyed(struct signal_listener *listener, void *data)
{
	struct hls_stream *s = container_of(listener, struct hls_stream, destroyed);
	struct hls *h = s->hls;
	struct hls_waiter *w, *next;

	(void)data;
	list_for_each_safe (w, next, &s->waiters, by_stream) {
		struct hls_ask ask = w->group->ask;
		hls_vod_redirect(h, waiter_finish(w), s->id, &ask);
	}
	stream_free(s);
}

static struct hls_stream *stream_get(struct hls *h, struct live_stream *live)
{
	struct uuid id = live_stream_id(live);
	struct hls_stream *s = map_get(h->streams, &id, sizeof(id));

	if (s)
		return s;
	s = mem_new(struct hls_stream);
	s->hls = h;
	s->live = live;
	s->id = id;
	list_init(&s->groups);
	list_init(&s->waiters);
	list_init(&s->texts);
	signal_listener_init(&s->updated, on_updated);
	signal_listener_init(&s->destroyed, on_destroyed);
	signal_add(live_stream_updated(live), &s->updated);
	signal_add(live_stream_destroyed(live), &s->destroyed);
	map_put(h->streams, &id, sizeof(id), s);
	return s;
}

static bool ask_same(const struct hls_ask *a, const struct hls_ask *b)
{
	return a->query.has_msn == b->query.has_msn && a->query.msn == b->query.msn &&
		a->query.has_part == b->query.has_part && a->query.part == b->query.part &&
		a->query.skip == b->query.skip && a->query.brief == b->query.brief &&
		a->for_one == b->for_one && strcmp(a->text, b->text) == 0 &&
		strcmp(a->suffix, b->suffix) == 0;
}

static struct hls_group *group_get(struct hls_stream *s, const struct hls_ask *ask)
{
	struct hls_group *g;

	list_for_each (g, &s->groups, link)
		if (ask_same(&g->ask, ask))
			return g;
	g = mem_new(struct hls_group);
	g->stream = s;
	g->ask = *ask;
	snprintf(g->name, sizeof(g->name), "%s", ask->text);
	g->ask.text = g->name;
	list_init(&g->waiters);
	list_append(&s->groups, &g->link);
	return g;
}

static void wait_for(struct hls_stream *s, struct http_request *r, const struct hls_ask *ask)
{
	struct hls_waiter *w = mem_new(struct hls_waiter);

	w->hls = s->hls;
	w->group = group_get(s, ask);
	w->request = r;
	w->since_us = loop_now_us(s->hls->config.loop);
	list_append(&s->waiters, &w->by_stream);
	list_append(&w->group->waiters, &w->by_group);
	waiting_change(s->hls, 1);
	http_request_hold(r, on_gone, w);
}

void hls_live_ask(
	struct hls *h, struct live_stream *live, struct http_request *r, const struct hls_ask *ask)
{
	struct hls_stream *s = stream_get(h, live);
	struct hls_answer answer;
	enum media_lookup outcome =
		hls_answer_make(h, live_stream_window(live), &s->texts, ask, &answer);

	if (outcome == MEDIA_WAIT) {
		wait_for(s, r, ask);
	} else if (outcome == MEDIA_FOUND) {
		hls_answer_send(h, r, &answer);
		hls_answer_finish(&answer);
	} else {
		answer_lookup(s, r, outcome);
	}
}

static uint64_t wait_limit(const struct hls_stream *s)
{
	uint64_t target = media_window_target_us(live_stream_window(s->live), 0);
	return target ? WAIT_TARGETS * target : FIRST_WAIT_US;
}

static void stream_expire(struct hls_stream *s, uint64_t now)
{
	uint64_t limit = wait_limit(s);

	while (!list_empty(&s->waiters)) {
		struct hls_waiter *w = container_of(s->waiters.next, struct hls_waiter, by_stream);
		if (now - w->since_us <= limit)
			return;
		answer_timeout(s->hls, waiter_finish(w));
	}
}

void hls_live_expire(void *hls)
{
	struct hls *h = hls;
	uint64_t now = loop_now_us(h->config.loop);
	size_t pos = 0;
	void *s;

	if (!h->waiting)
		return;
	while (map_next(h->streams, &pos, &s))
		stream_expire(s, now);
}

static void batches_destroy(struct hls *h)
{
	struct hls_batch *b, *next;

	list_for_each_safe (b, next, &h->batches, link) {
		while (!list_empty(&b->waiters)) {
			struct hls_waiter *w =
				container_of(b->waiters.next, struct hls_waiter, by_group);
			hls_answer_send(h, waiter_finish(w), &b->answer);
		}
		batch_free(b);
	}
}

void hls_live_destroy_all(struct hls *h)
{
	size_t pos;
	void *value;

	batches_destroy(h);
	while (pos = 0, map_next(h->streams, &pos, &value)) {
		struct hls_stream *s = value;
		while (!list_empty(&s->waiters))
			answer_timeout(h,
				waiter_finish(container_of(
					s->waiters.next, struct hls_waiter, by_stream)));
		stream_free(s);
	}
}
