#include <stdlib.h>

#include "base/mem.h"
#include "journal.h"
#include "window_private.h"

/* Segments that an earlier process left on disk; they have no parts. */

/* More missing numbers than this between two segments are no loss but damage. */
#define LOST_MAX 10000
#define CLOCK_SLACK_MS 300

/* The entries of one rendition, in order. */
struct left {
	const struct recording_entry **entries;
	size_t n;
	uint64_t next, end_us; /* where it goes on */
};

static void restore_init(struct window_rendition *r, const char *dir, unsigned number)
{
	if (r->n_inits > 0 && r->inits[r->n_inits - 1].number >= number)
		return;
	r->inits = mem_realloc(r->inits, (r->n_inits + 1) * sizeof(*r->inits));
	r->inits[r->n_inits++] = (struct window_init){
		.number = number,
		.path = mem_printf("%s/init_%u_%u.mp4", dir, r->number, number),
	};
}

static void restore(struct window_rendition *r, const struct media_segment *from)
{
	struct media_segment *s = mem_new(struct media_segment);

	*s = *from;
	s->refs = 1;
	s->rendition = r->number;
	s->container = r->window->container;
	s->aged = true;
	r->segments[r->n_segments++] = s;
	if (r->n_segments > r->window->capacity)
		window_slide(r);
}

static void restore_segment(
	struct window_rendition *r, const char *dir, const struct recording_entry *e)
{
	const struct media_segment s = {
		.sequence = e->sequence,
		.start_us = e->start_us,
		.duration_us = e->duration_us,
		.wall_ms = e->wall_ms,
		.container = e->container,
		.init = e->init,
		.discontinuity = e->discontinuity,
		.independent = e->independent,
		.bytes = e->bytes,
		.path = journal_segment_path(dir, e),
	};

	if (e->container == MEDIA_CONTAINER_CMAF)
		restore_init(r, dir, e->init);
	r->independent = r->independent && s.independent;
	window_count_bitrate(r, &s);
	restore(r, &s);
}

/* Segments without a file, from the given one up to the number before `next` and to `end_us`, each
 * as long as the others; what is said of them ends with wall_ms. */
static void restore_lost(struct window_rendition *r, const struct media_segment *first,
	uint64_t next, uint64_t end_us, uint64_t end_wall_ms)
{
	const uint64_t n = next - first->sequence, most = (uint64_t)r->target_s * 1000000;
	uint64_t each = end_us > first->start_us ? (end_us - first->start_us) / n : 0;
	struct media_segment s = *first;

	each = each < 1000 ? 1000 : each > most ? most : each;
	s.gap = true;
	s.discontinuity = first->discontinuity;
	s.independent = true;
	s.duration_us = each;
	for (uint64_t left = n; left > 0; left--) {
		s.wall_ms = end_wall_ms - left * each / 1000;
		restore(r, &s);
		s.discontinuity = false;
		s.sequence++;
		s.start_us += each;
	}
}

/* Between what is there already (or the stream's begin) and the entry. */
static void restore_lost_before(struct window_rendition *r, const struct recording_entry *e)
{
	const struct media_segment *last = r->n_segments ? r->segments[r->n_segments - 1] : NULL;
	struct media_segment lost = {
		.sequence = last ? last->sequence + 1 : 0,
		.start_us = window_end_us(r),
		.init = last ? last->init : e->init,
	};
	uint64_t lasts_ms = e->start_us > lost.start_us ? (e->start_us - lost.start_us) / 1000 : 0;
	uint64_t begins_ms =
		last ? last->wall_ms + last->duration_us / 1000 : e->wall_ms - lasts_ms;

	if (lost.sequence >= e->sequence)
		return;
	/* Time stood still somewhere: where it is said to, or where nobody is left to say it. */
	if (!e->discontinuity && begins_ms + lasts_ms + CLOCK_SLACK_MS < e->wall_ms) {
		lost.discontinuity = true;
		begins_ms = e->wall_ms - lasts_ms;
	}
	restore_lost(r, &lost, e->sequence, e->start_us, begins_ms + lasts_ms);
}

