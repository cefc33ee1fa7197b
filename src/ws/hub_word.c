#include "hub_private.h"

void hub_word_init(
	struct hub_word *w, struct hub *h, const char *name, const char *data, size_t len)
{
	*w = (struct hub_word){.hub = h, .event = {.name = name, .data = data, .len = len}};
}

/* It tells where the member's rooms are by now, as what is said to one alone does: mostly the same
 * for all. */
static void set_offset(struct hub_word *w, const struct hub_member *m)
{
	uint64_t offset = hub_offset_sent(w->hub, m);

	if (offset == w->event.offset)
		return;
	w->event.offset = offset;
	hub_word_finish(w);
}

void hub_word_tell(struct hub_word *w, struct hub_member *m)
{
	const struct hub_config *c = &w->hub->config;
	enum hub_framing f = m->framing;

	if (m->ops->queued(m) > c->drop_above) {
		metric_add(w->hub->dropped, 1);
		return;
	}
	set_offset(w, m);
	if (!w->encoded[f]) {
		w->encoded[f] = true;
		w->frames[f] = c->encode(c->user, f, &w->event);
	}
	if (!w->frames[f])
		return;
	metric_add(w->hub->deliveries, 1);
	m->ops->send(m, w->frames[f]);
}

void hub_word_finish(struct hub_word *w)
{
	for (unsigned i = 0; i < HUB_FRAMINGS; i++) {
		rcbuf_unref(&w->frames[i]);
		w->encoded[i] = false;
	}
}
