#include "ws/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "model/record.h"
#include "peer_private.h"
#include "proto/ws_frame.h"

#define MALFORMED_MAX 10
#define SEEN_EVERY_US 500000u
#define GUEST_ID_BYTES 12

void ws_identity_finish(struct ws_identity *i)
{
	free(i->user_id);
	free(i->name);
	free(i->avatar);
	free(i->neighborhood);
	*i = (struct ws_identity){0};
}

static char *guest_id(const struct peers *owner)
{
	uint8_t random[GUEST_ID_BYTES];
	char text[GUEST_ID_BYTES * 2];

	clock_random(loop_clock(owner->config.loop), random, sizeof(random));
	text_base64url(text, random, sizeof(random));
	return mem_printf("guest:%s", text);
}

static size_t queued(const struct hub_member *m)
{
	return 0;
}

static const struct hub_member_ops deaf = {.queued = queued};

void peer_init(struct peer *p, struct peers *owner, const struct peer_ops *ops,
	enum hub_framing framing, const char *address)
{
	*p = (struct peer){.owner = owner, .ops = ops};
	hub_member_init(&p->member, &deaf, framing);
	list_init(&p->by_user);
	list_init(&p->streams);
	list_init(&p->rooms);
	list_init(&p->subscriptions);
	list_init(&p->calls);
	list_append(&owner->all, &p->link);
	p->id = guest_id(owner);
	p->address = mem_strdup(address);
	p->tokens = owner->config.rate;
	p->number = ++owner->last_number;
	p->tokens_us = p->seen_us = p->since_us = loop_now_us(owner->config.loop);
	p->identified = owner->config.allow_guests;
	owner->count++;
	metric_set(owner->open, owner->count);
	metric_change(owner->sockets[framing], 1);
}

void peer_set_host(struct peer *p, const char *host)
{
	free(p->host);
	p->host = host ? mem_strdup(host) : NULL;
}

static struct peer_user *user_get(struct peers *owner, const char *id)
{
	struct peer_user *u = map_get_str(owner->users, id);

	if (u)
		return u;
	u = mem_new(struct peer_user);
	list_init(&u->peers);
	map_put_str(owner->users, id, u);
	return u;
}

static void user_leave(struct peer *p)
{
	struct peer_user *u = p->who.user_id ? map_get_str(p->owner->users, p->who.user_id) : NULL;

	if (!u || list_empty(&p->by_user))
		return;
	list_remove(&p->by_user);
	if (--u->count)
		return;
	map_remove_str(p->owner->users, p->who.user_id);
	free(u);
}

static bool user_has_room(const struct peers *owner, const char *id)
{
	const struct peer_user *u = map_get_str(owner->users, id);

	return !owner->config.sockets_per_user || !u || u->count < owner->config.sockets_per_user;
}

static void take_identity(struct peer *p, struct ws_identity *who)
{
	struct peer_user *u;
	char *before = p->id;

	ws_identity_finish(&p->who);
	p->who = *who;
	p->identified = true;
	p->warned = false;
	if (text_eq(before, p->who.user_id))
		return;
	u = user_get(p->owner, p->who.user_id);
	u->count++;
	list_append(&u->peers, &p->by_user);
	p->id = mem_strdup(p->who.user_id);
	signal_emit(&p->owner->identified, &(struct peer_change){.peer = p, .id_before = before});
	free(before);
}

void peer_must_be(struct peer *p, const char *user_id)
{
	p->only = mem_strdup(user_id);
	p->identified = false;
}

static bool is_another(const struct peer *p, const char *user_id)
{
	return (p->who.user_id && strcmp(p->who.user_id, user_id) != 0) ||
		(p->only && strcmp(p->only, user_id) != 0);
}

enum peer_identity_result peer_identify(
	struct peer *p, const char *token, const char **code, const char **why)
{
	const struct peers_config *c = &p->owner->config;
	struct ws_identity who = {0};

	if (!c->auth->check(c->auth_user, token, &who, code, why))
		return PEER_REFUSED;
	must(who.user_id != NULL);
	if (is_another(p, who.user_id)) {
		ws_identity_finish(&who);
		return PEER_ANOTHER;
	}
	if (!p->who.user_id && !user_has_room(p->owner, who.user_id)) {
		peers_limited(p->owner, PEER_LIMIT_SOCKETS, p->address, who.user_id);
		ws_identity_finish(&who);
		return PEER_TOO_MANY;
	}
	take_identity(p, &who);
	return PEER_IDENTIFIED;
}

