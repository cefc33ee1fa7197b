#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/sio.h"
#include "support/test.h"

/* The decoded packet as text; the document's own examples among the cases. */
static void tell(const char *text, char *out, size_t size)
{
	struct sio_packet p;

	if (!sio_decode(text, strlen(text), 10, &p)) {
		snprintf(out, size, "malformed");
		return;
	}
	int at = snprintf(out, size, "type=%d nsp=%.*s", p.type, (int)p.name_len, p.name);
	if (sio_is_binary(p.type))
		at += snprintf(out + at, size - (size_t)at, " attachments=%u", p.attachments);
	if (p.has_id)
		at += snprintf(out + at, size - (size_t)at, " id=%" PRIu64, p.id);
	if (p.json_len)
		snprintf(out + at, size - (size_t)at, " json=%.*s", (int)p.json_len, p.json);
}

static const struct {
	const char *text, *want;
} cases[] = {
	{"0", "type=0 nsp=/"},
	{"0{\"token\":\"123\"}", "type=0 nsp=/ json={\"token\":\"123\"}"},
	{"0/admin,", "type=0 nsp=/admin"},
	{"0/admin", "type=0 nsp=/admin"},
	{"0/admin,{\"sid\":\"oSO0OpakMV_3jnilAAAA\"}",
		"type=0 nsp=/admin json={\"sid\":\"oSO0OpakMV_3jnilAAAA\"}"},
	{"0/,", "type=0 nsp=/"},
	{"0/", "type=0 nsp=/"},
	{"1", "type=1 nsp=/"},
	{"1/admin,", "type=1 nsp=/admin"},
	{"2[\"foo\"]", "type=2 nsp=/ json=[\"foo\"]"},
	{"2/admin,[\"bar\"]", "type=2 nsp=/admin json=[\"bar\"]"},
	{"212[\"foo\"]", "type=2 nsp=/ id=12 json=[\"foo\"]"},
	{"20[\"foo\"]", "type=2 nsp=/ id=0 json=[\"foo\"]"},
	{"2/admin,13[\"bar\"]", "type=2 nsp=/admin id=13 json=[\"bar\"]"},
	{"29007199254740991[\"a\"]", "type=2 nsp=/ id=9007199254740991 json=[\"a\"]"},
	{"3/admin,13[\"bar\"]", "type=3 nsp=/admin id=13 json=[\"bar\"]"},
	{"30[]", "type=3 nsp=/ id=0 json=[]"},
	{"4{\"message\":\"Not authorized\"}", "type=4 nsp=/ json={\"message\":\"Not authorized\"}"},
	{"51-[\"baz\",{\"_placeholder\":true,\"num\":0}]",
		"type=5 nsp=/ attachments=1 json=[\"baz\",{\"_placeholder\":true,\"num\":0}]"},
	{"52-/admin,[\"baz\"]", "type=5 nsp=/admin attachments=2 json=[\"baz\"]"},
	{"51-15[\"bar\"]", "type=5 nsp=/ attachments=1 id=15 json=[\"bar\"]"},
	{"510-[\"bar\"]", "type=5 nsp=/ attachments=10 json=[\"bar\"]"},
	{"61-/admin,15[{}]", "type=6 nsp=/admin attachments=1 id=15 json=[{}]"},
	{"50-[\"a\"]", "type=5 nsp=/ attachments=0 json=[\"a\"]"},
	{"2/a?x=1,[\"e\"]", "type=2 nsp=/a?x=1 json=[\"e\"]"},
	{"", "malformed"},
	{"7", "malformed"},
	{"abc", "malformed"},
	{"2", "malformed"},
	{"2{}", "malformed"},
	{"2abc[\"a\"]", "malformed"},
	{"2 [\"a\"]", "malformed"},
	{"201[\"a\"]", "malformed"},
	{"29007199254740992[\"a\"]", "malformed"},
	{"299999999999999999999999999[\"a\"]", "malformed"},
	{"2-1[\"a\"]", "malformed"},
	{"212", "malformed"},
	{"3[]", "malformed"},
	{"312", "malformed"},
	{"312{}", "malformed"},
	{"0[]", "malformed"},
	{"012{}", "malformed"},
	{"0\"x\"", "malformed"},
	{"0admin", "malformed"},
	{"1{}", "malformed"},
	{"112", "malformed"},
	{"4", "malformed"},
	{"4[]", "malformed"},
	{"5[\"a\"]", "malformed"},
	{"51[\"a\"]", "malformed"},
	{"5-[\"a\"]", "malformed"},
	{"501-[\"a\"]", "malformed"},
	{"511-[\"a\"]", "malformed"},
	{"51-", "malformed"},
	{"5a-[\"a\"]", "malformed"},
	{"61-[]", "malformed"},
	{"0/a b,", "malformed"},
	{"0/a\x01,", "malformed"},
};

static void test_decode(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[200];
		tell(cases[i].text, got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: %s, not %s", cases[i].text, got, cases[i].want);
	}
}

static void test_namespace_length(void **state)
{
	char text[SIO_NAMESPACE_MAX + 3];
	struct sio_packet p;

	memset(text, 'a', sizeof(text));
	text[0] = '0';
	text[1] = '/';
	assert_true(sio_decode(text, SIO_NAMESPACE_MAX + 1, 0, &p));
	assert_int_equal(p.name_len, SIO_NAMESPACE_MAX);
	assert_false(sio_decode(text, SIO_NAMESPACE_MAX + 2, 0, &p));
}

/* Beyond len nothing is looked at. */
static void test_borders(void **state)
{
	const char *text = "52-/admin,15[\"baz\"]";
	size_t json = strlen("52-/admin,15[");
	struct sio_packet p;

	for (size_t len = 0; len < json; len++)
		assert_false(sio_decode(text, len, 10, &p));
	for (size_t len = json; len <= strlen(text); len++) {
		assert_true(sio_decode(text, len, 10, &p));
		assert_int_equal(p.json_len, len - json + 1);
	}
}

static void test_round_trip(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sio_packet p, again;
		struct buf out = {0};
		if (!sio_decode(cases[i].text, strlen(cases[i].text), 10, &p))
			continue;
		sio_encode(&out, &p);
		assert_true(sio_decode(buf_text(&out), out.len, 10, &again));
		assert_int_equal(again.type, p.type);
		assert_int_equal(again.attachments, p.attachments);
		assert_int_equal(again.has_id, p.has_id);
		assert_int_equal(again.id, p.id);
		assert_int_equal(again.name_len, p.name_len);
		assert_memory_equal(again.name, p.name, p.name_len);
		assert_int_equal(again.json_len, p.json_len);
		assert_memory_equal(again.json, p.json, p.json_len);
		buf_finish(&out);
	}
}

static void test_encode(void **state)
{
	struct buf out = {0};

	sio_encode(&out,
		&(struct sio_packet){.type = SIO_BINARY_ACK,
			.attachments = 2,
			.has_id = true,
			.id = 789,
			.name = "/admin",
			.name_len = 6,
			.json = "[1]",
			.json_len = 3});
	assert_string_equal(buf_text(&out), "62-/admin,789[1]");
	buf_reset(&out);
	sio_encode(&out, &(struct sio_packet){.type = SIO_DISCONNECT, .name = "/", .name_len = 1});
	assert_string_equal(buf_text(&out), "1");
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_namespace_length),
		cmocka_unit_test(test_borders),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_encode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
