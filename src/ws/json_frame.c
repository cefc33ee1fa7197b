#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json_private.h"
#include "proto/ws_frame.h"

#define ACK_MAX 9007199254740991 /* what a number of JavaScript holds */

static const char *take_ack(const json_t *ack, struct json_message *out)
{
	if (!ack || json_is_null(ack))
		return NULL;
	if (!json_is_integer(ack) || json_integer_value(ack) < 0 ||
		json_integer_value(ack) > ACK_MAX)
		return "ack must be a whole number from 0 on.";
	out->has_ack = true;
	out->ack = (uint64_t)json_integer_value(ack);
	return NULL;
}

static const char *take(json_t *root, const char *name_key, struct json_message *out)
{
	const json_t *name = json_object_get(root, name_key);

	if (!json_is_object(root))
		return "A frame must be a JSON object.";
	if (!json_is_string(name) || json_string_length(name) == 0 ||
		json_string_length(name) > JSON_EVENT_NAME_MAX)
		return strcmp(name_key, "type") == 0 ? "type must be the name of an event."
						     : "event must be the name of one.";
	out->event = json_string_value(name);
	out->data = json_object_get(root, "data");
	return take_ack(json_object_get(root, "ack"), out);
}

const char *json_message_load(
	const uint8_t *data, size_t len, const char *name_key, struct json_message *out)
{
	const char *why;

	*out = (struct json_message){0};
	out->root = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	if (!out->root)
		return "A frame must be JSON.";
	why = take(out->root, name_key, out);
	if (why) {
		json_decref(out->root);
		*out = (struct json_message){0};
	}
	return why;
}

struct rcbuf *json_frame_of(json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);
	struct rcbuf *frame = ws_frame(WS_TEXT, text, strlen(text));

	free(text);
	json_decref(root);
	return frame;
}

/* --- the plain framing --- */

static const char *parse(const uint8_t *data, size_t len, struct json_message *out)
{
	return json_message_load(data, len, "event", out);
}

static struct rcbuf *event_frame(const char *name, json_t *data)
{
	return json_frame_of(json_pack("{s:s, s:O}", "event", name, "data", data));
}

static struct rcbuf *answer_frame(uint64_t ack, json_t *data)
{
	return json_frame_of(json_pack("{s:I, s:O}", "ack", (json_int_t)ack, "data", data));
}

const struct json_framing json_framing_plain = {
	.framing = HUB_JSON, .parse = parse, .event = event_frame, .answer = answer_frame};

struct rcbuf *json_room_frame(const struct hub_event *e)
{
	struct buf text = {0};
	struct rcbuf *frame;
	json_t *room = e->room ? json_string(e->room) : NULL;
	char *quoted = room ? json_dumps(room, JSON_ENCODE_ANY) : NULL;

	/* Names of events are ours: nothing in them needs an escape. */
	buf_printf(&text, "{\"event\":\"%s\",\"data\":", e->name);
	buf_put(&text, e->data, e->len);
	if (quoted)
		buf_printf(&text, ",\"room\":%s,\"seq\":%llu", quoted, (unsigned long long)e->seq);
	buf_put_u8(&text, '}');
	frame = ws_frame(WS_TEXT, text.data, text.len);
	buf_finish(&text);
	free(quoted);
	json_decref(room);
	return frame;
}
