#pragma once

#include "audience_feed.h"
#include "base/metrics.h"
#include "http/api.h"
#include "http/auth.h"
#include "http/flv.h"
#include "http/hls.h"
#include "http/pages.h"
#include "http/router.h"
#include "http/server.h"
#include "interruptions.h"
#include "live/bans.h"
#include "live/chat.h"
#include "live/deliverer.h"
#include "live/registry.h"
#include "live/showcase.h"
#include "live/studio.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "model/ledger.h"
#include "rtmp/relay.h"
#include "rtmp/server.h"
#include "server.h"
#include "signals.h"
#include "sockets.h"
#include "state/audience.h"
#include "state/inbox.h"
#include "state/presence.h"
#include "state/state_memory.h"
#include "store/store.h"

/* What the files of the daemon share: the parts in the order in which they are made. */
struct server {
	struct config *config;
	const struct options *options;
	struct metrics *metrics;
	struct loop *loop;
	struct mailbox *mailbox;
	struct store *store;
	struct live_registry *registry;
	struct state_memory *state_memory;
	struct presence *presence;
	struct inbox *inbox;
	struct audience *audience;
	struct audience_feed *audience_feed;
	struct studio *studio;
	struct showcase *showcase;
	struct chat *chat;
	struct bans *bans;
	struct signal_listener ban_listener;
	struct deliverer *deliverer;
	struct interruptions *interruptions;
	struct auth *auth;
	struct router *router;
	struct api *api;
	struct pages *pages;
	struct hls *hls;
	struct flv *flv;
	struct http_server *http;
	struct rtmp_server *rtmp;
	struct relays *relays;
	struct sockets *sockets;
	struct event_tail *event_tail;
	struct signals *signals;
	struct timer *watchdog;
	struct timer *housekeeping;
	struct timer *drain_limit; /* drain must be over by then */
	struct timer *drain_wait; /* looks whether the last connections are gone */
	unsigned drain_looks, drain_parts;
	bool draining, failed;
};

/* drain.c: the way down. */
void server_drain(struct server *s);
/* At once: what was acked is safe on disk, as it is after a crash. */
_Noreturn void server_stop_now(struct server *s);

/* access.c: struct hls_config's hook. */
enum hls_access server_access(
	void *user, struct uuid stream, const char *token, const char *authorization);

/* The same for struct rtmp_server_config. */
bool server_may_play(void *user, struct uuid stream, const char *token);

/* reload.c: the configuration once more. `changed` may be NULL. False: nothing changed. */
bool server_reload(struct server *s, void (*changed)(void *arg, const char *key, bool in_force),
	void *arg, struct buf *errors);

/* delivery.c: webhooks and push. */
bool server_create_delivery(struct server *s, char *error, size_t error_size);
void server_reload_delivery(struct server *s);

/* storage.c: object storage, now or again. */
void server_use_storage(struct server *s);

/* host.c: what the API may ask of the daemon. */
struct api_host server_api_host(struct server *s);
