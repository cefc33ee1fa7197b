#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "proto/ws_frame.h"
#include "sio_binding_private.h"

#define RECOVER_US 120000000u
#define SWEEP_US 5000000u
#define LOST_MAX 20000
#define EPOCH_LEN 16

static void lost_free(struct sio_lost *l)
{
	for (unsigned i = 0; i < l->n_rooms; i++)
		free(l->rooms[i]);
	free(l->rooms);
	for (unsigned i = 0; i < l->n_fleeting; i++)
		free(l->fleeting[i]);
	free(l->fleeting);
	free(l->id);
	free(l->socket_id);
	free(l);
}

static void lost_remove(struct sio_binding *b, struct sio_lost *l)
{
	map_remove_str(b->lost, l->pid);
	list_remove(&l->link);
}

static struct sio_lost *oldest(const struct sio_binding *b)
{
	return list_empty(&b->lost_order) ? NULL
					  : container_of(b->lost_order.next, struct sio_lost, link);
}

static void forget_oldest(struct sio_binding *b)
{
	struct sio_lost *l = oldest(b);

	lost_remove(b, l);
	lost_free(l);
}

static void on_sweep(void *user)
{
	struct sio_binding *b = user;
	uint64_t now = loop_now_us(b->config.loop);

	while (oldest(b) && oldest(b)->until_us <= now)
		forget_oldest(b);
}

void sio_recovery_create(struct sio_binding *b)
{
	b->there = map_create();
	b->lost = map_create();
	list_init(&b->lost_order);
	b->sweep = loop_timer_create(b->config.loop, "socket.io recovery", on_sweep, b);
	timer_repeat(b->sweep, SWEEP_US);
}

void sio_recovery_destroy(struct sio_binding *b)
{
	while (oldest(b))
		forget_oldest(b);
	map_destroy(b->lost);
	map_destroy(b->there);
	timer_destroy(&b->sweep);
}

struct keeping {
	const struct peers *peers;
	struct sio_lost *lost;
};

static void add_room(void *arg, const char *room)
{
	const struct keeping *k = arg;
	struct sio_lost *l = k->lost;

	if (peers_room_is_fleeting(k->peers, room))
		l->fleeting[l->n_fleeting++] = mem_strdup(room);
	else
		l->rooms[l->n_rooms++] = mem_strdup(room);
}

void sio_recovery_keep(struct sio_conn *c)
{
	struct sio_binding *b = c->owner;
	uint64_t keep_us = b->config.recover_us ? b->config.recover_us : RECOVER_US;
	struct sio_lost *l;

	if (!c->peer.member.n_rooms || map_get_str(b->lost, c->pid))
		return;
	if (map_count(b->lost) >= LOST_MAX)
		forget_oldest(b);
	l = mem_new(struct sio_lost);
	l->id = mem_strdup(c->peer.id);
	l->socket_id = mem_strdup(sio_socket_id(c->socket));
	l->rooms = mem_zalloc(c->peer.member.n_rooms * sizeof(char *));
	l->fleeting = mem_zalloc(c->peer.member.n_rooms * sizeof(char *));
	hub_each_room(peers_hub(b->config.peers), &c->peer.member, add_room,
		&(struct keeping){b->config.peers, l});
	l->until_us = loop_now_us(b->config.loop) + keep_us;
	text_copy(l->pid, sizeof(l->pid), c->pid);
	list_append(&b->lost_order, &l->link);
	map_put_str(b->lost, l->pid, l);
}

/* "EPOCH-NUMBER" */
static bool read_offset(const char *text, char epoch[static EPOCH_LEN + 1], uint64_t *at)
{
	const char *number = strchr(text, '-');

	if (!number || number - text != EPOCH_LEN)
		return false;
	memcpy(epoch, text, EPOCH_LEN);
	epoch[EPOCH_LEN] = '\0';
	return text_u64(number + 1, 0, UINT64_MAX, at);
}

static bool may_return(struct sio_conn *c, const struct sio_lost *l)
{
	for (unsigned i = 0; i < l->n_rooms; i++)
		if (!peer_may_return(&c->peer, l->rooms[i]))
			return false;
	return true;
}

/* A guest is known by his pid alone; it is a secret. */
static bool is_his(const struct sio_conn *c, const char *id)
{
	return peer_is_guest(&c->peer) ? text_starts(id, "guest:") : text_eq(id, c->peer.id);
}

/* A phone that changes its network is back before its old connection is missed. */
static struct sio_lost *take_over(struct sio_conn *c, const char *pid)
{
	struct sio_conn *before = map_get_str(c->owner->there, pid);

	if (!before || before->peer.ending || !is_his(c, before->peer.id))
		return NULL;
	sio_recovery_keep(before);
	peer_close(&before->peer, WS_CLOSE_GOING_AWAY, "replaced");
	return map_get_str(c->owner->lost, pid);
}

struct sio_lost *sio_recovery_find(
	struct sio_conn *c, const char *pid, const char *offset, uint64_t *at)
{
	struct sio_binding *b = c->owner;
	struct sio_lost *l;
	char epoch[EPOCH_LEN + 1];

	if (!pid || !offset || !read_offset(offset, epoch, at))
		return NULL;
	l = map_get_str(b->lost, pid);
	if (!l)
		l = take_over(c, pid);
	if (!l || l->until_us <= loop_now_us(b->config.loop) || !is_his(c, l->id) ||
		!may_return(c, l) ||
		!hub_can_recover(peers_hub(b->config.peers), &c->peer.member,
			(const char *const *)l->rooms, l->n_rooms, epoch, *at))
		return NULL;
	lost_remove(b, l);
	return l;
}

void sio_recovery_take(struct sio_conn *c, struct sio_lost *l, uint64_t at)
{
	struct hub *hub = peers_hub(c->owner->config.peers);

	if (peer_is_guest(&c->peer))
		peer_set_guest(&c->peer, l->id);
	hub_recover(hub, &c->peer.member, (const char *const *)l->rooms, l->n_rooms, hub_epoch(hub),
		at);
	for (unsigned i = 0; i < l->n_rooms; i++)
		peer_come_back(&c->peer, l->rooms[i]);
	for (unsigned i = 0; i < l->n_fleeting; i++)
		if (peer_may_return(&c->peer, l->fleeting[i]))
			peer_come_back(&c->peer, l->fleeting[i]);
	lost_free(l);
}
