#define LOG_MODULE "bans"

#include "live/bans.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/net_prefix.h"
#include "base/text.h"

struct ban {
	struct list link;
	struct ban_record record;
	struct net_prefix network; /* of an address */
};

struct bans {
	struct loop *loop;
	struct repo repo;
	struct list all; /* struct ban; few: looked through at each accept */
	struct list calls; /* struct call */
	unsigned count, max;
	struct signal changed;
};

/* A write under way. After bans_destroy `bans` is NULL. */
struct call {
	struct list link;
	struct bans *bans;
	struct ban_record record;
	bool removal;
	bans_done done;
	void *user;
	enum bans_result result; /* of one that never reached the store */
};

static bool in_force(const struct bans *b, const struct ban_record *r)
{
	return r->until == 0 || r->until > clock_wall_ms(loop_clock(b->loop));
}

static struct ban *find(struct bans *b, enum ban_kind kind, const char *subject)
{
	struct ban *ban;

	list_for_each (ban, &b->all, link)
		if (ban->record.kind == kind && text_eq(ban->record.subject, subject))
			return ban;
	return NULL;
}

static void drop(struct bans *b, struct ban *ban)
{
	list_remove(&ban->link);
	b->count--;
	ban_record_finish(&ban->record);
	free(ban);
}

static void keep(struct bans *b, const struct ban_record *r)
{
	struct ban *old = find(b, r->kind, r->subject), *ban = mem_new(struct ban);

	if (old)
		drop(b, old);
	ban_record_copy(&ban->record, r);
	if (r->kind == BAN_ADDRESS)
		net_prefix_parse(r->subject, &ban->network);
	list_append(&b->all, &ban->link);
	b->count++;
}

static void forget_old(struct bans *b)
{
	struct ban *ban, *next;

	list_for_each_safe (ban, next, &b->all, link)
		if (!in_force(b, &ban->record))
			drop(b, ban);
}

struct bans *bans_create(struct loop *l, struct repo repo, unsigned max)
{
	struct bans *b = mem_new(struct bans);
	struct repo_ban_list stored;

	b->loop = l;
	b->repo = repo;
	b->max = max;
	list_init(&b->all);
	list_init(&b->calls);
	signal_init(&b->changed);
	if (repo.bans->ban_list(repo.impl, clock_wall_ms(loop_clock(l)), &stored) != REPO_OK) {
		bans_destroy(&b);
		return NULL;
	}
	for (size_t i = 0; i < stored.n; i++)
		keep(b, &stored.rows[i]);
	repo_ban_list_finish(&stored);
	return b;
}

void bans_destroy(struct bans **b)
{
	struct call *c, *next;

	if (!*b)
		return;
	list_for_each_safe (c, next, &(*b)->calls, link) {
		list_remove(&c->link);
		c->bans = NULL;
		c->done(c->user, BANS_FAILED, NULL);
	}
	while (!list_empty(&(*b)->all))
		drop(*b, container_of((*b)->all.next, struct ban, link));
	free(*b);
	*b = NULL;
}

bool bans_matches(const struct ban_record *ban, const char *address)
{
	struct net_prefix network, peer;

	return ban->kind == BAN_ADDRESS && net_prefix_parse(ban->subject, &network) &&
		net_prefix_parse(address, &peer) && net_prefix_has(&network, &peer);
}

bool bans_address(struct bans *b, const char *address)
{
	struct net_prefix peer;
	struct ban *ban;

	if (b->count == 0 || !net_prefix_parse(address, &peer))
		return false;
	list_for_each (ban, &b->all, link)
		if (ban->record.kind == BAN_ADDRESS && net_prefix_has(&ban->network, &peer) &&
			in_force(b, &ban->record))
			return true;
	return false;
}

bool bans_user(struct bans *b, const char *user_id)
{
	struct ban *ban = b->count ? find(b, BAN_USER, user_id) : NULL;

	return ban && in_force(b, &ban->record);
}

static struct call *call_create(struct bans *b, bool removal, bans_done done, void *user)
{
	struct call *c = mem_new(struct call);

	c->bans = b;
	c->removal = removal;
	c->done = done;
	c->user = user;
	list_append(&b->calls, &c->link);
	return c;
}

static void call_finish(struct call *c, enum bans_result result)
{
	if (c->bans) {
		list_remove(&c->link);
		c->done(c->user, result, c->record.subject ? &c->record : NULL);
	}
	ban_record_finish(&c->record);
	free(c);
}

static void on_refused(void *arg)
{
	struct call *c = arg;

	call_finish(c, c->result);
}

static void refuse(struct call *c, enum bans_result result)
{
	c->result = result;
	loop_defer(c->bans->loop, on_refused, c);
}

static void take_effect(struct call *c)
{
	struct bans *b = c->bans;
	struct ban *old = find(b, c->record.kind, c->record.subject);

	if (!c->removal)
		keep(b, &c->record);
	else if (old)
		drop(b, old);
	log_info(c->removal ? "ban lifted" : "banned",
		kv_str("kind", ban_kind_text(c->record.kind)), kv_str("subject", c->record.subject),
		kv_str("actor", c->record.actor));
	signal_emit(&b->changed, &c->record);
}

static void on_stored(void *user, const struct repo_outcome *outcome)
{
	struct call *c = user;
	enum bans_result result = outcome->result == REPO_OK ? BANS_OK
		: outcome->result == REPO_NOT_FOUND	     ? BANS_NOT_FOUND
							     : BANS_FAILED;

	if (c->bans && result == BANS_OK)
		take_effect(c);
	call_finish(c, result);
}

/* The form in which a subject is kept. */
static bool canonical(enum ban_kind kind, const char *subject, char out[static 256])
{
	struct net_prefix network;

	if (kind == BAN_USER)
		return *subject && text_copy(out, 256, subject);
	if (!net_prefix_parse(subject, &network))
		return false;
	net_prefix_text(&network, out);
	return true;
}

void bans_put(struct bans *b, const struct ban_record *ban, bans_done done, void *user)
{
	struct call *c = call_create(b, false, done, user);
	struct ban_record record = *ban;
	char subject[256];

	forget_old(b);
	if (!canonical(ban->kind, ban->subject, subject)) {
		refuse(c, BANS_INVALID);
	} else if (b->count >= b->max && !find(b, ban->kind, subject)) {
		refuse(c, BANS_FULL);
	} else {
		record.subject = subject;
		ban_record_copy(&c->record, &record);
		b->repo.bans->ban_put(b->repo.impl, &c->record, on_stored, c);
	}
}

void bans_remove(
	struct bans *b, enum ban_kind kind, const char *subject, bans_done done, void *user)
{
	struct call *c = call_create(b, true, done, user);
	char text[256];

	if (!canonical(kind, subject, text)) {
		refuse(c, BANS_INVALID);
		return;
	}
	c->record = (struct ban_record){.kind = kind, .subject = mem_strdup(text)};
	b->repo.bans->ban_delete(b->repo.impl, kind, text, on_stored, c);
}

struct signal *bans_changed(struct bans *b)
{
	return &b->changed;
}

void bans_each(struct bans *b, void (*each)(void *arg, const struct ban_record *ban), void *arg)
{
	struct ban *ban;

	list_for_each (ban, &b->all, link)
		if (in_force(b, &ban->record))
			each(arg, &ban->record);
}

unsigned bans_count(const struct bans *b)
{
	return b->count;
}
