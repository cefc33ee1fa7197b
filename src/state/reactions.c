#include <string.h>

#include "audience_private.h"

const char *const audience_emojis[AUDIENCE_EMOJIS] = {"❤️", "🔥", "👏", "😂", "😮", "💎"};

int audience_emoji(const char *text)
{
	for (int i = 0; i < AUDIENCE_EMOJIS; i++)
		if (strcmp(audience_emojis[i], text) == 0)
			return i;
	return -1;
}

static void on_reaction(void *user, const struct state_reply *replies, size_t n)
{
	const struct reaction_slot *slot = user;
	struct audience_stream *s = slot->stream;
	struct audience_figures *f = &s->figures;

	/* As with viewers: what other nodes counted. */
	if (--s->asked_reactions > 0 || s->ended)
		return;
	if (replies[0].result == STATE_OK && replies[0].number > f->likes)
		f->likes = (uint32_t)replies[0].number;
	if (replies[1].result == STATE_OK && replies[1].number > f->reactions[slot->emoji])
		f->reactions[slot->emoji] = (uint32_t)replies[1].number;
}

static void tell_reaction(struct audience_stream *s, int emoji)
{
	char bucket[KEY_SIZE];
	struct state_op ops[3];

	analytics_key(bucket, "reactions", audience_wall_ms(s->audience));
	ops[0] = state_add(s->keys.likes, 1, 0);
	ops[1] = state_add(s->keys.reactions[emoji], 1, 0);
	ops[2] = state_add(bucket, 1, ANALYTICS_TTL_MS);
	s->asked_reactions++;
	state_run(s->audience->config.state, ops, 3, on_reaction, &s->slots[emoji]);
}

bool audience_react(struct audience *a, struct uuid stream_id, int emoji, uint32_t *count)
{
	struct audience_stream *s = audience_find(a, stream_id);

	if (!s || s->ended || emoji < 0 || emoji >= AUDIENCE_EMOJIS)
		return false;
	s->figures.likes++;
	s->figures.reactions[emoji]++;
	if (count)
		*count = s->figures.reactions[emoji];
	s->reactions_dirty = s->counts_dirty = true;
	metric_add(a->metrics.reactions, 1);
	timeline_count(s, 0, 1);
	tell_reaction(s, emoji);
	audience_emit(s);
	return true;
}