static void restore_lost_behind(struct window_rendition *r, const struct left *left)
{
	const struct media_segment *last = r->segments[r->n_segments - 1];
	const struct media_segment lost = {
		.sequence = last->sequence + 1,
		.start_us = window_end_us(r),
		.init = last->init,
	};
	uint64_t lasts = left->end_us > lost.start_us ? left->end_us - lost.start_us : 0;

	if (lost.sequence < left->next)
		restore_lost(r, &lost, left->next, left->end_us,
			last->wall_ms + (last->duration_us + lasts) / 1000);
}

/* The newest entries that follow each other: a playlist's numbers have no holes. */
static size_t first_unbroken(const struct window_rendition *r, const struct left *left)
{
	size_t first = left->n;

	if (left->entries[left->n - 1]->sequence + 1 != left->next)
		return left->n;
	while (first > 0 && left->n - first < r->window->capacity) {
		if (first < left->n &&
			left->entries[first - 1]->sequence + 1 != left->entries[first]->sequence)
			break;
		first--;
	}
	return first;
}

/* As far back as the playlist goes. What is missing can be said, but for other renditions than the
 * main one: their numbers have holes where they were away. */
static size_t first_kept(const struct window_rendition *r, const struct left *left)
{
	const bool is_main = r == window_main(r->window);
	size_t first = left->n;
	uint64_t next = left->next;

	while (first > 0) {
		const struct recording_entry *e = left->entries[first - 1];
		if (e->sequence >= next || next - e->sequence > (is_main ? LOST_MAX : 1))
			break;
		if (r->window->dvr_us != MEDIA_DVR_WHOLE &&
			left->n - first >= r->window->capacity &&
			e->start_us + e->duration_us + r->window->dvr_us <= left->end_us)
			break;
		next = e->sequence;
		first--;
	}
	return first;
}

/* Where nothing may ever leave the playlist it begins with the stream. */
static bool begins_with_stream(const struct window_rendition *r, const struct left *left)
{
	return r->window->dvr_us == MEDIA_DVR_WHOLE && r == window_main(r->window) &&
		left->entries[0]->sequence <= LOST_MAX;
}

static void restore_rendition(struct window_rendition *r, const struct recording_index *index,
	const struct left *left, const char *dir)
{
	const struct recording_entry *last = left->entries[left->n - 1];
	size_t first = r->window->dvr_us ? first_kept(r, left) : first_unbroken(r, left);

	for (size_t i = 0; i < first; i++)
		r->discontinuity_sequence += left->entries[i]->discontinuity;
	if (first == left->n)
		return;
	r->broken = first > 0;
	r->target_s = (unsigned)((last->target_us + 999999) / 1000000);
	for (size_t i = first; i < left->n; i++) {
		if (i > first || (first == 0 && begins_with_stream(r, left)))
			restore_lost_before(r, left->entries[i]);
		restore_segment(r, dir, left->entries[i]);
	}
	restore_lost_behind(r, left);
	window_publish(r, r->target_s, last->part_target_us);
	r->description = index->descriptions[r->number];
}

static void restore_ranges(struct media_window *w, const struct recording_index *index)
{
	uint64_t oldest = window_first_wall_ms(window_main(w));

	for (size_t i = 0; i < index->n_ranges; i++) {
		const struct media_daterange *range = &index->ranges[i];
		if (range->wall_ms + range->duration_ms >= oldest)
			window_add_range(w, range);
	}
}

void media_window_restore(
	struct media_window *w, const struct recording_index *index, const char *dir)
{
	struct left left = {.entries = mem_zalloc((index->n + 1) * sizeof(*left.entries)),
		.end_us = index->end_us};

	for (unsigned number = 0; number < MEDIA_RENDITIONS; number++) {
		left.n = 0;
		left.next = index->next_sequence[number];
		for (size_t i = 0; i < index->n; i++) {
			if (index->entries[i].rendition == number)
				left.entries[left.n++] = &index->entries[i];
		}
		if (left.n > 0)
			restore_rendition(window_rendition(w, number), index, &left, dir);
	}
	restore_ranges(w, index);
	free(left.entries);
}
