#include <stdlib.h>

#include "audience_private.h"
#include "base/mem.h"

/* Which streams are live in a neighbourhood. */

static char *place_key(const char *neighborhood)
{
	return mem_printf("live:active:location:%s", neighborhood);
}

static void run(struct audience_stream *s, bool live,
	struct state_op (*op)(const char *key, const char *member))
{
	struct audience_active_change change = {.stream_id = s->id, .live = live};
	struct state_op one;
	char *key;

	if (!s->neighborhood)
		return;
	key = place_key(s->neighborhood);
	one = op(key, s->id_text);
	state_run(s->audience->config.state, &one, 1, NULL, NULL);
	free(key);
	change.neighborhood = s->neighborhood;
	signal_emit(&s->audience->active, &change);
}

void active_add(struct audience_stream *s)
{
	run(s, true, state_set_add);
}

void active_remove(struct audience_stream *s)
{
	run(s, false, state_set_remove);
}

struct signal *audience_active_changed(struct audience *a)
{
	return &a->active;
}

void audience_active(struct audience *a, const char *neighborhood, state_done done, void *user)
{
	char *key = place_key(neighborhood);
	const struct state_op op = state_set_list(key);

	state_run(a->config.state, &op, 1, done, user);
	free(key);
}
