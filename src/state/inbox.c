#include "state/inbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"

struct inbox {
	struct inbox_config config;
	struct list calls; /* call.link */
	struct signal arrived, read;
};

/* A question or a write under way. */
struct call {
	struct list link;
	struct inbox *inbox; /* NULL: gone, and answered; the store has still to be heard */
	char *user_id;
	struct uuid *ids; /* NULL: all */
	size_t n;
	bool reads; /* marks as read */
	const void *by;
	inbox_done done;
	void *user;
};

static char *key_of(const char *user_id)
{
	return mem_printf("notifications:unread:%s", user_id);
}

/* --- news --- */

static void forget(struct inbox *i, const struct notification_news *news)
{
	struct state_op *ops = mem_alloc(news->n * sizeof(*ops));

	for (size_t k = 0; k < news->n; k++)
		ops[k] = state_delete(key_of(news->rows[k].user_id));
	state_run(i->config.state, ops, news->n, NULL, NULL);
	for (size_t k = 0; k < news->n; k++)
		free((char *)(uintptr_t)ops[k].key);
	free(ops);
}

static void on_news(void *user, const struct notification_news *news)
{
	struct inbox *i = user;

	forget(i, news);
	signal_emit(&i->arrived, (void *)(uintptr_t)news);
}

/* --- life --- */

struct inbox *inbox_create(const struct inbox_config *config)
{
	struct inbox *i = mem_new(struct inbox);

	i->config = *config;
	list_init(&i->calls);
	signal_init(&i->arrived);
	signal_init(&i->read);
	config->repo.people->notification_watch(config->repo.impl, on_news, i);
	return i;
}

static struct call *call_create(struct inbox *i, const char *user_id, inbox_done done, void *user)
{
	struct call *c = mem_new(struct call);

	c->inbox = i;
	c->user_id = mem_strdup(user_id);
	c->done = done;
	c->user = user;
	list_append(&i->calls, &c->link);
	return c;
}

static void call_free(struct call *c)
{
	list_remove(&c->link);
	free(c->user_id);
	free(c->ids);
	free(c);
}

void inbox_destroy(struct inbox **pointer)
{
	struct inbox *i = *pointer;
	struct call *c, *next;

	if (!i)
		return;
	*pointer = NULL;
	i->config.repo.people->notification_watch(i->config.repo.impl, NULL, NULL);
	list_for_each_safe (c, next, &i->calls, link) {
		state_forget(i->config.state, c);
		c->done(c->user, false, 0);
		list_remove(&c->link);
		c->inbox = NULL;
		if (!c->reads)
			call_free(c);
	}
	free(i);
}

struct signal *inbox_arrived(struct inbox *i)
{
	return &i->arrived;
}

struct signal *inbox_was_read(struct inbox *i)
{
	return &i->read;
}

/* --- counts --- */

static void answer(struct call *c, bool ok, uint32_t unread)
{
	struct inbox_reading reading = {
		.user_id = c->user_id, .ids = c->ids, .n = c->n, .unread = unread, .by = c->by};

	if (ok && c->reads)
		signal_emit(&c->inbox->read, &reading);
	c->done(c->user, ok, unread);
	call_free(c);
}

static bool count(struct call *c, const char *key, uint32_t *unread)
{
	const struct inbox_config *config = &c->inbox->config;
	char digits[16];
	struct state_op op;

	if (config->repo.people->notification_unread(config->repo.impl, c->user_id, unread) !=
		REPO_OK)
		return false;
	snprintf(digits, sizeof(digits), "%u", *unread);
	op = state_set(key, digits, INBOX_TTL_MS);
	state_run(config->state, &op, 1, NULL, NULL);
	return true;
}

static void count_anew(struct call *c)
{
	char *key = key_of(c->user_id);
	uint32_t unread = 0;
	bool ok = count(c, key, &unread);

	free(key);
	answer(c, ok, unread);
}

static void on_cached(void *user, const struct state_reply *replies, size_t n)
{
	struct call *c = user;

	if (replies[0].result == STATE_OK && replies[0].number >= 0)
		answer(c, true, (uint32_t)replies[0].number);
	else
		count_anew(c);
}

void inbox_unread(struct inbox *i, const char *user_id, inbox_done done, void *user)
{
	struct call *c = call_create(i, user_id, done, user);
	char *key = key_of(user_id);
	const struct state_op op = state_get(key);

	state_run(i->config.state, &op, 1, on_cached, c);
	free(key);
}

void inbox_forget(struct inbox *i, void *user)
{
	struct call *c, *next;

	list_for_each_safe (c, next, &i->calls, link) {
		if (c->user != user || c->reads)
			continue;
		state_forget(i->config.state, c);
		call_free(c);
	}
}

/* --- reading --- */

static void on_marked(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;

	if (!c->inbox)
		call_free(c);
	else if (outcome->result == REPO_OK)
		count_anew(c);
	else
		answer(c, false, 0);
}

void inbox_read(struct inbox *i, const struct inbox_reading *what, inbox_done done, void *user)
{
	struct call *c = call_create(i, what->user_id, done, user);

	c->reads = true;
	c->by = what->by;
	c->n = what->n;
	c->ids = what->ids ? mem_dup(what->ids, what->n * sizeof(*what->ids)) : NULL;
	i->config.repo.people->notification_read(i->config.repo.impl, c->user_id, c->ids, c->n,
		clock_wall_ms(i->config.clock), on_marked, c);
}
