#pragma once

#include "base/map.h"
#include "loop/timer.h"
#include "ws/stream_events.h"

/* What the files of the stream events share. */

/* From so many viewers on joins and leaves are told by the count alone. */
#define STREAM_ROOM_BIG 200
#define STREAM_ROOM_NAME_SIZE 48

struct stream_events {
	struct stream_events_config config;
	struct map *rooms; /* struct stream_room by id */
	struct timer *tick;
	struct signal_listener opened, ended, health, changed, written, deleted, muted, mode, shown;
	struct signal_listener peer_seen, peer_ended, peer_identified;
	unsigned ticks;
	bool ending;
	bool overheard;
};

struct stream_reaction {
	unsigned count;
	char *user_id;
	bool several; /* more than one person's */
};

/* A stream that somebody joined, or that is looked on while it is live. */
struct stream_room {
	struct stream_events *owner;
	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	char name[STREAM_ROOM_NAME_SIZE]; /* of the hub's room */
	char counts[STREAM_ROOM_NAME_SIZE]; /* of those who want viewer_count_updated */
	struct list joins; /* struct stream_join */
	unsigned n_joins;
	/* While it is live here; its record is not to be kept. */
	struct live_stream *live;
	enum live_state state;
	bool playable; /* its first segment was told */
	bool recorded; /* its recording was told, or is none */
	struct signal_listener live_updated, live_changed, live_destroyed;
	uint32_t count, told_count;
	uint64_t told_us;
	struct stream_reaction reactions[AUDIENCE_EMOJIS];
	bool reacted;
	/* How its chat goes, as those who are there know it. */
	uint32_t slow_mode;
	bool chat_enabled;
	/* The last messages, oldest first, and the products; NULL: to be read. */
	json_t *chat, *products;
	uint64_t products_us;
};

/* One peer in one stream. */
struct stream_join {
	struct list by_peer, by_room;
	struct peer *peer;
	struct stream_room *room;
	struct audience_seat *seat; /* NULL: the stream is not live here */
};

/* stream_rooms.c */
struct stream_room *stream_room_find(const struct stream_events *s, struct uuid id);
struct stream_room *stream_room_get(struct stream_events *s, struct uuid id);
/* The room to tell something: NULL if nobody would hear it. To be settled afterwards. */
struct stream_room *stream_room_heard(struct stream_events *s, struct uuid id);
void stream_room_settle(struct stream_room *room); /* frees it if nobody is in it or can resume */
void stream_room_emit(struct stream_room *room, const char *name, json_t *data,
	enum hub_class class, const struct peer *except); /* steals data */
uint32_t stream_room_count(struct stream_room *room);
struct stream_join *stream_join_find(const struct peer *p, const struct stream_room *room);
/* Into the room's books and the audience; tells the others. The hub's room is the caller's. */
struct stream_join *stream_join_create(struct stream_room *room, struct peer *p);
void stream_join_end(struct stream_join *j, enum audience_leaving how);
/* A seat anew: the peer is somebody else now (it was id_before), or the stream has gone live. */
void stream_join_reseat(struct stream_join *j, const char *id_before);
void stream_rooms_tick(struct stream_events *s);

/* stream_signals.c: what happens in streams, told to their rooms. */
void stream_signals_listen(struct stream_events *s);
void stream_signals_stop(struct stream_events *s);
void stream_room_follow(struct stream_room *room, struct live_stream *live);
void stream_room_unfollow(struct stream_room *room);

/* stream_json.c: camelCase, as the REST API answers. */
json_t *stream_message_json(const struct chat_record *m);
json_t *stream_product_json(const struct stream_product_record *p);
void stream_chat_add(struct stream_room *room, const struct chat_record *m);
void stream_chat_remove(struct stream_room *room, const char *id);
/* Status, figures and advice. */
json_t *stream_health_json(struct live_stream *live);
/* The answer to a join. */
json_t *stream_joined_json(
	struct stream_room *room, const struct stream_record *row, const struct peer *p);

/* stream_catchup.c */
/* What came behind a message, for the caller. False: not known, or too much of it: to be loaded
 * anew. */
bool stream_news_read(const struct stream_events *s, struct uuid stream_id, struct uuid after,
	struct repo_chat_news *out);
/* Sets "missed" and "missedDeleted", null where they are not known. */
void stream_news_into(json_t *joined, const struct stream_room *room, struct uuid after);
void stream_news_send(
	const struct stream_room *room, struct peer *p, const struct repo_chat_news *news);

/* events_stream.c, events_stream_chat.c */
void stream_events_add(struct events *e, struct stream_events *s);
void stream_chat_events_add(struct events *e, struct stream_events *s);
