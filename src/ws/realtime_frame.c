#include "json_private.h"

/*
 * {"type": "join_room", "room_id": "floor_1"}: the payload lies beside the event's name. A payload
 * that has one of the frame's own members, or is no object, goes under `data` instead; from clients
 * it may do so always.
 */
static const char *const own[] = {"type", "ack", "data", "room", "seq"};

static bool lies_flat(const json_t *data)
{
	if (!json_is_object(data))
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (json_object_get(data, own[i]))
			return false;
	return true;
}

static const char *parse(const uint8_t *data, size_t len, struct json_message *out)
{
	const char *why = json_message_load(data, len, "type", out);
	json_t *frame = out->root;

	if (why)
		return why;
	/* The name outlives its member: both are held by the array. */
	out->root = json_pack("[o, O]", frame, json_object_get(frame, "type"));
	json_object_del(frame, "type");
	json_object_del(frame, "ack");
	if (!json_is_object(out->data)) {
		out->data = frame;
		return NULL;
	}
	json_array_append(out->root, out->data);
	json_object_del(frame, "data");
	/* What stands beside it is the payload's as well, as a user_id that is to be checked. */
	json_object_update_missing(out->data, frame);
	return NULL;
}

static json_t *frame_json(const char *name, json_t *data)
{
	json_t *frame = json_pack("{s:s}", "type", name);

	if (lies_flat(data))
		json_object_update(frame, data);
	else
		json_object_set(frame, "data", data);
	return frame;
}

static struct rcbuf *event_frame(const char *name, json_t *data)
{
	return json_frame_of(frame_json(name, data));
}

static struct rcbuf *answer_frame(uint64_t ack, json_t *data)
{
	return json_frame_of(
		json_pack("{s:s, s:I, s:O}", "type", "ack", "ack", (json_int_t)ack, "data", data));
}

const struct json_framing json_framing_realtime = {
	.framing = HUB_REALTIME, .parse = parse, .event = event_frame, .answer = answer_frame};

struct rcbuf *realtime_room_frame(const struct hub_event *e)
{
	json_t *data = json_loadb(e->data, e->len, JSON_DECODE_ANY, NULL);
	json_t *frame = frame_json(e->name, data);

	if (e->room) {
		json_object_set_new(frame, "room", json_string(e->room));
		json_object_set_new(frame, "seq", json_integer((json_int_t)e->seq));
	}
	json_decref(data);
	return json_frame_of(frame);
}
