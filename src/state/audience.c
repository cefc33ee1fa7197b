#define LOG_MODULE "state"

#include "state/audience.h"

#include <stdlib.h>
#include <string.h>

#include "audience_private.h"
#include "base/log.h"
#include "base/mem.h"

#define ALIVE_US 60000000u
#define WATCH_AGE_US 1000000u

static void metrics_init(struct audience_metrics *m, struct metrics *metrics)
{
	m->viewers = metrics_gauge(metrics, "souk_viewers", NULL, "Viewers of all live streams.");
	m->joins = metrics_counter(
		metrics, "souk_viewer_joins_total", NULL, "Viewers that came to a stream.");
	m->reactions = metrics_counter(
		metrics, "souk_reactions_total", NULL, "Reactions of viewers counted.");
	m->chat = metrics_counter(
		metrics, "souk_chat_messages_total", NULL, "Chat messages of streams counted.");
	m->refused = metrics_counter(metrics, "souk_chat_rate_limited_total", NULL,
		"Chat messages refused because their sender wrote too many.");
	m->archive_failures = metrics_counter(metrics, "souk_archive_failures_total", NULL,
		"Figures of an audience that the store did not take; they are written again.");
}

static void on_tick(void *user)
{
	audience_tick(user);
}

struct audience *audience_create(const struct audience_config *config)
{
	struct audience *a = mem_new(struct audience);

	a->config = *config;
	if (!a->config.alive_us)
		a->config.alive_us = ALIVE_US;
	a->by_id = map_create();
	list_init(&a->streams);
	list_init(&a->permits);
	list_init(&a->puts);
	signal_init(&a->changed);
	signal_init(&a->active);
	metrics_init(&a->metrics, config->metrics);
	if (config->loop) {
		a->timer = loop_timer_create(config->loop, "audience", on_tick, a);
		timer_repeat(a->timer, AUDIENCE_TICK_US);
	}
	return a;
}

void audience_destroy(struct audience **audience)
{
	struct audience *a = *audience;
	struct audience_stream *s, *next;

	if (!a)
		return;
	*audience = NULL;
	timer_destroy(&a->timer);
	chat_permits_drop(a);
	archive_drop(a);
	list_for_each_safe (s, next, &a->streams, link)
		audience_stream_destroy(s);
	map_destroy(a->by_id);
	free(a);
}

uint64_t audience_now_us(const struct audience *a)
{
	return clock_mono_us(a->config.clock);
}

uint64_t audience_wall_ms(const struct audience *a)
{
	return clock_wall_ms(a->config.clock);
}

struct audience_stream *audience_find(const struct audience *a, struct uuid id)
{
	return map_get(a->by_id, id.bytes, sizeof(id.bytes));
}

struct signal *audience_changed(struct audience *a)
{
	return &a->changed;
}

void audience_emit(struct audience_stream *s)
{
	struct audience_change change = {.stream_id = s->id, .figures = &s->figures};

	signal_emit(&s->audience->changed, &change);
}

void audience_tick(struct audience *a)
{
	struct audience_stream *s, *next;

	list_for_each_safe (s, next, &a->streams, link) {
		if (!s->ended) {
			timeline_viewers(s);
			viewers_renew(s);
			archive_age(s, false);
		}
		archive_step(s);
	}
}

/* Streams */

static struct audience_stream *stream_create(
	struct audience *a, struct uuid id, const char *neighborhood)
{
	struct audience_stream *s = mem_new(struct audience_stream);

	s->audience = a;
	s->id = id;
	uuid_text(s->id_text, id);
	s->neighborhood = mem_strdup(neighborhood);
	stream_keys_init(&s->keys, s->id_text);
	s->viewers = map_create();
	s->chatters = map_create();
	list_init(&s->present);
	list_init(&s->dirty);
	for (unsigned i = 0; i < AUDIENCE_EMOJIS; i++)
		s->slots[i] = (struct reaction_slot){.stream = s, .emoji = i};
	map_put(a->by_id, id.bytes, sizeof(id.bytes), s);
	list_append(&a->streams, &s->link);
	return s;
}

void audience_stream_destroy(struct audience_stream *s)
{
	struct audience *a = s->audience;
	size_t pos = 0;
	void *v;

	state_forget(a->config.state, s);
	for (unsigned i = 0; i < AUDIENCE_EMOJIS; i++)
		state_forget(a->config.state, &s->slots[i]);
	map_remove(a->by_id, s->id.bytes, sizeof(s->id.bytes));
	list_remove(&s->link);
	while (map_next(s->viewers, &pos, &v))
		viewer_destroy(v);
	map_destroy(s->viewers);
	map_destroy(s->chatters);
	ingest_record_finish(&s->ingest);
	ingest_record_finish(&s->ingest_before);
	free(s->buckets);
	free(s->neighborhood);
	free(s);
}

