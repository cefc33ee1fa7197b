#pragma once

#include "ws/json_server.h"

/* What a client's frame says. The texts are those of `root`, which is the caller's to release. */
struct json_message {
	json_t *root;
	const char *event;
	json_t *data; /* NULL: none */
	bool has_ack;
	uint64_t ack;
};
#define JSON_EVENT_NAME_MAX 64 /* bytes */

/* How the frames look; data is borrowed. */
struct json_framing {
	enum hub_framing framing;
	/* Else NULL with nothing to release, and a sentence in the result. NULL is success. */
	const char *(*parse)(const uint8_t *data, size_t len, struct json_message *out);
	struct rcbuf *(*event)(const char *name, json_t *data);
	struct rcbuf *(*answer)(uint64_t ack, json_t *data);
};

/* json_frame.c: what framings share. Of the member `event` or `type`, and of `ack`. */
const char *json_message_load(
	const uint8_t *data, size_t len, const char *name_key, struct json_message *out);
struct rcbuf *json_frame_of(json_t *root); /* steals */
