#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/rcbuf.h"
#include "ws/events.h"
#include "ws/hub.h"
#include "ws/peer.h"
#include "ws/transport.h"

/*
 * The framings of one JSON object a text frame: the plain one of /ws, and that of
 * /v1/realtime/ws/{user_id} (src/ws/README.md). Loop thread only.
 */
struct json_server;
struct json_framing;
extern const struct json_framing json_framing_plain; /* {"event", "data", "ack"} */
extern const struct json_framing json_framing_realtime; /* {"type", …} */

struct json_server_config {
	struct loop *loop;
	struct peers *peers;
	struct events *events;
	const struct json_framing *framing;
	size_t max_message, max_queue; /* bytes; 0: 64 KiB, 256 KiB */
	uint64_t ping_interval_us, ping_timeout_us; /* 0: 25 s, 20 s */
	/* For the event `auth` of those who may be no guests; 0: 10 s. */
	uint64_t auth_wait_us;
};
struct json_server *json_server_create(const struct json_server_config *config);
/* After the peers are destroyed; NULL is fine. */
void json_server_destroy(struct json_server **s);
/* Of a new configuration, for sockets that come from now on. */
void json_server_limits(struct json_server *s, size_t max_message, size_t max_queue);
/* Every request of the path; only: the user whom it is for, NULL: anybody. */
void json_server_request(struct json_server *s, const struct ws_request *r, const char *only);

/* An event of a room as a frame, for struct hub_config. */
struct rcbuf *json_room_frame(const struct hub_event *e);
struct rcbuf *realtime_room_frame(const struct hub_event *e);
