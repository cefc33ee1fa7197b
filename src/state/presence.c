#include <stdlib.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "model/people.h"
#include "presence_private.h"

#define TICK_US 1000000u
#define SWEEP_US 60000000u

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

/* --- life --- */

static void on_second(void *user)
{
	presence_tick(user);
}

static void on_minute(void *user)
{
	presence_sweep(user);
}

struct presence *presence_create(const struct presence_config *config)
{
	struct presence *p = mem_new(struct presence);

	p->config = *config;
	list_init(&p->calls);
	list_init(&p->leaving);
	list_init(&p->unwritten);
	signal_init(&p->changed);
	p->users = map_create();
	p->flushed_us = clock_mono_us(config->clock);
	if (config->loop) {
		p->second = loop_timer_create(config->loop, "presence", on_second, p);
		p->minute = loop_timer_create(config->loop, "presence sweep", on_minute, p);
		timer_repeat(p->second, TICK_US);
		timer_repeat(p->minute, SWEEP_US);
	}
	return p;
}

void presence_destroy(struct presence **pointer)
{
	struct presence *p = *pointer;
	struct presence_call *c, *next;
	size_t pos;
	void *u;

	if (!p)
		return;
	*pointer = NULL;
	list_for_each_safe (c, next, &p->calls, link) {
		state_forget(p->config.state, c);
		if (c->lost)
			c->lost(c);
		presence_call_free(c);
	}
	for (pos = 0; map_next(p->users, &pos, &u); pos = 0)
		presence_user_free(p, u);
	map_destroy(p->users);
	timer_destroy(&p->second);
	timer_destroy(&p->minute);
	free(p);
}

struct signal *presence_changed(struct presence *p)
{
	return &p->changed;
}

void *presence_call_create(struct presence *p, size_t size)
{
	struct presence_call *c = mem_zalloc(size);

	c->presence = p;
	list_append(&p->calls, &c->link);
	return c;
}

void presence_call_free(struct presence_call *c)
{
	list_remove(&c->link);
	if (c->finish)
		c->finish(c);
	free(c);
}

/* --- the keys --- */

char *presence_key(const char *user_id)
{
	return mem_printf("presence:%s", user_id);
}

enum presence_status presence_status_of(const struct state_reply *r)
{
	enum presence_status status = PRESENCE_OFFLINE;

	if (r->result == STATE_OK && r->text)
		presence_status_parse(r->text, &status);
	return status;
}

void presence_ask(struct presence *p, const char *const *user_ids, size_t n, state_done done,
	struct presence_call *c)
{
	struct state_op *ops = mem_alloc(n * sizeof(*ops));

	for (size_t i = 0; i < n; i++)
		ops[i] = state_get(presence_key(user_ids[i]));
	state_run(p->config.state, ops, n, done, c);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)ops[i].key);
	free(ops);
}

static uint64_t stored_seen(struct presence *p, const char *user_id)
{
	const struct repo *repo = &p->config.repo;
	uint64_t seen = 0;

	if (repo->people && repo->people->seen_get(repo->impl, &user_id, 1, &seen) != REPO_OK)
		return 0;
	return seen;
}

struct presence_row presence_row_of(
	struct presence *p, const char *user_id, enum presence_status status)
{
	const struct presence_user *u = presence_user_find(p, user_id);

	return (struct presence_row){.status = status,
		.last_seen = u && u->seen_ms ? u->seen_ms : stored_seen(p, user_id),
		.device = u && status != PRESENCE_OFFLINE ? u->device : NULL};
}

struct change_call {
	struct presence_call call; /* first */
	struct presence_change change; /* user_id is owned */
	presence_set_done done;
	void *user;
};

static void change_finish(struct presence_call *c)
{
	free((char *)(uintptr_t)((struct change_call *)c)->change.user_id);
}

static void change_lost(struct presence_call *call)
{
	struct change_call *c = (struct change_call *)call;

	if (c->done)
		c->done(c->user, NULL);
}

