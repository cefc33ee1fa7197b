#pragma once

#include "state/inbox.h"
#include "ws/events.h"
#include "ws/user_rooms.h"

/*
 * Notifications on the event layer: `notification` to the user's sockets when it is committed,
 * `notifications_read` {notificationIds} to the other ones when it was read, and after each change
 * `notification_count_updated` {count}. Clients send `notifications_read` {notification_ids}, none:
 * all, and `get_notification_count`. Source: spec events.md, "Presence and notifications", and its
 * second source. Loop thread only.
 */
struct notification_events;

struct notification_events_config {
	struct loop *loop;
	struct events *events; /* the table is added here */
	struct user_rooms *rooms;
	struct inbox *inbox;
};
struct notification_events *notification_events_create(
	const struct notification_events_config *config);
/* Before the rooms and the inbox; NULL is fine. */
void notification_events_destroy(struct notification_events **n);
