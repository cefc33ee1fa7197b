#pragma once

#include <stddef.h>

#include "base/rcbuf.h"
#include "ws/events.h"
#include "ws/hub.h"
#include "ws/peer.h"
#include "ws/transport.h"

/*
 * The events over Socket.IO, for the official client with its default settings: a peer for each
 * socket of a namespace, with connection state recovery (pid and offset). Loop thread only.
 */
struct sio_binding;

struct sio_binding_config {
	struct loop *loop;
	struct peers *peers;
	struct events *events;
	size_t max_message, max_queue; /* bytes; 0: 64 KiB, 256 KiB */
	uint64_t ping_interval_us, ping_timeout_us; /* 0: 25 s, 20 s */
	const char *namespaces; /* beside "/": names with commas or blanks between; NULL: none */
	uint64_t recover_us; /* how long a lost client may come back; 0: 2 minutes */
};
struct sio_binding *sio_binding_create(const struct sio_binding_config *config);
/* After the peers are destroyed; NULL is fine. */
void sio_binding_destroy(struct sio_binding **b);
/* Of a new configuration, for sockets that come from now on. */
void sio_binding_limits(struct sio_binding *b, size_t max_message, size_t max_queue);
/* Every request, upgrades too, below /socket.io/. */
void sio_binding_request(struct sio_binding *b, const struct ws_request *r);

/* An event of a room as this framing's frame of the namespace "/", for struct hub_config. */
struct rcbuf *sio_room_frame(const struct hub *hub, const struct hub_event *e);
