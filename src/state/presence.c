#include "state/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "loop/timer.h"

#define ONLINE_KEY "users:online"
#define SWEEP_US 60000000u
#define SWEEP_STEP 500

struct presence {
	struct state state;
	struct timer *timer;
	struct list calls; /* call.link */
};

/* A question under way. */
struct call {
	struct list link;
	enum presence_status status; /* to be set */
	presence_set_done set_done;
	presence_get_done get_done;
	void *user;
	char **members; /* of a sweep */
	size_t n, at;
	struct presence *presence;
};

static const char *const texts[] = {
	[PRESENCE_OFFLINE] = "offline",
	[PRESENCE_ONLINE] = "online",
	[PRESENCE_AWAY] = "away",
};

const char *presence_status_text(enum presence_status s)
{
	return texts[s];
}

bool presence_status_parse(const char *text, enum presence_status *out)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (text_eq(text, texts[i])) {
			*out = (enum presence_status)i;
			return true;
		}
	}
	return false;
}

static void on_timer(void *user)
{
	presence_sweep(user);
}

struct presence *presence_create(struct loop *loop, struct state state)
{
	struct presence *p = mem_new(struct presence);

	p->state = state;
	list_init(&p->calls);
	if (loop) {
		p->timer = loop_timer_create(loop, "presence", on_timer, p);
		timer_repeat(p->timer, SWEEP_US);
	}
	return p;
}

static struct call *call_create(struct presence *p, void *user)
{
	struct call *c = mem_new(struct call);

	c->presence = p;
	c->user = user;
	list_append(&p->calls, &c->link);
	return c;
}

static void call_free(struct call *c)
{
	list_remove(&c->link);
	for (size_t i = 0; c->members && i < c->n; i++)
		free(c->members[i]);
	free(c->members);
	free(c);
}

void presence_destroy(struct presence **p)
{
	struct call *c, *next;

	if (!*p)
		return;
	list_for_each_safe (c, next, &(*p)->calls, link) {
		state_forget((*p)->state, c);
		call_free(c);
	}
	timer_destroy(&(*p)->timer);
	free(*p);
	*p = NULL;
}

static char *key_of(const char *user_id)
{
	return mem_printf("presence:%s", user_id);
}

/* What a key's reply says. */
static enum presence_status status_of(const struct state_reply *r)
{
	enum presence_status status = PRESENCE_OFFLINE;

	if (r->result == STATE_OK && r->text)
		presence_status_parse(r->text, &status);
	return status;
}

static void on_set(void *user, const struct state_reply *replies, size_t n)
{
	struct call *c = user;
	bool ok = replies[1].result == STATE_OK || replies[1].result == STATE_NONE;

	if (c->set_done)
		c->set_done(c->user, ok, ok && status_of(&replies[0]) != c->status);
	call_free(c);
}

void presence_set(struct presence *p, const char *user_id, enum presence_status status,
	presence_set_done done, void *user)
{
	struct call *c = call_create(p, user);
	char *key = key_of(user_id);
	bool there = status != PRESENCE_OFFLINE;
	const struct state_op ops[] = {
		state_get(key),
		there ? state_set(key, texts[status], PRESENCE_TTL_MS) : state_delete(key),
		there ? state_set_add(ONLINE_KEY, user_id) : state_set_remove(ONLINE_KEY, user_id),
	};

	c->status = status;
	c->set_done = done;
	state_run(p->state, ops, sizeof(ops) / sizeof(ops[0]), on_set, c);
	free(key);
}

void presence_renew(struct presence *p, const char *user_id)
{
	char *key = key_of(user_id);
	const struct state_op op = state_expire(key, PRESENCE_TTL_MS);

	state_run(p->state, &op, 1, NULL, NULL);
	free(key);
}

static void run_gets(
	struct presence *p, const char *const *user_ids, size_t n, state_done done, struct call *c)
{
	struct state_op *ops = mem_alloc(n * sizeof(*ops));

	for (size_t i = 0; i < n; i++)
		ops[i] = state_get(key_of(user_ids[i]));
	state_run(p->state, ops, n, done, c);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)ops[i].key);
	free(ops);
}

static void on_got(void *user, const struct state_reply *replies, size_t n)
{
	struct call *c = user;
	enum presence_status statuses[PRESENCE_BATCH_MAX];
	bool lost = false;

	for (size_t i = 0; i < n; i++) {
		statuses[i] = status_of(&replies[i]);
		lost = lost || replies[i].result == STATE_LOST;
	}
	c->get_done(c->user, lost ? NULL : statuses, n);
	call_free(c);
}

void presence_get(struct presence *p, const char *const *user_ids, size_t n, presence_get_done done,
	void *user)
{
	struct call *c = call_create(p, user);

	must(n > 0 && n <= PRESENCE_BATCH_MAX);
	c->get_done = done;
	run_gets(p, user_ids, n, on_got, c);
}

static void sweep_some(struct call *c);

static void on_swept(void *user, const struct state_reply *replies, size_t n)
{
	struct call *c = user;

	for (size_t i = 0; i < n; i++) {
		const struct state_op op = state_set_remove(ONLINE_KEY, c->members[c->at + i]);
		if (replies[i].result == STATE_NONE)
			state_run(c->presence->state, &op, 1, NULL, NULL);
	}
	c->at += n;
	sweep_some(c);
}

/* A few at a time: there may be very many. */
static void sweep_some(struct call *c)
{
	size_t left = c->n - c->at;

	if (left == 0)
		call_free(c);
	else
		run_gets(c->presence, (const char *const *)c->members + c->at,
			left < SWEEP_STEP ? left : SWEEP_STEP, on_swept, c);
}

static void on_members(void *user, const struct state_reply *replies, size_t n)
{
	struct call *c = user;

	if (replies[0].result != STATE_OK || replies[0].n == 0) {
		call_free(c);
		return;
	}
	c->n = replies[0].n;
	c->members = mem_alloc(c->n * sizeof(*c->members));
	for (size_t i = 0; i < c->n; i++)
		c->members[i] = mem_strdup(replies[0].texts[i]);
	sweep_some(c);
}

void presence_sweep(struct presence *p)
{
	const struct state_op op = state_set_list(ONLINE_KEY);

	state_run(p->state, &op, 1, on_members, call_create(p, NULL));
}
