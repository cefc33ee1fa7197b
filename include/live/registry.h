#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "live/feed.h"
#include "live/stream.h"
#include "loop/loop.h"
#include "model/repo.h"

/*
 * The streams that are live in this process, by id and by key, and the way for publishers in.
 * The edge (RTMP today) embeds a live_publisher; every call on the loop thread.
 */
enum live_takeover { LIVE_TAKEOVER_NEWEST, LIVE_TAKEOVER_REJECT };
enum live_mp4 { LIVE_MP4_END, LIVE_MP4_DEMAND, LIVE_MP4_OFF };

struct live_config {
	struct media_config media; /* first_* are set per stream */
	unsigned workers; /* threads for the streams' engines; 0: they run on the loop */
	size_t worker_queue; /* bytes of a stream that may wait for its worker */
	uint64_t grace_us, unpublished_us;
	enum live_takeover takeover;
	unsigned max_publishers;
	const char *media_root; /* borrowed for the registry's life */
	uint64_t min_free; /* bytes */
	uint64_t keep_us, max_bytes; /* retention; 0: no bound */
	enum live_mp4 mp4;
	uint64_t thumbnail_us; /* between a live stream's pictures; 0: none */
	unsigned thumbnail_width;
	bool storyboard; /* recordings get one, and a poster */
	uint64_t thumbnail_max_pixels; /* of the video; larger ones have no picture */
	uint64_t max_bitrate; /* that a publisher may send, bit/s, for advice; 0: no bound */
	struct feeds_config playout;
};

struct live_registry;

struct live_registry *live_registry_create(
	struct loop *l, struct repo repo, const struct live_config *config);
/* All streams must be gone or are dropped as a crash would (their recordings recover at start). */
void live_registry_destroy(struct live_registry **r);
/*
 * At start: streams that are live in the store become INTERRUPTED (WAITING if they never had a
 * publisher) with their window and recording continued; recordings left open are finished.
 */
void live_registry_recover(struct live_registry *r);

/* Whose sellers are refused as publishers; borrowed, NULL: nobody is. */
struct bans;
void live_registry_heed(struct live_registry *r, struct bans *bans);

struct live_stream *live_registry_find(struct live_registry *r, struct uuid id);
/* One that takes players: it is there, and not about to end; else NULL. */
struct live_stream *live_registry_playable(struct live_registry *r, struct uuid id);
/* Iterates in order of going live: start with NULL. */
struct live_stream *live_registry_next(struct live_registry *r, const struct live_stream *after);
unsigned live_registry_count(const struct live_registry *r);
unsigned live_registry_publishers(const struct live_registry *r);
/* Emitted (data: live_stream) when a stream is opened; for state: live_stream_changed. */
struct signal *live_registry_opened(struct live_registry *r);
/* Emitted (data: live_stream) when a stream ends, before its end is written to the store. */
struct signal *live_registry_ended(struct live_registry *r);
/* Emitted (data: live_stream) when the relay targets of a live stream are others than before. */
struct signal *live_registry_relays(struct live_registry *r);
/* Emitted (data: live_stream) when an ingest's status or advice is another than before. */
struct signal *live_registry_health(struct live_registry *r);
/* Who knows the figures that an ended stream keeps; false: unknown. Borrowed; NULL: nobody. */
void live_registry_ask_figures(struct live_registry *r,
	bool (*figures)(void *user, struct uuid stream_id, struct repo_stats *out), void *user);

/* After the store committed go-live: the stream waits for its publisher from now on. */
struct live_stream *live_registry_open(struct live_registry *r, const struct stream_record *row);
/* The same by what is stored now; NULL if it is not live (any more), and not here. Going live takes
 * a while where many are told of it: it may be ended, even deleted, before that is answered. */
struct live_stream *live_registry_open_stored(struct live_registry *r, struct uuid id);
/* After the store committed a new key: the publisher on the old one is kicked (LIVE_KICK_ROTATED).
 */
void live_registry_rekey(struct live_registry *r, const struct stream_record *row);

/* After the store committed a seller's permanent key (NULL: none any more): a publisher on the one
 * before is kicked (LIVE_KICK_ROTATED). */
void live_registry_rekey_seller(
	struct live_registry *r, const char *seller_id, const uint8_t *key_hash);
/* Whether a publisher on this key would be let in now, for other media servers; *out is then the
 * stream that it would feed (for the caller to finish), live or about to be. */
bool live_registry_accepts(struct live_registry *r, const char *key, struct stream_record *out);

enum live_end_reason {
	LIVE_END_REQUESTED,
	LIVE_END_STOPPED,
	LIVE_END_GRACE,
	LIVE_END_UNPUBLISHED,
	LIVE_END_ADMIN
};
const char *live_end_reason_text(enum live_end_reason r); /* the words of streams.end_reason */

/* Ends a live stream: closes the publisher, finishes media, writes the end to the store, then
 * finishes the recording. `done` comes after the store's commit (may be NULL). */
void live_registry_end(struct live_registry *r, struct live_stream *s, enum live_end_reason reason,
	repo_done done, void *user);

