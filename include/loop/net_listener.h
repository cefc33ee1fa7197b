#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

/*
 * Listening sockets of our own (SO_REUSEPORT, IPv4 and IPv6), because libwebsockets' spin when
 * descriptors run out and cannot be handed over by systemd. An accepted descriptor (non-blocking,
 * close-on-exec, TCP_NODELAY) goes to `accepted`, which owns it and usually adopts it into a
 * libwebsockets vhost. Out of descriptors: accepting pauses and is tried again each 100 ms, with a
 * log line and souk_accept_paused_total.
 */
struct net_listener;

struct net_listener_config {
	const char *name; /* for logs and metrics: "rtmp", "http", … */
	/*
	 * "PORT", "ADDRESS:PORT", "[V6]:PORT", several with commas; PORT alone: all addresses; port
	 * 0: the system chooses. "unix:PATH": a Unix socket of mode 0600, its address is "unix".
	 */
	const char *listen;
	unsigned max_connections; /* 0: no bound; over it a connection is closed at once */
	unsigned max_per_address; /* 0: no bound */
	/* systemd's LISTEN_FDS with this FileDescriptorName are used in place of `listen`. */
	const char *activation_name;
	/* Another loop of this process listens there as well: no check that the port is free. */
	bool shared;
	/* Whether a peer of this address is let in at all; NULL: everybody. */
	bool (*admit)(void *admit_user, const char *address);
	void *admit_user;
	void (*accepted)(void *user, int fd, const char *address);
	void *user;
};

/* NULL with a text in error (of size error_size) on failure. */
struct net_listener *net_listener_create(
	struct loop *l, const struct net_listener_config *config, char *error, unsigned error_size);
void net_listener_destroy(struct net_listener **n);
void net_listener_stop(struct net_listener *n); /* no more accepts; for draining */
/* The owner says that an accepted connection is closed: for the limits. */
void net_listener_closed(struct net_listener *n, const char *address);
/* New limits after a reload. */
void net_listener_limits(
	struct net_listener *n, unsigned max_connections, unsigned max_per_address);
unsigned net_listener_port(const struct net_listener *n); /* of the first socket */
