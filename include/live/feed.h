#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/rcbuf.h"
#include "loop/loop.h"

/*
 * What a publisher sends, as it sends it, for players that take FLV tags: RTMP `play` and HTTP-FLV
 * (spec media.md, "RTMP and HTTP-FLV out"). One feed a live stream, for all its publishers: their
 * tags' bodies are kept byte by byte, their clocks become one that starts at 0 and only grows.
 *
 * A tag is made once, as FLV has it on the wire, and shared. The tags are a chain; each player has
 * a place in it and takes them at its own pace, so that a player costs no memory of its own. Kept
 * are the tags since the last keyframe (the GOP cache, at most gop_max bytes; a longer GOP is not
 * kept) and those that the slowest player has not had, at most queue_max bytes: a player that falls
 * back further goes on at the next keyframe, with the configurations that it missed. One that takes
 * nothing for stall_us is ended. Loop thread only.
 */
struct feeds; /* what all feeds of a process share: bounds and counts */
struct feed;

struct feeds_config {
	size_t gop_max; /* bytes; 0: players start at the next keyframe */
	size_t queue_max; /* bytes; never less than gop_max */
	uint64_t stall_us;
	unsigned players_max, per_stream_max; /* 0: no bound */
};

struct feeds *feeds_create(struct loop *l, const struct feeds_config *config);
void feeds_destroy(struct feeds **f); /* after its feeds */
void feeds_reconfigure(struct feeds *f, const struct feeds_config *config);
unsigned feeds_players(const struct feeds *f);

/* The types of FLV tags, which are those of RTMP's messages. */
enum feed_type { FEED_AUDIO = 8, FEED_VIDEO = 9, FEED_SCRIPT = 18 };

/* What of a tag matters here. */
struct feed_input {
	enum feed_type type;
	uint32_t timestamp; /* ms, the publisher's clock */
	bool is_config; /* a codec's configuration, or onMetaData: players get it first */
	bool is_key; /* a video keyframe of the first track */
	uint8_t track; /* configurations are kept per type and track */
	const uint8_t *body;
	size_t len; /* below 2^24 */
};

struct feed *feed_create(struct feeds *feeds, const char *stream_id);
void feed_destroy(struct feed **f); /* ends its players: FEED_END_OVER */
/* A new publisher: its clock is another one, its configurations are to come. */
void feed_restart(struct feed *f);
void feed_put(struct feed *f, const struct feed_input *in);
/* Nothing more will come: feed_is_over once a player has had what there is. */
void feed_finish(struct feed *f);

/* Why a player is gone: enum, metric's label. */
#define FEED_END_TABLE(X) \
	X(PEER, "peer") \
	X(OVER, "over") \
	X(STALLED, "stalled") \
	X(FORBIDDEN, "forbidden") \
	X(CLOSED, "closed")

enum feed_end {
#define X(name, label) FEED_END_##name,
	FEED_END_TABLE(X)
#undef X
		FEED_END_COUNT
};

enum feed_join { FEED_JOINED, FEED_FULL, FEED_STREAM_FULL };

struct feed_player;
struct feed_player_ops {
	/* There is more (or nothing more will come): take it with feed_next, now or later. */
	void (*ready)(struct feed_player *p);
	/* Whether it may still have the stream: asked every few seconds. */
	bool (*allowed)(struct feed_player *p);
	/* It must go: call feed_leave with this reason, now or soon. Nothing more comes. */
	void (*end)(struct feed_player *p, enum feed_end why);
};

/* Embedded by the edge, which fills in the first four before it joins. */
struct feed_player {
	const struct feed_player_ops *ops;
	const char *kind, *address; /* for the log; live as long as the player is joined */
	bool own; /* the server's: outside the players' limits and figures */
	/* The feed's own. */
	struct feed *feed; /* NULL: not joined */
	struct list link;
	struct feed_tag *last; /* what it had; NULL: waits for a keyframe, or is paused */
	uint64_t moved_us; /* when its peer took something last */
	uint64_t bytes, skips, joined_us;
	uint64_t resumed_at; /* after a pause it was given the GOP that begins here; 0: none */
	bool busy; /* bytes wait for its peer */
	bool paused;
};

enum feed_join feed_join(struct feed *f, struct feed_player *p);
void feed_leave(struct feed_player *p, enum feed_end why); /* safe to repeat */

/* One tag. Borrowed until the player's next call; `wire` may be referenced. */
struct feed_item {
	uint8_t type;
	uint32_t timestamp; /* ms, modulo 2^32 */
	const uint8_t *body;
	size_t len;
	struct rcbuf *wire; /* the FLV tag with its size behind it */
	uint8_t track;
	bool is_key, is_config; /* as in struct feed_input; sound without picture is all keys */
};
/* What stands in `wire` before the body, and behind it. */
#define FEED_WIRE_HEAD 11
#define FEED_WIRE_TAIL 4
bool feed_next(struct feed_player *p, struct feed_item *out);
/* What the stream has had of late. */
void feed_kinds(const struct feed_player *p, bool *audio, bool *video);
bool feed_is_over(const struct feed_player *p); /* there will be no next one */
/* The peer took something; busy: it has not yet taken all. */
void feed_moved(struct feed_player *p, bool busy);
/* Paused, a player gets nothing; then it goes on at the last keyframe, or at the next one if it was
 * given the last one so before: asking again and again brings nothing. */
void feed_pause(struct feed_player *p, bool paused);
