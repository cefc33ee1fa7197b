#pragma once

#include "active_private.h"
#include "metric_private.h"
#include "notification_private.h"
#include "presence_watch.h"
#include "room_private.h"
#include "stream_private.h"
#include "ws/events_auth.h"

/* The table as the daemon has it, with nobody behind it: for checks of payloads. */
static inline struct events *all_events(void)
{
	static struct events *e;

	if (e)
		return e;
	e = events_create(&(struct events_config){0});
	events_auth_add(e);
	stream_events_add(e, NULL);
	stream_chat_events_add(e, NULL);
	room_events_add(e, NULL);
	presence_events_add(e, NULL);
	notification_events_add(e, NULL);
	active_events_add(e, NULL);
	metric_events_add(e, NULL);
	return e;
}
