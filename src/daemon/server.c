#define LOG_MODULE "server"

#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "connections.h"
#include "housekeeping.h"
#include "lookout.h"
#include "media/log.h"
#include "notify.h"
#include "server_private.h"
#include "settings.h"

#define ERROR_SIZE 512

static bool server_fail(const char *what, const char *why)
{
	log_error("cannot start", kv_str("part", what), kv_str("reason", why));
	return false;
}

static bool make_dirs(const char *path)
{
	char *copy = mem_strdup(path);
	bool ok = true;

	for (char *p = copy + 1; ok && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = mkdir(copy, 0755) == 0 || errno == EEXIST;
		*p = '/';
	}
	ok = ok && (mkdir(copy, 0755) == 0 || errno == EEXIST);
	free(copy);
	return ok;
}

static bool create_loop(struct server *s)
{
	const struct config *c = s->config;
	struct loop_config config = {
		.clock = &clock_system,
		.metrics = s->metrics,
		.max_connections = c->http.max_connections + c->rtmp.max_connections,
		.work_threads_fast = c->server.fast_threads,
		.work_threads_slow = c->server.slow_threads,
		.work_threads_net = c->storage.s3_parallel + 1, /* removals too */
	};

	s->loop = loop_create(&config);
	if (!s->loop)
		return server_fail("loop", "libwebsockets' libuv plug-in is missing");
	s->mailbox = mailbox_create(s->loop);
	return true;
}

static bool create_store(struct server *s)
{
	char *error = NULL;
	struct store_config config = {
		.url = s->config->store.url,
		.clock = &clock_system,
		.metrics = s->metrics,
		.post = mailbox_post_fn,
		.post_user = s->mailbox,
	};

	s->store = store_open(&config, &error);
	if (!s->store) {
		server_fail("store", error);
		free(error);
		return false;
	}
	return true;
}

static bool create_domain(struct server *s)
{
	struct live_config live = settings_live(s->config);
	struct chat_config chat = settings_chat(s->config);

	s->registry = live_registry_create(s->loop, store_repo(s->store), &live);
	s->studio = studio_create(s->loop, store_repo(s->store), s->registry);
	s->showcase = showcase_create(s->loop, store_repo(s->store), s->registry);
	s->chat = chat_create(s->loop, store_repo(s->store), &chat);
	live_registry_recover(s->registry);
	server_use_storage(s);
	s->bans = bans_create(s->loop, store_repo(s->store), s->config->limits.bans);
	if (!s->bans)
		return server_fail("bans", "the store cannot be read");
	live_registry_heed(s->registry, s->bans);
	connections_watch_bans(s);
	return true;
}

static void defer_on_loop(void *loop, void (*fn)(void *arg), void *arg)
{
	loop_defer(loop, fn, arg);
}

static bool create_audience(struct server *s)
{
	struct state_memory_config memory = {
		.clock = &clock_system,
		.defer = defer_on_loop,
		.defer_user = s->loop,
		.metrics = s->metrics,
	};
	struct audience_config config = {
		.clock = &clock_system,
		.loop = s->loop,
		.repo = store_repo(s->store),
		.metrics = s->metrics,
		/* The longest that a socket may be silent and not be lost. */
		.alive_us =
			s->config->events.ping_interval_us + 2 * s->config->events.ping_timeout_us,
		.ingest = audience_feed_ingest,
		.ingest_user = s->registry,
		.chat_rate = s->config->chat.rate,
	};

	s->state_memory = state_memory_create(&memory);
	config.state = state_memory_state(s->state_memory);
	s->presence = presence_create(&(struct presence_config){.loop = s->loop,
		.clock = &clock_system,
		.state = config.state,
		.repo = store_repo(s->store)});
	s->inbox = inbox_create(&(struct inbox_config){
		.clock = &clock_system, .state = config.state, .repo = store_repo(s->store)});
	s->audience = audience_create(&config);
	s->audience_feed =
		audience_feed_create(s->audience, s->registry, s->chat, store_repo(s->store));
	return true;
}

static bool create_delivery(struct server *s)
{
	char error[ERROR_SIZE];

	return server_create_delivery(s, error, sizeof(error)) || server_fail("outbox", error);
}

