#include <stdlib.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "peer_private.h"
#include "proto/ws_frame.h"

#define SECOND_US 1000000u
/* spec events.md: a warning before a token's expiry, the end after it */
#define WARN_MS 30000u
#define GRACE_MS 25000u
#define ADDRESSES_MAX 100000
/* Few sockets need no long spread. */
#define DRAIN_EACH_US 10000u
#define DRAIN_STEP_MIN_US 20000u

static void look_at_token(struct peer *p, uint64_t now_ms)
{
	char at[TEXT_TIME_SIZE];

	if (now_ms > p->who.expires_ms + GRACE_MS) {
		peer_close(p, WS_CLOSE_POLICY, "token expired");
	} else if (!p->warned && now_ms + WARN_MS >= p->who.expires_ms) {
		p->warned = true;
		text_time(at, p->who.expires_ms);
		peer_send(p, "auth:expiring", json_pack("{s:s}", "expiresAt", at));
	}
}

static void on_second(void *user)
{
	struct peers *owner = user;
	uint64_t now_ms = clock_wall_ms(loop_clock(owner->config.loop));
	struct peer *p, *next;

	list_for_each_safe (p, next, &owner->all, link)
		if (p->who.expires_ms)
			look_at_token(p, now_ms);
}

struct peers *peers_create(const struct peers_config *config)
{
	struct peers *p = mem_new(struct peers);
	struct metrics *m = config->metrics;

	p->config = *config;
	list_init(&p->all);
	list_init(&p->ending);
	signal_init(&p->seen);
	signal_init(&p->ended);
	signal_init(&p->identified);
	p->users = map_create();
	p->handshakes =
		buckets_create(config->handshakes / 60.0, config->handshakes, ADDRESSES_MAX);
	p->open = metrics_gauge(m, "souk_peers", NULL, "Clients of the event layer.");
	p->slow = metrics_counter(m, "souk_slow_consumers_total", NULL,
		"Clients of the event layer that were closed because they did not keep up.");
	p->malformed = metrics_counter(
		m, "souk_malformed_events_total", NULL, "Frames of clients that were no event.");
	for (int i = 0; i < HUB_FRAMINGS; i++) {
		struct buf labels = {0};
		metrics_label(&labels, "framing", hub_framing_text((enum hub_framing)i));
		p->sockets[i] = metrics_gauge(m, "souk_sockets", buf_text(&labels),
			"Clients of the event layer by framing.");
		buf_finish(&labels);
	}
	peers_limits_register(p);
	p->second = loop_timer_create(config->loop, "peers", on_second, p);
	timer_repeat(p->second, SECOND_US);
	return p;
}

static void reap_all(struct peers *p)
{
	while (!list_empty(&p->ending))
		peer_reap(container_of(p->ending.next, struct peer, link));
}

static void peers_free(struct peers *p)
{
	map_destroy(p->users);
	buckets_destroy(&p->handshakes);
	free(p);
}

static void on_reap(void *arg)
{
	struct peers *p = arg;

	p->reap_asked = false;
	if (p->orphaned)
		peers_free(p);
	else
		reap_all(p);
}

void peers_reap_later(struct peers *p)
{
	if (p->reap_asked)
		return;
	p->reap_asked = true;
	loop_defer(p->config.loop, on_reap, p);
}

static void close_all(struct peers *p, const char *reason)
{
	struct peer *peer, *next;

	list_for_each_safe (peer, next, &p->all, link)
		peer_close(peer, WS_CLOSE_GOING_AWAY, reason);
}

void peers_destroy(struct peers **pointer)
{
	struct peers *p = *pointer;

	if (!p)
		return;
	*pointer = NULL;
	close_all(p, "shutdown");
	reap_all(p);
	timer_destroy(&p->second);
	timer_destroy(&p->drain);
	if (p->reap_asked)
		p->orphaned = true;
	else
		peers_free(p);
}

struct hub *peers_hub(const struct peers *p)
{
	return p->config.hub;
}

unsigned peers_count(const struct peers *p)
{
	return p->count;
}

bool peers_admit(struct peers *p, const char *address)
{
	uint64_t wait_us;

	if (p->draining)
		return false;
	if (buckets_take(p->handshakes, address, loop_now_us(p->config.loop), &wait_us))
		return true;
	peers_limited(p, PEER_LIMIT_HANDSHAKES, address, NULL);
	return false;
}

/* The eldest go first. Steps are not shorter than a timer can be trusted with. */
static void on_drain(void *user)
{
	struct peers *p = user;
	unsigned n = (unsigned)(DRAIN_STEP_MIN_US / p->drain_step_us) + 1;

	while (n-- && !list_empty(&p->all))
		peer_close(container_of(p->all.next, struct peer, link), WS_CLOSE_GOING_AWAY,
			"draining");
	if (p->count > 0)
		return;
	timer_stop(p->drain);
	p->drained(p->drained_user);
}

bool peers_draining(const struct peers *p)
{
	return p->draining;
}

void peers_drain(struct peers *p, uint64_t within_us, void (*done)(void *user), void *user)
{
	struct peer *peer, *next;
	uint64_t usual = (uint64_t)p->count * DRAIN_EACH_US;

	p->draining = true;
	p->drained = done;
	p->drained_user = user;
	list_for_each_safe (peer, next, &p->all, link)
		peer_send(peer, "server:draining", json_object());
	p->drain_step_us = (usual < within_us ? usual : within_us) / (p->count ? p->count : 1);
	p->drain_step_us = p->drain_step_us ? p->drain_step_us : 1;
	p->drain = loop_timer_create(p->config.loop, "drain of peers", on_drain, p);
	timer_repeat(p->drain,
		p->drain_step_us > DRAIN_STEP_MIN_US ? p->drain_step_us : DRAIN_STEP_MIN_US);
}

void peers_close_user(struct peers *p, const char *user_id, const char *reason)
{
	struct peer_user *u = map_get_str(p->users, user_id);
	struct peer *peer;

	if (!u)
		return;
	list_for_each (peer, &u->peers, by_user)
		peer_close(peer, WS_CLOSE_POLICY, reason);
}

void peers_add_room_kind(struct peers *p, const struct room_kind *kind, void *user)
{
	must(p->n_kinds < ROOM_KINDS_MAX);
	p->kinds[p->n_kinds].kind = kind;
	p->kinds[p->n_kinds++].user = user;
}

/* The place of the room's kind; n_kinds: of none. */
static unsigned kind_of(const struct peers *p, const char *room)
{
	unsigned i = 0;

	while (i < p->n_kinds && !text_starts(room, p->kinds[i].kind->prefix))
		i++;
	return i;
}

bool peer_may_return(const struct peer *p, const char *room)
{
	const struct peers *owner = p->owner;
	unsigned i = kind_of(owner, room);

	return i < owner->n_kinds &&
		owner->kinds[i].kind->may_return(owner->kinds[i].user, p, room);
}

bool peers_room_is_fleeting(const struct peers *p, const char *room)
{
	unsigned i = kind_of(p, room);

	return i < p->n_kinds && p->kinds[i].kind->fleeting;
}

void peer_come_back(struct peer *p, const char *room)
{
	const struct peers *owner = p->owner;
	unsigned i = kind_of(owner, room);

	if (i < owner->n_kinds && owner->kinds[i].kind->come_back)
		owner->kinds[i].kind->come_back(owner->kinds[i].user, p, room);
}

struct signal *peers_seen(struct peers *p)
{
	return &p->seen;
}

struct signal *peers_ended(struct peers *p)
{
	return &p->ended;
}

struct signal *peers_identified(struct peers *p)
{
	return &p->identified;
}
