#pragma once

#include "base/list.h"
#include "loop/timer.h"
#include "proto/sio.h"
#include "proto/ws_frame.h"
#include "ws/sio.h"

/*
 * What sio_server.c (clients, time), sio_packet.c (what comes) and sio_socket.c (sockets, what is
 * sent) share.
 */
#define SIO_ID_BYTES 18
#define SIO_ID_SIZE 25

struct sio_server {
	struct loop *loop;
	struct eio_server *eio;
	struct sio_namespace *namespaces;
	unsigned n_namespaces;
	unsigned max_attachments;
	size_t max_payload;
	uint64_t connect_timeout_us;
	struct list connecting; /* clients in no namespace yet, in the order of their deadlines */
	struct timer *wheel;
};

/* A packet whose attachments are on their way. */
struct sio_pending {
	struct sio_socket *socket; /* NULL: none */
	enum sio_type type;
	bool has_id, unfit;
	uint64_t id;
	json_t *json;
	struct rcbuf **blobs;
	unsigned n_blobs, n_wanted;
	size_t bytes;
};

struct sio_client {
	struct sio_server *server;
	struct eio_session *session; /* NULL: at its end */
	struct list sockets;
	struct sio_pending pending;
	struct list connect_link;
	uint64_t connect_deadline_us;
};

enum sio_state { SIO_ASKING, SIO_CONNECTED, SIO_GONE };

struct sio_call {
	struct list link;
	uint64_t id;
	void (*answered)(void *user, json_t *args);
	void *user;
};

struct sio_socket {
	struct list link;
	struct sio_client *client; /* NULL: gone */
	const struct sio_namespace *space;
	enum sio_state state;
	unsigned refs;
	void *data;
	uint64_t next_call;
	struct list calls; /* that await an answer */
	char id[SIO_ID_SIZE];
};

/* sio_packet.c: false is malformed. */
bool sio_client_text(struct sio_client *c, const char *text, size_t len);
bool sio_client_binary(struct sio_client *c, const uint8_t *data, size_t len);
void sio_pending_finish(struct sio_pending *p);

/* sio_socket.c */
void sio_socket_create(struct sio_client *c, const struct sio_namespace *space, json_t *auth);
struct sio_socket *sio_client_find(struct sio_client *c, const char *name, size_t len);
/* Out of its client; tell: whether its handler hears of it. */
void sio_socket_leave(struct sio_socket *s, bool tell, enum eio_end end);
void sio_socket_answered(struct sio_socket *s, uint64_t id, json_t *args);
/* CONNECT_ERROR for a namespace that there is no socket in. */
void sio_client_refuse(
	struct sio_client *c, const char *name, size_t name_len, const char *message, json_t *data);
