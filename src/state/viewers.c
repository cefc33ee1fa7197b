#include <stdlib.h>
#include <string.h>

#include "audience_private.h"
#include "base/mem.h"
#include "base/text.h"

/*
 * Watch time is the union of the times of a viewer's sockets: each from its join to its last sign
 * of life, or until now while it is taken for alive. A socket that died unnoticed while another of
 * the same viewer came is told apart when it is given up, so spans are kept until no seat is left.
 */
#define SPANS_MAX 32u
#define RENEW_US 25000000u
/* Those of a node that died are not renewed. */
#define STALE_MS 120000
#define VIEWERS_MAX 1000000u
/* Operations of one batch. */
#define RENEW_BATCH 256u

static const char guest_prefix[] = "guest:";

bool audience_is_guest(const char *viewer)
{
	return text_starts(viewer, guest_prefix);
}

static struct viewer *viewer_create(struct audience_stream *s, const char *id)
{
	struct viewer *v = mem_new(struct viewer);

	v->stream = s;
	v->id = mem_strdup(id);
	list_init(&v->present);
	list_init(&v->dirty);
	list_init(&v->seats);
	map_put_str(s->viewers, id, v);
	return v;
}

void viewer_destroy(struct viewer *v)
{
	struct audience_seat *seat, *next;

	list_for_each_safe (seat, next, &v->seats, link) {
		list_remove(&seat->link);
		seat->viewer = NULL;
	}
	list_remove(&v->present);
	list_remove(&v->dirty);
	free(v->id);
	free(v->name);
	free(v->neighborhood);
	free(v->spans);
	free(v);
}

void viewer_touch(struct viewer *v)
{
	if (list_empty(&v->dirty))
		list_append(&v->stream->dirty, &v->dirty);
}

static void set_text(char **old, const char *text)
{
	if (!text || text_eq(*old, text))
		return;
	free(*old);
	*old = mem_strdup(text);
}

struct viewer *viewer_find_or_make(struct audience_stream *s, const struct audience_who *who)
{
	struct viewer *v = map_get_str(s->viewers, who->id);

	if (!v)
		v = viewer_create(s, who->id);
	set_text(&v->name, who->name);
	set_text(&v->neighborhood, who->neighborhood);
	return v;
}

struct viewer *viewer_restore(struct audience_stream *s, const struct viewer_record *r)
{
	struct viewer *v = viewer_create(s, r->viewer);

	set_text(&v->name, r->name);
	set_text(&v->neighborhood, r->neighborhood);
	v->joined_at = r->joined_at;
	v->left_at = r->left_at;
	v->watch_ms = r->watch_ms;
	v->joins = r->joins;
	return v;
}

/* Watch time */

static struct span seat_span(const struct audience_seat *seat, uint64_t now_us, uint64_t alive_us)
{
	bool alive = now_us - seat->seen_us <= alive_us;

	return (struct span){seat->joined_us, alive ? now_us : seat->seen_us};
}

static int compare_spans(const void *a, const void *b)
{
	uint64_t x = ((const struct span *)a)->from, y = ((const struct span *)b)->from;

	return x < y ? -1 : x > y;
}

/* The length of the union, us; sorts. */
static uint64_t spans_union(struct span *spans, size_t n)
{
	uint64_t sum = 0, end = 0;

	qsort(spans, n, sizeof(*spans), compare_spans);
	for (size_t i = 0; i < n; i++) {
		uint64_t from = i && spans[i].from < end ? end : spans[i].from;

		if (spans[i].to > from)
			sum += spans[i].to - from;
		if (i == 0 || spans[i].to > end)
			end = spans[i].to;
	}
	return sum;
}

static uint64_t several_us(const struct viewer *v, uint64_t now_us, uint64_t alive_us)
{
	const struct audience_seat *seat;
	size_t n = v->n_spans;
	struct span *all;
	uint64_t sum;

	list_for_each (seat, &v->seats, link)
		n++;
	all = mem_alloc((n + 1) * sizeof(*all));
	n = v->n_spans;
	if (n)
		memcpy(all, v->spans, n * sizeof(*all));
	list_for_each (seat, &v->seats, link)
		all[n++] = seat_span(seat, now_us, alive_us);
	sum = spans_union(all, n);
	free(all);
	return sum;
}

uint64_t viewer_watch_ms(const struct viewer *v, uint64_t now_us)
{
	uint64_t alive_us = v->stream->audience->config.alive_us, us;
	struct span only;

	if (list_empty(&v->seats))
		return v->watch_ms;
	if (v->n_spans == 0 && v->seats.next == v->seats.prev) {
		only = seat_span(
			container_of(v->seats.next, struct audience_seat, link), now_us, alive_us);
		us = only.to - only.from;
	} else {
		us = several_us(v, now_us, alive_us);
	}
	return v->watch_ms + (us + 500) / 1000;
}

