#pragma once

#include "live/chat.h"
#include "live/registry.h"
#include "state/audience.h"

/*
 * Between siblings that do not know each other: streams of the registry are opened and ended in the
 * audience, what is written in the chat is counted there, and its figures go into the row of a
 * stream that ends.
 */
struct audience_feed;

/* Streams that are live already are opened at once. */
struct audience_feed *audience_feed_create(struct audience *audience,
	struct live_registry *registry, struct chat *chat, struct repo repo);
/* For the audience's configuration; its user is the registry. */
bool audience_feed_ingest(void *registry, struct uuid stream_id, struct ingest_record *out);
void audience_feed_destroy(struct audience_feed **f);