void audience_open(struct audience *a, const struct stream_record *row, const char *neighborhood)
{
	struct audience_stream *s;

	if (audience_find(a, row->id))
		return;
	s = stream_create(a, row->id, neighborhood);
	archive_restore(s, row);
	timeline_viewers(s);
	active_add(s);
	if (map_count(s->viewers))
		log_info("audience taken up again", kv_str("stream", s->id_text),
			kv_u64("viewers", map_count(s->viewers)));
}

void audience_end(struct audience *a, struct uuid stream_id)
{
	struct audience_stream *s = audience_find(a, stream_id);

	if (!s || s->ended)
		return;
	viewers_end(s);
	viewers_sum(s);
	s->counts_dirty = true;
	s->ended = true;
	ingest_end(s);
	active_remove(s);
	archive_step(s);
}

/* Figures */

bool audience_figures(struct audience *a, struct uuid stream_id, struct audience_figures *out)
{
	struct audience_stream *s = audience_find(a, stream_id);

	*out = (struct audience_figures){0};
	if (!s)
		return false;
	if (!s->ended && audience_now_us(a) >= s->watch_read_us + WATCH_AGE_US)
		viewers_sum(s);
	*out = s->figures;
	return true;
}

uint32_t audience_current(const struct audience *a)
{
	return a->current;
}

bool audience_stats(struct audience *a, struct uuid stream_id, struct repo_stats *out)
{
	struct audience_stream *s = audience_find(a, stream_id);

	*out = (struct repo_stats){0};
	if (!s)
		return false;
	if (!s->ended)
		viewers_sum(s);
	*out = (struct repo_stats){
		.peak_viewers = s->figures.peak,
		.unique_viewers = s->figures.unique,
		.total_likes = s->figures.likes,
		.chat_messages_count = s->figures.chat,
		.average_watch_time = s->figures.average_watch,
	};
	return true;
}

void audience_viewers(struct audience *a, struct uuid stream_id, uint64_t after, unsigned limit,
	void (*each)(void *arg, const struct audience_viewer *v), void *arg)
{
	struct audience_stream *s = audience_find(a, stream_id);
	uint64_t now = audience_now_us(a);
	struct viewer *v;

	if (!s)
		return;
	list_for_each (v, &s->present, present) {
		if (v->place <= after)
			continue;
		if (limit-- == 0)
			break;
		each(arg,
			&(struct audience_viewer){.id = v->id,
				.name = v->name,
				.neighborhood = v->neighborhood,
				.joined_at = v->joined_at,
				.watch_ms = viewer_watch_ms(v, now),
				.place = v->place});
	}
}

static int compare_places(const void *x, const void *y)
{
	const struct geography_record *const *a = x, *const *b = y;

	if ((*a)->viewers != (*b)->viewers)
		return (*a)->viewers < (*b)->viewers ? 1 : -1;
	if (!(*a)->neighborhood || !(*b)->neighborhood)
		return (*a)->neighborhood ? -1 : 1;
	return strcmp((*a)->neighborhood, (*b)->neighborhood);
}

/* Counts into a map from place to its record; the texts are the viewers'. */
static struct map *count_places(const struct audience_stream *s)
{
	struct map *places = map_create();
	size_t pos = 0;
	void *value;

	while (map_next(s->viewers, &pos, &value)) {
		const struct viewer *v = value;
		const char *name = v->neighborhood ? v->neighborhood : "";
		struct geography_record *g = map_get_str(places, name);

		if (!g) {
			g = mem_new(struct geography_record);
			g->neighborhood = v->neighborhood;
			map_put_str(places, name, g);
		}
		g->viewers++;
	}
	return places;
}

void audience_geography(struct audience *a, struct uuid stream_id,
	void (*each)(void *arg, const struct geography_record *g), void *arg)
{
	const struct audience_stream *s = audience_find(a, stream_id);
	struct geography_record **sorted;
	struct map *places;
	size_t pos = 0, n = 0;
	void *g;

	if (!s)
		return;
	places = count_places(s);
	sorted = mem_alloc((map_count(places) + 1) * sizeof(struct geography_record *));
	while (map_next(places, &pos, &g))
		sorted[n++] = g;
	qsort(sorted, n, sizeof(struct geography_record *), compare_places);
	for (size_t i = 0; i < n; i++) {
		each(arg, sorted[i]);
		free(sorted[i]);
	}
	free(sorted);
	map_destroy(places);
}

const struct timeline_record *audience_timeline(
	struct audience *a, struct uuid stream_id, size_t *n)
{
	struct audience_stream *s = audience_find(a, stream_id);

	*n = 0;
	if (!s)
		return NULL;
	if (!s->ended)
		timeline_viewers(s);
	*n = s->n_buckets;
	return s->buckets;
}
