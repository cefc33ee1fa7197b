#include "hub_private.h"

void hub_tap(struct hub *h, void (*said)(void *user, const struct hub_event *e), void *user)
{
	h->tap = said;
	h->tap_user = user;
}

bool hub_is_tapped(const struct hub *h)
{
	return h->tap != NULL;
}

void hub_tapped(const struct hub_room *room, const struct hub_packet *p)
{
	struct hub *h = room->hub;

	h->tap(h->tap_user,
		&(struct hub_event){
			.name = p->name,
			.data = p->data,
			.len = p->len,
			.room = room->name,
			.seq = p->seq,
			.offset = p->offset,
		});
}

void hub_limit_rooms(struct hub *h, unsigned max_rooms)
{
	h->config.max_rooms = max_rooms;
}

const char *hub_framing_text(enum hub_framing framing)
{
	switch (framing) {
	case HUB_SOCKET_IO:
		return "socket.io";
	case HUB_JSON:
		return "json";
	case HUB_REALTIME:
		return "realtime";
	case HUB_FRAMINGS:
		break;
	}
	return "";
}