/*
 * Draining: publishers are refused and kicked (LIVE_KICK_DRAIN), segments and VODs of what was
 * recorded so far are finished; streams stay live in the store, so that their encoders can come
 * back after a restart. `done` when nothing is left to do.
 */
void live_registry_drain(struct live_registry *r, void (*done)(void *user), void *user);
/* Closes the publisher only, as an operator's kick; the grace begins. False: no publisher. */
bool live_registry_kick(struct live_registry *r, struct live_stream *s);
/* Deletes a recording's files and rows; done(user, outcome). Refused (WRONG_STATE) while live. */
void live_registry_delete_recording(
	struct live_registry *r, struct uuid stream_id, repo_done done, void *user);
/*
 * Makes the progressive file of a finished recording that has none yet. done(user, ok) comes later,
 * never inside the call; calls while it is being made are answered together, with false if the
 * registry is destroyed. None is made where `[media] mp4 = off`.
 */
void live_registry_make_mp4(struct live_registry *r, struct uuid stream_id,
	void (*done)(void *user, bool ok), void *user);
/* Settings that a reload may change: grace, timeouts, takeover, limits, retention. */
void live_registry_reconfigure(struct live_registry *r, const struct live_config *config);

/* Publishers */

enum live_refusal {
	LIVE_REFUSE_WRONG_KEY,
	LIVE_REFUSE_ROTATED_KEY,
	LIVE_REFUSE_ENDED,
	LIVE_REFUSE_NOT_LIVE,
	LIVE_REFUSE_BUSY,
	LIVE_REFUSE_FULL,
	LIVE_REFUSE_BANNED,
	LIVE_REFUSE_DRAINING
};
const char *live_refusal_code(enum live_refusal r); /* a stable word: "wrong_key", … */
const char *live_refusal_text(enum live_refusal r); /* a sentence for the encoder's log */

enum live_kick {
	LIVE_KICK_TAKEOVER,
	LIVE_KICK_ENDED,
	LIVE_KICK_ROTATED,
	LIVE_KICK_ADMIN,
	LIVE_KICK_DRAIN
};
const char *live_kick_code(enum live_kick k);
const char *live_kick_text(enum live_kick k);

struct live_publisher;

/* What is wrong with a publisher's media, so that it has to go. */
struct live_fault {
	enum media_result result; /* BAD_CONFIG, NO_PLACE: its own; FAILED: ours */
	enum media_kind kind;
	enum media_codec codec;
};

struct live_publisher_ops {
	/* One of the two, later than live_publisher_join. */
	void (*admitted)(struct live_publisher *p, struct live_stream *s);
	void (*refused)(struct live_publisher *p, enum live_refusal reason);
	/* The stream wants no more of this publisher; it is detached already: close the connection.
	 */
	void (*kicked)(struct live_publisher *p, enum live_kick reason);
	/* Close the connection. Inside the call that brought the media or, with workers, later. */
	void (*faulted)(struct live_publisher *p, const struct live_fault *fault);
	/* `held` is another than before, likewise. */
	void (*flow)(struct live_publisher *p);
};

struct live_publisher {
	const struct live_publisher_ops *ops;
	char address[64];
	/* The registry's own: zero before join. */
	struct live_registry *registry;
	struct live_stream *stream;
	struct list link;
	bool pending;
	bool by_seller_key; /* came by the seller's permanent key, not by the stream's */
	bool held; /* the stream's worker is behind: nothing should be read from it now */
	uint8_t key_hash[STREAM_KEY_HASH_SIZE];
};

/*
 * Asks to publish on a key (its text): a stream's own, or a seller's permanent one, which feeds the
 * seller's live stream, or makes the scheduled one go live that is due (at most LIVE_DUE_AHEAD_MS
 * ahead of its time; an encoder that is set up once stands for the checklist).
 */
#define LIVE_DUE_AHEAD_MS (15 * 60 * 1000)
void live_publisher_join(struct live_publisher *p, struct live_registry *r, const char *key);
/* The encoder said that it stops: ends the stream. Also cancels a pending join. */
void live_publisher_stop(struct live_publisher *p);
/* The connection is lost: the grace begins. Also cancels a pending join; safe to repeat. */
void live_publisher_lost(struct live_publisher *p);

/* Media of an admitted publisher, as media_engine_*; what is wrong is told by `faulted`. Data is
 * borrowed for the call. */
void live_publisher_configure(struct live_publisher *p, enum media_kind kind, unsigned track,
	enum media_codec codec, const uint8_t *config, size_t len);
void live_publisher_sample(struct live_publisher *p, const struct media_sample *s);
void live_publisher_color(
	struct live_publisher *p, unsigned track, const struct media_color *color);
void live_publisher_metadata(struct live_publisher *p, const struct live_metadata *m);
/* The same as it came, for players that take it so (live/feed.h). */
void live_publisher_tag(struct live_publisher *p, const struct feed_input *tag);

/* SHA-256 of a key's text, as it is stored. */
void live_key_hash(const char *key, uint8_t out[STREAM_KEY_HASH_SIZE]);
/* A new key: 32 characters of base64url (192 random bits), with NUL. */
#define LIVE_KEY_SIZE 33
void live_key_new(const struct clock *clock, char out[static LIVE_KEY_SIZE]);
