#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/eio.h"
#include "support/test.h"

#define SEP "\x1e"

struct packet_case {
	const char *text;
	bool ok;
	enum eio_type type;
	const char *data;
};

static const struct packet_case packets[] = {
	{"4hello", true, EIO_MESSAGE, "hello"},
	{"4", true, EIO_MESSAGE, ""},
	{"4\xe2\x82\xac", true, EIO_MESSAGE, "\xe2\x82\xac"},
	{"0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\"}", true, EIO_OPEN,
		"{\"sid\":\"lv_VI97HAXpY6yYWAAAC\"}"},
	{"1", true, EIO_CLOSE, ""},
	{"2", true, EIO_PING, ""},
	{"2probe", true, EIO_PING, "probe"},
	{"3probe", true, EIO_PONG, "probe"},
	{"5", true, EIO_UPGRADE, ""},
	{"6", true, EIO_NOOP, ""},
	{"", false, 0, NULL},
	{"7", false, 0, NULL},
	{"abc", false, 0, NULL},
	{"b", false, 0, NULL},
	{" 4", false, 0, NULL},
	{"-1", false, 0, NULL},
};

static void test_packets(void **state)
{
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const struct packet_case *c = &packets[i];
		struct eio_packet p;
		bool ok = eio_decode(c->text, strlen(c->text), false, &p);
		if (ok != c->ok ||
			(ok &&
				(p.type != c->type || p.len != strlen(c->data) ||
					memcmp(p.data, c->data, p.len) != 0)))
			fail_msg("%s", c->text);
	}
}

static void test_binary_message(void **state)
{
	const uint8_t bytes[] = {1, 2, 3, 4};
	struct eio_packet p;

	assert_true(eio_decode(bytes, sizeof(bytes), true, &p));
	assert_int_equal(p.type, EIO_MESSAGE);
	assert_true(p.binary);
	assert_int_equal(p.len, 4);
	assert_true(eio_decode(bytes, 0, true, &p));
	assert_int_equal(p.len, 0);
}

/* Says packets as "type:text" or "b:hex", joined by blanks; "!" for malformed. */
static void tell(const char *body, char *out, size_t size)
{
	/* Of its exact length, for the sanitizers. */
	char *copy = mem_dup(body, strlen(body));
	struct eio_payload payload;
	struct eio_packet p;
	enum eio_next next;
	size_t at = 0;

	eio_payload_init(&payload, copy, strlen(body));
	out[0] = '\0';
	while ((next = eio_payload_next(&payload, &p)) == EIO_NEXT_PACKET) {
		at += (size_t)snprintf(out + at, size - at, "%s%c:", at ? " " : "",
			p.binary ? 'b' : eio_digit(p.type));
		for (size_t i = 0; i < p.len; i++)
			at += (size_t)snprintf(
				out + at, size - at, p.binary ? "%02x" : "%c", p.data[i]);
	}
	if (next == EIO_NEXT_MALFORMED)
		snprintf(out + at, size - at, "!");
	free(copy);
}

static void test_payloads(void **state)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{"4hello", "4:hello"},
		{"4hello" SEP "2" SEP "4world", "4:hello 2: 4:world"},
		{"4hello" SEP "4\xe2\x82\xac", "4:hello 4:\xe2\x82\xac"},
		{"4hello" SEP "bAQIDBA==", "4:hello b:01020304"},
		{"bAQIDBA==", "b:01020304"},
		{"bAQIDBAU=", "b:0102030405"},
		{"bAQIDBAUG", "b:010203040506"},
		{"b", "b:"},
		{"b+/+/", "b:fbffbf"},
		{"3", "3:"},
		{"", "!"},
		{SEP, "!"},
		{"4a" SEP, "4:a!"},
		{"4a" SEP SEP "4b", "4:a!"},
		{SEP "4a", "!"},
		{"abc", "!"},
		{"4a" SEP "9", "4:a!"},
		{"bA", "!"},
		{"bAQ", "!"},
		{"bAQI=", "b:0102"},
		{"b=", "!"},
		{"bAQIDBA=", "!"},
		{"bAQIDBA", "!"},
		{"bAQIDB===", "!"},
		{"b====", "!"},
		{"bAQ==IDBA", "!"},
		{"bAQIDBB==", "!"},
		{"bAQIDBAV=", "!"},
		{"bAQI-BA==", "!"},
		{"bAQIDBA==\n", "!"},
		{"4\xff", "!"},
		{"4\xc0\xaf", "!"},
		{"4\xed\xa0\x80", "!"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[256];
		tell(cases[i].body, got, sizeof(got));
		assert_string_equal(got, cases[i].want);
	}
}

static void test_encode(void **state)
{
	const struct eio_packet packets_out[] = {
		{.type = EIO_MESSAGE, .data = (const uint8_t *)"hello", .len = 5},
		{.type = EIO_PING},
		{.type = EIO_MESSAGE,
			.binary = true,
			.data = (const uint8_t *)"\1\2\3\4",
			.len = 4},
	};
	struct buf body = {0};
	size_t bound = 0;

	for (size_t i = 0; i < 3; i++) {
		eio_payload_put(&body, &packets_out[i]);
		bound += eio_payload_size(&packets_out[i]);
	}
	assert_string_equal(buf_text(&body), "4hello" SEP "2" SEP "bAQIDBA==");
	assert_true(body.len <= bound);
	buf_finish(&body);
}

static void test_base64_round_trip(void **state)
{
	uint8_t bytes[70];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct eio_packet p = {
			.type = EIO_MESSAGE, .binary = true, .data = bytes, .len = len};
		struct eio_payload payload;
		struct buf body = {0};
		eio_payload_put(&body, &p);
		eio_payload_init(&payload, body.data, body.len);
		assert_int_equal(eio_payload_next(&payload, &p), EIO_NEXT_PACKET);
		assert_int_equal(p.len, len);
		assert_memory_equal(p.data, bytes, len);
		assert_int_equal(eio_payload_next(&payload, &p), EIO_NEXT_END);
		buf_finish(&body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_binary_message),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_base64_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
