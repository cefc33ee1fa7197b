#pragma once

#include <stdbool.h>

#include "live/registry.h"
#include "loop/loop.h"
#include "proto/rtmp_session.h"

/*
 * RTMP and RTMPS listeners and their connections: each is a proto session fed by libwebsockets'
 * raw-skt role, and, once it publishes, a live_publisher; once it plays, a feed_player. Loop thread
 * only.
 *
 * Every end of a connection is one log line and one count of souk_rtmp_closed_total{reason}; the
 * reasons are those of proto/rtmp_close.h.
 */
struct rtmp_server;

struct rtmp_server_config {
	const char *listen; /* see net_listener.h; NULL: none */
	const char *tls_listen; /* NULL: none; needs cert and key */
	const char *cert, *key; /* PEM files */
	struct rtmp_session_config session;
	unsigned max_connections, max_per_address; /* 0: no bound */
	/* As in net_listener.h. */
	bool (*admit)(void *admit_user, const char *address);
	void *admit_user;
	/* Whether the bearer of this playback token ("": none) may play the stream; NULL: anybody
	 * may. Asked again while it plays. */
	bool (*may_play)(void *play_user, struct uuid stream, const char *token);
	void *play_user;
};

/* A connection, for operators. Texts live for the call. */
struct rtmp_server_entry {
	uint64_t id;
	const char *address;
	const char *stream_id; /* "": it neither publishes nor plays */
	uint64_t since_us, bytes; /* by the loop's clock; received */
	bool tls;
};

/* `registry` is borrowed. NULL with a text in error on failure. */
struct rtmp_server *rtmp_server_create(struct loop *l, struct live_registry *registry,
	const struct rtmp_server_config *config, char *error, unsigned error_size);
/* Closes what is left: publishers count as lost. Before the registry and the loop. */
void rtmp_server_destroy(struct rtmp_server **s);
/*
 * Stops accepting and closes the connections that do not publish. The publishers are the
 * registry's, which kicks them when it drains.
 */
void rtmp_server_drain(struct rtmp_server *s);
/* Limits and session settings after a reload; sessions apply to new connections. */
void rtmp_server_reconfigure(struct rtmp_server *s, const struct rtmp_server_config *config);
/* Reads cert and key again; true as well if there is no TLS listener. */
bool rtmp_server_reload_tls(struct rtmp_server *s);
void rtmp_server_each(const struct rtmp_server *s,
	void (*each)(void *arg, const struct rtmp_server_entry *entry), void *arg);
/* Closes those that `which` names; returns how many. */
unsigned rtmp_server_close(struct rtmp_server *s,
	bool (*which)(void *arg, const struct rtmp_server_entry *entry), void *arg);
/* The port of the first socket (0 without one), for tests that listen on port 0. */
unsigned rtmp_server_port(const struct rtmp_server *s);
unsigned rtmp_server_tls_port(const struct rtmp_server *s);
