#include "payload.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *payload_text(const char *text)
{
	json_t *v = text ? json_string(text) : NULL;

	return v ? v : json_null();
}

json_t *payload_owned(char *text)
{
	json_t *v = payload_text(text);

	free(text);
	return v;
}

json_t *payload_time(uint64_t wall_ms)
{
	char text[TEXT_TIME_SIZE];

	if (!wall_ms)
		return json_null();
	text_time(text, wall_ms);
	return json_string(text);
}

json_t *payload_id(struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(text, id);
	return json_string(text);
}

json_t *payload_presence(const char *user_id, const struct presence_row *row, bool to_user)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "userId", user_id, "status",
		presence_status_text(row->status), "lastSeen",
		payload_time(to_user ? row->last_seen : 0), "device",
		payload_text(to_user ? row->device : NULL));
}

void payload_emit(struct hub *h, const char *room, const char *event, json_t *data,
	enum hub_class class, const struct peer *except)
{
	char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

	if (text)
		hub_emit(
			h, room, event, text, strlen(text), class, except ? &except->member : NULL);
	free(text);
	json_decref(data);
}