/* Two neighbours become one where there are too many. */
static void add_span(struct viewer *v, struct span span)
{
	if (!v->spans)
		v->spans = mem_alloc(SPANS_MAX * sizeof(*v->spans));
	for (size_t i = 0; i < v->n_spans; i++) {
		struct span *old = &v->spans[i];

		if (span.from > old->to || span.to < old->from)
			continue;
		old->from = old->from < span.from ? old->from : span.from;
		old->to = old->to > span.to ? old->to : span.to;
		return;
	}
	if (v->n_spans == SPANS_MAX) {
		spans_union(v->spans, v->n_spans); /* in order */
		if (v->spans[0].to < v->spans[1].to)
			v->spans[0].to = v->spans[1].to;
		memmove(v->spans + 1, v->spans + 2, (SPANS_MAX - 2) * sizeof(*v->spans));
		v->n_spans--;
	}
	v->spans[v->n_spans++] = span;
}

static void settle_watch(struct viewer *v)
{
	v->watch_ms += (spans_union(v->spans, v->n_spans) + 500) / 1000;
	free(v->spans);
	v->spans = NULL;
	v->n_spans = 0;
}

void viewers_sum(struct audience_stream *s)
{
	struct audience_figures *f = &s->figures;
	uint64_t now = audience_now_us(s->audience), sum = 0, n = map_count(s->viewers);
	size_t pos = 0;
	void *v;

	while (map_next(s->viewers, &pos, &v))
		sum += viewer_watch_ms(v, now);
	f->watch_ms = sum;
	f->average_watch = n ? (uint32_t)((sum + n * 500) / (n * 1000)) : 0;
	s->watch_read_us = now ? now : 1;
}

/* Counts in the state */

/* A full or lost state counts too few. */
static bool has_failed(const struct state_reply *replies, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (replies[i].result == STATE_FULL || replies[i].result == STATE_LOST)
			return true;
	return false;
}

static void on_counts(void *user, const struct state_reply *replies, size_t n)
{
	struct audience_stream *s = user;
	const struct state_reply *current = &replies[n - 3], *peak = &replies[n - 2],
				 *unique = &replies[n - 1];
	struct audience_figures *f = &s->figures, old = *f;

	/* What other nodes did; our own newer changes will be answered too. */
	if (--s->asked_counts > 0 || s->ended || has_failed(replies, n))
		return;
	f->current = (uint32_t)current->number;
	if (peak->number > f->peak)
		f->peak = (uint32_t)peak->number;
	if (unique->number > f->unique)
		f->unique = (uint32_t)unique->number;
	if (f->current == old.current && f->peak == old.peak && f->unique == old.unique)
		return;
	s->audience->current += f->current - old.current;
	metric_set(s->audience->metrics.viewers, s->audience->current);
	s->counts_dirty = true;
	timeline_viewers(s);
	audience_emit(s);
}

/* Runs up to RENEW_BATCH + 1 operations with those that count behind them. */
static void run_counting(struct audience_stream *s, const struct state_op *ops, size_t n)
{
	const struct stream_keys *k = &s->keys;
	struct state_op all[RENEW_BATCH + 4];

	memcpy(all, ops, n * sizeof(*ops));
	all[n++] = state_sorted_count_to(k->viewers, k->current);
	all[n++] = state_raise_from(k->peak, k->current);
	all[n++] = state_set_count(k->unique);
	s->asked_counts++;
	state_run(s->audience->config.state, all, n, on_counts, s);
}

static void tell_join(struct viewer *v)
{
	struct audience_stream *s = v->stream;
	uint64_t now = audience_wall_ms(s->audience);
	char bucket[KEY_SIZE];
	struct state_op ops[3];

	analytics_key(bucket, "viewers", now);
	ops[0] = state_sorted_add(s->keys.viewers, v->id, (int64_t)now);
	ops[1] = state_set_add(s->keys.unique, v->id);
	ops[2] = state_add(bucket, 1, ANALYTICS_TTL_MS);
	v->renewed_us = audience_now_us(s->audience);
	run_counting(s, ops, 3);
}

static void tell_leave(struct viewer *v)
{
	const struct state_op op = state_sorted_remove(v->stream->keys.viewers, v->id);

	run_counting(v->stream, &op, 1);
}

static uint64_t last_seen_us(const struct viewer *v)
{
	const struct audience_seat *seat;
	uint64_t last = 0;

	list_for_each (seat, &v->seats, link)
		if (seat->seen_us > last)
			last = seat->seen_us;
	return last;
}

