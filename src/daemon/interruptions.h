#pragma once

#include "live/registry.h"
#include "model/outbox.h"

/* Puts stream.interrupted into the outbox when a live stream loses its encoder. */
struct interruptions;

struct interruptions *interruptions_create(struct live_registry *registry, struct repo repo);
/* Before the registry. Nulls; *i may be NULL. */
void interruptions_destroy(struct interruptions **i);
