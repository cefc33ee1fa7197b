#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "window_private.h"

/* Segments that an earlier process left on disk; they have no parts. */

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

static void restore_segment(
	struct window_rendition *r, const char *dir, const struct recording_entry *e)
{
	struct media_segment *s = mem_new(struct media_segment);

	*s = (struct media_segment){
		.refs = 1,
		.rendition = r->number,
		.sequence = e->sequence,
		.start_us = e->start_us,
		.duration_us = e->duration_us,
		.wall_ms = e->wall_ms,
		.init = e->init,
		.discontinuity = e->discontinuity,
		.independent = e->independent,
		.aged = true,
		.bytes = e->bytes,
		.path = mem_printf("%s/seg_%u_%" PRIu64 ".m4s", dir, r->number, e->sequence),
	};
	restore_init(r, dir, e->init);
	r->independent = r->independent && s->independent;
	r->segments[r->n_segments++] = s;
	window_count_bitrate(r, s);
}

/* The newest entries that follow each other: a playlist's numbers have no holes. */
static size_t first_entry(const struct window_rendition *r,
	const struct recording_entry *const *entries, size_t n, uint64_t next)
{
	size_t first = n;

	if (n == 0 || entries[n - 1]->sequence + 1 != next)
		return n;
	while (first > 0 && n - first < r->window->capacity) {
		if (first < n && entries[first - 1]->sequence + 1 != entries[first]->sequence)
			break;
		first--;
	}
	return first;
}

static void restore_rendition(struct window_rendition *r, const struct recording_index *index,
	const struct recording_entry *const *entries, size_t n, const char *dir)
{
	size_t first = first_entry(r, entries, n, index->next_sequence[r->number]);

	for (size_t i = 0; i < first; i++)
		r->discontinuity_sequence += entries[i]->discontinuity;
	for (size_t i = first; i < n; i++)
		restore_segment(r, dir, entries[i]);
	if (first == n)
		return;
	window_publish(r, (unsigned)((entries[n - 1]->target_us + 999999) / 1000000),
		entries[n - 1]->part_target_us);
	r->description = index->descriptions[r->number];
}

void media_window_restore(
	struct media_window *w, const struct recording_index *index, const char *dir)
{
	const struct recording_entry **own = mem_zalloc((index->n + 1) * sizeof(*own));

	for (unsigned number = 0; number < MEDIA_RENDITIONS; number++) {
		size_t n = 0;
		for (size_t i = 0; i < index->n; i++) {
			if (index->entries[i].rendition == number)
				own[n++] = &index->entries[i];
		}
		if (n > 0)
			restore_rendition(window_rendition(w, number), index, own, n, dir);
	}
	free(own);
}
