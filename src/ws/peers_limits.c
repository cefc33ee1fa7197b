#define LOG_MODULE "ws"

#include "base/log.h"
#include "peer_private.h"

#define APART_US 1000000u

/* As the keys of the configuration are called, where there is one. */
static const char *const names[PEER_LIMITS] = {
	[PEER_LIMIT_HANDSHAKES] = "events.handshakes",
	[PEER_LIMIT_SOCKETS] = "events.sockets_per_user",
	[PEER_LIMIT_ROOMS] = "events.rooms",
	[PEER_LIMIT_RATE] = "events.rate",
	[PEER_LIMIT_EVENT] = "event",
	[PEER_LIMIT_ADDRESS] = "events.users_per_address",
	[PEER_LIMIT_MESSAGE] = "events.message",
	[PEER_LIMIT_QUEUE] = "events.queue",
	[PEER_LIMIT_MALFORMED] = "malformed",
	[PEER_LIMIT_SILENT] = "silent",
};

void peers_limits_register(struct peers *p)
{
	for (int i = 0; i < PEER_LIMITS; i++) {
		struct buf labels = {0};
		metrics_label(&labels, "limit", names[i]);
		p->limits[i].met = metrics_counter(p->config.metrics, "souk_event_limits_total",
			buf_text(&labels), "Times that clients of the event layer met a limit.");
		buf_finish(&labels);
	}
}

static void tell(struct peer_limit_count *c, enum peer_limit which, const char *address,
	const char *id, uint64_t now)
{
	log_info("limit met", kv_str("limit", names[which]), kv_u64("times", c->untold),
		kv_str("address", address), kv_str("peer", id));
	c->untold = 0;
	c->told_us = now;
}

/* A stranger must not be able to fill the log. */
void peers_limited(struct peers *p, enum peer_limit which, const char *address, const char *id)
{
	struct peer_limit_count *c = &p->limits[which];
	uint64_t now = loop_now_us(p->config.loop);

	metric_add(c->met, 1);
	c->untold++;
	if (!c->told_us || now - c->told_us >= APART_US)
		tell(c, which, address, id, now);
}

void peer_limited(struct peer *p, enum peer_limit which)
{
	peers_limited(p->owner, which, p->address, p->id);
}
