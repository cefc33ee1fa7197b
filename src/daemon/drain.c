#define LOG_MODULE "drain"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "notify.h"
#include "server_private.h"
#include "ws/event_tail.h"

/* Players and the operator's tool get this long to read their last answers. */
#define LOOK_US 50000u
#define LOOKS_MAX 40u

/*
 * SIGTERM, in order: no new publishers and sockets, those there are told to go elsewhere,
 * recordings are finished while HTTP still answers (/readyz says 503), then connections close and
 * the loop ends. Figures are stored when the last viewer has gone.
 */
static void look(void *user)
{
	struct server *s = user;

	if (http_server_connections(s->http) > 0 && ++s->drain_looks < LOOKS_MAX)
		return;
	log_info("drained");
	loop_stop(s->loop);
}

static void figures_stored(void *user)
{
	struct server *s = user;

	presence_flush(s->presence);
	store_flush(s->store);
	http_server_drain(s->http);
	s->drain_wait = loop_timer_create(s->loop, "drain wait", look, s);
	timer_repeat(s->drain_wait, LOOK_US);
}

/* Streams and sockets, in either order. */
static void part_drained(void *user)
{
	struct server *s = user;

	if (--s->drain_parts == 0)
		audience_flush(s->audience, figures_stored, s);
}

static void too_late(void *user)
{
	struct server *s = user;

	log_error("drain took too long: stopping at once",
		kv_u64("drain_ms", s->config->server.drain_us / 1000));
	server_stop_now(s);
}

void server_drain(struct server *s)
{
	if (s->draining)
		return;
	s->draining = true;
	notify_stopping();
	s->drain_limit = loop_timer_create(s->loop, "drain limit", too_late, s);
	timer_start(s->drain_limit, s->config->server.drain_us);
	rtmp_server_drain(s->rtmp);
	relays_drain(s->relays);
	flv_drain(s->flv);
	/* Who looks on hears of it at once. */
	event_tail_wake(s->event_tail);
	s->drain_parts = 2;
	sockets_drain(s->sockets, part_drained, s);
	live_registry_drain(s->registry, part_drained, s);
}

void server_stop_now(struct server *s)
{
	log_warn("stopped without draining");
	_exit(EXIT_FAILURE);
}