static bool create_auth(struct server *s)
{
	const struct config_auth *c = &s->config->auth;
	char error[ERROR_SIZE];
	struct auth_config config = {
		.secret_file = c->secret_file,
		.jwks_file = c->jwks_file,
		.issuer = c->issuer,
		.audience = c->audience,
		.leeway_us = c->leeway_us,
		.clock = &clock_system,
		.metrics = s->metrics,
		.repo = store_repo(s->store),
	};

	s->auth = auth_create(&config, error, sizeof(error));
	return s->auth || server_fail("auth", error);
}

/*~ RTMP comes in at rtmp/conn.c, the next stop; HTTP goes out by the three handlers here. */
static void handle_request(void *user, struct http_request *r)
{
	struct server *s = user;
	const char *path = http_request_path(r);

	if (hls_handle(s->hls, r) || flv_handle(s->flv, r) || sockets_handle(s->sockets, r) ||
		pages_handle(s->pages, r))
		return;
	if (!router_knows(s->router, path) && pages_wanted(r) && !text_starts(path, "/api/"))
		pages_missing(s->pages, r);
	else
		router_handle(s->router, r);
}

static bool create_rtmp(struct server *s)
{
	char error[ERROR_SIZE];
	struct rtmp_server_config config = settings_rtmp(s->config);

	config.admit = connections_admit;
	config.admit_user = s;
	config.may_play = server_may_play;
	config.play_user = s;

	s->rtmp = rtmp_server_create(s->loop, s->registry, &config, error, sizeof(error));
	return s->rtmp || server_fail("rtmp", error);
}

static bool create_relays(struct server *s)
{
	struct relay_config config = settings_relay(s->config);

	s->relays = relays_create(s->loop, s->registry, store_repo(s->store), &config);
	return true;
}

static bool create_router(struct server *s)
{
	const struct config_limits *limits = &s->config->limits;
	struct router_config config = {
		.loop = s->loop,
		.title = "Souk Live",
		.version = SOUK_VERSION,
		.identify = router_identify,
		.user = s->auth,
		.banned = connections_banned,
		.banned_user = s,
		.address_rate = limits->address_requests / 60.0,
		.address_burst = limits->address_requests,
		.user_rate = limits->user_requests / 60.0,
		.user_burst = limits->user_requests,
		.internal_from = s->config->http.internal_from,
		.repo = store_repo(s->store),
		.idempotency_ttl_us = limits->idempotency_ttl_us,
		.idempotency_keys = limits->idempotency_keys,
	};

	s->router = router_create(&config);
	return true;
}

static bool count_request(void *user, struct http_request *r)
{
	const struct server *s = user;

	return router_counts(s->router, r);
}

static bool create_http(struct server *s)
{
	char error[ERROR_SIZE], socket_path[CONFIG_SOCKET_SIZE];
	struct http_config config = settings_http(s->config);
	struct hls_config hls = {
		.loop = s->loop,
		.registry = s->registry,
		.media_root = s->config->media.root,
		.repo = store_repo(s->store),
		.access = server_access,
		.limit = count_request,
		.user = s,
	};

	if (!config_socket_path(s->config, socket_path))
		return server_fail("http", "[server] run_dir is too long for a Unix socket");
	s->hls = hls_create(&hls);
	s->flv = flv_create(
		&(struct flv_config){.registry = s->registry, .access = server_access, .user = s});
	s->pages = pages_create(s->config->server.public_url,
		s->config->storage.s3_public_url ? s->config->storage.s3_public_url
						 : s->config->storage.s3_endpoint);
	config.unix_path = socket_path;
	config.admit = connections_admit;
	config.admit_user = s;
	config.handle = handle_request;
	config.user = s;
	s->http = http_server_create(s->loop, &config, error, sizeof(error));
	return s->http || server_fail("http", error);
}

static bool create_api(struct server *s)
{
	const struct config *c = s->config;
	struct api_config config = {
		.loop = s->loop,
		.router = s->router,
		.repo = store_repo(s->store),
		.registry = s->registry,
		.studio = s->studio,
		.audience = s->audience,
		.showcase = s->showcase,
		.relays_max = c->limits.relays_per_stream,
		.auth = s->auth,
		.bans = s->bans,
		.presence = s->presence,
		.inbox = s->inbox,
		.public_url = c->server.public_url,
		.http_port = http_server_port(s->http),
		.rtmp_port = rtmp_server_port(s->rtmp),
		.rtmps_port = rtmp_server_tls_port(s->rtmp),
		.rtmp_app = c->rtmp.app,
		.media_root = c->media.root,
		.min_free = c->media.min_free,
		.chat = s->chat,
		.playback_ttl_us = c->auth.playback_ttl_us,
		.version = SOUK_VERSION,
		.config_path = c->path,
		.host = server_api_host(s),
	};

	s->api = api_create(&config);
	return true;
}

