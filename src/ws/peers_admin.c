#include "peer_private.h"
#include "proto/ws_frame.h"

/* What operators see of the clients and do to them, and limits that change while they are there. */

void peers_each(const struct peers *p, void (*each)(void *arg, const struct peer *peer), void *arg)
{
	const struct peer *peer;

	list_for_each (peer, &p->all, link)
		each(arg, peer);
}

const char *peer_framing_text(const struct peer *p)
{
	return hub_framing_text(p->member.framing);
}

bool peers_close_one(struct peers *p, uint64_t number)
{
	struct peer *peer;

	list_for_each (peer, &p->all, link) {
		if (peer->number != number)
			continue;
		peer_close(peer, WS_CLOSE_POLICY, "closed by the operator");
		return true;
	}
	return false;
}

static void keep_most(uint64_t *most, uint64_t n)
{
	*most = n > *most ? n : *most;
}

struct peers_use peers_use(const struct peers *p)
{
	struct peers_use use = {0};
	const struct peer *peer;
	size_t pos = 0;
	void *user;

	list_for_each (peer, &p->all, link) {
		keep_most(&use.most_queued, peer->member.ops->queued(&peer->member));
		keep_most(&use.most_rooms, peer->member.n_rooms - peer->member.n_own);
	}
	while (map_next(p->users, &pos, &user))
		keep_most(&use.most_of_user, ((const struct peer_user *)user)->count);
	return use;
}

/* Those who came when it was allowed; they may come back with a token. */
static void close_guests(struct peers *p)
{
	struct peer *peer, *next;

	list_for_each_safe (peer, next, &p->all, link)
		if (peer_is_guest(peer))
			peer_close(peer, WS_CLOSE_POLICY, "Authentication error");
}

void peers_reconfigure(struct peers *p, const struct peers_config *fresh)
{
	bool guests_go = p->config.allow_guests && !fresh->allow_guests;

	p->config.allow_guests = fresh->allow_guests;
	p->config.rate = fresh->rate;
	p->config.sockets_per_user = fresh->sockets_per_user;
	p->config.handshakes = fresh->handshakes;
	buckets_configure(p->handshakes, fresh->handshakes / 60.0, fresh->handshakes);
	if (guests_go)
		close_guests(p);
}
