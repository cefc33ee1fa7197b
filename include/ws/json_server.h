#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "ws/events.h"
#include "ws/hub.h"
#include "ws/peer.h"
#include "ws/transport.h"

/*
 * The plain JSON framing at /ws: one object a text frame (src/ws/README.md). Loop thread only.
 */
struct json_server;

struct json_server_config {
	struct loop *loop;
	struct peers *peers;
	struct events *events;
	size_t max_message, max_queue; /* bytes; 0: 64 KiB, 256 KiB */
	uint64_t ping_interval_us, ping_timeout_us; /* 0: 25 s, 20 s */
	uint64_t auth_wait_us; /* for the event `auth` of those who may be no guests; 0: 10 s */
};
struct json_server *json_server_create(const struct json_server_config *config);
/* After the peers are destroyed; NULL is fine. */
void json_server_destroy(struct json_server **s);
/* Every request of the path. */
void json_server_request(struct json_server *s, const struct ws_request *r);

/* An event of a room as this framing's frame, for struct hub_config. */
struct rcbuf *json_room_frame(const struct hub_event *e);

/* What a client's frame says. The texts are those of `root`, which is the caller's to release. */
struct json_message {
	json_t *root;
	const char *event;
	json_t *data; /* NULL: none */
	bool has_ack;
	uint64_t ack;
};
#define JSON_EVENT_NAME_MAX 64 /* bytes */
/* Else NULL with nothing to release, and a sentence in the result. NULL is success. */
const char *json_message_parse(const uint8_t *data, size_t len, struct json_message *out);