static bool create_sockets(struct server *s)
{
	s->sockets = sockets_create(s);
	lookout_start(s);
	return true;
}

static void on_drain(void *user)
{
	server_drain(user);
}

static void on_stop(void *user)
{
	server_stop_now(user);
}

static void on_reload(void *user)
{
	struct buf errors = {0};

	if (!server_reload(user, NULL, NULL, &errors))
		log_error("configuration not reloaded", kv_str("reason", buf_text(&errors)));
	buf_finish(&errors);
}

static void alive(void *user)
{
	notify_alive();
}

static bool create_signals(struct server *s)
{
	static const struct signals_events events = {
		.drain = on_drain,
		.stop = on_stop,
		.reload = on_reload,
	};
	uint64_t period = notify_period_us();

	s->signals = signals_create(s->loop, &events, s);
	housekeeping_start(s);
	s->watchdog = loop_timer_create(s->loop, "watchdog", alive, s);
	if (period)
		timer_repeat(s->watchdog, period);
	return true;
}

/* From the lowest floor up: what comes later needs what came before. */
static bool create_all(struct server *s)
{
	s->metrics = metrics_create();
	if (!make_dirs(s->config->server.run_dir) || !make_dirs(s->config->media.root))
		return server_fail("folders", strerror(errno));
	/* HTTP before RTMP: libwebsockets gives a request whose Host names no vhost to the first
	 * one made, whatever socket it came by. */
	return create_loop(s) && create_store(s) && create_domain(s) && create_audience(s) &&
		create_delivery(s) && create_auth(s) && create_router(s) && create_http(s) &&
		create_rtmp(s) && create_relays(s) && create_api(s) && create_sockets(s) &&
		create_signals(s);
}

static void warn_reserved(void *user, const struct config_key *key)
{
	log_warn("setting has no effect in this version", kv_str("section", key->section),
		kv_str("key", key->name));
}

struct server *server_create(struct config *config, const struct options *options)
{
	struct server *s = mem_new(struct server);

	s->config = config;
	s->options = options;
	settings_log(config);
	media_log_setup();
	config_reserved(config, warn_reserved, NULL);
	if (!create_all(s))
		server_destroy(&s);
	return s;
}

bool server_run(struct server *s)
{
	log_info("ready", kv_str("version", SOUK_VERSION),
		kv_u64("http_port", http_server_port(s->http)),
		kv_u64("rtmp_port", rtmp_server_port(s->rtmp)));
	notify_ready();
	loop_run(s->loop);
	return !s->failed;
}

void server_destroy(struct server **server)
{
	struct server *s = *server;

	if (!s)
		return;
	*server = NULL;
	timer_destroy(&s->drain_wait);
	timer_destroy(&s->drain_limit);
	timer_destroy(&s->watchdog);
	timer_destroy(&s->housekeeping);
	signals_destroy(&s->signals);
	lookout_stop(s);
	sockets_destroy(&s->sockets);
	relays_destroy(&s->relays);
	rtmp_server_destroy(&s->rtmp);
	http_server_destroy(&s->http);
	flv_destroy(&s->flv);
	hls_destroy(&s->hls);
	pages_destroy(&s->pages);
	api_destroy(&s->api);
	router_destroy(&s->router);
	auth_destroy(&s->auth);
	audience_feed_destroy(&s->audience_feed);
	audience_destroy(&s->audience);
	inbox_destroy(&s->inbox);
	presence_destroy(&s->presence);
	state_memory_destroy(&s->state_memory);
	chat_destroy(&s->chat);
	interruptions_destroy(&s->interruptions);
	deliverer_destroy(&s->deliverer);
	showcase_destroy(&s->showcase);
	studio_destroy(&s->studio);
	bans_destroy(&s->bans);
	live_registry_destroy(&s->registry);
	store_close(s->store);
	mailbox_destroy(&s->mailbox);
	if (s->loop)
		loop_destroy(s->loop);
	metrics_destroy(s->metrics);
	config_destroy(&s->config);
	free(s);
}
