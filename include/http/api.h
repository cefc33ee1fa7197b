#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/signal.h"
#include "http/auth.h"
#include "live/chat.h"
#include "live/registry.h"
#include "live/showcase.h"
#include "live/studio.h"
#include "loop/loop.h"
#include "model/repo.h"

/*
 * The REST API: JSON in and out, the rules are live/studio.h's and the repo's. api_create puts its
 * routes on the router, which must live no longer than the api. Contract: spec rest.md; fields and
 * codes beyond it: src/http/README.md. Loop thread only.
 */
struct api;
struct router;
struct audience;

struct api_value {
	const char *section, *key, *value, *origin; /* value NULL: not set */
	bool secret; /* shown as "***" */
	bool reload; /* takes effect without a restart */
};

struct api_limit {
	const char *name;
	uint64_t limit; /* 0: none */
	const char *gauge; /* metric that counts what is used of it, NULL: nothing does */
	const uint64_t *used; /* instead of the metric; NULL: none */
};

/* An open connection. Texts live for the call. */
struct api_connection {
	const char *id; /* "rtmp-12", "http-7": unique while the daemon runs */
	const char *kind; /* rtmp, http */
	const char *address;
	const char *stream_id; /* that it publishes; "": none */
	uint64_t since_us; /* by the loop's clock */
	uint64_t bytes; /* received, of RTMP */
	unsigned requests; /* under way, of HTTP */
	bool tls;
};

/* A client of the event layer. Texts live for the call. */
struct api_socket {
	const char *id; /* "ws-12": unique while the daemon runs */
	const char *framing; /* socket.io, json, realtime */
	const char *user_id, *name; /* NULL: a guest, not said */
	const char *address;
	unsigned rooms;
	size_t queued; /* bytes that wait for it */
	uint64_t since_us, seen_us; /* by the loop's clock */
};

/* What was said in rooms. Texts are borrowed; NULL: any. */
struct api_events_query {
	const char *after; /* cursor; NULL: from now on */
	const char *of; /* a stream or user */
	const char *names; /* patterns with commas between */
	unsigned limit;
};

/* How a relay target does. Texts live for the call's turn of the loop. */
struct api_relay {
	const char *state;
	uint64_t since_ms, next_ms; /* wall; 0: none */
	uint64_t bytes, dropped, attempts, connects;
	const char *error; /* NULL: none */
};

/*
 * What the daemon does for the API. Every `done` is called on the loop, never inside the call, also
 * if the api is gone by then.
 */
struct api_host {
	void *user;
	bool (*draining)(void *user);
	void (*drain)(void *user); /* as SIGTERM; must not destroy the server inside the call */
	/* As SIGHUP; `changed` for each key that differs. False: nothing changed, faults are a line
	 * each in errors. */
	bool (*reload)(void *user, void (*changed)(void *arg, const char *key, bool in_force),
		void *arg, struct buf *errors);
	bool (*store_healthy)(void *user);
	/* error NULL: done. */
	void (*backup)(void *user, const char *path, void (*done)(void *arg, const char *error),
		void *arg);
	/* problems NULL: none; else a line each. */
	void (*check)(void *user, void (*done)(void *arg, const char *problems), void *arg);
	void (*relay)(
		void *user, struct uuid stream_id, struct uuid relay_id, struct api_relay *out);
	void (*config)(
		void *user, void (*each)(void *arg, const struct api_value *value), void *arg);
	void (*limits)(
		void *user, void (*each)(void *arg, const struct api_limit *limit), void *arg);
	void (*connections)(void *user,
		void (*each)(void *arg, const struct api_connection *connection), void *arg);
	/* False: there is none of this id. */
	bool (*close_connection)(void *user, const char *id);
	/* Those in a room of the event layer; NULL: all. */
	void (*sockets)(void *user, const char *room,
		void (*each)(void *arg, const struct api_socket *socket), void *arg);
	bool (*close_socket)(void *user, const char *id);
	/* {"cursor", "missed", "restarted", "events"}, the caller's; NULL: `after` is no cursor.
	 * The signal tells that there may be more. */
	json_t *(*events_read)(void *user, const struct api_events_query *query);
	struct signal *(*events_heard)(void *user);
};

/* Texts are copied. */
struct api_config {
	struct loop *loop;
	struct router *router;
	struct repo repo;
	struct live_registry *registry;
	struct studio *studio;
	struct audience *audience; /* NULL: nobody watches */
	struct showcase *showcase;
	struct auth *auth;
	struct bans *bans;
	struct presence *presence;
	struct inbox *inbox;
	const char *public_url; /* http(s)://host[:port][/path]; NULL: from the request */
	unsigned http_port; /* for requests without a usable Host; 0: 8080 */
	unsigned relays_max; /* relay targets that a stream may have */
	unsigned rtmp_port; /* 0: no clear RTMP */
	unsigned rtmps_port; /* 0: no RTMPS */
	const char *rtmp_app;
	const char *media_root;
	uint64_t min_free; /* bytes */
	struct chat *chat; /* NULL: none */
	uint64_t playback_ttl_us; /* of playback tokens; 0: 6 hours */
	const char *version;
	const char *config_path; /* NULL: none */
	struct api_host host;
};

struct api *api_create(const struct api_config *config);
/* Where encoders connect, for a client that calls this server by `host` (as in its Host header; not
 * trusted, NULL: unknown). public_url comes first. The caller's. */
char *api_rtmp_url(const struct api *a, const char *host);
void api_destroy(struct api **a);
