#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "window_private.h"

/* Timestamps are whole milliseconds. */
#define PART_ROUNDING_US 500
/* DATERANGEs in the live playlist: those of times to come leave it late, so that the number is
 * bounded; the recording has them all. */
#define RANGES_MAX 256

static struct media_segment *segment_new(uint64_t sequence)
{
	struct media_segment *s = mem_new(struct media_segment);

	s->refs = 1;
	s->sequence = sequence;
	return s;
}

struct media_segment *media_segment_ref(struct media_segment *s)
{
	s->refs++;
	return s;
}

static void release_bytes(struct media_segment *s)
{
	for (size_t i = 0; i < s->n_parts; i++)
		rcbuf_unref(&s->parts[i].bytes);
}

void media_segment_unref(struct media_segment **segment)
{
	struct media_segment *s = *segment;

	*segment = NULL;
	if (!s || --s->refs > 0)
		return;
	release_bytes(s);
	free(s->parts);
	free(s->path);
	free(s);
}

void media_segment_stored(struct media_segment *s, const char *path)
{
	free(s->path);
	s->path = mem_strdup(path);
	if (s->aged)
		release_bytes(s);
}

bool segment_in_memory(const struct media_segment *s)
{
	return s->n_parts > 0 && s->parts[0].bytes;
}

struct media_window *window_create(const struct media_config *config)
{
	struct media_window *w = mem_new(struct media_window);

	w->capacity = config->window ? config->window : 1;
	w->memory_segments = config->memory_segments;
	w->segments = mem_zalloc((w->capacity + 1) * sizeof(struct media_segment *));
	w->retired = mem_zalloc(w->capacity * sizeof(struct media_segment *));
	w->open = segment_new(config->first_sequence);
	w->independent = true;
	list_init(&w->ranges);
	return w;
}

static void range_free(struct window_range *r)
{
	list_remove(&r->link);
	free((char *)r->range.id);
	free((char *)r->range.class_name);
	free((char *)r->range.attributes);
	free(r);
}

static void init_finish(struct window_init *i)
{
	rcbuf_unref(&i->bytes);
	free(i->path);
}

void window_destroy(struct media_window *w)
{
	struct window_range *r, *next;

	if (!w)
		return;
	for (size_t i = 0; i < w->n_segments; i++)
		media_segment_unref(&w->segments[i]);
	for (size_t i = 0; i < w->capacity; i++)
		media_segment_unref(&w->retired[i]);
	media_segment_unref(&w->open);
	for (size_t i = 0; i < w->n_inits; i++)
		init_finish(&w->inits[i]);
	list_for_each_safe (r, next, &w->ranges, link)
		range_free(r);
	free(w->inits);
	free(w->retired);
	free(w->segments);
	free(w);
}

void window_begin(struct media_window *w, uint64_t start_us, uint64_t wall_ms, unsigned init,
	bool discontinuity)
{
	w->open->start_us = start_us;
	w->open->wall_ms = wall_ms;
	w->open->init = init;
	w->open->discontinuity = discontinuity;
}

static void add_init(struct media_window *w, struct window_init init)
{
	w->inits = mem_realloc(w->inits, (w->n_inits + 1) * sizeof(*w->inits));
	w->inits[w->n_inits++] = init;
}

void window_add_init(struct media_window *w, unsigned number, struct rcbuf *bytes)
{
	add_init(w, (struct window_init){.number = number, .bytes = rcbuf_ref(bytes)});
}

/*~ A part can be fetched from here on: playlist.c lists it, and the engine's `updated` wakes
 * whoever waits for it in http/hls.c, the last stop. */
/*
 * RFC 8216bis 4.4.4.9: no part outlasts the part target, and all but a segment's last reach 85 % of
 * it. Where an encoder's gap makes that impossible the rest of the segment is listed as a whole.
 */
static void list_part(struct media_window *w, struct media_segment *s)
{
	const struct media_part *last = &s->parts[s->n_parts - 1];

	if (w->published && last->duration_us > w->part_target_us + PART_ROUNDING_US)
		s->hide_parts = true;
	if (w->published && s->n_parts > 1 &&
		(last[-1].duration_us + PART_ROUNDING_US) * 100 < w->part_target_us * 85)
		s->hide_parts = true;
	if (!s->hide_parts)
		w->open_listed = s->n_parts;
}

void window_add_part(
	struct media_window *w, struct rcbuf *bytes, uint64_t duration_us, bool independent)
{
	struct media_segment *s = w->open;