void viewers_renew(struct audience_stream *s)
{
	int64_t now = (int64_t)audience_wall_ms(s->audience);
	struct state_op ops[RENEW_BATCH];
	struct viewer *v;
	size_t n = 0;

	list_for_each (v, &s->present, present) {
		uint64_t seen = last_seen_us(v);

		if (seen < v->renewed_us + RENEW_US)
			continue;
		v->renewed_us = seen;
		/* With the time of telling, a tick later: so that scores only grow. */
		ops[n++] = state_sorted_add(s->keys.viewers, v->id, now);
		if (n < RENEW_BATCH)
			continue;
		run_counting(s, ops, n);
		n = 0;
	}
	ops[n++] = state_sorted_cut(s->keys.viewers, now - STALE_MS);
	run_counting(s, ops, n);
}

/* Coming and going */

static void arrive(struct viewer *v, bool is_new)
{
	struct audience_stream *s = v->stream;
	struct audience *a = s->audience;

	v->left_at = 0;
	v->joins++;
	v->place = ++s->next_place;
	list_append(&s->present, &v->present);
	s->figures.current++;
	s->figures.unique += is_new;
	if (s->figures.peak < s->figures.current)
		s->figures.peak = s->figures.current;
	a->current++;
	metric_set(a->metrics.viewers, a->current);
	metric_add(a->metrics.joins, 1);
	s->counts_dirty = true;
	timeline_viewers(s);
	tell_join(v);
}

struct audience_seat *audience_join(
	struct audience *a, struct uuid stream_id, const struct audience_who *who)
{
	struct audience_stream *s = audience_find(a, stream_id);
	struct audience_seat *seat;
	struct viewer *v;
	bool is_new, comes;

	if (!s || s->ended || map_count(s->viewers) >= VIEWERS_MAX)
		return NULL;
	v = viewer_find_or_make(s, who);
	is_new = v->joined_at == 0;
	if (is_new)
		v->joined_at = audience_wall_ms(a);
	seat = mem_new(struct audience_seat);
	seat->viewer = v;
	seat->joined_us = seat->seen_us = audience_now_us(a);
	comes = list_empty(&v->seats);
	list_append(&v->seats, &seat->link);
	viewer_touch(v);
	if (comes) {
		arrive(v, is_new);
		audience_emit(s);
	}
	return seat;
}

void audience_seen(struct audience_seat *seat)
{
	if (seat && seat->viewer)
		seat->seen_us = audience_now_us(seat->viewer->stream->audience);
}

bool audience_alone(const struct audience_seat *seat)
{
	const struct list *seats = seat->viewer ? &seat->viewer->seats : NULL;

	return seats && seats->next == seats->prev;
}

/* The last seat of a viewer was left; its spans are all there is. */
static void depart(struct viewer *v, uint64_t last_us)
{
	struct audience_stream *s = v->stream;
	struct audience *a = s->audience;

	settle_watch(v);
	v->left_at = audience_wall_ms(a) - (audience_now_us(a) - last_us) / 1000;
	list_remove(&v->present);
	timeline_viewers(s); /* the bucket of now saw this viewer */
	s->figures.current -= s->figures.current > 0;
	a->current -= a->current > 0;
	metric_set(a->metrics.viewers, a->current);
	s->counts_dirty = true;
	viewer_touch(v);
}

static uint64_t last_end_us(const struct viewer *v)
{
	uint64_t last = 0;

	for (size_t i = 0; i < v->n_spans; i++)
		if (v->spans[i].to > last)
			last = v->spans[i].to;
	return last;
}

void audience_leave(struct audience_seat **at, enum audience_leaving how)
{
	struct audience_seat *seat = *at;
	struct viewer *v = seat ? seat->viewer : NULL;

	*at = NULL;
	if (v) {
		if (how == AUDIENCE_LEFT)
			audience_seen(seat);
		list_remove(&seat->link);
		add_span(v, (struct span){seat->joined_us, seat->seen_us});
		viewer_touch(v);
	}
	free(seat);
	if (!v || !list_empty(&v->seats))
		return;
	depart(v, last_end_us(v));
	tell_leave(v);
	audience_emit(v->stream);
}

void viewers_end(struct audience_stream *s)
{
	uint64_t now = audience_now_us(s->audience);
	struct audience_seat *seat, *next_seat;
	struct viewer *v, *next;

	list_for_each_safe (v, next, &s->present, present) {
		list_for_each_safe (seat, next_seat, &v->seats, link) {
			add_span(v, seat_span(seat, now, s->audience->config.alive_us));
			list_remove(&seat->link);
			seat->viewer = NULL;
		}
		depart(v, last_end_us(v));
	}
}
