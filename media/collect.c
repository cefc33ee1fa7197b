#include "collect.h"

#include <stdlib.h>

/* How long an expected track is waited for, on the publisher's clock, and how much is kept. */
#define WAIT_MS 1000
#define MAX_BYTES (4u << 20)

void collect_init(struct collect *c)
{
	*c = (struct collect){0};
	list_init(&c->samples);
}

void collect_finish(struct collect *c)
{
	struct sample *s, *next;
	uint64_t dropped = c->dropped;

	list_for_each_safe (s, next, &c->samples, link) {
		list_remove(&s->link);
		sample_free(s);
	}
	collect_init(c);
	c->dropped = dropped;
}

void collect_take(struct collect *c, struct list *out)
{
	struct sample *s, *next;

	list_init(out);
	list_for_each_safe (s, next, &c->samples, link) {
		list_remove(&s->link);
		list_append(out, &s->link);
	}
	collect_finish(c);
}

bool collect_strays(const struct collect *c, const struct sample *s, int64_t max_jump_us)
{
	int64_t step = (int32_t)(s->timestamp_ms - c->latest);

	return !list_empty(&c->samples) && llabs(step) * 1000 > max_jump_us;
}

void collect_push(struct collect *c, struct sample *s)
{
	if (c->needs_key && s->kind == MEDIA_VIDEO && !c->has[MEDIA_VIDEO] && !s->key) {
		c->dropped++;
		sample_free(s);
		return;
	}
	if (list_empty(&c->samples)) {
		c->anchor = c->latest = s->timestamp_ms;
	} else {
		if ((int32_t)(s->timestamp_ms - c->anchor) < 0)
			c->anchor = s->timestamp_ms;
		if ((int32_t)(s->timestamp_ms - c->latest) > 0)
			c->latest = s->timestamp_ms;
	}
	c->has[s->kind] = true;
	c->bytes += s->len;
	list_append(&c->samples, &s->link);
}

bool collect_ready(const struct collect *c, const bool wanted[2])
{
	if (list_empty(&c->samples))
		return false;
	if ((c->has[MEDIA_VIDEO] || !wanted[MEDIA_VIDEO]) &&
		(c->has[MEDIA_AUDIO] || !wanted[MEDIA_AUDIO]))
		return true;
	return c->latest - c->anchor >= WAIT_MS || c->bytes >= MAX_BYTES;
}
