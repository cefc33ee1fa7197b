#include <stdio.h>
#include <stdlib.h>

#include "audience_private.h"
#include "base/mem.h"

/* How often somebody may write, and how much was written. */
#define CHAT_KEPT 100

struct permit {
	struct list link;
	struct audience *audience;
	audience_permit done;
	void *user;
};

static void permit_free(struct permit *p)
{
	list_remove(&p->link);
	free(p);
}

static void on_count(void *user, const struct state_reply *replies, size_t n)
{
	struct permit *p = user;
	unsigned rate = p->audience->config.chat_rate;
	bool refused = rate && replies[0].result == STATE_OK && replies[0].number > rate;
	int64_t left_ms = replies[1].result == STATE_OK ? replies[1].number : 0;
	audience_permit done = p->done;
	void *asker = p->user;

	if (refused)
		metric_add(p->audience->metrics.refused, 1);
	permit_free(p);
	done(asker, !refused, refused && left_ms > 0 ? (unsigned)((left_ms + 999) / 1000) : 0);
}

void audience_set_chat_rate(struct audience *a, unsigned messages_a_minute)
{
	a->config.chat_rate = messages_a_minute;
}

void audience_chat_permit(struct audience *a, struct uuid stream_id, const char *user_id,
	audience_permit done, void *user)
{
	struct permit *p = mem_new(struct permit);
	char id[UUID_TEXT_SIZE];
	struct state_op ops[2];
	char *key;

	uuid_text(id, stream_id);
	key = mem_printf("stream:%s:chat_rate:%s", id, user_id);
	*p = (struct permit){.audience = a, .done = done, .user = user};
	list_append(&a->permits, &p->link);
	ops[0] = state_add(key, 1, AUDIENCE_CHAT_WINDOW_MS);
	ops[1] = state_ttl(key);
	state_run(a->config.state, ops, 2, on_count, p);
	free(key);
}

void audience_chat_forget(struct audience *a, void *user)
{
	struct permit *p, *next;

	list_for_each_safe (p, next, &a->permits, link) {
		if (p->user != user)
			continue;
		state_forget(a->config.state, p);
		permit_free(p);
	}
}

void chat_permits_drop(struct audience *a)
{
	struct permit *p, *next;

	list_for_each_safe (p, next, &a->permits, link) {
		audience_permit done = p->done;
		void *user = p->user;

		state_forget(a->config.state, p);
		permit_free(p);
		done(user, false, 0);
	}
}

void chatter_add(struct audience_stream *s, const char *user_id)
{
	map_put_str(s->chatters, user_id, s);
	s->figures.chatters = (uint32_t)map_count(s->chatters);
}

bool audience_chat(struct audience *a, struct uuid stream_id, const char *user_id, const char *json)
{
	struct audience_stream *s = audience_find(a, stream_id);
	char bucket[KEY_SIZE];
	struct state_op ops[3];
	size_t n = 0;

	if (!s || s->ended)
		return false;
	s->figures.chat++;
	chatter_add(s, user_id);
	s->counts_dirty = true;
	metric_add(a->metrics.chat, 1);
	timeline_count(s, 1, 0);
	analytics_key(bucket, "chat", audience_wall_ms(a));
	ops[n++] = state_add(s->keys.chat_count, 1, 0);
	ops[n++] = state_add(bucket, 1, ANALYTICS_TTL_MS);
	if (json)
		ops[n++] = state_list_push(s->keys.chat, json, CHAT_KEPT);
	state_run(a->config.state, ops, n, NULL, NULL);
	audience_emit(s);
	return true;
}
