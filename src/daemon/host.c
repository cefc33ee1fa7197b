#include <stdlib.h>

#include "base/mem.h"
#include "connections.h"
#include "lookout.h"
#include "loop/work.h"
#include "model/people.h"
#include "server_private.h"
#include "ws/peer.h"

/* What the API asks of the daemon (http/api.h, struct api_host). */

static bool is_draining(void *user)
{
	struct server *s = user;
	return s->draining;
}

static void drain_later(void *arg)
{
	server_drain(arg);
}

static void drain(void *user)
{
	struct server *s = user;
	/* Later, so that the answer of the request that asks is on its way. */
	loop_defer(s->loop, drain_later, s);
}

static bool reload(void *user, void (*changed)(void *arg, const char *key, bool in_force),
	void *arg, struct buf *errors)
{
	return server_reload(user, changed, arg, errors);
}

static bool is_store_healthy(void *user)
{
	struct server *s = user;
	return store_healthy(s->store);
}

static void backup(
	void *user, const char *path, void (*done)(void *arg, const char *error), void *arg)
{
	struct server *s = user;
	store_backup(s->store, path, done, arg);
}

static void relay(void *user, struct uuid stream_id, struct uuid relay_id, struct api_relay *out)
{
	struct server *s = user;
	struct relay_status status;

	relays_status(s->relays, stream_id, relay_id, &status);
	*out = (struct api_relay){
		.state = relay_state_text(status.state),
		.since_ms = status.since_ms,
		.next_ms = status.next_ms,
		.bytes = status.bytes,
		.dropped = status.dropped,
		.attempts = status.attempts,
		.connects = status.connects,
		.error = status.error,
	};
}

struct check {
	char *url, *problems;
	bool ok;
	void (*done)(void *arg, const char *problems);
	void *arg;
};

static void check_run(void *arg)
{
	struct check *c = arg;
	c->ok = store_check(c->url, &c->problems);
}

static void check_done(void *arg, bool cancelled)
{
	struct check *c = arg;
	const char *text = c->problems ? c->problems : "the check was cancelled";
	c->done(c->arg, c->ok && !cancelled ? NULL : text);
	free(c->problems);
	free(c->url);
	free(c);
}

static void check(void *user, void (*done)(void *arg, const char *problems), void *arg)
{
	struct server *s = user;
	struct check *c = mem_new(struct check);
	c->url = mem_strdup(s->config->store.url);
	c->done = done;
	c->arg = arg;
	work_submit(loop_work(s->loop), WORK_SLOW, check_run, check_done, c);
}

static void each_setting(
	void *user, void (*each)(void *arg, const struct api_value *value), void *arg)
{
	struct server *s = user;
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *key = config_key_at(i);
		struct buf origin = {0};
		config_origin(s->config, key, &origin);
		each(arg,
			&(struct api_value){
				.section = key->section,
				.key = key->name,
				.value = config_text(s->config, key),
				.origin = buf_text(&origin),
				.secret = key->secret,
				.reload = key->reload,
			});
		buf_finish(&origin);
	}
}

static void each_limit(
	void *user, void (*each)(void *arg, const struct api_limit *limit), void *arg)
{
	struct server *s = user;
	const struct config *c = s->config;
	const struct peers_use use = peers_use(sockets_peers(s->sockets));
	const struct api_limit limits[] = {
		{"rtmp.max_connections", c->rtmp.max_connections, "souk_rtmp_connections"},
		{"rtmp.max_per_address", c->rtmp.max_per_address, NULL},
		{"rtmp.max_publishers", c->rtmp.max_publishers, "souk_publishers"},
		{"rtmp.max_bitrate", c->rtmp.max_bitrate, NULL},
		{"rtmp.max_message", c->rtmp.max_message, NULL},
		{"rtmp.max_chunk", c->rtmp.max_chunk, NULL},
		{"rtmp.max_chunk_streams", c->rtmp.max_chunk_streams, NULL},
		{"playout.gop_cache", c->playout.gop_cache, NULL},
		{"playout.queue", c->playout.queue, NULL},
		{"playout.max_players", c->playout.max_players, "souk_playout_players"},
		{"playout.max_per_stream", c->playout.max_per_stream, NULL},
		{"http.max_connections", c->http.max_connections, "souk_http_connections"},
		{"http.max_per_address", c->http.max_per_address, NULL},
		{"http.max_head", HTTP_HEAD_MAX, NULL},
		{"http.max_body", c->http.max_body, NULL},
		{"events.message", c->events.message, NULL},
		{"events.queue", c->events.queue, .used = &use.most_queued},
		{"events.rate", c->events.rate, NULL},
		{"events.users_per_address", c->events.users_per_address, NULL},
		{"events.sockets_per_user", c->events.sockets_per_user, .used = &use.most_of_user},
		{"events.rooms", c->events.rooms, .used = &use.most_rooms},
		{"events.open_rooms", c->events.open_rooms, "souk_open_rooms"},
		{"events.room_members", c->events.room_members, NULL},
		{"events.broadcast", c->events.broadcast, NULL},
		{"events.metrics_subscriptions", c->events.metrics_subscriptions, NULL},
		{"events.handshakes", c->events.handshakes, NULL},
		{"limits.user_requests", c->limits.user_requests, NULL},
		{"limits.address_requests", c->limits.address_requests, NULL},
		{"limits.relays_per_stream", c->limits.relays_per_stream, NULL},
		{"relay.max_targets", c->relay.max_targets, NULL},
		{"relay.queue", c->relay.queue, NULL},
		{"limits.bans", c->limits.bans, NULL},
		{"limits.idempotency_keys", c->limits.idempotency_keys, NULL},
		{"limits.idempotency_ttl", c->limits.idempotency_ttl_us / 1000000, NULL},
		{"auth.token", JWT_MAX, NULL},
		{"chat.rate", c->chat.rate, NULL},
		{"chat.length", CHAT_LENGTH_MAX, NULL},
		{"devices.per_user", DEVICES_MAX, NULL},
		{"list.limit", ROUTE_LIMIT_MAX, NULL},
		{"media.min_free", c->media.min_free, NULL},
		{"storage.s3_parallel", c->storage.s3_parallel, NULL},
		{"media.max_bytes", c->media.max_bytes, NULL},
	};
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		each(arg, &limits[i]);
}

struct api_host server_api_host(struct server *s)
{
	return (struct api_host){
		.user = s,
		.draining = is_draining,
		.drain = drain,
		.reload = reload,
		.store_healthy = is_store_healthy,
		.backup = backup,
		.check = check,
		.relay = relay,
		.config = each_setting,
		.limits = each_limit,
		.connections = connections_each,
		.close_connection = connections_close,
		.sockets = lookout_sockets,
		.close_socket = lookout_close_socket,
		.events_read = lookout_read,
		.events_heard = lookout_heard,
	};
}
