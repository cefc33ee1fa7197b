#pragma once

#include "live/registry.h"
#include "state/audience.h"
#include "ws/events.h"
#include "ws/peer.h"

/*
 * Figures as they are, pushed: `metrics:subscribe` and `metrics:unsubscribe`, for the owner of a
 * stream and for admins, who may also have the whole server's. Each subject's are gathered and
 * encoded once every five seconds, while somebody is subscribed to it. Source: spec events.md,
 * "Streams"; the shape of the series is the third source's metrics stream. Loop thread only.
 */
struct metric_events;

struct metric_events_config {
	struct loop *loop;
	struct peers *peers;
	struct events *events; /* the table is added here */
	struct repo repo;
	struct live_registry *registry;
	struct audience *audience;
	struct metrics *metrics; /* where the server's figures are; may be NULL */
	unsigned max_subscriptions; /* of one peer */
};
struct metric_events *metric_events_create(const struct metric_events_config *config);
/* Before the peers, the audience and the registry are destroyed; NULL is fine. */
void metric_events_destroy(struct metric_events **m);

#define METRIC_EVENTS_EVERY_US 5000000u
