#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "fuzz.h"
#include "json_private.h"
#include "proto/ws_frame.h"

/* A client's frame of /v1/realtime/ws, and what we would write of the same event. */

static void read_again(struct rcbuf *frame, struct json_message *out)
{
	const uint8_t *data;
	size_t len;
	bool binary;

	must(ws_frame_payload(frame, &binary, &data, &len) && !binary);
	must(!json_framing_realtime.parse(data, len, out));
}

static void check_event(const struct json_message *m)
{
	struct rcbuf *frame = json_framing_realtime.event(m->event, m->data);
	struct json_message again;

	read_again(frame, &again);
	must(strcmp(again.event, m->event) == 0 && json_equal(again.data, m->data));
	json_decref(again.root);
	rcbuf_unref(&frame);
}

static void check_room(const struct json_message *m)
{
	char *text = json_dumps(m->data, JSON_COMPACT);
	const struct hub_event e = {
		.name = m->event, .data = text, .len = strlen(text), .room = "room:x", .seq = 7};
	struct rcbuf *frame = realtime_room_frame(&e);
	struct json_message again;

	read_again(frame, &again);
	must(strcmp(again.event, m->event) == 0);
	/* What stands beside the payload was taken for a part of it. */
	must(json_integer_value(json_object_get(again.data, "seq")) == 7 ||
		json_object_get(m->data, "seq"));
	json_decref(again.root);
	rcbuf_unref(&frame);
	free(text);
}

static void check_answer(const struct json_message *m)
{
	struct rcbuf *frame = json_framing_realtime.answer(m->ack, m->data);
	struct json_message again;

	read_again(frame, &again);
	must(strcmp(again.event, "ack") == 0 && again.has_ack && again.ack == m->ack);
	json_decref(again.root);
	rcbuf_unref(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_message m;

	if (json_framing_realtime.parse(data, size, &m)) {
		must(!m.root);
		return 0;
	}
	must(json_is_object(m.data) && m.event[0]);
	check_room(&m);
	check_answer(&m);
	check_event(&m);
	json_decref(m.root);
	return 0;
}
