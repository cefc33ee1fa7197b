#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/metrics.h"
#include "base/signal.h"
#include "loop/loop.h"
#include "ws/hub.h"

/*
 * Connected clients, whatever their framing: who they are, what they may still do, and their end.
 * Source: spec events.md, the paragraph on identity and "Delivery". Loop thread only.
 *
 * A framing embeds a struct peer in its connection. Nothing here frees it inside a call: peer_close
 * and peer_end mark it, and what follows (the transport's end, leaving all rooms, `destroy`) is
 * done later on the loop. Handlers may therefore go on using a peer that came to its end under
 * them; what is sent to it then goes nowhere.
 */
struct peers;
struct peer;

/* Texts are owned; user_id NULL: a guest. */
struct ws_identity {
	char *user_id, *name, *avatar, *neighborhood;
	unsigned roles; /* enum user_role bits */
	uint64_t expires_ms; /* of the token, wall time; 0: never */
};
void ws_identity_finish(struct ws_identity *i);

/* Who tells whose a token is: a sibling floor, joined by the daemon. */
struct ws_auth_ops {
	/* False: *code is a stable word, *why a sentence, both static. *out is the caller's then
	 * and only then not. */
	bool (*check)(void *user, const char *token, struct ws_identity *out, const char **code,
		const char **why);
};

enum peer_ending {
	PEER_LEFT, /* in order: it watched until now */
	PEER_LOST, /* it watched until its last sign of life */
};

/* A framing. data is borrowed. False: the client does not take it, and is slow. */
struct peer_ops {
	bool (*send)(struct peer *p, const char *name, json_t *data);
	bool (*answer)(struct peer *p, uint64_t ack, json_t *data);
	/* Ends the transport for good: no event of it comes after. */
	void (*close)(struct peer *p, unsigned code, const char *reason);
	void (*destroy)(struct peer *p); /* the last call: frees it */
};

/* Read by handlers, written here alone; but the lists of others, which are theirs. */
struct peer {
	const struct peer_ops *ops;
	struct peers *owner;
	struct list link; /* of all, or of those that end */
	struct list by_user;
	struct hub_member member;
	struct ws_identity who;
	char *id; /* the user's, or "guest:" and an id of our making */
	char *only; /* whom it has to be, and no guest; NULL: anybody */
	char *address;
	char *host; /* how it calls this server, unchecked; NULL: not said */
	struct list streams; /* that it joined: the stream events' */
	struct list rooms; /* that it joined: the room events' */
	struct list subscriptions; /* to figures: the metric events' */
	struct list calls; /* events under way: the table's */
	uint64_t number; /* of all peers of this process */
	uint64_t since_us;
	uint64_t seen_us; /* the last sign of life */
	double tokens; /* of the bucket of all its events */
	uint64_t tokens_us;
	enum peer_ending ending_how;
	uint16_t close_code; /* 0: the transport is gone already */
	const char *close_reason; /* static */
	uint8_t malformed;
	bool identified; /* a token, or leave to be a guest */
	bool ending, warned;
};

struct peers_config {
	struct loop *loop;
	struct hub *hub;
	const struct ws_auth_ops *auth; /* static */
	void *auth_user;
	bool allow_guests;
	unsigned rate; /* events a second of a peer, as many at once; 0: no bound */
	unsigned sockets_per_user; /* 0: no bound */
	unsigned handshakes; /* of an address a minute; 0: no bound */
	struct metrics *metrics; /* souk_sockets, souk_slow_consumers_total, …; may be NULL */
};

struct peers *peers_create(const struct peers_config *config);
/* All peers end at once (1001); NULL is fine. */
void peers_destroy(struct peers **p);
struct hub *peers_hub(const struct peers *p);
unsigned peers_count(const struct peers *p);
/* One more handshake of this address? Also false while draining. */
bool peers_admit(struct peers *p, const char *address);

/*
 * Tells all (`server:draining`) and closes them one by one within the time, few of them sooner.
 * done comes when the last one is gone.
 */
void peers_drain(struct peers *p, uint64_t within_us, void (*done)(void *user), void *user);
bool peers_draining(const struct peers *p);
/* Limits and allow_guests of a new configuration, at once; guests who may be there no more go. */
void peers_reconfigure(struct peers *p, const struct peers_config *fresh);
/* All that are not at their end, the eldest first. No peer may end inside. */
void peers_each(const struct peers *p, void (*each)(void *arg, const struct peer *peer), void *arg);
/* What is used of limits that each has for itself: of the one who uses most. */
struct peers_use {
	uint64_t most_queued; /* bytes */
	uint64_t most_rooms;
	uint64_t most_of_user; /* sockets */
};
struct peers_use peers_use(const struct peers *p);
/* False: there is none of this number. */
bool peers_close_one(struct peers *p, uint64_t number);
const char *peer_framing_text(const struct peer *p); /* "socket.io", "json", "realtime" */

