#include "rendition.h"

#include "window_private.h"

static void put(struct rendition *r, const struct media_change *change)
{
	r->outlet->unsettled = true;
	r->outlet->to.change(r->outlet->user, change);
}

void rendition_init(struct rendition *r, struct outlet *outlet, unsigned number,
	const struct media_window *before)
{
	const struct window_rendition *w = before ? before->renditions[number] : NULL;

	*r = (struct rendition){.outlet = outlet, .number = number};
	if (!w)
		return;
	r->description = w->description;
	r->published = w->published;
	r->target_s = w->target_s;
	r->part_target_us = w->part_target_us;
	r->has_segments = w->n_segments > 0;
	r->discontinuities = window_count_discontinuities(w);
}

void rendition_begin(
	struct rendition *r, uint64_t start_us, uint64_t wall_ms, unsigned init, bool discontinuity)
{
	r->discontinuity = discontinuity;
	put(r,
		&(struct media_change){.kind = MEDIA_CHANGE_BEGIN,
			.rendition = r->number,
			.number = init,
			.start_us = start_us,
			.wall_ms = wall_ms,
			.discontinuity = discontinuity});
}

void rendition_add_init(struct rendition *r, unsigned number, struct rcbuf *bytes)
{
	put(r,
		&(struct media_change){.kind = MEDIA_CHANGE_INIT,
			.rendition = r->number,
			.number = number,
			.bytes = bytes,
			.description = r->description});
}

void rendition_add_part(
	struct rendition *r, struct rcbuf *bytes, uint64_t duration_us, bool independent)
{
	r->n_parts++;
	r->us += duration_us;
	r->bytes += rcbuf_len(bytes);
	put(r,
		&(struct media_change){.kind = MEDIA_CHANGE_PART,
			.rendition = r->number,
			.bytes = bytes,
			.duration_us = duration_us,
			.independent = independent});
	rcbuf_unref(&bytes);
}

void rendition_close(struct rendition *r)
{
	r->recent[r->next_recent].us = r->us;
	r->recent[r->next_recent].bytes = r->bytes;
	r->next_recent = (r->next_recent + 1) % RENDITION_RECENT;
	r->discontinuities += r->discontinuity;
	r->discontinuity = false;
	r->has_segments = true;
	r->n_parts = 0;
	r->us = r->bytes = 0;
	put(r,
		&(struct media_change){.kind = MEDIA_CHANGE_CLOSE,
			.rendition = r->number,
			.target_s = r->target_s,
			.part_target_us = r->part_target_us,
			.description = r->description});
}

void rendition_clear(struct rendition *r, uint64_t discontinuity_sequence)
{
	r->has_segments = false;
	r->discontinuities = discontinuity_sequence;
	put(r,
		&(struct media_change){.kind = MEDIA_CHANGE_CLEAR,
			.rendition = r->number,
			.discontinuity_sequence = discontinuity_sequence});
}

uint64_t rendition_bitrate(const struct rendition *r)
{
	uint64_t bits = 0, us = 0;

	for (size_t i = 0; i < RENDITION_RECENT; i++) {
		bits += r->recent[i].bytes * 8;
		us += r->recent[i].us;
	}
	return us ? bits * 1000000 / us : 0;
}

void outlet_end(struct outlet *o)
{
	o->unsettled = true;
	o->to.change(o->user, &(struct media_change){.kind = MEDIA_CHANGE_END});
}

void outlet_settle(struct outlet *o)
{
	if (!o->unsettled)
		return;
	o->unsettled = false;
	o->to.settled(o->user);
}
