#pragma once

#include "ws/events.h"

/*
 * The event `auth` {token}: who it is, or a newer token of the same user. Answered with {userId,
 * expiresAt, room, epoch, seq}, the last three for `resume` of the user's own room. A guest that
 * becomes a user keeps the streams that it watches.
 */
void events_auth_add(struct events *e);
