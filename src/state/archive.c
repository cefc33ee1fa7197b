#define LOG_MODULE "state"

#include <stdlib.h>

#include "audience_private.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

/*
 * The way into the store and back. What changed is written at each tick, one update of a stream at
 * a time; watch time of those who stay grows without a change, so it is written again by and by.
 */
#define PUT_VIEWERS 2000u
#define AGE_US 5000000u
#define AGE_CROWD_US 30000000u
#define CROWD 1000u
#define INGEST_AGE_US 10000000u
#define RESTORE_PAGE 1000u
#define RESTORE_BUCKETS 200000u
#define STATE_BATCH 200u

/* An update that the store has not answered, which may be after the audience. */
struct put {
	struct list link;
	struct audience_stream *stream; /* NULL: gone */
	bool final;
};

/* Writing */

static size_t take_viewers(struct audience_stream *s, struct viewer_record **out)
{
	uint64_t now = audience_now_us(s->audience);
	struct viewer *v, *next;
	size_t n = 0;

	*out = NULL;
	list_for_each_safe (v, next, &s->dirty, dirty) {
		if (n == PUT_VIEWERS)
			break;
		if (!*out)
			*out = mem_alloc(PUT_VIEWERS * sizeof(**out));
		(*out)[n++] = (struct viewer_record){.viewer = v->id,
			.name = v->name,
			.neighborhood = v->neighborhood,
			.joined_at = v->joined_at,
			.left_at = v->left_at,
			.watch_ms = viewer_watch_ms(v, now),
			.joins = v->joins};
		v->written_us = now;
		list_remove(&v->dirty);
	}
	return n;
}

static size_t take_reactions(
	struct audience_stream *s, struct reaction_record out[static AUDIENCE_EMOJIS])
{
	size_t n = 0;

	if (!s->reactions_dirty)
		return 0;
	for (int i = 0; i < AUDIENCE_EMOJIS; i++) {
		if (!s->figures.reactions[i])
			continue;
		text_copy(out[n].emoji, sizeof(out[n].emoji), audience_emojis[i]);
		out[n++].count = s->figures.reactions[i];
	}
	s->reactions_dirty = false;
	return n;
}

/* By and by, once something came in. */
static bool take_ingest(struct audience_stream *s, struct ingest_record *out)
{
	uint64_t now = audience_now_us(s->audience);

	if (s->ended || now < s->ingest_written_us + INGEST_AGE_US ||
		!audience_ingest(s->audience, s->id, out) || out->bytes == 0)
		return false;
	s->ingest_written_us = now;
	return true;
}

static void everything_is_dirty(struct audience_stream *s)
{
	size_t pos = 0;
	void *v;

	while (map_next(s->viewers, &pos, &v))
		viewer_touch(v);
	s->first_unsaved = 0;
	s->counts_dirty = s->reactions_dirty = true;
	s->ingest_written_us = 0;
}

static void on_deleted(void *user, const struct state_reply *replies, size_t n)
{
	audience_stream_destroy(user);
}

/* All is in the store: the state forgets the stream, and then so do we. */
static void go(struct audience_stream *s)
{
	const struct stream_keys *k = &s->keys;
	struct state_op ops[7 + AUDIENCE_EMOJIS] = {state_delete(k->viewers),
		state_delete(k->unique), state_delete(k->current), state_delete(k->peak),
		state_delete(k->likes), state_delete(k->chat_count), state_delete(k->chat)};

	for (int i = 0; i < AUDIENCE_EMOJIS; i++)
		ops[7 + i] = state_delete(k->reactions[i]);
	s->going = true;
	state_run(s->audience->config.state, ops, 7 + AUDIENCE_EMOJIS, on_deleted, s);
}

static void tell_flushed(struct audience *a)
{
	void (*done)(void *user) = a->flush_done;

	if (!done || !list_empty(&a->puts))
		return;
	a->flush_done = NULL;
	done(a->flush_user);
}

