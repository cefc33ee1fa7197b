#pragma once

#include <jansson.h>

#include "model/uuid.h"
#include "state/presence.h"
#include "ws/hub.h"
#include "ws/peer.h"

/* What the payloads of events to clients are made of. Each returns a new reference. */

json_t *payload_text(const char *text); /* null: NULL, or no UTF-8 */
json_t *payload_owned(char *text); /* the same; frees it */
json_t *payload_time(uint64_t wall_ms); /* null: 0 */
json_t *payload_id(struct uuid id);
/* to_user: else who asks is a guest, and hears the status alone. */
json_t *payload_presence(const char *user_id, const struct presence_row *row, bool to_user);

/* Says it in a room of the hub, to all but `except` (may be NULL). Steals data; NULL: nothing. */
void payload_emit(struct hub *h, const char *room, const char *event, json_t *data,
	enum hub_class class, const struct peer *except);
