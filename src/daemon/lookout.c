#include "lookout.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server_private.h"
#include "ws/event_tail.h"
#include "ws/peer.h"

#define ID_PREFIX "ws-"
#define ID_SIZE 32

static void on_listening(void *user, bool on)
{
	const struct server *s = user;

	sockets_overhear(s->sockets, on);
}

void lookout_start(struct server *s)
{
	s->event_tail = event_tail_create(&(struct event_tail_config){
		.loop = s->loop,
		.hub = peers_hub(sockets_peers(s->sockets)),
		.listening = on_listening,
		.user = s,
		.max_events = s->config->events.tail,
	});
}

void lookout_stop(struct server *s)
{
	event_tail_destroy(&s->event_tail);
}

json_t *lookout_read(void *user, const struct api_events_query *q)
{
	const struct server *s = user;

	return event_tail_read(s->event_tail,
		&(struct event_tail_query){
			.after = q->after,
			.of = q->of,
			.names = q->names,
			.max = q->limit,
		});
}

struct signal *lookout_heard(void *user)
{
	const struct server *s = user;

	return event_tail_heard(s->event_tail);
}

/* --- sockets --- */

struct walk {
	const struct hub *hub;
	const char *room;
	void (*each)(void *arg, const struct api_socket *socket);
	void *arg;
};

static void show(void *arg, const struct peer *p)
{
	const struct walk *w = arg;
	char id[ID_SIZE];

	if (w->room && !hub_is_in(w->hub, &p->member, w->room))
		return;
	snprintf(id, sizeof(id), ID_PREFIX "%llu", (unsigned long long)p->number);
	w->each(w->arg,
		&(struct api_socket){
			.id = id,
			.framing = peer_framing_text(p),
			.user_id = p->who.user_id,
			.name = p->who.name,
			.address = p->address,
			.rooms = p->member.n_rooms,
			.queued = p->member.ops->queued(&p->member),
			.since_us = p->since_us,
			.seen_us = p->seen_us,
		});
}

void lookout_sockets(void *user, const char *room,
	void (*each)(void *arg, const struct api_socket *socket), void *arg)
{
	const struct server *s = user;
	struct peers *peers = sockets_peers(s->sockets);
	struct walk w = {.hub = peers_hub(peers), .room = room, .each = each, .arg = arg};

	peers_each(peers, show, &w);
}

bool lookout_close_socket(void *user, const char *id)
{
	const struct server *s = user;
	uint64_t number;

	return text_starts(id, ID_PREFIX) &&
		text_u64(id + strlen(ID_PREFIX), 1, UINT64_MAX, &number) &&
		peers_close_one(sockets_peers(s->sockets), number);
}
