#define LOG_MODULE "reload"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "notify.h"
#include "server_private.h"
#include "settings.h"

struct report {
	void (*changed)(void *arg, const char *key, bool in_force);
	void *arg;
};

static void key_changed(void *user, const struct config_key *key)
{
	const struct report *report = user;
	char name[96];

	snprintf(name, sizeof(name), "%s.%s", key->section, key->name);
	if (key->reload)
		log_info("setting changed", kv_str("key", name));
	else
		log_warn("setting needs a restart", kv_str("key", name));
	if (report->changed)
		report->changed(report->arg, name, key->reload);
}

static void apply(struct server *s)
{
	const struct config *c = s->config;
	struct live_config live = settings_live(c);
	struct rtmp_server_config rtmp = settings_rtmp(c);
	struct chat_config chat = settings_chat(c);
	struct relay_config relay = settings_relay(c);

	settings_log(c);
	live_registry_reconfigure(s->registry, &live);
	rtmp_server_reconfigure(s->rtmp, &rtmp);
	relays_reconfigure(s->relays, &relay);
	chat_reconfigure(s->chat, &chat);
	audience_set_chat_rate(s->audience, c->chat.rate);
	http_server_limits(s->http, c->http.max_connections, c->http.max_per_address);
	router_limits(s->router, c->limits.address_requests / 60.0, c->limits.address_requests,
		c->limits.user_requests / 60.0, c->limits.user_requests);
	sockets_reload(s->sockets);
	router_idempotency(s->router, c->limits.idempotency_ttl_us, c->limits.idempotency_keys);
	auth_reload(s->auth);
	server_reload_delivery(s);
	server_use_storage(s);
	if (!rtmp_server_reload_tls(s->rtmp) || !http_server_reload_tls(s->http))
		log_error("certificate not reloaded: the old one stays");
}

bool server_reload(struct server *s, void (*changed)(void *arg, const char *key, bool in_force),
	void *arg, struct buf *errors)
{
	struct report report = {.changed = changed, .arg = arg};
	struct config_source source = {
		.path = s->config->path,
		.env = (const char *const *)environ,
		.sets = s->options->sets,
		.n_sets = s->options->n_sets,
	};
	struct config *fresh = config_load(&source, errors), *merged;

	if (!fresh)
		return false;
	notify_reloading();
	merged = config_reload(s->config, fresh, key_changed, &report);
	config_destroy(&fresh);
	config_destroy(&s->config);
	s->config = merged;
	apply(s);
	notify_ready();
	return true;
}