void peer_set_guest(struct peer *p, const char *id)
{
	must(!p->who.user_id && list_empty(&p->streams));
	free(p->id);
	p->id = mem_strdup(id);
}

/* --- the end --- */

static void mark(struct peer *p, enum peer_ending how)
{
	struct peers *owner = p->owner;

	p->ending = true;
	p->ending_how = how;
	p->member.line.ops = NULL;
	list_remove(&p->link);
	list_append(&owner->ending, &p->link);
	peers_reap_later(owner);
}

void peer_end(struct peer *p, enum peer_ending how)
{
	/* Somebody may have asked for its close in the same turn. */
	p->close_code = 0;
	if (!p->ending)
		mark(p, how);
}

void peer_close(struct peer *p, unsigned code, const char *reason)
{
	if (p->ending)
		return;
	p->close_code = (uint16_t)code;
	p->close_reason = reason;
	mark(p, PEER_LEFT);
}

void peer_too_slow(struct peer *p)
{
	if (p->ending)
		return;
	metric_add(p->owner->slow, 1);
	peer_limited(p, PEER_LIMIT_QUEUE);
	peer_close(p, WS_CLOSE_TRY_LATER, "slow_consumer");
	p->ending_how = PEER_LOST;
}

void peer_reap(struct peer *p)
{
	struct peers *owner = p->owner;

	if (p->close_code)
		p->ops->close(p, p->close_code, p->close_reason);
	signal_emit(&owner->ended, p);
	hub_leave_all(owner->config.hub, &p->member);
	peer_calls_forget(p);
	user_leave(p);
	list_remove(&p->link);
	ws_identity_finish(&p->who);
	free(p->id);
	free(p->only);
	free(p->address);
	free(p->host);
	p->id = p->only = p->address = p->host = NULL;
	owner->count--;
	metric_set(owner->open, owner->count);
	metric_change(owner->sockets[p->member.framing], -1);
	p->ops->destroy(p);
}

/* --- what it sends --- */

void peer_seen(struct peer *p)
{
	uint64_t now = loop_now_us(p->owner->config.loop);

	if (p->ending || now - p->seen_us < SEEN_EVERY_US)
		return;
	p->seen_us = now;
	signal_emit(&p->owner->seen, p);
}

bool peer_may_speak(struct peer *p)
{
	double rate = p->owner->config.rate;
	uint64_t now = loop_now_us(p->owner->config.loop);

	if (rate <= 0)
		return true;
	p->tokens += (double)(now - p->tokens_us) / 1e6 * rate;
	p->tokens = p->tokens > rate ? rate : p->tokens;
	p->tokens_us = now;
	if (p->tokens < 1) {
		peer_limited(p, PEER_LIMIT_RATE);
		return false;
	}
	p->tokens -= 1;
	return true;
}

void peer_malformed(struct peer *p, const char *message)
{
	if (p->ending)
		return;
	metric_add(p->owner->malformed, 1);
	peer_send(p, "error",
		json_pack("{s:n, s:s, s:s}", "event", "code", "malformed", "message", message));
	if (++p->malformed < MALFORMED_MAX)
		return;
	peer_limited(p, PEER_LIMIT_MALFORMED);
	peer_close(p, WS_CLOSE_POLICY, "malformed");
}

/* --- what it gets --- */

bool peer_is_guest(const struct peer *p)
{
	return !p->who.user_id;
}

bool peer_owns(const struct peer *p, const char *seller_id)
{
	return p->who.roles & ROLE_ADMIN ||
		(seller_id && !peer_is_guest(p) && text_eq(p->who.user_id, seller_id));
}

void peer_send(struct peer *p, const char *name, json_t *data)
{
	if (!p->ending && !p->ops->send(p, name, data))
		peer_too_slow(p);
	json_decref(data);
}

void peer_answer(struct peer *p, uint64_t ack, json_t *data)
{
	if (!p->ending && !p->ops->answer(p, ack, data))
		peer_too_slow(p);
	json_decref(data);
}
