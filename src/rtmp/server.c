#define LOG_MODULE "rtmp"

#include "rtmp/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "rtmp_private.h"

static void register_metrics(struct rtmp_server *s)
{
	struct metrics *all = loop_metrics(s->loop);
	struct rtmp_metrics *m = &s->metrics;
	if (all == NULL) {
		return;
	}
	m->connections =
		metrics_gauge(all, "souk_rtmp_connections", NULL, "RTMP connections open.");
	m->accepted = metrics_counter(
		all, "souk_rtmp_connections_total", NULL, "RTMP connections taken.");
	m->bytes = metrics_counter(
		all, "souk_ingest_bytes_total", NULL, "Bytes received from RTMP peers.");
	m->invalid_tags = metrics_counter(all, "souk_rtmp_invalid_tags_total", NULL,
		"Audio and video messages too short for their own header.");
	m->dropped_tracks = metrics_counter(all, "souk_rtmp_dropped_tracks_total", NULL,
		"Packets of more tracks than a stream can have renditions.");
	for (int i = RTMP_CLOSE_NONE + 1; i < RTMP_CLOSE_COUNT; i++) {
		char labels[64];
		snprintf(labels, sizeof(labels), "reason=\"%s\"",
			rtmp_close_label((enum rtmp_close)i));
		m->closed[i] = metrics_counter(all, "souk_rtmp_closed_total", labels,
			"RTMP connections ended, by reason.");
	}
}

void rtmp_server_count_close(struct rtmp_server *s, enum rtmp_close reason)
{
	metric_add(s->metrics.closed[reason], 1);
}

static void refuse(struct rtmp_port *port, int fd, const char *address, enum rtmp_close reason)
{
	struct rtmp_server *s = port->server;
	uint64_t skipped;
	close(fd);
	net_listener_closed(port->listener, address);
	rtmp_server_count_close(s, reason);
	if (log_throttle_pass(&s->throttle, loop_now_us(s->loop), &skipped)) {
		log_warn("connection refused", kv_str("address", address),
			kv_str("reason", rtmp_close_label(reason)),
			kv_str("text", rtmp_close_text(reason)), kv_u64("unlogged", skipped));
	}
}

static void on_accepted(void *user, int fd, const char *address)
{
	struct rtmp_port *port = user;
	enum rtmp_close reason = rtmp_limits_take(&port->server->limits, address);
	if (reason == RTMP_CLOSE_NONE) {
		rtmp_conn_open(port, fd, address);
	} else {
		refuse(port, fd, address, reason);
	}
}

static bool open_port(struct rtmp_server *s, struct rtmp_port *port, bool tls, const char *listen,
	char *error, unsigned error_size)
{
	port->server = s;
	port->tls = tls;
	if (listen == NULL) {
		return true;
	}
	if (tls && (s->config.cert == NULL || s->config.key == NULL)) {
		snprintf(error, error_size, "rtmp.tls_listen needs http.cert and http.key");
		return false;
	}
	port->vhost = rtmp_conn_vhost(s->loop, tls, s->config.cert, s->config.key);
	if (port->vhost == NULL) {
		snprintf(error, error_size, "cannot set up RTMP%s%s%s", tls ? "S with " : "",
			tls ? s->config.cert : "",
			tls ? ": certificate or key cannot be read" : "");
		return false;
	}
	/* The limits are counted here, for both listeners together and with reasons of our own. */
	struct net_listener_config config = {
		.name = tls ? "rtmps" : "rtmp",
		.listen = listen,
		.activation_name = tls ? "rtmps" : "rtmp",
		.admit = s->config.admit,
		.admit_user = s->config.admit_user,
		.accepted = on_accepted,
		.user = port,
	};
	port->listener = net_listener_create(s->loop, &config, error, error_size);
	return port->listener != NULL;
}

static char *copy_text(const char *s)
{
	return s != NULL ? mem_strdup(s) : NULL;
}

static void copy_config(struct rtmp_server *s, const struct rtmp_server_config *config)
{
	s->config = *config;
	s->config.listen = s->config.tls_listen = NULL;
	s->config.cert = copy_text(config->cert);
	s->config.key = copy_text(config->key);
	s->config.session.app = mem_strdup(config->session.app);
	s->limits.max_connections = config->max_connections;
	s->limits.max_per_address = config->max_per_address;
}

