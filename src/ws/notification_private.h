#pragma once

#include "ws/notification_events.h"

/* The table, for checks of payloads with n NULL. */
void notification_events_add(struct events *e, struct notification_events *n);