static void on_put(void *user, const struct repo_outcome *outcome)
{
	struct put *put = user;
	struct audience_stream *s = put->stream;
	struct audience *a = s ? s->audience : NULL;

	list_remove(&put->link);
	if (s)
		s->put_under_way = false;
	if (s && outcome->result == REPO_OK) {
		s->summed_up = put->final;
		archive_step(s);
	} else if (s && outcome->result == REPO_NOT_FOUND) {
		s->summed_up = true; /* deleted meanwhile: nobody wants to know */
		if (s->ended)
			go(s);
	} else if (s) {
		metric_add(a->metrics.archive_failures, 1);
		log_warn("audience not stored, trying again", kv_str("stream", s->id_text));
		everything_is_dirty(s);
	}
	free(put);
	if (a)
		tell_flushed(a);
}

static bool is_empty(const struct insight_update *u)
{
	return !u->n_viewers && !u->n_timeline && !u->n_reactions && !u->stats && !u->ingest &&
		!u->final;
}

static void put_update(struct audience_stream *s, const struct insight_update *u)
{
	struct audience *a = s->audience;
	struct put *put = mem_new(struct put);

	put->stream = s;
	put->final = u->final;
	list_append(&a->puts, &put->link);
	s->put_under_way = true;
	a->config.repo.insight->insight_put(a->config.repo.impl, u, on_put, put);
}

void archive_step(struct audience_stream *s)
{
	struct reaction_record reactions[AUDIENCE_EMOJIS];
	struct viewer_record *viewers;
	struct ingest_record ingest = {0};
	struct repo_stats stats;
	struct insight_update u = {.stream_id = s->id};

	if (s->put_under_way || s->going)
		return;
	if (s->ended && (s->summed_up || !s->audience->config.repo.insight)) {
		go(s);
		return;
	}
	if (!s->audience->config.repo.insight)
		return;
	u.n_viewers = take_viewers(s, &viewers);
	u.viewers = viewers;
	u.timeline = s->buckets + s->first_unsaved;
	u.n_timeline = s->n_buckets - s->first_unsaved;
	s->first_unsaved = s->n_buckets;
	u.reactions = reactions;
	u.n_reactions = take_reactions(s, reactions);
	if (s->counts_dirty && audience_stats(s->audience, s->id, &stats))
		u.stats = &stats;
	s->counts_dirty = false;
	u.final = s->ended && list_empty(&s->dirty);
	if (u.final ? s->has_ingest : take_ingest(s, &ingest))
		u.ingest = u.final ? &s->ingest : &ingest;
	if (!is_empty(&u))
		put_update(s, &u);
	ingest_record_finish(&ingest);
	free(viewers);
}

void archive_age(struct audience_stream *s, bool all)
{
	uint64_t now = audience_now_us(s->audience);
	uint64_t age = s->figures.current > CROWD ? AGE_CROWD_US : AGE_US;
	struct viewer *v;

	list_for_each (v, &s->present, present)
		if (all || v->written_us + age <= now)
			viewer_touch(v);
	if (!list_empty(&s->dirty))
		s->counts_dirty = true; /* the average grew with them */
}

static void on_nothing(void *user, const struct state_reply *replies, size_t n)
{
	tell_flushed(user);
}

void audience_flush(struct audience *a, void (*done)(void *user), void *user)
{
	struct audience_stream *s;

	a->flush_done = done;
	a->flush_user = user;
	list_for_each (s, &a->streams, link) {
		archive_age(s, true);
		archive_step(s);
	}
	/* So that it never comes inside the call. */
	state_run(a->config.state, NULL, 0, on_nothing, a);
}

void archive_drop(struct audience *a)
{
	struct put *put, *next;

	list_for_each_safe (put, next, &a->puts, link) {
		list_remove(&put->link);
		put->stream = NULL;
	}
	state_forget(a->config.state, a);
}

/* Reading back */

static void restore_timeline(struct audience_stream *s)
{
	const struct repo *repo = &s->audience->config.repo;
	struct timeline_record *rows;
	size_t n;

	if (repo->insight->timeline(repo->impl, s->id, 0, RESTORE_BUCKETS, &rows, &n) != REPO_OK)
		return;
	timeline_restore(s, rows, n);
	free(rows);
}

