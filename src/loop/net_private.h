#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "base/map.h"
#include "base/metrics.h"
#include "loop/net_listener.h"
#include "loop/timer.h"

/* What the files of the listener share; nobody else includes it. */

#define NET_MAX_SOCKETS 16

struct net_socket {
	struct net_listener *listener;
	uv_poll_t poll;
	int fd;
	char *unlink_path; /* a Unix socket that we made */
};

struct net_listener {
	struct loop *loop;
	char *name;
	unsigned max_connections, max_per_address;
	bool (*admit)(void *admit_user, const char *address);
	void *admit_user;
	void (*accepted)(void *user, int fd, const char *address);
	void *user;
	struct net_socket sockets[NET_MAX_SOCKETS];
	unsigned n_sockets, n_closing;
	struct map *addresses; /* text to struct net_address */
	unsigned connections;
	struct timer *resume;
	bool paused, stopped;
	struct metric *accepted_total, *paused_total, *refused_full, *refused_address,
		*refused_banned;
};

/* net_socket.c: each adds descriptors by net_add; false with a text in error. */
bool net_open(struct net_listener *n, const char *listen, bool shared, char *error, unsigned size);
unsigned net_open_activated(struct net_listener *n, const char *name);
void net_add(struct net_listener *n, int fd, const char *unlink_path);

/* net_accept.c */
void net_accept_start(struct net_listener *n);
void net_accept_pause(struct net_listener *n);
void net_addresses_free(struct net_listener *n);