static void free_config(struct rtmp_server *s)
{
	free((char *)s->config.cert);
	free((char *)s->config.key);
	free((char *)s->config.session.app);
}

static void hear_out(void *user)
{
	struct rtmp_server *s = user;
	struct rtmp_conn *c;
	list_for_each (c, &s->conns, link) {
		rtmp_conn_hear_out(c);
	}
}

struct rtmp_server *rtmp_server_create(struct loop *l, struct live_registry *registry,
	const struct rtmp_server_config *config, char *error, unsigned error_size)
{
	struct rtmp_server *s = mem_new(struct rtmp_server);
	s->loop = l;
	s->registry = registry;
	list_init(&s->conns);
	rtmp_limits_init(&s->limits);
	copy_config(s, config);
	register_metrics(s);
	s->quiet = loop_timer_create(l, "rtmp quiet", hear_out, s);
	timer_repeat(s->quiet, RTMP_PACE_QUIET_US);
	if (!open_port(s, &s->clear, false, config->listen, error, error_size) ||
		!open_port(s, &s->secure, true, config->tls_listen, error, error_size)) {
		rtmp_server_destroy(&s);
	}
	return s;
}

void rtmp_server_destroy(struct rtmp_server **s)
{
	struct rtmp_server *server = *s;
	struct rtmp_conn *c, *next;
	*s = NULL;
	if (server == NULL) {
		return;
	}
	list_for_each_safe (c, next, &server->conns, link) {
		rtmp_conn_destroy(c);
	}
	timer_destroy(&server->quiet);
	if (server->clear.listener != NULL) {
		net_listener_destroy(&server->clear.listener);
	}
	if (server->secure.listener != NULL) {
		net_listener_destroy(&server->secure.listener);
	}
	rtmp_limits_finish(&server->limits);
	free_config(server);
	free(server);
}

void rtmp_server_drain(struct rtmp_server *s)
{
	struct rtmp_conn *c, *next;
	if (s->clear.listener != NULL) {
		net_listener_stop(s->clear.listener);
	}
	if (s->secure.listener != NULL) {
		net_listener_stop(s->secure.listener);
	}
	list_for_each_safe (c, next, &s->conns, link) {
		if (!rtmp_session_publishing(c->session)) {
			rtmp_session_close(c->session, RTMP_CLOSE_DRAIN, NULL);
			rtmp_conn_update(c);
		}
	}
}

void rtmp_server_reconfigure(struct rtmp_server *s, const struct rtmp_server_config *config)
{
	struct rtmp_server_config with_hooks = *config;

	with_hooks.may_play = s->config.may_play;
	with_hooks.play_user = s->config.play_user;
	free_config(s);
	copy_config(s, &with_hooks);
}

bool rtmp_server_reload_tls(struct rtmp_server *s)
{
	return s->secure.vhost == NULL ||
		rtmp_conn_reload_tls(s->loop, s->config.cert, s->config.key);
}

static struct rtmp_server_entry entry_of(const struct rtmp_conn *c)
{
	return (struct rtmp_server_entry){
		.id = c->id,
		.address = c->address,
		.stream_id = c->stream_id,
		.since_us = c->since_us,
		.bytes = c->bytes,
		.tls = c->port->tls,
	};
}

void rtmp_server_each(const struct rtmp_server *s,
	void (*each)(void *arg, const struct rtmp_server_entry *entry), void *arg)
{
	const struct rtmp_conn *c;
	list_for_each (c, &s->conns, link) {
		struct rtmp_server_entry entry = entry_of(c);
		each(arg, &entry);
	}
}

unsigned rtmp_server_close(struct rtmp_server *s,
	bool (*which)(void *arg, const struct rtmp_server_entry *entry), void *arg)
{
	struct rtmp_conn *c, *next;
	unsigned n = 0;
	list_for_each_safe (c, next, &s->conns, link) {
		struct rtmp_server_entry entry = entry_of(c);
		if (which(arg, &entry)) {
			rtmp_session_close(c->session, RTMP_CLOSE_KICKED, NULL);
			rtmp_conn_update(c);
			n++;
		}
	}
	return n;
}

unsigned rtmp_server_port(const struct rtmp_server *s)
{
	return s->clear.listener != NULL ? net_listener_port(s->clear.listener) : 0;
}

unsigned rtmp_server_tls_port(const struct rtmp_server *s)
{
	return s->secure.listener != NULL ? net_listener_port(s->secure.listener) : 0;
}
