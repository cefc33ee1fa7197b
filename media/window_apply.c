#include "base/must.h"
#include "window_private.h"

/* What an engine made becomes the window's, step by step. */

static void apply_init(struct media_window *w, const struct media_change *c)
{
	struct window_rendition *r = window_rendition(w, c->rendition);

	r->description = c->description;
	if (w->container == MEDIA_CONTAINER_CMAF)
		window_add_init(r, c->number, c->bytes);
	w->events.init(w->user,
		&(struct media_init){.rendition = c->rendition,
			.number = c->number,
			.bytes = c->bytes,
			.description = &r->description});
}

/* RFC 8216bis 4.4.4.9: parts but the last reach 85 % of the target and none is over it. */
static bool parts_keep(const struct media_segment *s, uint64_t target_us)
{
	for (size_t i = 0; i < s->n_parts; i++) {
		uint64_t d = s->parts[i].duration_us;
		if (d > target_us || (i + 1 < s->n_parts && d * 100 < target_us * 85))
			return false;
	}
	return true;
}

static void apply_close(struct media_window *w, const struct media_change *c)
{
	struct window_rendition *r = window_rendition(w, c->rendition);
	struct media_segment *done = window_close_segment(r);

	must(done);
	r->description = c->description;
	if (!r->published) {
		window_publish(r, c->target_s, c->part_target_us);
		done->hide_parts = !parts_keep(done, c->part_target_us);
	}
	w->events.segment(w->user, done);
}

void media_window_apply(struct media_window *w, const struct media_change *c)
{
	switch (c->kind) {
	case MEDIA_CHANGE_INIT:
		apply_init(w, c);
		break;
	case MEDIA_CHANGE_BEGIN:
		window_begin(window_rendition(w, c->rendition), c->start_us, c->wall_ms, c->number,
			c->discontinuity);
		break;
	case MEDIA_CHANGE_PART:
		window_add_part(window_rendition(w, c->rendition), c->bytes, c->duration_us,
			c->independent);
		break;
	case MEDIA_CHANGE_CLOSE:
		apply_close(w, c);
		break;
	case MEDIA_CHANGE_CLEAR:
		window_clear(window_rendition(w, c->rendition), c->discontinuity_sequence);
		break;
	case MEDIA_CHANGE_END:
		w->ended = true;
		w->generation++;
		break;
	}
}

void media_window_settle(struct media_window *w)
{
	if (w->announced == w->generation)
		return;
	w->announced = w->generation;
	w->events.updated(w->user, w);
}

static void output_change(void *user, const struct media_change *change)
{
	media_window_apply(user, change);
}

static void output_settled(void *user)
{
	media_window_settle(user);
}

const struct media_output media_window_output = {
	.change = output_change,
	.settled = output_settled,
};
