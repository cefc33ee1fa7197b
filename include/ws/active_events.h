#pragma once

#include "state/audience.h"
#include "ws/events.h"
#include "ws/peer.h"

/*
 * Which streams are live in a neighbourhood (`live:active:location:{neighborhood}` of spec
 * data.md): clients ask by `get_active_streams` (who wants no ack gets the event `active_streams`),
 * and hear `active_streams_updated` {neighborhood, streamId, live, count} at each change from
 * `active_streams:subscribe` to `active_streams:unsubscribe`. All take {neighborhood}; without it,
 * that of the caller's token. What is listed is what GET /streams lists: that a stream is live is
 * no secret, who may watch it is asked when it is joined. Source: the first source of spec
 * events.md, "Active streams by location". Loop thread only.
 */
struct active_events;

struct active_events_config {
	struct peers *peers;
	struct events *events; /* the table is added here */
	struct audience *audience;
	struct state state; /* the audience's */
};
struct active_events *active_events_create(const struct active_events_config *config);
/* Before the peers and the audience; NULL is fine. */
void active_events_destroy(struct active_events **a);
