#include <string.h>

#include "support/test.h"
#include "wire.h"

static void check_event(enum wire_framing framing, const char *room, uint32_t ack, const char *is)
{
	struct buf out = {0};
	wire_event(&out, framing, "stream:chat", room, "hello", 5, ack);
	assert_string_equal(buf_text(&out), is);
	buf_finish(&out);
}

static void test_events(void **state)
{
	check_event(WIRE_PLAIN, "s", 7, "hello");
	check_event(WIRE_JSON, "s", 7,
		"{\"event\":\"stream:chat\",\"data\":{\"stream_id\":\"s\",\"message\":\"hello\"},"
		"\"ack\":7}");
	check_event(
		WIRE_JSON, NULL, 0, "{\"event\":\"stream:chat\",\"data\":{\"message\":\"hello\"}}");
	check_event(WIRE_SOCKET_IO, "s", 7,
		"427[\"stream:chat\",{\"stream_id\":\"s\",\"message\":\"hello\"}]");
	check_event(WIRE_SOCKET_IO, NULL, 0, "42[\"stream:chat\",{\"message\":\"hello\"}]");
}

static void test_join_says_the_stream_alone(void **state)
{
	struct buf out = {0};
	wire_event(&out, WIRE_JSON, "stream:join", "s", NULL, 0, 1);
	assert_string_equal(buf_text(&out),
		"{\"event\":\"stream:join\",\"data\":{\"stream_id\":\"s\"},\"ack\":1}");
	buf_finish(&out);
}

static void check_read(
	enum wire_framing framing, const char *text, enum wire_kind kind, uint32_t is)
{
	uint32_t ack;
	assert_int_equal(wire_read(framing, (const uint8_t *)text, strlen(text), &ack), kind);
	assert_int_equal(ack, is);
}

static void test_what_servers_say(void **state)
{
	check_read(WIRE_PLAIN, "2", WIRE_OTHER, 0);
	check_read(WIRE_JSON, "{\"ack\":12,\"data\":{}}", WIRE_ACK, 12);
	check_read(WIRE_JSON, "{\"ack\":12,\"data\":{\"error\":{}}}", WIRE_REFUSED, 12);
	check_read(WIRE_JSON, "{\"event\":\"error\",\"data\":{}}", WIRE_REFUSED, 0);
	check_read(WIRE_JSON, "{\"event\":\"chat:message\",\"data\":{}}", WIRE_OTHER, 0);
	check_read(WIRE_SOCKET_IO, "0{\"sid\":\"a\"}", WIRE_OPENED, 0);
	check_read(WIRE_SOCKET_IO, "40{\"sid\":\"b\"}", WIRE_CONNECTED, 0);
	check_read(WIRE_SOCKET_IO, "44{\"message\":\"no\"}", WIRE_REFUSED, 0);
	check_read(WIRE_SOCKET_IO, "2", WIRE_PING, 0);
	check_read(WIRE_SOCKET_IO, "431[{}]", WIRE_ACK, 1);
	check_read(WIRE_SOCKET_IO, "4312[{\"error\":{}}]", WIRE_REFUSED, 12);
	check_read(WIRE_SOCKET_IO, "42[\"error\",{}]", WIRE_REFUSED, 0);
	check_read(WIRE_SOCKET_IO, "42[\"viewer:joined\",{}]", WIRE_OTHER, 0);
}

static void test_names(void **state)
{
	enum wire_framing framing;
	assert_true(wire_framing_parse("socket.io", &framing));
	assert_int_equal(framing, WIRE_SOCKET_IO);
	assert_false(wire_framing_parse("sock", &framing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_join_says_the_stream_alone),
		cmocka_unit_test(test_what_servers_say),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
