#include "sockets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/websocket.h"
#include "server_private.h"
#include "sockets_private.h"
#include "ws/active_events.h"
#include "ws/events.h"
#include "ws/events_auth.h"
#include "ws/hub.h"
#include "ws/json_server.h"
#include "ws/metric_events.h"
#include "ws/notification_events.h"
#include "ws/peer.h"
#include "ws/presence_events.h"
#include "ws/room_events.h"
#include "ws/sio_binding.h"
#include "ws/stream_events.h"
#include "ws/user_rooms.h"
#include "ws_http.h"

#define PLAIN_PATH "/ws"
/* The rest is the user's id. */
#define REALTIME_PATH "/v1/realtime/ws/"
#define SIO_PATH "/socket.io"
/* A player holds three parts back (RFC 8216bis, PART-HOLD-BACK); encoder and ways take the rest. */
#define PARTS_BACK 3
#define WAYS_MS 1000
/* Sockets are gone when this much of the time to drain is left for the rest. */
#define DRAIN_SHARE 2 / 3

struct sockets {
	struct server *server;
	struct hub *hub;
	struct peers *peers;
	struct events *events;
	struct user_rooms *user_rooms;
	struct presence_events *presence;
	struct notification_events *notifications;
	struct active_events *active;
	struct stream_events *streams;
	struct room_events *rooms;
	struct metric_events *metrics;
	struct json_server *json, *realtime;
	struct sio_binding *sio;
};

static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	switch (framing) {
	case HUB_JSON:
		return json_room_frame(e);
	case HUB_SOCKET_IO:
		return sio_room_frame(((struct sockets *)user)->hub, e);
	case HUB_REALTIME:
		return realtime_room_frame(e);
	case HUB_FRAMINGS:
		break;
	}
	return NULL;
}

static void create_streams(struct sockets *k)
{
	struct server *s = k->server;
	const uint64_t held_back_us = PARTS_BACK * s->config->hls.part_target_us;
	const struct stream_events_config config = {
		.loop = s->loop,
		.peers = k->peers,
		.events = k->events,
		.repo = store_repo(s->store),
		.registry = s->registry,
		.audience = s->audience,
		.chat = s->chat,
		.showcase = s->showcase,
		.users = k->user_rooms,
		.host =
			{
				.hls_url = sockets_hls_url,
				.vod_url = sockets_vod_url,
				.rtmp_url = sockets_rtmp_url,
				.unready = sockets_unready,
				.latency_ms = (unsigned)(held_back_us / 1000) + WAYS_MS,
				.user = s,
			},
	};

	k->streams = stream_events_create(&config);
}

static struct peers_config peers_settings(struct sockets *k)
{
	struct server *s = k->server;
	const struct config_events *c = &s->config->events;

	return (struct peers_config){
		.loop = s->loop,
		.hub = k->hub,
		.auth = &sockets_auth,
		.auth_user = s,
		.allow_guests = s->config->auth.allow_guests,
		.rate = c->rate,
		.sockets_per_user = c->sockets_per_user,
		.handshakes = c->handshakes,
		.metrics = s->metrics,
	};
}

static struct events_config events_settings(struct sockets *k)
{
	struct server *s = k->server;
	const struct config_events *c = &s->config->events;

	return (struct events_config){
		.loop = s->loop,
		.metrics = s->metrics,
		.unlimited = c->rate == 0,
		.address_factor = c->users_per_address,
	};
}

static void create_peers(struct sockets *k)
{
	struct server *s = k->server;
	const struct config_events *c = &s->config->events;
	const struct events_config events = events_settings(k);
	struct peers_config peers;

	k->hub = hub_create(&(struct hub_config){
		.loop = s->loop,
		.clock = &clock_system,
		.encode = encode,
		.user = k,
		.resume_us = c->resume_us,
		.max_rooms = c->rooms,
		.pace_us = c->pace_us,
		.metrics = s->metrics,
	});
	peers = peers_settings(k);
	k->peers = peers_create(&peers);
	k->events = events_create(&events);
	events_auth_add(k->events);
}

static void create_rooms(struct sockets *k)
{
	const struct config_events *c = &k->server->config->events;

	k->rooms = room_events_create(&(struct room_events_config){
		.peers = k->peers,
		.events = k->events,
		.clock = &clock_system,
		.presence = k->server->presence,
		.max_rooms = c->open_rooms,
		.max_members = c->room_members,
		.max_name = c->room_name,
		.max_broadcast = c->broadcast,
		.metrics = k->server->metrics,
	});
}

static void create_metrics(struct sockets *k)
{
	struct server *s = k->server;

	k->metrics = metric_events_create(&(struct metric_events_config){
		.loop = s->loop,
		.peers = k->peers,
		.events = k->events,
		.repo = store_repo(s->store),
		.registry = s->registry,
		.audience = s->audience,
		.metrics = s->metrics,
		.max_subscriptions = s->config->events.metrics_subscriptions,
	});
}