	if (s->n_parts == w->open_cap) {
		w->open_cap = w->open_cap ? w->open_cap * 2 : 16;
		s->parts = mem_realloc(s->parts, w->open_cap * sizeof(*s->parts));
	}
	if (s->n_parts == 0) {
		s->independent = independent;
		w->independent = w->independent && independent;
	}
	s->parts[s->n_parts++] = (struct media_part){
		.bytes = bytes,
		.len = rcbuf_len(bytes),
		.duration_us = duration_us,
		.independent = independent,
	};
	s->bytes += rcbuf_len(bytes);
	s->duration_us += duration_us;
	list_part(w, s);
	w->generation++;
}

/* Init segments that nothing that can be fetched needs any more. */
static void drop_inits(struct media_window *w)
{
	unsigned oldest = w->n_segments ? w->segments[0]->init : w->open->init;

	for (size_t i = 0; i < w->capacity; i++) {
		if (w->retired[i] && w->retired[i]->init < oldest)
			oldest = w->retired[i]->init;
	}

	while (w->n_inits > 1 && w->inits[0].number < oldest) {
		init_finish(&w->inits[0]);
		memmove(&w->inits[0], &w->inits[1], (w->n_inits - 1) * sizeof(*w->inits));
		w->n_inits--;
	}
}

static void drop_range(struct media_window *w, struct window_range *r)
{
	w->n_ranges--;
	range_free(r);
}

static void drop_ranges(struct media_window *w)
{
	struct window_range *r, *next;
	uint64_t oldest = w->segments[0]->wall_ms;

	list_for_each_safe (r, next, &w->ranges, link) {
		if (r->range.wall_ms + r->range.duration_ms < oldest)
			drop_range(w, r);
	}
}

/*
 * RFC 8216 6.2.2: what left the playlist can still be fetched for as long as a playlist lasts. From
 * disk only: a segment that could not be stored would cost memory.
 */
static void retire(struct media_window *w, struct media_segment *s)
{
	media_segment_unref(&w->retired[w->next_retired]);
	if (s->path)
		w->retired[w->next_retired] = s;
	else
		media_segment_unref(&s);
	w->next_retired = (w->next_retired + 1) % w->capacity;
}

static void slide(struct media_window *w)
{
	if (w->segments[0]->discontinuity)
		w->discontinuity_sequence++;
	retire(w, w->segments[0]);
	memmove(&w->segments[0], &w->segments[1], (w->n_segments - 1) * sizeof(*w->segments));
	w->n_segments--;
	drop_inits(w);
	drop_ranges(w);
}

static void age(struct media_window *w)
{
	if (w->n_segments <= w->memory_segments)
		return;
	struct media_segment *s = w->segments[w->n_segments - 1 - w->memory_segments];
	s->aged = true;
	if (s->path)
		release_bytes(s);
}

void window_count_bitrate(struct media_window *w, const struct media_segment *s)
{
	uint64_t rate = s->duration_us ? s->bytes * 8 * 1000000 / s->duration_us : 0;

	/* A last piece of a few frames says nothing about the rate. */
	if (rate > w->peak_bitrate && (s->duration_us > 500000 || w->peak_bitrate == 0))
		w->peak_bitrate = rate;
	w->total_bits += s->bytes * 8;
	w->total_us += s->duration_us;
}

struct media_segment *window_close_segment(struct media_window *w)
{
	struct media_segment *s = w->open;

	if (s->n_parts == 0)
		return NULL;
	window_count_bitrate(w, s);
	w->segments[w->n_segments++] = s;
	w->open = segment_new(s->sequence + 1);
	w->open->init = s->init;
	w->open_cap = 0;
	w->open_listed = 0;
	age(w);
	if (w->n_segments > w->capacity)
		slide(w);
	w->generation++;
	return s;
}

void window_publish(struct media_window *w, unsigned target_s, uint64_t part_target_us)
{
	w->published = true;
	w->target_s = target_s;
	w->part_target_us = part_target_us;
	w->generation++;
}

void window_end(struct media_window *w)
{
	w->ended = true;
	w->generation++;
}

void window_add_range(struct media_window *w, const struct media_daterange *range)
{
	struct window_range *r = mem_new(struct window_range);

	r->range = *range;
	r->range.id = mem_strdup(range->id);
	r->range.class_name = mem_strdup(range->class_name);
	r->range.attributes = mem_strdup(range->attributes);
	list_append(&w->ranges, &r->link);
	if (++w->n_ranges > RANGES_MAX)
		drop_range(w, container_of(w->ranges.next, struct window_range, link));
	w->generation++;
}

/* In the playlist, or lately removed from it. Numbers may have holes after a restart. */
static struct media_segment *find_segment(const struct media_window *w, uint64_t sequence)
{
	for (size_t i = 0; i < w->n_segments; i++) {
		if (w->segments[i]->sequence == sequence)
			return w->segments[i];
	}
	for (size_t i = 0; i < w->capacity; i++) {
		if (w->retired[i] && w->retired[i]->sequence == sequence)
			return w->retired[i];
	}
	return NULL;
}

