#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rcbuf.h"
#include "media/change.h"

/*
 * Made of the changes that an engine puts out; all calls on the thread of those who read it, which
 * need not be the engine's.
 *
 * The live window: init segments, the segments in the playlist with their parts, the open segment.
 * The newest segments hold their bytes in memory; an older one is read from its file once the
 * recorder has said where it lies (media_segment_stored), and keeps its bytes until then, so that
 * a slow or full disk costs memory (bounded by the window) and never a viewer.
 *
 * Names under /hls/STREAM_ID/ (R is the rendition's number, 0 for the main one; N the media
 * sequence number; P the part's index; I the init number): index.m3u8   stream_R.m3u8 init_R_I.mp4
 * seg_R_N.m4s   part_R_N_P.m4s; in MPEG transport streams there is no init segment, and segments
 * and parts end in .ts.
 */
struct media_window;

/* What segments are made of. A stream keeps the one it began with, and its recording likewise. */
enum media_container { MEDIA_CONTAINER_CMAF, MEDIA_CONTAINER_MPEGTS };
/* What the names of its segments and parts end in: "m4s", "ts". */
const char *media_container_suffix(enum media_container c);

/*
 * Renditions by number: the main one holds the first video and the first audio track; each further
 * video track has one with the main audio in it; each further audio track has one of its own.
 */
#define MEDIA_TRACKS 8 /* of a kind */
#define MEDIA_AUDIO_RENDITION MEDIA_TRACKS /* and the audio track's number */
#define MEDIA_RENDITIONS (2 * MEDIA_TRACKS)

struct media_part {
	struct rcbuf *bytes; /* NULL once the segment's bytes were released */
	size_t len;
	uint64_t duration_us;
	bool independent;
};

/* A complete segment: counted, immutable but for where its bytes are. */
struct media_segment {
	unsigned refs;
	unsigned rendition;
	uint64_t sequence;
	uint64_t start_us; /* on the engine's timeline */
	uint64_t duration_us;
	uint64_t wall_ms; /* of its first frame */
	enum media_container container;
	unsigned init; /* number of the init segment it needs, or of its codec configurations */
	bool discontinuity; /* a discontinuity stands before it */
	bool independent; /* begins with a keyframe (or is audio) */
	struct media_part *parts;
	size_t n_parts;
	uint64_t bytes;
	char *path; /* absolute, once stored; NULL before */
	bool aged; /* not among the newest: bytes go once it is stored */
	bool hide_parts; /* its parts do not keep the published target: not listed */
	bool gap; /* its bytes are lost: EXT-X-GAP */
};

struct media_segment *media_segment_ref(struct media_segment *s);
void media_segment_unref(struct media_segment **s);
/* The file now holds the segment's bytes (loop thread). */
void media_segment_stored(struct media_segment *s, const char *path);

/* Borrowed for the call. */
struct media_init {
	unsigned rendition, number; /* numbers grow over all renditions */
	struct rcbuf *bytes;
	const struct media_description *description;
};

/* What the window announces; every call happens inside one that changes it. */
struct media_events {
	/* A part can be read, a playlist changed: waiting requests should be looked at again. */
	void (*updated)(void *user, struct media_window *window);
	/* An init segment was made; a recorder stores it before the segments that need it. With
	 * MPEG-TS as well, where no player needs it: it says what the tracks are. */
	void (*init)(void *user, const struct media_init *init);
	/* A segment is complete. Borrowed for the call: take a reference to keep it. */
	void (*segment)(void *user, struct media_segment *segment);
};

struct media_config;
/* Of a stream that begins or goes on with config->first_sequence. */
struct media_window *media_window_create(
	const struct media_config *config, const struct media_events *events, void *user);
void media_window_destroy(struct media_window *w); /* NULL is fine */
/* A step of the engine. `updated` waits for media_window_settle. */
void media_window_apply(struct media_window *w, const struct media_change *change);
void media_window_settle(struct media_window *w);
/* These two for an engine on the same thread, with the window as `user`. */
extern const struct media_output media_window_output;

