#pragma once

#include <jansson.h>

#include "http/api.h"
#include "http/playback.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/server.h"
#include "live/audience.h"

/* What the files of the API share; nobody else includes it. */

struct api {
	struct api_config config; /* texts owned */
	uint64_t started_mono_us, started_wall_ms;
	unsigned event_polls; /* that wait for something to be said */
};

/* Operators who may look on at once, each with a request that waits. */
#define API_EVENT_POLLS_MAX 32

/* The server's address as the caller sees it, and the caller, for URLs in answers. */
struct api_urls {
	char base[320]; /* "https://shop.example", no slash at the end */
	char host[260]; /* without port */
	bool tls;
	char viewer[PLAYBACK_VIEWER_SIZE]; /* the caller's id, "": a guest */
	char neighborhood[256]; /* as the token has it, "": not said */
	unsigned roles;
};
void api_urls_of(const struct api *a, const struct http_request *r, struct api_urls *out);
/* New strings, owned by the caller. */
char *api_url_rtmp(const struct api *a, const struct api_urls *u);
char *api_url_watch(const struct api_urls *u, struct uuid stream);

/* api_access.c: who may watch. */
void api_viewer_of(const struct http_request *r, struct api_urls *out);
enum watch_verdict api_may_watch(
	const struct api *a, const struct api_urls *u, const struct stream_record *row);
/* What goes behind the URLs of a stream's media: "", or "?token=…"; NULL: the caller may not watch.
 * Owned by the caller. */
char *api_media_suffix(
	const struct api *a, const struct api_urls *u, const struct stream_record *row);
/* A stored URL of media with that behind it; null without the one or the other. */
json_t *api_media_or_null(const struct api_urls *u, const char *stored, const char *suffix);
json_t *api_hls_or_null(const struct api_urls *u, struct uuid stream, const char *suffix);

/* JSON of values: NULL, 0 and false flags become null where the name says "or_null". */
json_t *api_text_or_null(const char *text);
json_t *api_time_or_null(uint64_t wall_ms);
json_t *api_id(struct uuid id);
/* What is stored of a URL: one that begins with a slash gets the caller's view of us in front. */
json_t *api_absolute_or_null(const struct api_urls *u, const char *stored);

/* A stream as src/http/README.md describes it; products and counts are the caller's to add. */
json_t *api_stream_json(
	const struct api *a, const struct api_urls *u, const struct stream_record *r);
/* With its products and how many they are; NULL if the store failed. */
json_t *api_stream_details_json(
	const struct api *a, const struct api_urls *u, const struct stream_record *r);
/* Seconds on air so far or in all; null before. */
json_t *api_stream_duration(const struct api *a, const struct stream_record *r);
/* What both the stream object and the analytics say of an ingest; rates have names of their own. */
struct ingest_record;
void api_set_ingest(json_t *o, const struct ingest_record *i);
json_t *api_stats_json(const struct stream_record *r);
/* The counts of the stream object: of a live one those of now. */
void api_set_counts(const struct api *a, json_t *o, const struct stream_record *r);
json_t *api_product_json(const struct product_record *p);
json_t *api_stream_product_json(const struct stream_product_record *p); /* with its place in it */
bool api_currency_is_good(const char *code); /* three capital letters */
/* The products of a stream with their place in it; NULL if the store failed. */
json_t *api_stream_products_json(const struct api *a, struct uuid stream);

/*
 * A request that waits for the studio or the store. Answered once, by one of the functions below,
 * which free it; the peer may be gone by then.
 */
struct api_call {
	struct api *api; /* not to be touched once request is NULL */
	struct http_request *request; /* NULL: gone */
	struct api_urls urls;
	/* The answer after success; the studio's answer is never a failure there. */
	void (*succeeded)(struct api_call *c, const struct studio_answer *answer);
	struct uuid id; /* of the stream, for what is gone after the action */
	enum stream_status status; /* before the action */
	bool created; /* the action makes something: 201 */
	char *path;
	json_t *draft;
};

struct api_call *api_call_create(struct api *a, struct http_request *r,
	void (*succeeded)(struct api_call *c, const struct studio_answer *answer));
void api_call_answer(struct api_call *c, int status, json_t *data);
void api_call_page(struct api_call *c, json_t *items, const char *next_cursor);
/* 200 with this as the whole body; steals it. */
void api_call_whole(struct api_call *c, json_t *answer);
void api_call_fail(
	struct api_call *c, int status, const char *code, const char *message, const char *field);
