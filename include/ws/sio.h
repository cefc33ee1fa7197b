#pragma once

#include <jansson.h>

#include "ws/eio.h"

/*
 * Socket.IO v5 (docs/socket.io-protocol of github.com/socketio/socket.io) over Engine.IO: sockets
 * in namespaces, events and acks in both directions, binary attachments. Loop thread only.
 *
 * A client (one Engine.IO session) has a socket in each namespace that it was let into. What is
 * malformed ends its session, as the reference server does.
 */
struct sio_server;
struct sio_socket;

struct sio_event {
	const char *name;
	json_t *args; /* array, without the name; borrowed for the call */
	/* It had NUL or half of a surrogate pair in a text, where there is U+FFFD now. */
	bool unfit;
	/*
	 * Attachments by number; their places in args are {"_placeholder": true, "num": n}, checked
	 * to have their attachment. Borrowed; to be kept by rcbuf_ref.
	 */
	struct rcbuf *const *blobs;
	unsigned n_blobs;
	bool wants_ack;
	uint64_t ack_id; /* for sio_ack */
};

struct sio_handler {
	/*
	 * Asks for the namespace with what the client gave as `auth` (an object, borrowed): to be
	 * answered by sio_accept or sio_refuse, now or later (hold the socket then).
	 */
	void (*connect)(void *user, struct sio_socket *s, json_t *auth);
	void (*event)(void *user, struct sio_socket *s, const struct sio_event *e);
	/* Its client answered a ping. May be NULL. Nothing may be sent inside. */
	void (*alive)(void *user, struct sio_socket *s);
	/* Of an accepted socket; not after sio_disconnect and sio_close, whose callers know. */
	void (*disconnected)(void *user, struct sio_socket *s, enum eio_end end);
};

struct sio_namespace {
	const char *name; /* "/", "/admin"; static */
	const struct sio_handler *handler; /* static */
	void *user;
};

struct sio_config {
	struct eio_config eio; /* handler and user are set by the server */
	uint64_t connect_timeout_us; /* until a client is in its first namespace; 0: 45 s */
	unsigned max_attachments; /* of a packet; 0: 10. All of them together: eio.max_payload */
	const struct sio_namespace *namespaces; /* copied; others are refused */
	unsigned n_namespaces;
};

struct sio_server *sio_server_create(struct loop *l, const struct sio_config *config);
void sio_server_destroy(struct sio_server **s); /* ends all sessions; NULL is fine */
/* As eio_server_limits. */
void sio_server_limits(struct sio_server *s, size_t max_payload, size_t max_queue);
/* Every request, upgrades too, below /socket.io/. */
void sio_server_request(struct sio_server *s, const struct ws_request *r);

/*
 * Lets it in: CONNECT with its id, and with `pid` for connection state recovery if it is not NULL.
 * Nothing happens if it went meanwhile.
 */
void sio_accept(struct sio_socket *s, const char *pid);
/* What the client knows as socket.id. One that is recovered gets the one before, ahead of
 * sio_accept. */
const char *sio_socket_id(const struct sio_socket *s);
void sio_socket_set_id(struct sio_socket *s, const char *id);
/* CONNECT_ERROR {message, data?}; data is borrowed and may be NULL. */
void sio_refuse(struct sio_socket *s, const char *message, json_t *data);

/*
 * Sends an event; args is an array or NULL, borrowed. False: the socket is not connected, or its
 * session has ended by it (a full queue).
 */
bool sio_emit(struct sio_socket *s, const char *name, json_t *args, struct rcbuf *const *blobs,
	unsigned n_blobs);
/* The same, and calls `answered` once: with the answer's args (borrowed), or NULL if none came. */
bool sio_call(struct sio_socket *s, const char *name, json_t *args,
	void (*answered)(void *user, json_t *args), void *user);
bool sio_ack(struct sio_socket *s, uint64_t ack_id, json_t *args, struct rcbuf *const *blobs,
	unsigned n_blobs);
/* An event as a frame for any number of sockets of a namespace; without attachments. */
struct rcbuf *sio_frame(const char *namespace_name, const char *name, json_t *args);
bool sio_send_frame(struct sio_socket *s, struct rcbuf *frame); /* or several in one buffer */
/* Where such frames may be written to until the handler hears of the end; left as it is if there is
 * no WebSocket (yet). */
void sio_socket_link(const struct sio_socket *s, struct ws_link *out);

/* Out of the namespace: the client does not come back by itself. */
void sio_disconnect(struct sio_socket *s);
/* Ends the whole session: the client comes back by itself. */
void sio_close(struct sio_socket *s, unsigned code, const char *reason);

const char *sio_socket_namespace(const struct sio_socket *s);
const char *sio_socket_address(const struct sio_socket *s); /* "" once it is gone */
const char *sio_socket_host(
	const struct sio_socket *s); /* of the handshake; NULL: not said, or gone */
bool sio_socket_connected(const struct sio_socket *s);
size_t sio_socket_queued(const struct sio_socket *s); /* bytes that wait for the client */
void sio_socket_set_data(struct sio_socket *s, void *data); /* the handler's own */
void *sio_socket_data(const struct sio_socket *s);
/* Keeps the memory, for answers that come later; calls on a socket that is gone do nothing. */
struct sio_socket *sio_socket_ref(struct sio_socket *s);
void sio_socket_unref(struct sio_socket **s); /* nulls */
