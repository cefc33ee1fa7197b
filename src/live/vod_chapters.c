#include "vod_chapters.h"

#include <stdlib.h>

#include "base/mem.h"

static int by_offset(const void *a, const void *b)
{
	const struct vod_chapter *x = a, *y = b;
	return x->offset_ms < y->offset_ms ? -1 : x->offset_ms > y->offset_ms;
}

void vod_chapters_load(struct vod_chapters *c, struct repo repo, struct uuid stream_id)
{
	struct stream_product_record *rows;
	size_t n;
	*c = (struct vod_chapters){0};
	if (repo.ops->stream_products(repo.impl, stream_id, &rows, &n) != REPO_OK)
		return;
	c->items = mem_zalloc((n + 1) * sizeof(*c->items));
	for (size_t i = 0; i < n; i++) {
		if (rows[i].timestamp_seconds >= 0)
			c->items[c->n++] = (struct vod_chapter){
				.offset_ms = (uint64_t)rows[i].timestamp_seconds * 1000,
				.title = mem_strdup(rows[i].product.name),
			};
		stream_product_record_finish(&rows[i]);
	}
	free(rows);
	qsort(c->items, c->n, sizeof(*c->items), by_offset);
}

static uint64_t place(const struct segment_record *segments, size_t n, uint64_t stream_ms)
{
	const struct segment_record *s = segments;
	uint64_t wall = segments[0].wall_ms + stream_ms, into;
	for (size_t i = 1; i < n && segments[i].wall_ms <= wall; i++)
		s = &segments[i];
	into = wall - s->wall_ms;
	return s->offset_ms + (into < s->duration_ms ? into : s->duration_ms);
}

void vod_chapters_place(
	struct vod_chapters *c, const struct segment_record *segments, size_t n_segments)
{
	for (unsigned i = 0; i < c->n && n_segments > 0; i++)
		c->items[i].offset_ms = place(segments, n_segments, c->items[i].offset_ms);
}

void vod_chapters_finish(struct vod_chapters *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free((char *)c->items[i].title);
	free(c->items);
	*c = (struct vod_chapters){0};
}