/* 503 of a write that failed, or was refused for a reason that its route has no code for. */
void api_call_unavailable(struct api_call *c);
/* A studio_done whose user is the call: refusals are answered here, success by `succeeded`. */
void api_on_studio(void *user, const struct studio_answer *answer);
/* Success of go-live, of rotate-key and of end. */
void api_answer_live(struct api_call *c, const struct studio_answer *answer);
void api_answer_key(struct api_call *c, const struct studio_answer *answer);
void api_answer_ended(struct api_call *c, const struct studio_answer *answer);

/* Who calls, for the studio; on a route that needs a token. */
struct studio_caller api_caller(const struct http_request *r);
/* The ids in a checked body's array; heap, NULL if there are none. */
size_t api_body_ids(const struct http_request *r, const char *name, struct uuid **out);
/* The settings in a checked body; texts are the body's, nothing is to be finished. */
void api_body_draft(const struct http_request *r, struct stream_record *out);
/* 503 of a read that failed. */
void api_reply_unreadable(struct http_request *r);
/* The stream of the path; false, with the answer given, if there is none. */
bool api_stream_of(struct api *a, struct http_request *r, struct stream_record *out);
/* A query argument, "" if absent; the route's table bounds it. */
struct api_arg {
	char text[600];
};
const char *api_arg(const struct http_request *r, const char *name, struct api_arg *room);

/* The settings of a stream as fields of a body, for the tables of the routes. */
extern const char *const api_audiences[];
#define API_TITLE_FIELD \
	{ \
		"title", FIELD_STRING, .required = true, .min = 1, .max = 140, .text = "Title." \
	}
#define API_SETTING_FIELDS \
	{"description", FIELD_STRING, .nullable = true, .max = 2000, .text = "Description."}, \
		{"category", FIELD_STRING, .nullable = true, .min = 1, .max = 60, \
			.text = "A word of the platform."}, \
		{"audience", FIELD_STRING, .words = api_audiences, \
			.text = "Who may watch; default everyone."}, \
		{"estimated_duration", FIELD_INTEGER, .nullable = true, .min = 5, .max = 240, \
			.text = "Minutes."}, \
		{"notify_followers", FIELD_BOOL, .text = "Default true."}, \
		{"notify_neighborhood", FIELD_BOOL, .text = "Default false."}, \
		{"enable_chat", FIELD_BOOL, .text = "Default true."}, \
		{"enable_comments", FIELD_BOOL, .text = "Default true."}, \
	{ \
		"record_stream", FIELD_BOOL, .text = "Keep a VOD; default true." \
	}

/* Elements of a table. */
#define API_COUNT(table) (unsigned)(sizeof(table) / sizeof((table)[0]))

/* api_chat.c: enable_chat and slow_mode of a stream, answered as its other settings. */
struct chat_mode;
void api_chat_mode(
	struct api *a, struct http_request *r, struct uuid stream_id, const struct chat_mode *mode);
/* False, with 422 answered: longer than it may be here. */
bool api_slow_mode_is_good(const struct api *a, struct http_request *r, uint32_t seconds);
#define API_SLOW_MODE_MAX 86400 /* whatever the configuration says */

/* One file a group of paths. */
void api_streams_routes(struct api *a);
void api_products_routes(struct api *a);
void api_showcase_routes(struct api *a);
void api_sellers_routes(struct api *a);
void api_analytics_routes(struct api *a);
void api_chat_routes(struct api *a);
void api_people_routes(struct api *a);
void api_neighborhoods_routes(struct api *a);
void api_notifications_routes(struct api *a);
void api_system_routes(struct api *a);
void api_presence_routes(struct api *a);
void api_admin_bans_routes(struct api *a);
void api_admin_connections_routes(struct api *a);
void api_admin_events_routes(struct api *a);
void api_admin_sockets_routes(struct api *a);
void api_admin_routes(struct api *a);
void api_admin_streams_routes(struct api *a);
void api_admin_audit_routes(struct api *a);
void api_admin_recordings_routes(struct api *a);
void api_admin_outbox_routes(struct api *a);

/* Free bytes of the media folder's disk, and whether it can be written. */
struct api_disk {
	uint64_t free, total;
	bool writable;
};
void api_disk_of(const struct api *a, struct api_disk *out);
