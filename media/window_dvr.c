#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "playlist_text.h"
#include "window_private.h"

/* Where the playlist goes further back than the live window. */

/* All segments of a stream lie in one folder. */
static void learn_dir(struct media_window *w, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!w->dir && slash)
		w->dir = mem_strndup(path, (size_t)(slash - path));
}

static uint64_t window_us(const struct window_rendition *r)
{
	uint64_t us = 0;

	/* The first one is on its way out, and counted already. */
	for (size_t i = 1; i < r->n_segments; i++)
		us += r->segments[i]->duration_us;
	return us;
}

/* What is left still reaches back far enough. */
static bool is_too_long(const struct window_rendition *r)
{
	const struct dvr *d = &r->dvr;

	return r->window->dvr_us != MEDIA_DVR_WHOLE && dvr_listed(d) > 0 &&
		d->listed_us + window_us(r) - dvr_at(d, 0)->duration_us >= r->window->dvr_us;
}

static void trim(struct window_rendition *r)
{
	while (is_too_long(r)) {
		r->discontinuity_sequence += dvr_at(&r->dvr, 0)->discontinuity;
		/* RFC 8216 6.2.2 wants them to be there for as long as the playlist lasts; as long
		 * as the live window does is what the disk is charged with. */
		dvr_drop(&r->dvr, r->window->capacity);
	}
}

void window_dvr_keep(struct window_rendition *r, const struct media_segment *s)
{
	const struct dvr_segment *before = dvr_last(&r->dvr);
	const struct playlist_segment said = {
		.rendition = s->rendition,
		.container = s->container,
		.init = s->init,
		.sequence = s->sequence,
		.wall_ms = s->wall_ms,
		.duration_us = s->duration_us,
		.discontinuity = s->discontinuity,
		/* What the disk did not take by now is given up: it would cost memory. */
		.gap = s->gap || !s->path,
		.map = s->container == MEDIA_CONTAINER_CMAF && (!before || before->init != s->init),
	};
	const struct dvr_segment kept = {
		.sequence = s->sequence,
		.wall_ms = s->wall_ms,
		.duration_us = (uint32_t)s->duration_us,
		.bytes = (uint32_t)s->bytes,
		.init = s->init,
		.discontinuity = s->discontinuity,
		.gap = said.gap,
		.map = said.map,
		.bare = s->container != MEDIA_CONTAINER_CMAF,
	};
	struct buf lines = {0};

	if (s->path)
		learn_dir(r->window, s->path);
	playlist_put_segment(&lines, &said, "");
	dvr_add(&r->dvr, &kept, &lines);
	buf_finish(&lines);
	trim(r);
}

enum media_lookup window_dvr_body(
	const struct window_rendition *r, uint64_t sequence, struct media_body *out)
{
	const struct dvr_segment *s = dvr_find(&r->dvr, sequence);

	if (!s || s->gap || !r->window->dir)
		return MEDIA_GONE;
	*out = (struct media_body){
		.id = window_body_id(r, sequence << 16),
		.path = mem_printf("%s/seg_%u_%" PRIu64 ".%s", r->window->dir, r->number, sequence,
			media_container_suffix(r->window->container)),
		.len = s->bytes,
	};
	return MEDIA_FOUND;
}

uint64_t window_first_sequence(const struct window_rendition *r)
{
	if (dvr_listed(&r->dvr) > 0)
		return dvr_at(&r->dvr, 0)->sequence;
	return r->n_segments ? r->segments[0]->sequence : r->open->sequence;
}

uint64_t window_first_wall_ms(const struct window_rendition *r)
{
	if (dvr_listed(&r->dvr) > 0)
		return dvr_at(&r->dvr, 0)->wall_ms;
	return r->n_segments ? r->segments[0]->wall_ms : 0;
}

uint64_t media_window_oldest(const struct media_window *w, unsigned rendition)
{
	const struct window_rendition *r = w->renditions[rendition];
	const struct dvr *d = &r->dvr;
	uint64_t oldest = window_first_sequence(r);

	if (d->end > d->begin && d->segments[d->begin - d->origin].sequence < oldest)
		oldest = d->segments[d->begin - d->origin].sequence;
	for (size_t i = 0; i < w->capacity; i++) {
		if (r->retired[i] && r->retired[i]->sequence < oldest)
			oldest = r->retired[i]->sequence;
	}
	return oldest;
}
