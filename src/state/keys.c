#include <stdio.h>

#include "audience_private.h"

static void key(char out[static KEY_SIZE], const char *id, const char *what)
{
	snprintf(out, KEY_SIZE, "stream:%s:%s", id, what);
}

void stream_keys_init(struct stream_keys *k, const char *id_text)
{
	snprintf(k->viewers, KEY_SIZE, "live:stream:%s:viewers", id_text);
	key(k->unique, id_text, "unique_viewers");
	key(k->current, id_text, "current_viewers");
	key(k->peak, id_text, "peak_viewers");
	key(k->likes, id_text, "total_likes");
	key(k->chat_count, id_text, "chat_count");
	key(k->chat, id_text, "chat");
	for (unsigned i = 0; i < AUDIENCE_EMOJIS; i++)
		snprintf(k->reactions[i], KEY_SIZE, "stream:%s:reactions:%s", id_text,
			audience_emojis[i]);
}

void analytics_key(char out[static KEY_SIZE], const char *type, uint64_t wall_ms)
{
	snprintf(out, KEY_SIZE, "analytics:%s:%llu", type,
		(unsigned long long)(wall_ms / TIMELINE_BUCKET_MS));
}

void audience_pulse(struct audience *a, uint64_t wall_ms, state_done done, void *user)
{
	static const char *const types[] = {"viewers", "chat", "reactions"};
	char keys[3][KEY_SIZE];
	struct state_op ops[3];

	for (int i = 0; i < 3; i++) {
		analytics_key(keys[i], types[i], wall_ms);
		ops[i] = state_get(keys[i]);
	}
	state_run(a->config.state, ops, 3, done, user);
}
