#pragma once

#include "base/list.h"
#include "base/map.h"
#include "loop/timer.h"
#include "ws/sio.h"
#include "ws/sio_binding.h"

#define SIO_PID_BYTES 18
#define SIO_PID_SIZE 25

/* A client that is gone for a moment, maybe. */
struct sio_lost {
	struct list link; /* in the order of time */
	char pid[SIO_PID_SIZE];
	char *id; /* whose it is */
	char *socket_id;
	char **rooms;
	unsigned n_rooms;
	char **fleeting; /* rooms in which nothing can be missed */
	unsigned n_fleeting;
	uint64_t until_us;
};

struct sio_binding {
	struct sio_binding_config config;
	struct sio_server *server;
	char *namespaces; /* cut into names */
	struct map *there; /* struct sio_conn by pid */
	struct map *lost; /* struct sio_lost by pid */
	struct list lost_order;
	struct timer *sweep;
};

struct sio_conn {
	struct peer peer; /* first */
	struct sio_binding *owner;
	struct sio_socket *socket; /* NULL: gone */
	bool foreign; /* in another namespace than "/" */
	char pid[SIO_PID_SIZE];
};

/* sio_recovery.c */
void sio_recovery_create(struct sio_binding *b);
void sio_recovery_destroy(struct sio_binding *b);
/* Its rooms are still known. */
void sio_recovery_keep(struct sio_conn *c);
/*
 * The one that the client names, if it is his and nothing of it is forgotten; the caller's, who
 * gives it back to sio_recovery_take. The connection before may not know yet that it is lost: it is
 * closed then.
 */
struct sio_lost *sio_recovery_find(
	struct sio_conn *c, const char *pid, const char *offset, uint64_t *at);
/* Sends what was missed, after the socket was accepted. Frees `lost`. */
void sio_recovery_take(struct sio_conn *c, struct sio_lost *lost, uint64_t at);