static void restore_reactions(struct audience_stream *s)
{
	const struct repo *repo = &s->audience->config.repo;
	struct reaction_record *rows;
	uint32_t sum = 0;
	size_t n;

	if (repo->insight->reactions(repo->impl, s->id, &rows, &n) != REPO_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		int emoji = audience_emoji(rows[i].emoji);

		if (emoji >= 0)
			s->figures.reactions[emoji] = rows[i].count;
		sum += rows[i].count;
	}
	free(rows);
	if (s->figures.likes < sum)
		s->figures.likes = sum;
}

/* One who was there when the process died is known to have stayed as long as was written. */
static void restore_viewer(struct audience_stream *s, const struct viewer_record *r)
{
	uint64_t last = s->n_buckets ? s->buckets[s->n_buckets - 1].at + TIMELINE_BUCKET_MS : 0;
	struct viewer *v = viewer_restore(s, r);

	if (v->left_at)
		return;
	v->left_at = last > r->joined_at + r->watch_ms ? last : r->joined_at + r->watch_ms;
	viewer_touch(v);
}

static void restore_viewers(struct audience_stream *s)
{
	const struct repo *repo = &s->audience->config.repo;
	struct viewer_record *rows;
	char *after = NULL;
	size_t n;

	do {
		if (repo->insight->viewer_list(repo->impl, s->id, RESTORE_PAGE, after, &rows, &n) !=
			REPO_OK)
			break;
		for (size_t i = 0; i < n; i++)
			restore_viewer(s, &rows[i]);
		free(after);
		after = n ? mem_strdup(rows[n - 1].viewer) : NULL;
		viewer_records_free(rows, n);
	} while (n == RESTORE_PAGE);
	free(after);
	if (s->figures.unique < map_count(s->viewers))
		s->figures.unique = (uint32_t)map_count(s->viewers);
}

static void restore_chatters(struct audience_stream *s)
{
	const struct repo *repo = &s->audience->config.repo;
	char **ids, *after = NULL;
	size_t n;

	do {
		if (repo->insight->chatter_list(repo->impl, s->id, RESTORE_PAGE, after, &ids, &n) !=
			REPO_OK)
			break;
		free(after);
		after = n ? mem_strdup(ids[n - 1]) : NULL;
		for (size_t i = 0; i < n; i++) {
			chatter_add(s, ids[i]);
			free(ids[i]);
		}
		free(ids);
	} while (n == RESTORE_PAGE);
	free(after);
}

/* The state may be a new one. */
static void restore_unique(struct audience_stream *s)
{
	struct state_op ops[STATE_BATCH];
	size_t pos = 0, n = 0;
	void *v;

	while (map_next(s->viewers, &pos, &v)) {
		ops[n++] = state_set_add(s->keys.unique, ((struct viewer *)v)->id);
		if (n < STATE_BATCH)
			continue;
		state_run(s->audience->config.state, ops, n, NULL, NULL);
		n = 0;
	}
	if (n)
		state_run(s->audience->config.state, ops, n, NULL, NULL);
}

static void restore_counters(struct audience_stream *s)
{
	const struct audience_figures *f = &s->figures;
	const struct stream_keys *k = &s->keys;
	struct state_op ops[3 + AUDIENCE_EMOJIS] = {state_raise(k->peak, f->peak),
		state_raise(k->likes, f->likes), state_raise(k->chat_count, f->chat)};

	for (int i = 0; i < AUDIENCE_EMOJIS; i++)
		ops[3 + i] = state_raise(k->reactions[i], f->reactions[i]);
	state_run(s->audience->config.state, ops, 3 + AUDIENCE_EMOJIS, NULL, NULL);
}

void archive_restore(struct audience_stream *s, const struct stream_record *row)
{
	s->figures.peak = row->peak_viewers;
	s->figures.unique = row->unique_viewers;
	s->figures.likes = row->total_likes;
	s->figures.chat = row->chat_messages_count;
	if (s->audience->config.repo.insight) {
		restore_timeline(s);
		restore_reactions(s);
		restore_viewers(s);
		restore_chatters(s);
		ingest_restore(s);
	}
	viewers_sum(s);
	restore_unique(s);
	restore_counters(s);
}