static void on_changed(void *user, const struct state_reply *replies, size_t n)
{
	struct change_call *c = user;
	const struct presence_change *change = &c->change;
	struct presence *p = c->call.presence;
	bool ok = replies[1].result == STATE_OK || replies[1].result == STATE_NONE;
	struct presence_news news = {
		.user_id = change->user_id,
		.now = presence_row_of(p, change->user_id, change->status),
		.said = change->said,
		.by = change->by,
	};

	if (ok && (change->new_device || presence_status_of(&replies[0]) != change->status))
		signal_emit(&p->changed, &news);
	if (c->done)
		c->done(c->user, ok ? &news.now : NULL);
	presence_call_free(&c->call);
}

void presence_apply(struct presence *p, const struct presence_change *change,
	presence_set_done done, void *user)
{
	struct change_call *c = presence_call_create(p, sizeof(*c));
	char *key = presence_key(change->user_id);
	bool there = change->status != PRESENCE_OFFLINE;
	const struct state_op ops[] = {
		state_get(key),
		there ? state_set(key, texts[change->status], PRESENCE_TTL_MS) : state_delete(key),
		there ? state_set_add(PRESENCE_ONLINE_KEY, change->user_id)
		      : state_set_remove(PRESENCE_ONLINE_KEY, change->user_id),
	};

	c->change = *change;
	c->change.user_id = mem_strdup(change->user_id);
	c->call.lost = change_lost;
	c->call.finish = change_finish;
	c->done = done;
	c->user = user;
	state_run(p->config.state, ops, sizeof(ops) / sizeof(ops[0]), on_changed, c);
	free(key);
}

/* --- what users say and ask --- */

static bool take_device(struct presence_user *u, const char *device)
{
	if (!device || text_eq(u->device, device))
		return false;
	free(u->device);
	u->device = mem_strdup(device);
	return true;
}

void presence_set(
	struct presence *p, const struct presence_saying *what, presence_set_done done, void *user)
{
	struct presence_user *u = presence_user_get(p, what->user_id);
	const struct presence_change change = {
		.user_id = what->user_id,
		.status = what->status,
		.said = true,
		.new_device = take_device(u, what->device) && what->status != PRESENCE_OFFLINE,
		.by = what->by,
	};

	u->status = what->status;
	u->said = true;
	presence_user_touch(p, u);
	presence_apply(p, &change, done, user);
}

struct get_call {
	struct presence_call call; /* first */
	char **ids;
	size_t n;
	presence_get_done done;
	void *user;
};

static void get_finish(struct presence_call *call)
{
	struct get_call *c = (struct get_call *)call;

	for (size_t i = 0; i < c->n; i++)
		free(c->ids[i]);
	free(c->ids);
}

static void get_lost(struct presence_call *call)
{
	struct get_call *c = (struct get_call *)call;

	c->done(c->user, NULL, 0);
}

static void on_got(void *user, const struct state_reply *replies, size_t n)
{
	struct get_call *c = user;
	struct presence_row rows[PRESENCE_BATCH_MAX];
	bool lost = false;

	for (size_t i = 0; i < n; i++) {
		rows[i] = presence_row_of(
			c->call.presence, c->ids[i], presence_status_of(&replies[i]));
		lost = lost || replies[i].result == STATE_LOST;
	}
	c->done(c->user, lost ? NULL : rows, n);
	presence_call_free(&c->call);
}

void presence_get(struct presence *p, const char *const *user_ids, size_t n, presence_get_done done,
	void *user)
{
	struct get_call *c = presence_call_create(p, sizeof(*c));

	must(n > 0 && n <= PRESENCE_BATCH_MAX);
	c->call.lost = get_lost;
	c->call.finish = get_finish;
	c->ids = mem_alloc(n * sizeof(*c->ids));
	c->n = n;
	for (size_t i = 0; i < n; i++)
		c->ids[i] = mem_strdup(user_ids[i]);
	c->done = done;
	c->user = user;
	presence_ask(p, user_ids, n, on_got, &c->call);
}
