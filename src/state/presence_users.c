#include <stdlib.h>

#include "base/mem.h"
#include "model/people.h"
#include "presence_private.h"

/* Who has sockets here, and when the store is told that they were seen. */

#define FLUSH_US 10000000u
#define RENEW_US 30000000u
/* How old the store's word of who is there may be: what a crash forgets. */
#define WRITE_MS 300000u
#define FLUSH_ROWS 4000 /* of one flush: the rest waits for the next */

static uint64_t wall_ms(const struct presence *p)
{
	return clock_wall_ms(p->config.clock);
}

static uint64_t now_us(const struct presence *p)
{
	return clock_mono_us(p->config.clock);
}

struct presence_user *presence_user_find(const struct presence *p, const char *user_id)
{
	return map_get_str(p->users, user_id);
}

struct presence_user *presence_user_get(struct presence *p, const char *user_id)
{
	struct presence_user *u = presence_user_find(p, user_id);

	if (u)
		return u;
	u = mem_new(struct presence_user);
	u->id = mem_strdup(user_id);
	list_init(&u->leaving);
	list_init(&u->unwritten);
	map_put_str(p->users, user_id, u);
	return u;
}

void presence_user_free(struct presence *p, struct presence_user *u)
{
	map_remove_str(p->users, u->id);
	list_remove(&u->leaving);
	list_remove(&u->unwritten);
	free(u->id);
	free(u->device);
	free(u);
}

/* Unless something still holds it. */
static void settle(struct presence *p, struct presence_user *u)
{
	if (!u->sockets && list_empty(&u->leaving) && list_empty(&u->unwritten))
		presence_user_free(p, u);
}

static void write_later(struct presence *p, struct presence_user *u)
{
	if (list_empty(&u->unwritten))
		list_append(&p->unwritten, &u->unwritten);
}

void presence_user_touch(struct presence *p, struct presence_user *u)
{
	u->seen_ms = wall_ms(p);
	write_later(p, u);
}

/* --- sockets --- */

struct come_call {
	struct presence_call call; /* first */
	char *user_id;
};

static void come_finish(struct presence_call *c)
{
	free(((struct come_call *)c)->user_id);
}

/* Who is there already stays as he is. */
static void on_come(void *user, const struct state_reply *replies, size_t n)
{
	struct come_call *c = user;
	struct presence *p = c->call.presence;
	struct presence_user *u = presence_user_find(p, c->user_id);
	const struct presence_change change = {.user_id = c->user_id, .status = PRESENCE_ONLINE};

	if (u && !u->said && u->sockets) {
		u->status = presence_status_of(&replies[0]);
		if (u->status == PRESENCE_OFFLINE) {
			u->status = PRESENCE_ONLINE;
			presence_apply(p, &change, NULL, NULL);
		}
	}
	presence_call_free(&c->call);
}

static void come(struct presence *p, const char *user_id)
{
	struct come_call *c = presence_call_create(p, sizeof(*c));

	c->call.finish = come_finish;
	c->user_id = mem_strdup(user_id);
	presence_ask(p, &user_id, 1, on_come, &c->call);
}

void presence_here(struct presence *p, const char *user_id)
{
	struct presence_user *u = presence_user_get(p, user_id);
	bool first = u->sockets++ == 0 && list_empty(&u->leaving);

	list_remove(&u->leaving);
	if (first) {
		u->said = false;
		u->renewed_us = now_us(p);
		presence_user_touch(p, u);
		come(p, user_id);
	} else {
		presence_seen(p, user_id);
	}
}

void presence_gone(struct presence *p, const char *user_id)
{
	struct presence_user *u = presence_user_find(p, user_id);

	if (!u || !u->sockets || --u->sockets)
		return;
	u->gone_us = now_us(p);
	list_append(&p->leaving, &u->leaving);
}

/* The key was gone although somebody is there: the state had a bad time, or we. */
static void on_renewed(void *user, const struct state_reply *replies, size_t n)
{
	struct come_call *c = user;
	struct presence *p = c->call.presence;
	const struct presence_user *u = presence_user_find(p, c->user_id);

	if (u && u->sockets && u->status != PRESENCE_OFFLINE && replies[0].result == STATE_OK &&
		replies[0].number == 0)
		presence_apply(p,
			&(struct presence_change){.user_id = c->user_id, .status = u->status}, NULL,
			NULL);
	presence_call_free(&c->call);
}

static void renew(struct presence *p, struct presence_user *u)
{
	struct come_call *c = presence_call_create(p, sizeof(*c));
	char *key = presence_key(u->id);
	const struct state_op op = state_expire(key, PRESENCE_TTL_MS);

	u->renewed_us = now_us(p);
	c->call.finish = come_finish;
	c->user_id = mem_strdup(u->id);
	state_run(p->config.state, &op, 1, on_renewed, c);
	free(key);
}

/* Who said to be offline is not seen. */
void presence_seen(struct presence *p, const char *user_id)
{
	struct presence_user *u = presence_user_find(p, user_id);

	if (!u || u->status == PRESENCE_OFFLINE)
		return;
	u->seen_ms = wall_ms(p);
	if (u->seen_ms >= u->written_ms + WRITE_MS)
		write_later(p, u);
	if (now_us(p) >= u->renewed_us + RENEW_US)
		renew(p, u);
}

/* --- time --- */

static void leave(struct presence *p, struct presence_user *u)
{
	const struct presence_change change = {.user_id = u->id, .status = PRESENCE_OFFLINE};

	list_remove(&u->leaving);
	if (u->status != PRESENCE_OFFLINE) {
		u->status = PRESENCE_OFFLINE;
		write_later(p, u);
		presence_apply(p, &change, NULL, NULL);
	}
	settle(p, u);
}

static void leave_all(struct presence *p)
{
	uint64_t now = now_us(p);

	while (!list_empty(&p->leaving)) {
		struct presence_user *u =
			container_of(p->leaving.next, struct presence_user, leaving);
		if (now < u->gone_us + PRESENCE_ABSENT_US)
			return;
		leave(p, u);
	}
}

/* One batch of them; false: there are no more. */
static bool write_some(struct presence *p)
{
	struct presence_user *users[SEEN_MAX];
	struct seen_record rows[SEEN_MAX];
	const struct repo *repo = &p->config.repo;
	size_t n = 0;

	while (n < SEEN_MAX && !list_empty(&p->unwritten)) {
		struct presence_user *u =
			container_of(p->unwritten.next, struct presence_user, unwritten);
		list_remove(&u->unwritten);
		u->written_ms = u->seen_ms;
		rows[n] = (struct seen_record){.user_id = u->id, .seen_at = u->seen_ms};
		users[n++] = u;
	}
	if (n && repo->people)
		repo->people->seen_put(repo->impl, rows, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		settle(p, users[i]);
	return n == SEEN_MAX;
}

void presence_tick(struct presence *p)
{
	unsigned batches = FLUSH_ROWS / SEEN_MAX;
	uint64_t now = now_us(p);

	if (now >= p->flushed_us + FLUSH_US) {
		p->flushed_us = now;
		while (batches-- && write_some(p))
			continue;
	}
	/* After it: who goes now is told of with when he was seen, which a write under way would
	 * have made forgotten here and not known there yet. */
	leave_all(p);
}

void presence_flush(struct presence *p)
{
	size_t pos = 0;
	void *value;

	while (map_next(p->users, &pos, &value)) {
		struct presence_user *u = value;
		if (u->seen_ms != u->written_ms)
			write_later(p, u);
	}
	while (write_some(p))
		continue;
}
