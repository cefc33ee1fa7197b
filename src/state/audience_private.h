#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "loop/timer.h"
#include "state/audience.h"

/* What the files of the audience share; nobody else includes it. */

#define KEY_SIZE 96

/* The state's keys of one stream, as spec data.md spells them. */
struct stream_keys {
	char viewers[KEY_SIZE], unique[KEY_SIZE], current[KEY_SIZE], peak[KEY_SIZE];
	char likes[KEY_SIZE], chat_count[KEY_SIZE], chat[KEY_SIZE];
	char reactions[AUDIENCE_EMOJIS][KEY_SIZE];
};

struct audience_metrics {
	struct metric *viewers, *joins, *reactions, *chat, *refused, *archive_failures;
};

struct audience {
	struct audience_config config;
	struct map *by_id; /* audience_stream, by the uuid's bytes */
	struct list streams; /* audience_stream.link */
	struct list permits; /* permit.link */
	struct list puts; /* put.link: writes of the archive that are not answered */
	struct timer *timer;
	struct signal changed, active;
	uint32_t current;
	struct audience_metrics metrics;
	void (*flush_done)(void *user);
	void *flush_user;
};

/* A time that was watched, monotonic us. */
struct span {
	uint64_t from, to;
};

/* One who watches or watched; lives as long as the stream. */
struct viewer {
	struct list present; /* in audience_stream.present, while it has seats */
	struct list dirty; /* in audience_stream.dirty, while the store has not got it */
	struct audience_stream *stream;
	char *id, *name, *neighborhood;
	uint64_t joined_at, left_at; /* wall ms; left_at 0: present */
	uint64_t watch_ms; /* before the present seats and spans */
	uint32_t joins;
	uint64_t place;
	uint64_t written_us, renewed_us; /* into the store, into the state; monotonic */
	struct list seats; /* audience_seat.link */
	struct span *spans; /* of seats that were left while others stay */
	size_t n_spans;
};

struct audience_seat {
	struct list link;
	struct viewer *viewer; /* NULL: the stream is over */
	uint64_t joined_us, seen_us;
};

/* One emoji's answers of the state. */
struct reaction_slot {
	struct audience_stream *stream;
	unsigned emoji;
};

struct audience_stream {
	struct audience *audience;
	struct list link;
	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	char *neighborhood; /* of the seller, NULL: not known */
	struct stream_keys keys;
	struct map *viewers; /* by id */
	struct map *chatters; /* ids of those who wrote */
	struct list present, dirty;
	uint64_t next_place;
	struct audience_figures figures;
	uint64_t watch_read_us; /* when figures.watch_ms was computed; 0: never */
	unsigned asked_counts, asked_reactions; /* batches not answered */
	struct reaction_slot slots[AUDIENCE_EMOJIS];

	/* The timeline; from first_unsaved on the store has not got it as it is. */
	struct timeline_record *buckets;
	size_t n_buckets, cap_buckets, first_unsaved;

	/* The archive. */
	bool counts_dirty, reactions_dirty, ended, put_under_way, summed_up, going;
	struct ingest_record ingest_before; /* stored by a process before this one */
	struct ingest_record ingest; /* at the end */
	bool has_ingest;
	uint64_t ingest_written_us;
};

/* audience.c */
struct audience_stream *audience_find(const struct audience *a, struct uuid id);
void audience_stream_destroy(struct audience_stream *s);
uint64_t audience_now_us(const struct audience *a);
uint64_t audience_wall_ms(const struct audience *a);
void audience_emit(struct audience_stream *s);

/* keys.c */
void stream_keys_init(struct stream_keys *k, const char *id_text);
/* "analytics:{type}:{bucket}": what happened on this node in 5 s, kept for an hour. */
void analytics_key(char out[static KEY_SIZE], const char *type, uint64_t wall_ms);
#define ANALYTICS_TTL_MS 3600000u

/* viewers.c */
struct viewer *viewer_find_or_make(struct audience_stream *s, const struct audience_who *who);
struct viewer *viewer_restore(struct audience_stream *s, const struct viewer_record *r);
void viewer_destroy(struct viewer *v);
void viewer_touch(struct viewer *v); /* the store has to get it again */
uint64_t viewer_watch_ms(const struct viewer *v, uint64_t now_us);
void viewers_end(struct audience_stream *s); /* everybody leaves now */
void viewers_sum(struct audience_stream *s); /* watch time into the figures */
/* Tells the state of signs of life that it has not heard of. */
void viewers_renew(struct audience_stream *s);

/* timeline.c */
void timeline_viewers(struct audience_stream *s); /* the count changed, or time went by */
void timeline_count(struct audience_stream *s, uint32_t chat, uint32_t reactions);
void timeline_restore(struct audience_stream *s, const struct timeline_record *rows, size_t n);

/* ingest.c */
void ingest_restore(struct audience_stream *s);
void ingest_end(struct audience_stream *s);

/* active.c */
void active_add(struct audience_stream *s);
void active_remove(struct audience_stream *s);

/* chat_rate.c */
void chatter_add(struct audience_stream *s, const char *user_id);
void chat_permits_drop(struct audience *a);

/* archive.c */
void archive_restore(struct audience_stream *s, const struct stream_record *row);
/* Viewers that were written some time ago are due again. */
void archive_age(struct audience_stream *s, bool all);
/* Writes what is new, if nothing is under way; at the end of an ended one, destroys it later. */
void archive_step(struct audience_stream *s);
/* What is under way is answered to nobody. */
void archive_drop(struct audience *a);