void media_body_finish(struct media_body *b)
{
	for (size_t i = 0; i < b->n_pieces; i++)
		rcbuf_unref(&b->pieces[i]);
	free(b->pieces);
	free(b->path);
	*b = (struct media_body){0};
}

static void body_pieces(struct media_body *out, const struct media_part *parts, size_t n)
{
	out->pieces = mem_zalloc(n * sizeof(struct rcbuf *));
	out->n_pieces = n;
	for (size_t i = 0; i < n; i++) {
		out->pieces[i] = rcbuf_ref(parts[i].bytes);
		out->len += parts[i].len;
	}
}

static enum media_lookup segment_body(
	struct media_window *w, uint64_t sequence, struct media_body *out)
{
	struct media_segment *s = find_segment(w, sequence);

	if (!s)
		return sequence == w->open->sequence && !w->ended ? MEDIA_WAIT : MEDIA_GONE;
	*out = (struct media_body){.id = sequence << 16};
	/* Even while the bytes are here as well: sendfile() copies nothing, and the page cache has
	 * what was just written. */
	if (s->path) {
		out->path = mem_strdup(s->path);
		out->len = s->bytes;
	} else {
		body_pieces(out, s->parts, s->n_parts);
	}
	return MEDIA_FOUND;
}

static enum media_lookup part_body(
	struct media_window *w, uint64_t sequence, uint64_t part, struct media_body *out)
{
	struct media_segment *s =
		sequence == w->open->sequence ? w->open : find_segment(w, sequence);

	if (!s)
		return MEDIA_GONE;
	/* Only the hinted part may be waited for. */
	if (part >= s->n_parts)
		return s == w->open && part == s->n_parts && !w->ended ? MEDIA_WAIT : MEDIA_GONE;
	*out = (struct media_body){.id = sequence << 16 | (part + 1)};
	if (s->parts[part].bytes) {
		body_pieces(out, &s->parts[part], 1);
		return MEDIA_FOUND;
	}
	for (uint64_t i = 0; i < part; i++)
		out->offset += s->parts[i].len;
	out->path = mem_strdup(s->path);
	out->len = s->parts[part].len;
	return MEDIA_FOUND;
}

static enum media_lookup init_body(struct media_window *w, uint64_t number, struct media_body *out)
{
	for (size_t i = 0; i < w->n_inits; i++) {
		const struct window_init *init = &w->inits[i];
		if (init->number != number)
			continue;
		*out = (struct media_body){.id = UINT64_C(1) << 63 | number};
		if (init->bytes) {
			const struct media_part part = {
				.bytes = init->bytes, .len = rcbuf_len(init->bytes)};
			body_pieces(out, &part, 1);
		} else {
			out->path = mem_strdup(init->path);
		}
		return MEDIA_FOUND;
	}
	return MEDIA_GONE;
}

/* Decimal without sign, leading zero or anything behind; moves *s on. */
static bool take_number(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (v > UINT32_MAX)
			return false;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	*s = p;
	*out = v;
	return true;
}

static bool take_text(const char **s, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*s, text, n) != 0)
		return false;
	*s += n;
	return true;
}

enum media_lookup media_window_media(
	struct media_window *w, const char *name, struct media_body *out)
{
	const char *s = name;
	uint64_t number, part;

	*out = (struct media_body){0};
	if (take_text(&s, "seg_0_") && take_number(&s, &number) && strcmp(s, ".m4s") == 0)
		return segment_body(w, number, out);
	s = name;
	if (take_text(&s, "part_0_") && take_number(&s, &number) && take_text(&s, "_") &&
		take_number(&s, &part) && strcmp(s, ".m4s") == 0)
		return part_body(w, number, part, out);
	s = name;
	if (take_text(&s, "init_0_") && take_number(&s, &number) && strcmp(s, ".mp4") == 0)
		return init_body(w, number, out);
	return MEDIA_GONE;
}

bool media_window_ended(const struct media_window *w)
{
	return w->ended;
}

bool media_window_playable(const struct media_window *w)
{
	return w->published && w->n_segments > 0;
}

uint64_t media_window_target_us(const struct media_window *w)
{
	return (uint64_t)w->target_s * 1000000;
}

uint64_t media_window_part_target_us(const struct media_window *w)
{
	return w->part_target_us;
}

uint64_t media_window_generation(const struct media_window *w)
{
	return w->generation;
}

static size_t segment_memory(const struct media_segment *s)
{
	return segment_in_memory(s) ? s->bytes : 0;
}

size_t media_window_memory(const struct media_window *w)
{
	size_t total = segment_memory(w->open);

	for (size_t i = 0; i < w->n_segments; i++)
		total += segment_memory(w->segments[i]);
	return total;
}
