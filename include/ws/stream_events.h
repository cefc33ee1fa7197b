#pragma once

#include "live/chat.h"
#include "live/registry.h"
#include "live/showcase.h"
#include "state/audience.h"
#include "ws/events.h"
#include "ws/peer.h"
#include "ws/user_rooms.h"

/*
 * Streams on the event layer: who joins, what is said there, and what the stream itself tells its
 * room ("stream:" and its id). Source: spec events.md, "Streams". Loop thread only.
 */
struct stream_events;

/* What only the daemon knows. Texts returned are the caller's (heap), NULL: none. */
struct stream_events_host {
	/* For this viewer (NULL: for everybody), NULL if he would not get it. */
	char *(*hls_url)(void *user, const struct stream_record *row, const char *viewer);
	char *(*vod_url)(void *user, const struct stream_record *row, const char *viewer);
	/* host: how the client calls this server, as it says itself; NULL: unknown. */
	char *(*rtmp_url)(void *user, const char *host);
	/* NULL: encoder, disk and store would do; else a sentence, static. */
	const char *(*unready)(void *user);
	unsigned latency_ms; /* from the camera to the screen, as the settings are */
	void *user;
};

struct stream_events_config {
	struct loop *loop;
	struct peers *peers;
	struct events *events; /* the table is added here */
	struct repo repo;
	struct live_registry *registry;
	struct audience *audience;
	struct chat *chat;
	struct showcase *showcase;
	struct user_rooms *users; /* where sellers hear of their ingest */
	struct stream_events_host host;
};
/* After the audience follows the registry: it must know of a live stream before its room does. */
struct stream_events *stream_events_create(const struct stream_events_config *config);
/* Before the peers, the audience and the chat are destroyed; NULL is fine. */
void stream_events_destroy(struct stream_events **s);

/* Whether somebody looks on (event_tail.h): then streams are spoken of that nobody joined, too. */
void stream_events_overhear(struct stream_events *s, bool on);
