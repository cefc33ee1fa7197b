#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "loop/timer.h"
#include "proto/eio.h"
#include "proto/ws_frame.h"
#include "ws/eio.h"

/*
 * What eio_server.c (requests), eio_session.c (life, packets), eio_queue.c (what is sent),
 * eio_socket.c (WebSockets, upgrade) and eio_wheel.c (time) share.
 *
 * A session is reached by its sid as long as it is open. It polls (its answer is held, or the next
 * poll is awaited) or has a socket; while it polls, a second socket may probe for the upgrade.
 */
#define EIO_SID_BYTES 18
#define EIO_SID_SIZE 25
#define EIO_ADDRESS_SIZE 64

/* Waits of one kind last equally long: each kind is a queue in the order of its deadlines. */
enum eio_wait_kind {
	EIO_WAIT_PING, /* session: until the next ping */
	EIO_WAIT_PONG, /* session: until its answer */
	EIO_WAIT_UPGRADE, /* probing socket */
	EIO_WAIT_PARTING, /* the sid of a client that has said goodbye */
	EIO_WAIT_KINDS,
};

struct eio_wait {
	struct list link;
	enum eio_wait_kind kind;
	uint64_t deadline_us;
};

/* Sessions of one address. */
struct eio_source {
	unsigned sessions;
	char address[EIO_ADDRESS_SIZE];
};

struct eio_server {
	struct loop *loop;
	struct eio_config config;
	struct map *sessions; /* by sid */
	struct map *sources; /* by address */
	struct map *partings; /* by sid */
	struct list waits[EIO_WAIT_KINDS];
	struct timer *wheel;
	uint64_t wake_us; /* when the wheel turns next, if its timer runs */
	uint64_t granule_us; /* it turns no more often */
	struct metric *open, *opened, *ended[EIO_END_SERVER + 1];
};

struct eio_parting {
	struct eio_server *server;
	struct eio_wait wait;
	char sid[EIO_SID_SIZE];
};

struct eio_socket {
	struct eio_server *server;
	struct eio_session *session; /* NULL: it was a probe, and the session has ended */
	struct ws_link link;
	struct eio_wait wait; /* while it probes */
};

struct eio_session {
	struct eio_server *server;
	struct eio_source *source;
	char *host;
	void *user; /* of the handler; NULL: it is not told any more */
	char sid[EIO_SID_SIZE];
	bool ended; /* freed at the end of the turn */
	bool probed; /* the probe was answered: polls return at once */
	bool flush_asked;
	struct eio_socket *socket; /* NULL: it polls */
	struct eio_socket *probe;
	struct ws_request poll; /* the held GET; ops NULL: none */
	struct eio_wait wait;
	struct rcbuf **frames; /* that wait for a poll */
	unsigned n_frames, cap_frames;
	size_t queued;
};

/* eio_session.c */
struct eio_session *eio_session_open(struct eio_server *server, const struct ws_request *r);
/* last: the packet that answers a held poll, after what is queued. */
void eio_session_end(struct eio_session *s, enum eio_end end, enum eio_type last);
/* False: the session has ended by it. */
bool eio_session_packet(struct eio_session *s, const struct eio_packet *p);
struct rcbuf *eio_open_packet(const struct eio_session *s, bool upgrades);
struct rcbuf *eio_packet_frame(enum eio_type type);

/* eio_queue.c */
void eio_queue_add(struct eio_session *s, struct rcbuf *frame);
void eio_queue_finish(struct eio_session *s);
/* Answers the held poll with what is queued and `last`, which may be left out (-1). */
void eio_poll_answer(struct eio_session *s, int last);
/* At the end of the turn, so that one answer takes all of it. */
void eio_poll_answer_later(struct eio_session *s);
/* To the socket with what is queued. */
void eio_queue_move(struct eio_session *s);

/* eio_socket.c */
void eio_socket_request(struct eio_server *server, const struct ws_request *r, const char *sid);
void eio_socket_close(struct eio_socket **socket, unsigned code, const char *reason);
/*
 * The session ends, its answered probe stays till the client upgrades. The official client waits
 * for ever (till its ping timeout) if the probe goes while it is about to stop polling.
 */
void eio_socket_part(struct eio_socket **socket);
void eio_socket_expire(struct eio_wait *w);
void eio_sockets_destroy(struct eio_server *server); /* those that have parted */

/* eio_parting.c */
void eio_parting_add(struct eio_server *server, const char sid[static EIO_SID_SIZE]);
/* True once for a sid that was added a moment ago. */
bool eio_parting_take(struct eio_server *server, const char *sid);
void eio_parting_expire(struct eio_wait *w);
void eio_partings_destroy(struct eio_server *server);

/* eio_server.c */
struct eio_session *eio_server_find(struct eio_server *server, const char *sid);

/* eio_wheel.c */
void eio_wheel_create(struct eio_server *server);
void eio_wait_init(struct eio_wait *w, enum eio_wait_kind kind);
void eio_wait_start(struct eio_server *server, struct eio_wait *w, uint64_t deadline_us);
void eio_wait_stop(struct eio_wait *w);
void eio_ping_schedule(struct eio_session *s);
/* No pong in time, though the wheel has not come by? Ends the session then. */
bool eio_overdue(struct eio_session *s);