static void create_users(struct sockets *k)
{
	struct server *s = k->server;

	k->user_rooms = user_rooms_create(k->peers);
	k->presence = presence_events_create(&(struct presence_events_config){
		.loop = s->loop,
		.peers = k->peers,
		.events = k->events,
		.presence = s->presence,
		.rooms = k->rooms,
		.repo = store_repo(s->store),
		.follows = s->config->events.follows,
		.metrics = s->metrics,
	});
	/* As the fourth source calls it. */
	events_alias(k->events, "update_presence", "presence_update");
	k->notifications = notification_events_create(&(struct notification_events_config){
		.loop = s->loop,
		.events = k->events,
		.rooms = k->user_rooms,
		.inbox = s->inbox,
	});
	k->active = active_events_create(&(struct active_events_config){
		.peers = k->peers,
		.events = k->events,
		.audience = s->audience,
		.state = state_memory_state(s->state_memory),
	});
}

static bool is_plain(const struct http_request *r)
{
	return text_eq(http_request_path(r), PLAIN_PATH);
}

/* NULL: another path. */
static const char *realtime_user(const struct http_request *r)
{
	const char *path = http_request_path(r);
	size_t len = strlen(REALTIME_PATH);

	return text_starts(path, REALTIME_PATH) && path[len] ? path + len : NULL;
}

static bool is_socket_io(const struct http_request *r)
{
	const char *path = http_request_path(r);

	return text_eq(path, SIO_PATH) || text_starts(path, SIO_PATH "/");
}

/* False: the path is none of theirs. */
static bool hand_over(struct sockets *k, struct http_request *r, bool upgrade)
{
	const char *only = realtime_user(r);
	struct ws_request request;

	ws_http_request(r, upgrade, &request);
	if (is_plain(r))
		json_server_request(k->json, &request, NULL);
	else if (only)
		json_server_request(k->realtime, &request, only);
	else if (is_socket_io(r))
		sio_binding_request(k->sio, &request);
	else
		return false;
	return true;
}

static void on_upgrade(void *user, struct http_request *r)
{
	if (!hand_over(user, r, true))
		http_respond_text(
			r, 404, "text/plain; charset=utf-8", "There is no WebSocket here.\n");
}

bool sockets_handle(struct sockets *k, struct http_request *r)
{
	return hand_over(k, r, false);
}

static struct json_server *create_json(const struct sockets *k, const struct json_framing *framing)
{
	const struct server *s = k->server;

	return json_server_create(&(struct json_server_config){
		.loop = s->loop,
		.peers = k->peers,
		.events = k->events,
		.framing = framing,
		.max_message = s->config->events.message,
		.max_queue = s->config->events.queue,
		.ping_interval_us = s->config->events.ping_interval_us,
		.ping_timeout_us = s->config->events.ping_timeout_us,
	});
}

struct sockets *sockets_create(struct server *s)
{
	struct sockets *k = mem_new(struct sockets);

	k->server = s;
	create_peers(k);
	create_rooms(k);
	create_users(k);
	create_streams(k);
	create_metrics(k);
	k->json = create_json(k, &json_framing_plain);
	k->realtime = create_json(k, &json_framing_realtime);
	k->sio = sio_binding_create(&(struct sio_binding_config){
		.loop = s->loop,
		.peers = k->peers,
		.events = k->events,
		.max_message = s->config->events.message,
		.max_queue = s->config->events.queue,
		.ping_interval_us = s->config->events.ping_interval_us,
		.ping_timeout_us = s->config->events.ping_timeout_us,
		.namespaces = s->config->events.namespaces,
		.recover_us = s->config->events.resume_us,
	});
	http_server_on_upgrade(s->http, on_upgrade, k);
	return k;
}

void sockets_destroy(struct sockets **pointer)
{
	struct sockets *k = *pointer;

	if (!k)
		return;
	*pointer = NULL;
	metric_events_destroy(&k->metrics);
	room_events_destroy(&k->rooms);
	stream_events_destroy(&k->streams);
	active_events_destroy(&k->active);
	notification_events_destroy(&k->notifications);
	presence_events_destroy(&k->presence);
	user_rooms_destroy(&k->user_rooms);
	peers_destroy(&k->peers);
	json_server_destroy(&k->json);
	json_server_destroy(&k->realtime);
	sio_binding_destroy(&k->sio);
	events_destroy(&k->events);
	hub_destroy(&k->hub);
	free(k);
}

void sockets_drain(struct sockets *k, void (*done)(void *user), void *user)
{
	peers_drain(k->peers, k->server->config->server.drain_us * DRAIN_SHARE, done, user);
}

void sockets_close_user(struct sockets *k, const char *user_id)
{
	peers_close_user(k->peers, user_id, "banned");
}

void sockets_reload(struct sockets *k)
{
	const struct config_events *c = &k->server->config->events;
	const struct peers_config peers = peers_settings(k);
	const struct events_config events = events_settings(k);

	hub_limit_rooms(k->hub, c->rooms);
	events_reconfigure(k->events, &events);
	peers_reconfigure(k->peers, &peers);
	json_server_limits(k->json, c->message, c->queue);
	json_server_limits(k->realtime, c->message, c->queue);
	sio_binding_limits(k->sio, c->message, c->queue);
}

struct peers *sockets_peers(struct sockets *k)
{
	return k->peers;
}

void sockets_overhear(struct sockets *k, bool on)
{
	stream_events_overhear(k->streams, on);
}