/* Somebody met a limit: counted by souk_event_limits_total, and told in the log at most once a
 * second. id: whom, as far as it is known; NULL: not at all. */
enum peer_limit {
	PEER_LIMIT_HANDSHAKES,
	PEER_LIMIT_SOCKETS,
	PEER_LIMIT_ROOMS,
	PEER_LIMIT_RATE, /* of all events of a socket */
	PEER_LIMIT_EVENT, /* of one event of a user */
	PEER_LIMIT_ADDRESS, /* of one event of an address */
	PEER_LIMIT_MESSAGE,
	PEER_LIMIT_QUEUE,
	PEER_LIMIT_MALFORMED,
	PEER_LIMIT_SILENT, /* did not say in time who it is */
	PEER_LIMITS,
};
void peers_limited(struct peers *p, enum peer_limit which, const char *address, const char *id);
void peer_limited(struct peer *p, enum peer_limit which);

/* Ends all sockets of a user, as after a ban. */
void peers_close_user(struct peers *p, const char *user_id, const char *reason);

/* Emitted with the struct peer: a sign of life (twice a second at most); another identity, with the
 * one before still in `id` until the listeners are through; its end. */
struct signal *peers_seen(struct peers *p);
struct signal *peers_ended(struct peers *p);
struct peer_change {
	struct peer *peer;
	const char *id_before;
};
struct signal *peers_identified(struct peers *p); /* data: struct peer_change */

/* A connection's part. It is a guest, or nobody yet, until peer_identify. */
void peer_init(struct peer *p, struct peers *owner, const struct peer_ops *ops,
	enum hub_framing framing, const char *address);
/* As its handshake has it, unchecked; NULL: not said. */
void peer_set_host(struct peer *p, const char *host);
/* It is to be this user and nobody else: no guest, and no other's token. Before peer_identify. */
void peer_must_be(struct peer *p, const char *user_id);
enum peer_identity_result { PEER_IDENTIFIED, PEER_REFUSED, PEER_ANOTHER, PEER_TOO_MANY };
/* By a token. REFUSED: *code and *why say why; ANOTHER: it is somebody else already,
 * or has to be. */
enum peer_identity_result peer_identify(
	struct peer *p, const char *token, const char **code, const char **why);
/* A guest that came back is the one it was. Before it joins anything. */
void peer_set_guest(struct peer *p, const char *id);
/* Its transport is gone. */
void peer_end(struct peer *p, enum peer_ending how);
/* To be closed; code: WebSocket's. reason is static. */
void peer_close(struct peer *p, unsigned code, const char *reason);
/* Its queue is full. */
void peer_too_slow(struct peer *p);
/* Something came from it. */
void peer_seen(struct peer *p);
/* What came was no event: an error to it, and the end at the tenth time. */
void peer_malformed(struct peer *p, const char *message);
/* Takes one event out of its bucket. */
bool peer_may_speak(struct peer *p);

/*
 * Kinds of the hub's rooms, by how their names begin: who may be in one again that he was in before
 * his connection was lost, and what belongs to his return after the hub has let him in and told him
 * what he missed. A room of no kind is nobody's to come back to.
 */
struct room_kind {
	const char *prefix;
	bool (*may_return)(void *user, const struct peer *p, const char *room);
	void (*come_back)(void *user, struct peer *p, const char *room); /* may be NULL */
	/* What is said there is not kept: who comes back has nothing to catch up with, come_back
	 * lets him into the hub's room anew, and where he may not, all else goes on. */
	bool fleeting;
};
#define ROOM_KINDS_MAX 16
void peers_add_room_kind(struct peers *p, const struct room_kind *kind, void *user); /* static */
bool peer_may_return(const struct peer *p, const char *room);
void peer_come_back(struct peer *p, const char *room);
bool peers_room_is_fleeting(const struct peers *p, const char *room);

bool peer_is_guest(const struct peer *p);
/* Has the rights of that seller over a stream: it is him, or an admin. NULL: no seller. */
bool peer_owns(const struct peer *p, const char *seller_id);
void peer_send(struct peer *p, const char *name, json_t *data); /* steals data */
void peer_answer(struct peer *p, uint64_t ack, json_t *data); /* steals data */
