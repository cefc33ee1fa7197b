#pragma once

#include "ws/active_events.h"

/* The table, for checks of payloads with a NULL. */
void active_events_add(struct events *e, struct active_events *a);
