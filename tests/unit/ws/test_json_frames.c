#include <string.h>

#include "base/must.h"
#include "json_private.h"
#include "proto/ws_frame.h"
#include "support/test.h"

/* The two framings of JSON: what a client's frame says, and what is written. */

static const char *text_of(struct rcbuf *frame)
{
	static char out[512];
	const uint8_t *data;
	size_t len;
	bool binary;

	must(ws_frame_payload(frame, &binary, &data, &len) && !binary && len < sizeof(out));
	memcpy(out, data, len);
	out[len] = '\0';
	rcbuf_unref(&frame);
	return out;
}

/* "EVENT DATA" with "#ACK" behind it, or the complaint. */
static const char *parsed(const struct json_framing *framing, const char *frame)
{
	static char out[512];
	struct json_message m;
	const char *why = framing->parse((const uint8_t *)frame, strlen(frame), &m);
	char *data;

	if (why) {
		must(!m.root);
		return why;
	}
	data = m.data ? json_dumps(m.data, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
	snprintf(out, sizeof(out), "%s %s", m.event, data ? data : "-");
	if (m.has_ack)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), " #%llu",
			(unsigned long long)m.ack);
	free(data);
	json_decref(m.root);
	return out;
}

static void plain(void **state)
{
	const struct json_framing *f = &json_framing_plain;
	json_t *data = json_pack("{s:i}", "a", 1);

	assert_string_equal(parsed(f, "{\"event\":\"x\"}"), "x -");
	assert_string_equal(parsed(f, "{\"event\":\"x\",\"data\":{\"type\":1},\"ack\":0}"),
		"x {\"type\":1} #0");
	assert_string_equal(parsed(f, "{\"type\":\"x\"}"), "event must be the name of one.");
	assert_string_equal(parsed(f, "[]"), "A frame must be a JSON object.");
	assert_string_equal(parsed(f, "{"), "A frame must be JSON.");
	assert_string_equal(parsed(f, "{\"event\":\"x\",\"ack\":1.5}"),
		"ack must be a whole number from 0 on.");
	assert_string_equal(text_of(f->event("x", data)), "{\"event\":\"x\",\"data\":{\"a\":1}}");
	assert_string_equal(text_of(f->answer(7, data)), "{\"ack\":7,\"data\":{\"a\":1}}");
	json_decref(data);
}

static void realtime_reads_both_places(void **state)
{
	const struct json_framing *f = &json_framing_realtime;

	assert_string_equal(parsed(f, "{\"type\":\"ping\"}"), "ping {}");
	assert_string_equal(parsed(f, "{\"type\":\"join_room\",\"room_id\":\"a\",\"ack\":7}"),
		"join_room {\"room_id\":\"a\"} #7");
	assert_string_equal(parsed(f, "{\"type\":\"x\",\"data\":{\"type\":\"click\",\"ack\":1}}"),
		"x {\"ack\":1,\"type\":\"click\"}");
	/* What stands in both is as it is in `data`; what stands outside alone counts, too. */
	assert_string_equal(
		parsed(f, "{\"type\":\"x\",\"data\":{\"a\":1},\"a\":2,\"user_id\":\"bob\"}"),
		"x {\"a\":1,\"user_id\":\"bob\"}");
	assert_string_equal(parsed(f, "{\"type\":\"x\",\"data\":[1]}"), "x {\"data\":[1]}");
	assert_string_equal(parsed(f, "{\"event\":\"x\"}"), "type must be the name of an event.");
	assert_string_equal(parsed(f, "{\"type\":\"x\",\"type\":\"y\"}"), "A frame must be JSON.");
}

static void realtime_writes_flat_where_it_can(void **state)
{
	const struct json_framing *f = &json_framing_realtime;
	json_t *flat = json_pack("{s:i}", "a", 1), *own = json_pack("{s:s}", "type", "click");
	json_t *list = json_pack("[i]", 1), *none = json_object();

	assert_string_equal(text_of(f->event("x", flat)), "{\"type\":\"x\",\"a\":1}");
	assert_string_equal(text_of(f->event("x", none)), "{\"type\":\"x\"}");
	assert_string_equal(
		text_of(f->event("x", own)), "{\"type\":\"x\",\"data\":{\"type\":\"click\"}}");
	assert_string_equal(text_of(f->event("x", list)), "{\"type\":\"x\",\"data\":[1]}");
	assert_string_equal(
		text_of(f->answer(7, flat)), "{\"type\":\"ack\",\"ack\":7,\"data\":{\"a\":1}}");
	json_decref(flat);
	json_decref(own);
	json_decref(list);
	json_decref(none);
}

static void rooms(void **state)
{
	struct hub_event e = {
		.name = "x", .data = "{\"a\":1}", .len = 7, .room = "room:\"\\", .seq = 3};

	assert_string_equal(text_of(json_room_frame(&e)),
		"{\"event\":\"x\",\"data\":{\"a\":1},\"room\":\"room:\\\"\\\\\",\"seq\":3}");
	assert_string_equal(text_of(realtime_room_frame(&e)),
		"{\"type\":\"x\",\"a\":1,\"room\":\"room:\\\"\\\\\",\"seq\":3}");
	e.data = "{\"seq\":9}";
	e.len = 9;
	assert_string_equal(text_of(realtime_room_frame(&e)),
		"{\"type\":\"x\",\"data\":{\"seq\":9},\"room\":\"room:\\\"\\\\\",\"seq\":3}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(realtime_reads_both_places),
		cmocka_unit_test(realtime_writes_flat_where_it_can),
		cmocka_unit_test(rooms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
