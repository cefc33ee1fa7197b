#include <stdlib.h>

#include "base/mem.h"
#include "presence_private.h"

/* Whose five minutes are over goes out of `users:online`, and others are told. */

#define STEP 500

struct sweep {
	struct presence_call call; /* first */
	char **members;
	size_t n, at;
};

struct stale {
	struct presence_call call; /* first */
	char *user_id;
};

static void sweep_finish(struct presence_call *c)
{
	struct sweep *s = (struct sweep *)c;

	for (size_t i = 0; i < s->n; i++)
		free(s->members[i]);
	free(s->members);
}

static void stale_finish(struct presence_call *c)
{
	free(((struct stale *)c)->user_id);
}

/* He may have come back before he was taken out. */
static void on_removed(void *user, const struct state_reply *replies, size_t n)
{
	struct stale *s = user;
	struct presence *p = s->call.presence;
	const struct state_op add = state_set_add(PRESENCE_ONLINE_KEY, s->user_id);
	struct presence_news news = {
		.user_id = s->user_id, .now = presence_row_of(p, s->user_id, PRESENCE_OFFLINE)};

	if (replies[1].result == STATE_OK)
		state_run(p->config.state, &add, 1, NULL, NULL);
	else if (replies[1].result == STATE_NONE && replies[0].number == 1)
		signal_emit(&p->changed, &news);
	presence_call_free(&s->call);
}

static void remove_stale(struct presence *p, const char *user_id)
{
	struct stale *s = presence_call_create(p, sizeof(*s));
	char *key = presence_key(user_id);
	const struct state_op ops[] = {
		state_set_remove(PRESENCE_ONLINE_KEY, user_id), state_get(key)};

	s->call.finish = stale_finish;
	s->user_id = mem_strdup(user_id);
	state_run(p->config.state, ops, 2, on_removed, s);
	free(key);
}

/* Who has sockets here is there, whatever became of the key. */
static void look_at(struct presence *p, const char *user_id)
{
	const struct presence_user *u = presence_user_find(p, user_id);

	if (u && u->sockets && u->status != PRESENCE_OFFLINE)
		presence_apply(p,
			&(struct presence_change){.user_id = user_id, .status = u->status}, NULL,
			NULL);
	else
		remove_stale(p, user_id);
}

static void sweep_some(struct sweep *s);

static void on_swept(void *user, const struct state_reply *replies, size_t n)
{
	struct sweep *s = user;

	for (size_t i = 0; i < n; i++)
		if (replies[i].result == STATE_NONE)
			look_at(s->call.presence, s->members[s->at + i]);
	s->at += n;
	sweep_some(s);
}

/* A few at a time: there may be very many. */
static void sweep_some(struct sweep *s)
{
	size_t left = s->n - s->at;

	if (left == 0)
		presence_call_free(&s->call);
	else
		presence_ask(s->call.presence, (const char *const *)s->members + s->at,
			left < STEP ? left : STEP, on_swept, &s->call);
}

static void on_members(void *user, const struct state_reply *replies, size_t n)
{
	struct sweep *s = user;

	if (replies[0].result == STATE_OK) {
		s->members = mem_alloc(replies[0].n * sizeof(*s->members) + 1);
		for (; s->n < replies[0].n; s->n++)
			s->members[s->n] = mem_strdup(replies[0].texts[s->n]);
	}
	sweep_some(s);
}

void presence_sweep(struct presence *p)
{
	const struct state_op op = state_set_list(PRESENCE_ONLINE_KEY);
	struct sweep *s = presence_call_create(p, sizeof(*s));

	s->call.finish = sweep_finish;
	state_run(p->config.state, &op, 1, on_members, s);
}
