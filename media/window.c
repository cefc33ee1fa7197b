#include <inttypes.h>
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
/* Where the playlist goes back further. */
#define RANGES_MAX_DVR 4096
/* A rendition that is further behind the main one is over. */
#define LAG_TARGETS 3

static struct media_segment *segment_new(const struct window_rendition *r, uint64_t sequence)
{
	struct media_segment *s = mem_new(struct media_segment);

	s->refs = 1;
	s->rendition = r->number;
	s->sequence = sequence;
	s->container = r->window->container;
	return s;
}

const char *media_container_suffix(enum media_container c)
{
	return c == MEDIA_CONTAINER_MPEGTS ? "ts" : "m4s";
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

static struct window_rendition *rendition_create(struct media_window *w, unsigned number)
{
	struct window_rendition *r = mem_new(struct window_rendition);

	r->window = w;
	r->number = number;
	r->segments = mem_zalloc((w->capacity + 1) * sizeof(struct media_segment *));
	r->retired = mem_zalloc(w->capacity * sizeof(struct media_segment *));
	r->open = segment_new(r, w->first_sequence[number]);
	r->independent = true;
	return r;
}

struct window_rendition *window_rendition(struct media_window *w, unsigned number)
{
	must(number < MEDIA_RENDITIONS);
	if (!w->renditions[number])
		w->renditions[number] = rendition_create(w, number);
	return w->renditions[number];
}

struct window_rendition *window_main(const struct media_window *w)
{
	return w->renditions[0];
}

struct media_window *media_window_create(
	const struct media_config *config, const struct media_events *events, void *user)
{
	struct media_window *w = mem_new(struct media_window);

	w->capacity = config->window ? config->window : 1;
	w->memory_segments = config->memory_segments;
	w->container = config->container;
	memcpy(w->first_sequence, config->first_sequence, sizeof(w->first_sequence));
	w->events = *events;
	w->user = user;
	w->dvr_us = config->dvr_us;
	list_init(&w->ranges);
	window_rendition(w, 0);
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

static void rendition_destroy(struct window_rendition *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_segments; i++)
		media_segment_unref(&r->segments[i]);
	for (size_t i = 0; i < r->window->capacity; i++)
		media_segment_unref(&r->retired[i]);
	media_segment_unref(&r->open);
	for (size_t i = 0; i < r->n_inits; i++)
		init_finish(&r->inits[i]);
	dvr_finish(&r->dvr);
	free(r->inits);
	free(r->retired);
	free(r->segments);
	free(r);
}

void media_window_destroy(struct media_window *w)
{
	struct window_range *r, *next;

	if (!w)
		return;
	for (size_t i = 0; i < MEDIA_RENDITIONS; i++)
		rendition_destroy(w->renditions[i]);
	list_for_each_safe (r, next, &w->ranges, link)
		range_free(r);
	free(w->dir);
	free(w);
}

void window_begin(struct window_rendition *r, uint64_t start_us, uint64_t wall_ms, unsigned init,
	bool discontinuity)
{
	r->open->start_us = start_us;
	r->open->wall_ms = wall_ms;
	r->open->init = init;
	r->open->discontinuity = discontinuity;
}

static void add_init(struct window_rendition *r, struct window_init init)
{
	r->inits = mem_realloc(r->inits, (r->n_inits + 1) * sizeof(*r->inits));
	r->inits[r->n_inits++] = init;
}

void window_add_init(struct window_rendition *r, unsigned number, struct rcbuf *bytes)
{
	add_init(r, (struct window_init){.number = number, .bytes = rcbuf_ref(bytes)});
}

/*~ A part can be fetched from here on: playlist.c lists it, and `updated` wakes
 * whoever waits for it in http/hls.c, the last stop. */
/*
 * RFC 8216bis 4.4.4.9: no part outlasts the part target, and all but a segment's last reach 85 % of
 * it. Where an encoder's gap makes that impossible the rest of the segment is listed as a whole.
 */
static void list_part(struct window_rendition *r, struct media_segment *s)
{
	const struct media_part *last = &s->parts[s->n_parts - 1];

	if (r->published && last->duration_us > r->part_target_us + PART_ROUNDING_US)
		s->hide_parts = true;
	if (r->published && s->n_parts > 1 &&
		(last[-1].duration_us + PART_ROUNDING_US) * 100 < r->part_target_us * 85)
		s->hide_parts = true;
	if (!s->hide_parts)
		r->open_listed = s->n_parts;
}

void window_add_part(
	struct window_rendition *r, struct rcbuf *bytes, uint64_t duration_us, bool independent)
{
	struct media_segment *s = r->open;

	if (s->n_parts == r->open_cap) {
		r->open_cap = r->open_cap ? r->open_cap * 2 : 16;
		s->parts = mem_realloc(s->parts, r->open_cap * sizeof(*s->parts));
	}
	if (s->n_parts == 0) {
		s->independent = independent;
		r->independent = r->independent && independent;
	}
	s->parts[s->n_parts++] = (struct media_part){
		.bytes = rcbuf_ref(bytes),
		.len = rcbuf_len(bytes),
		.duration_us = duration_us,
		.independent = independent,
	};
	s->bytes += rcbuf_len(bytes);
	s->duration_us += duration_us;
	list_part(r, s);
	r->window->generation++;
}

/* Init segments that nothing that can be fetched needs any more. */
static void drop_inits(struct window_rendition *r)
{
	unsigned oldest = r->n_segments ? r->segments[0]->init : r->open->init;

	for (size_t i = 0; i < r->window->capacity; i++) {
		if (r->retired[i] && r->retired[i]->init < oldest)
			oldest = r->retired[i]->init;
	}
	if (r->dvr.end > r->dvr.begin &&
		r->dvr.segments[r->dvr.begin - r->dvr.origin].init < oldest)
		oldest = r->dvr.segments[r->dvr.begin - r->dvr.origin].init;
	while (r->n_inits > 1 && r->inits[0].number < oldest) {
		init_finish(&r->inits[0]);
		memmove(&r->inits[0], &r->inits[1], (r->n_inits - 1) * sizeof(*r->inits));
		r->n_inits--;
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
	uint64_t oldest = window_first_wall_ms(window_main(w));

	list_for_each_safe (r, next, &w->ranges, link) {
		if (r->range.wall_ms + r->range.duration_ms < oldest)
			drop_range(w, r);
	}
}

/*
 * RFC 8216 6.2.2: what left the playlist can still be fetched for as long as a playlist lasts. From
 * disk only: a segment that could not be stored would cost memory.
 */
static void retire(struct window_rendition *r, struct media_segment *s)
{
	media_segment_unref(&r->retired[r->next_retired]);
	if (s->path)
		r->retired[r->next_retired] = s;
	else
		media_segment_unref(&s);
	r->next_retired = (r->next_retired + 1) % r->window->capacity;
}

void window_slide(struct window_rendition *r)
{
	if (r->window->dvr_us)
		window_dvr_keep(r, r->segments[0]);
	else if (r->segments[0]->discontinuity)
		r->discontinuity_sequence++;
	retire(r, r->segments[0]);
	memmove(&r->segments[0], &r->segments[1], (r->n_segments - 1) * sizeof(*r->segments));
	r->n_segments--;
	drop_inits(r);
	if (r == window_main(r->window))
		drop_ranges(r->window);
}

static void age(struct window_rendition *r)
{
	if (r->n_segments <= r->window->memory_segments)
		return;
	struct media_segment *s = r->segments[r->n_segments - 1 - r->window->memory_segments];
	s->aged = true;
	if (s->path)
		release_bytes(s);
}

void window_count_bitrate(struct window_rendition *r, const struct media_segment *s)
{
	uint64_t rate = s->duration_us ? s->bytes * 8 * 1000000 / s->duration_us : 0;

	/* A last piece of a few frames says nothing about the rate. */
	if (rate > r->peak_bitrate && (s->duration_us > 500000 || r->peak_bitrate == 0))
		r->peak_bitrate = rate;
	r->total_bits += s->bytes * 8;
	r->total_us += s->duration_us;
}

struct media_segment *window_close_segment(struct window_rendition *r)
{
	struct media_segment *s = r->open;

	if (s->n_parts == 0)
		return NULL;
	window_count_bitrate(r, s);
	r->segments[r->n_segments++] = s;
	r->open = segment_new(r, s->sequence + 1);
	r->open->init = s->init;
	r->open_cap = 0;
	r->open_listed = 0;
	age(r);
	if (r->n_segments > r->window->capacity)
		window_slide(r);
	r->window->generation++;
	return s;
}

void window_publish(struct window_rendition *r, unsigned target_s, uint64_t part_target_us)
{
	r->published = true;
	r->target_s = target_s;
	r->part_target_us = part_target_us;
	r->window->generation++;
}

uint64_t window_count_discontinuities(const struct window_rendition *r)
{
	uint64_t n = r->discontinuity_sequence + r->dvr.discontinuities;

	for (size_t i = 0; i < r->n_segments; i++)
		n += r->segments[i]->discontinuity;
	return n;
}

void window_clear(struct window_rendition *r, uint64_t discontinuity_sequence)
{
	uint64_t have = window_count_discontinuities(r);

	/* As if segments had come and gone with the discontinuities that nobody saw: to a player
	 * that knows the playlist, what it listed accounts for its own ones only. */
	if (r->published && discontinuity_sequence > have)
		r->open->sequence += discontinuity_sequence - have;
	for (size_t i = 0; i < r->n_segments; i++)
		retire(r, r->segments[i]);
	r->broken = r->broken || r->n_segments > 0;
	r->n_segments = 0;
	dvr_clear(&r->dvr);
	r->discontinuity_sequence = discontinuity_sequence;
	r->window->generation++;
}

void window_add_range(struct media_window *w, const struct media_daterange *range)
{
	struct window_range *r = mem_new(struct window_range);

	r->range = *range;
	r->range.id = mem_strdup(range->id);
	r->range.class_name = mem_strdup(range->class_name);
	r->range.attributes = mem_strdup(range->attributes);
	r->added_us = window_end_us(window_main(w));
	list_append(&w->ranges, &r->link);
	if (++w->n_ranges > (w->dvr_us ? RANGES_MAX_DVR : RANGES_MAX))
		drop_range(w, container_of(w->ranges.next, struct window_range, link));
	w->generation++;
}

void media_window_daterange(struct media_window *w, const struct media_daterange *range)
{
	window_add_range(w, range);
	media_window_settle(w);
}

/* In the playlist, or lately removed from it. Numbers may have holes after a restart. */
static struct media_segment *find_segment(const struct window_rendition *r, uint64_t sequence)
{
	for (size_t i = 0; i < r->n_segments; i++) {
		if (r->segments[i]->sequence == sequence)
			return r->segments[i];
	}
	for (size_t i = 0; i < r->window->capacity; i++) {
		if (r->retired[i] && r->retired[i]->sequence == sequence)
			return r->retired[i];
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

/* Sequences have 32 bits in names. */
uint64_t window_body_id(const struct window_rendition *r, uint64_t id)
{
	return id | (uint64_t)r->number << 56;
}

static enum media_lookup segment_body(
	struct window_rendition *r, uint64_t sequence, struct media_body *out)
{
	struct media_segment *s = find_segment(r, sequence);

	if (!s && sequence == r->open->sequence && !r->window->ended)
		return MEDIA_WAIT;
	if (!s)
		return window_dvr_body(r, sequence, out);
	if (s->gap)
		return MEDIA_GONE;
	*out = (struct media_body){.id = window_body_id(r, sequence << 16)};
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
	struct window_rendition *r, uint64_t sequence, uint64_t part, struct media_body *out)
{
	struct media_segment *s =
		sequence == r->open->sequence ? r->open : find_segment(r, sequence);

	if (!s)
		return MEDIA_GONE;
	/* Only the hinted part may be waited for. */
	if (part >= s->n_parts)
		return s == r->open && part == s->n_parts && !r->window->ended ? MEDIA_WAIT
									       : MEDIA_GONE;
	*out = (struct media_body){.id = window_body_id(r, sequence << 16 | (part + 1))};
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

static enum media_lookup init_body(
	struct window_rendition *r, uint64_t number, struct media_body *out)
{
	for (size_t i = 0; i < r->n_inits; i++) {
		const struct window_init *init = &r->inits[i];
		if (init->number != number)
			continue;
		*out = (struct media_body){.id = window_body_id(r, UINT64_C(1) << 63 | number)};
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

static bool ends_in_suffix(const struct media_window *w, const char *s)
{
	return *s == '.' && strcmp(s + 1, media_container_suffix(w->container)) == 0;
}

/* "KIND_R_": the rendition, if it is there. */
static struct window_rendition *take_rendition(
	const struct media_window *w, const char **s, const char *kind)
{
	const char *p = *s;
	uint64_t number;

	if (!take_text(&p, kind) || !take_number(&p, &number) || !take_text(&p, "_") ||
		number >= MEDIA_RENDITIONS)
		return NULL;
	*s = p;
	return w->renditions[number];
}

enum media_lookup media_window_media(
	struct media_window *w, const char *name, struct media_body *out)
{
	const char *s = name;
	struct window_rendition *r;
	uint64_t number, part;

	*out = (struct media_body){0};
	if ((r = take_rendition(w, &s, "seg_")) && take_number(&s, &number) && ends_in_suffix(w, s))
		return segment_body(r, number, out);
	s = name;
	if ((r = take_rendition(w, &s, "part_")) && take_number(&s, &number) &&
		take_text(&s, "_") && take_number(&s, &part) && ends_in_suffix(w, s))
		return part_body(r, number, part, out);
	s = name;
	if ((r = take_rendition(w, &s, "init_")) && take_number(&s, &number) &&
		strcmp(s, ".mp4") == 0)
		return init_body(r, number, out);
	return MEDIA_GONE;
}

bool media_window_ended(const struct media_window *w)
{
	return w->ended;
}

bool rendition_playable(const struct window_rendition *r)
{
	return r && r->published && r->n_segments > 0;
}

uint64_t window_end_us(const struct window_rendition *r)
{
	const struct media_segment *last = r->n_segments ? r->segments[r->n_segments - 1] : NULL;

	return last ? last->start_us + last->duration_us : 0;
}

bool rendition_current(const struct window_rendition *r)
{
	const struct window_rendition *main;

	if (!rendition_playable(r))
		return false;
	main = window_main(r->window);
	return r == main || r->window->ended || !rendition_playable(main) ||
		window_end_us(r) + LAG_TARGETS * (uint64_t)main->target_s * 1000000 >=
		window_end_us(main);
}

bool media_window_playable(const struct media_window *w)
{
	return rendition_playable(window_main(w));
}

uint64_t media_window_target_us(const struct media_window *w, unsigned rendition)
{
	return (uint64_t)w->renditions[rendition]->target_s * 1000000;
}

uint64_t media_window_part_target_us(const struct media_window *w, unsigned rendition)
{
	return w->renditions[rendition]->part_target_us;
}

uint64_t media_window_generation(const struct media_window *w)
{
	return w->generation;
}

static size_t segment_memory(const struct media_segment *s)
{
	return segment_in_memory(s) ? s->bytes : 0;
}

static size_t rendition_memory(const struct window_rendition *r)
{
	size_t total = segment_memory(r->open);

	for (size_t i = 0; i < r->n_segments; i++)
		total += segment_memory(r->segments[i]);
	return total + dvr_memory(&r->dvr);
}

size_t media_window_memory(const struct media_window *w)
{
	size_t total = 0;

	for (size_t i = 0; i < MEDIA_RENDITIONS; i++) {
		if (w->renditions[i])
			total += rendition_memory(w->renditions[i]);
	}
	return total;
}
