#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_MODULE "net"

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "net_private.h"

static struct metric *counter(
	struct net_listener *n, const char *name, const char *reason, const char *help)
{
	struct metrics *m = loop_metrics(n->loop);
	char labels[128];

	if (!m)
		return NULL;
	snprintf(labels, sizeof(labels), "listener=\"%s\"%s%s%s", n->name,
		reason ? ",reason=\"" : "", reason ? reason : "", reason ? "\"" : "");
	return metrics_counter(m, name, labels, help);
}

static void metrics_register(struct net_listener *n)
{
	n->accepted_total =
		counter(n, "souk_accepted_total", NULL, "Connections that were accepted.");
	n->paused_total = counter(n, "souk_accept_paused_total", NULL,
		"Times that accepting stopped for want of descriptors or memory.");
	n->refused_full = counter(n, "souk_accept_refused_total", "full",
		"Connections that were closed at once for a limit.");
	n->refused_banned = counter(n, "souk_accept_refused_total", "banned",
		"Connections that were closed at once for a limit.");
	n->refused_address = counter(n, "souk_accept_refused_total", "address",
		"Connections that were closed at once for a limit.");
}

static void on_resume(void *user)
{
	struct net_listener *n = user;
	n->paused = false;
	if (!n->stopped)
		net_accept_start(n);
}

static void poll_init(struct net_listener *n)
{
	for (unsigned i = 0; i < n->n_sockets; i++) {
		struct net_socket *s = &n->sockets[i];
		s->listener = n;
		must(uv_poll_init(loop_uv(n->loop), &s->poll, s->fd) == 0);
		s->poll.data = s;
	}
	net_accept_start(n);
}

static void sockets_abandon(struct net_listener *n)
{
	for (unsigned i = 0; i < n->n_sockets; i++) {
		close(n->sockets[i].fd);
		if (n->sockets[i].unlink_path)
			unlink(n->sockets[i].unlink_path);
		free(n->sockets[i].unlink_path);
	}
}

static void listener_free(struct net_listener *n)
{
	net_addresses_free(n);
	free(n->name);
	free(n);
}

struct net_listener *net_listener_create(
	struct loop *l, const struct net_listener_config *config, char *error, unsigned error_size)
{
	struct net_listener *n = mem_new(struct net_listener);
	unsigned activated = 0;

	n->loop = l;
	n->name = mem_strdup(config->name);
	n->accepted = config->accepted;
	n->user = config->user;
	n->admit = config->admit;
	n->admit_user = config->admit_user;
	n->addresses = map_create();
	net_listener_limits(n, config->max_connections, config->max_per_address);
	if (config->activation_name)
		activated = net_open_activated(n, config->activation_name);
	if (!activated && !net_open(n, config->listen, config->shared, error, error_size)) {
		sockets_abandon(n);
		listener_free(n);
		return NULL;
	}
	metrics_register(n);
	n->resume = loop_timer_create(l, "accept resume", on_resume, n);
	poll_init(n);
	log_info("listening", kv_str("listener", n->name), kv_u64("port", net_listener_port(n)),
		kv_u64("sockets", n->n_sockets), kv_bool("activated", activated > 0));
	return n;
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct net_socket *s = handle->data;
	struct net_listener *n = s->listener;

	if (--n->n_closing == 0)
		listener_free(n);
}

void net_listener_stop(struct net_listener *n)
{
	if (n->stopped)
		return;
	n->stopped = true;
	timer_stop(n->resume);
	for (unsigned i = 0; i < n->n_sockets; i++) {
		struct net_socket *s = &n->sockets[i];
		uv_poll_stop(&s->poll);
		close(s->fd);
		if (s->unlink_path)
			unlink(s->unlink_path);
		free(s->unlink_path);
		s->unlink_path = NULL;
	}
}

void net_listener_destroy(struct net_listener **np)
{
	struct net_listener *n = *np;
	if (!n)
		return;
	*np = NULL;
	net_listener_stop(n);
	timer_destroy(&n->resume);
	n->n_closing = n->n_sockets;
	for (unsigned i = 0; i < n->n_sockets; i++)
		uv_close((uv_handle_t *)&n->sockets[i].poll, on_socket_closed);
}

void net_listener_limits(struct net_listener *n, unsigned max_connections, unsigned max_per_address)
{
	n->max_connections = max_connections;
	n->max_per_address = max_per_address;
}

unsigned net_listener_port(const struct net_listener *n)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (n->stopped || getsockname(n->sockets[0].fd, (struct sockaddr *)&addr, &len))
		return 0;
	if (addr.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&addr)->sin_port);
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return 0;
}