struct media_daterange {
	const char *id; /* unique in the stream */
	const char *class_name; /* e.g. live.souk.product */
	uint64_t wall_ms;
	uint64_t duration_ms; /* 0: none */
	bool end_on_next;
	/* X- attributes as playlist text, e.g. X-PRODUCT-ID="…",X-X=0.42 ; NULL: none */
	const char *attributes;
};

/* Into the playlists, from its wall_ms on (which must be given). */
void media_window_daterange(struct media_window *w, const struct media_daterange *range);

/* Outcome of a playlist or media look-up; HTTP codes are the caller's business. */
enum media_lookup {
	MEDIA_FOUND,
	MEDIA_WAIT, /* not yet: look again when the window was updated */
	MEDIA_TOO_FAR, /* RFC 8216bis 6.2.5.2: further ahead than may be waited for */
	MEDIA_GONE, /* no such name, or no longer in the window */
};

struct media_playlist_query {
	bool has_msn, has_part;
	uint64_t msn, part;
	bool skip; /* _HLS_skip=YES or v2 */
	bool skip_ranges; /* v2 */
	bool brief; /* only the live window, also where a longer one is kept */
	const char *uri_suffix; /* appended to every URI, e.g. "?token=…"; NULL: nothing */
	const char *list_suffix; /* in its place to those of playlists; NULL: the same */
};

/* A stretch of a playlist that never changes: counted, loop thread only. */
struct media_text {
	unsigned refs;
	struct rcbuf *bytes;
	/* Whoever delivers it keeps its compressed form here; NULL: none yet. */
	struct rcbuf *packed;
	uint32_t crc;
};
struct media_text *media_text_ref(struct media_text *t);
void media_text_unref(struct media_text **t);

/* A playlist's text in pieces: the head, stretches that many playlists share, the tail. */
struct media_playlist {
	struct buf head;
	struct media_text **texts;
	size_t n_texts;
	struct buf tail;
};
void media_playlist_finish(struct media_playlist *p);

/* Appends the text to out if MEDIA_FOUND. */
enum media_lookup media_window_multivariant(
	struct media_window *w, const char *uri_suffix, struct buf *out);
enum media_lookup media_window_playlist(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *query, struct buf *out);
/* The same without putting it together; *out is set, and finished by the caller, if MEDIA_FOUND. */
enum media_lookup media_window_playlist_pieces(struct media_window *w, unsigned rendition,
	const struct media_playlist_query *query, struct media_playlist *out);

/* Where the bytes of a name lie: memory pieces in order, or a stretch of a file. */
struct media_body {
	struct rcbuf **pieces; /* each referenced for the caller */
	size_t n_pieces;
	char *path; /* owned by the caller; NULL: in memory */
	uint64_t offset; /* in the file */
	uint64_t len; /* 0 with a path: to the file's end */
	uint64_t id; /* unique in the stream and stable: for the ETag */
};
void media_body_finish(struct media_body *b);

/* name: the last path element ("seg_0_12.m4s"). A hinted part gives MEDIA_WAIT. */
enum media_lookup media_window_media(
	struct media_window *w, const char *name, struct media_body *out);

/*
 * After a restart, before an engine is made for it: the newest segments of a recording become the
 * playlist again, served from DIR; the next segment follows behind a discontinuity. Where a longer
 * window is kept, those that are lost in between are gaps in it.
 */
struct recording_index;
void media_window_restore(
	struct media_window *w, const struct recording_index *index, const char *dir);

/* The oldest segment of a rendition that can be fetched, or the next one to be. */
uint64_t media_window_oldest(const struct media_window *w, unsigned rendition);
bool media_window_ended(const struct media_window *w);
/* The first segment can be played: the multivariant playlist is served from here on. */
bool media_window_playable(const struct media_window *w);
/* EXT-X-TARGETDURATION and PART-TARGET of a rendition that is there; 0: not published yet. */
uint64_t media_window_target_us(const struct media_window *w, unsigned rendition);
uint64_t media_window_part_target_us(const struct media_window *w, unsigned rendition);
/* Changes with every change of any playlist: for caching the text between requests. */
uint64_t media_window_generation(const struct media_window *w);
size_t media_window_memory(const struct media_window *w); /* bytes held */
