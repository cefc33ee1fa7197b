#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "http/hls.h"
#include "loop/timer.h"
#include "proto/hls_query.h"

/* What the files of media delivery share; nobody else includes it. */

enum hls_kind {
	HLS_PLAYLIST,
	HLS_PART,
	HLS_SEGMENT,
	HLS_INIT,
	HLS_RECORDING,
	HLS_PICTURE,
	HLS_STORYBOARD,
	HLS_CHAT,
	HLS_KINDS
};

/* A name as window.h defines it. */
struct hls_name {
	enum hls_kind kind;
	bool multivariant;
	bool mpegts; /* a segment or part of one */
	unsigned rendition;
};

#define HLS_NAME_MAX 64
/* "?token=" and a token: what is put behind every URI of a playlist. */
#define HLS_SUFFIX_SIZE (HLS_QUERY_TOKEN_SIZE + 8)
/* With "&window=live" to those of playlists. */
#define HLS_LIST_SUFFIX_SIZE (HLS_SUFFIX_SIZE + 16)

struct hls {
	struct hls_config config;
	char *media_root;
	struct map *streams; /* uuid bytes to struct hls_stream */
	struct list batches;
	struct list mp4_asks; /* hls_vod.c */
	struct list chat_maps; /* hls_chat_map.c */
	bool batches_scheduled;
	bool destroyed; /* the deferred call that is under way frees it */
	struct timer *expiry;
	unsigned waiting;
	char boot[9]; /* playlists' tags must not repeat after a restart */
	struct metric *requests[HLS_KINDS], *waiting_gauge, *bytes, *timeouts, *too_far, *refused;
};

/* What is asked of a live stream. */
struct hls_ask {
	struct hls_name name;
	const char *text; /* the name itself */
	struct hls_query query;
	char suffix[HLS_SUFFIX_SIZE], list_suffix[HLS_LIST_SUFFIX_SIZE];
	bool for_one; /* see enum hls_access */
};

/* hls.c: media can only be read. False: answered. */
bool hls_method_allowed(struct http_request *r);

/* hls_name.c */
bool hls_name_parse(const char *text, struct hls_name *out);
/* Splits "/hls/ID/NAME" behind its prefix. */
bool hls_path_split(const char *rest, struct uuid *id, const char **name);
/* False: a token that cannot stand in a URL. */
bool hls_suffix(const char *token, char out[static HLS_SUFFIX_SIZE]);

/* hls_live.c */
void hls_live_ask(
	struct hls *h, struct live_stream *live, struct http_request *r, const struct hls_ask *ask);
void hls_live_expire(void *hls);
void hls_live_destroy_all(struct hls *h);

/* hls_vod.c */
void hls_vod_get(struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask);
void hls_vod_destroy_all(struct hls *h);
/* A redirect to the same of the recording of a stream that is not live; false: there is none. */
bool hls_vod_redirect(
	struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask);

/* hls_picture.c */
/* Reads "ID.jpg", what stands behind "/thumb/". */
bool hls_thumb_split(const char *rest, struct uuid *id);
void hls_thumb_get(
	struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask);

/* The same of WebVTT: behind every name of a picture, in front of its fragment. */
void hls_rewrite_index(const char *text, size_t len, const char *suffix, struct buf *out);
/* hls_chat.c */
void hls_chat_get(struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask);
/* hls_chat_map.c */
void hls_chat_destroy_all(struct hls *h);

/* hls_rewrite.c: puts the suffix behind every URI of a playlist as it lies on disk. */
void hls_rewrite(const char *text, size_t len, const char *suffix, struct buf *out);

extern const char hls_playlist_type[], hls_picture_type[];
/* Of a segment, a part, an init segment or a recording.mp4. */
const char *hls_media_type_of(const struct hls_name *name);
/* Cache-Control of what never changes. */
const char *hls_immutable(bool for_one);
