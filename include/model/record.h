#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/uuid.h"

/*
 * What the store keeps and the domain rules over: plain records, one a table row. Columns and
 * words are those of spec data.md and rest.md. Times are ms since 1970 UTC, 0 = NULL in the
 * database. Strings are owned by the record (heap, NULL = NULL in the database) and released by
 * its *_finish, which leaves it zeroed and may be called on a zeroed one.
 */

enum stream_status { STREAM_SCHEDULED, STREAM_LIVE, STREAM_ENDED, STREAM_CANCELLED };
enum stream_audience { AUDIENCE_EVERYONE, AUDIENCE_FOLLOWERS, AUDIENCE_NEIGHBORHOOD };

const char *stream_status_text(enum stream_status s);
bool stream_status_parse(const char *text, enum stream_status *out);
const char *stream_audience_text(enum stream_audience a);
bool stream_audience_parse(const char *text, enum stream_audience *out);

enum user_role { ROLE_SELLER = 1, ROLE_BUYER = 2, ROLE_MODERATOR = 4, ROLE_ADMIN = 8 };
bool user_role_parse(const char *text, unsigned *roles); /* ors one role in */
/* Role names, comma separated, in the order of the enum. */
void user_roles_text(unsigned roles, char *out, size_t size);

#define STREAM_KEY_HASH_SIZE 32 /* SHA-256 of the stream key's text */

/* The id of a user is text: it is the `sub` of the platform's tokens, whose form is theirs. */
#define USER_ID_MAX 128

struct user_record {
	char *id;
	char *name, *avatar, *neighborhood;
	unsigned roles;
	uint64_t created_at, updated_at;
};

struct stream_record {
	struct uuid id;
	char *seller_id;
	char *title, *description, *category;
	enum stream_status status;
	enum stream_audience audience;
	uint32_t estimated_duration; /* minutes, 0 = NULL */
	bool notify_followers, notify_neighborhood, enable_chat, enable_comments, record_stream;
	uint32_t slow_mode; /* seconds between two messages of one viewer; 0: none */
	uint64_t scheduled_at, started_at, ended_at;
	char *end_reason; /* "ended", "grace_expired", "no_publisher", … */
	char *vod_url, *thumbnail_url;
	bool has_key;
	uint8_t key_hash[STREAM_KEY_HASH_SIZE];
	uint32_t peak_viewers, unique_viewers, total_likes, chat_messages_count;
	uint32_t average_watch_time; /* seconds */
	uint64_t created_at, updated_at;
};

struct product_record {
	struct uuid id;
	char *seller_id;
	char *name, *description, *image_url, *url;
	int64_t price; /* minor units */
	char *currency; /* ISO 4217 */
	int64_t stock; /* -1 = NULL: not counted */
	uint64_t created_at, updated_at;
};

/* A product in a stream, with the product itself. */
struct stream_product_record {
	struct uuid id, stream_id;
	struct product_record product;
	bool has_position;
	double x_position, y_position; /* 0..1 from the left and from the top */
	int64_t timestamp_seconds; /* -1 = NULL */
	bool pinned;
	uint32_t clicks, views, inquiries, purchases;
	int64_t revenue; /* minor units */
	uint64_t created_at, updated_at;
};

enum recording_state { RECORDING_OPEN, RECORDING_READY, RECORDING_FAILED, RECORDING_DELETED };
const char *recording_state_text(enum recording_state s);
bool recording_state_parse(const char *text, enum recording_state *out);

struct recording_record {
	struct uuid stream_id; /* one recording a stream */
	enum recording_state state;
	char *path; /* directory, relative to [media] root */
	uint64_t duration_ms, bytes;
	uint32_t segments;
	bool has_mp4;
	bool has_poster; /* said by who finishes it; kept as the stream's thumbnail_url only */
	uint64_t created_at, finished_at;
};

struct segment_record {
	uint64_t sequence; /* media sequence number */
	uint64_t offset_ms; /* from the VOD's start */
	uint32_t duration_ms;
	uint64_t bytes;
	uint64_t wall_ms; /* program date time of its first frame */
	uint32_t init; /* number of the init segment it needs */
	bool discontinuity; /* a discontinuity stands before it */
};

void user_record_finish(struct user_record *r);
void stream_record_finish(struct stream_record *r);
void product_record_finish(struct product_record *r);
void stream_product_record_finish(struct stream_product_record *r);
void recording_record_finish(struct recording_record *r);
/* Deep copies; *out is uninitialised before. */
void stream_record_copy(struct stream_record *out, const struct stream_record *r);
void product_record_copy(struct product_record *out, const struct product_record *r);
void user_record_copy(struct user_record *out, const struct user_record *r);
void recording_record_copy(struct recording_record *out, const struct recording_record *r);
