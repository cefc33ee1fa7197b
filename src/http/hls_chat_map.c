#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hls_chat.h"
#include "http/reply.h"

/*
 * A day's recording has 40000 segments: they are read once, some a turn of the loop, and kept as
 * what offsets need of them. The maps that were asked for last are kept. Loop thread.
 */
#define MAPS 16
#define SEGMENTS_A_TURN 1000

/* A stretch without an interruption, to the millisecond. */
struct stretch {
	uint64_t wall_ms, offset_ms, duration_ms;
};

struct chat_map {
	struct list link; /* hls.chat_maps, the newest question first */
	struct hls *hls; /* NULL: destroyed while the next step was scheduled */
	struct uuid id;
	/* What it was made from: a recording that goes on is another. */
	uint64_t finished_at;
	uint32_t segments;
	struct stretch *stretches;
	size_t n, cap;
	uint64_t next_sequence;
	bool whole, failed;
	struct list asks;
};

/* The last stretch that begins at or before; by wall time or by offset. */
static const struct stretch *stretch_at(const struct chat_map *map, uint64_t at, bool by_wall)
{
	size_t low = 0, high = map->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct stretch *s = &map->stretches[middle];
		if ((by_wall ? s->wall_ms : s->offset_ms) <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return &map->stretches[low ? low - 1 : 0];
}

uint64_t chat_map_offset(const struct chat_map *map, uint64_t wall_ms)
{
	const struct stretch *s = stretch_at(map, wall_ms, true);
	uint64_t into;

	if (wall_ms <= s->wall_ms)
		return s->offset_ms;
	into = wall_ms - s->wall_ms;
	return s->offset_ms + (into < s->duration_ms ? into : s->duration_ms);
}

uint64_t chat_map_wall(const struct chat_map *map, uint64_t offset_ms)
{
	const struct stretch *s = stretch_at(map, offset_ms, false);
	uint64_t into = offset_ms - s->offset_ms;

	return into < s->duration_ms ? s->wall_ms + into : UINT64_MAX >> 17;
}

static void add(struct chat_map *map, const struct segment_record *segment)
{
	struct stretch *last = map->n ? &map->stretches[map->n - 1] : NULL;

	if (last && segment->offset_ms == last->offset_ms + last->duration_ms &&
		segment->wall_ms == last->wall_ms + last->duration_ms) {
		last->duration_ms += segment->duration_ms;
		return;
	}
	if (map->n == map->cap) {
		map->cap = map->cap ? 2 * map->cap : 16;
		map->stretches = mem_realloc(map->stretches, map->cap * sizeof(*map->stretches));
	}
	map->stretches[map->n++] =
		(struct stretch){segment->wall_ms, segment->offset_ms, segment->duration_ms};
}

static void map_free(struct chat_map *map)
{
	list_remove(&map->link);
	free(map->stretches);
	free(map);
}

/* Segments of one turn. */
static void read_some(struct chat_map *map)
{
	const struct repo *repo = &map->hls->config.repo;
	struct segment_record *rows = NULL;
	size_t n = 0;

	map->failed = repo->ops->segment_list(repo->impl, map->id, map->next_sequence,
			      SEGMENTS_A_TURN, &rows, &n) != REPO_OK;
	for (size_t i = 0; !map->failed && i < n; i++)
		add(map, &rows[i]);
	if (!map->failed && n)
		map->next_sequence = rows[n - 1].sequence + 1;
	map->whole = map->failed || n < SEGMENTS_A_TURN;
	free(rows);
}

static void answer_one(struct hls *h, const struct chat_map *map, const struct chat_ask *ask)
{
	if (map->failed)
		reply_error(ask->request, 500, "internal", "The store failed.", NULL);
	else if (!map->n)
		reply_error(ask->request, 404, "not_found", "There is no such recording.", NULL);
	else
		hls_chat_answer(h, ask, map);
}

static void answer_all(struct chat_map *map)
{
	while (!list_empty(&map->asks)) {
		struct chat_ask *ask = container_of(map->asks.next, struct chat_ask, link);
		list_remove(&ask->link);
		if (ask->request)
			answer_one(map->hls, map, ask);
		free(ask);
	}
}

static void step(void *user)
{
	struct chat_map *map = user;

	if (!map->hls) {
		map_free(map);
		return;
	}
	read_some(map);
	if (!map->whole) {
		loop_defer(map->hls->config.loop, step, map);
		return;
	}
	answer_all(map);
	if (map->failed)
		map_free(map);
}

/* Of those that are made, the ones asked for last stay. */
static void evict(struct hls *h)
{
	struct chat_map *map, *next;
	unsigned n = 0;

	list_for_each_safe (map, next, &h->chat_maps, link)
		if (map->whole && ++n > MAPS)
			map_free(map);
}

static struct chat_map *find(struct hls *h, const struct recording_record *recording)
{
	struct chat_map *map, *next;

	list_for_each_safe (map, next, &h->chat_maps, link) {
		if (!uuid_eq(map->id, recording->stream_id))
			continue;
		if (map->finished_at == recording->finished_at &&
			map->segments == recording->segments) {
			list_remove(&map->link);
			list_prepend(&h->chat_maps, &map->link);
			return map;
		}
		if (map->whole)
			map_free(map);
	}
	return NULL;
}

static struct chat_map *create(struct hls *h, const struct recording_record *recording)
{
	struct chat_map *map = mem_new(struct chat_map);

	map->hls = h;
	map->id = recording->stream_id;
	map->finished_at = recording->finished_at;
	map->segments = recording->segments;
	list_init(&map->asks);
	list_prepend(&h->chat_maps, &map->link);
	read_some(map);
	if (!map->whole)
		loop_defer(h->config.loop, step, map);
	evict(h);
	return map;
}

static void on_gone(void *user)
{
	((struct chat_ask *)user)->request = NULL;
}

static void hold(struct chat_map *map, const struct chat_ask *from)
{
	struct chat_ask *ask = mem_dup(from, sizeof(*from));

	list_append(&map->asks, &ask->link);
	http_request_hold(ask->request, on_gone, ask);
}

bool hls_chat_ask(struct hls *h, const struct chat_ask *ask)
{
	const struct repo *repo = &h->config.repo;
	struct recording_record recording = {0};
	struct chat_map *map;
	bool there = repo->ops->recording_get(repo->impl, ask->id, &recording) == REPO_OK &&
		recording.segments && recording.state != RECORDING_DELETED;

	if (there) {
		map = find(h, &recording);
		map = map ? map : create(h, &recording);
		if (!map->whole)
			hold(map, ask);
		else
			answer_one(h, map, ask);
		if (map->failed)
			map_free(map);
	}
	recording_record_finish(&recording);
	return there;
}

void hls_chat_destroy_all(struct hls *h)
{
	struct chat_map *map, *next;

	list_for_each_safe (map, next, &h->chat_maps, link) {
		while (!list_empty(&map->asks)) {
			struct chat_ask *ask = container_of(map->asks.next, struct chat_ask, link);
			list_remove(&ask->link);
			if (ask->request)
				reply_retry(ask->request, 503, "draining",
					"The server is shutting down.", 1);
			free(ask);
		}
		if (map->whole) {
			map_free(map);
		} else {
			list_remove(&map->link);
			list_init(&map->link);
			map->hls = NULL;
		}
	}
}
