#pragma once

#include <stdbool.h>

#include "http/server.h"
#include "model/bans.h"

/*
 * The event layer in the daemon: hub, peers, table of events and framings, joined with HTTP server,
 * tokens and domain.
 */
struct server;
struct sockets;

/* After the HTTP server and what follows the registry for the audience. */
struct sockets *sockets_create(struct server *s);
/* Before the HTTP server and the domain; NULL is fine. */
void sockets_destroy(struct sockets **s);
/* A request that is no upgrade; true: it is answered, or will be. */
bool sockets_handle(struct sockets *s, struct http_request *r);
/* Tells the clients, and closes them within [server] drain; `done` when all are gone. */
void sockets_drain(struct sockets *s, void (*done)(void *user), void *user);
/* What of a new configuration sockets heed without a restart. */
void sockets_reload(struct sockets *s);
struct peers;
struct peers *sockets_peers(struct sockets *s);
/* As stream_events_overhear. */
void sockets_overhear(struct sockets *s, bool on);
/* A user who is banned now. */
void sockets_close_user(struct sockets *s, const char *user_id);
