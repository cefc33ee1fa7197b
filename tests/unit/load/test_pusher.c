#include <string.h>

#include "base/buf.h"
#include "pusher.h"
#include "support/test.h"

enum { HANDSHAKE = 1536 };

static void init(struct pusher *p, bool deltas, bool bare)
{
	pusher_init(p,
		&(struct pusher_options){.app = "live",
			.tc_url = "rtmp://127.0.0.1/live",
			.key = "sk",
			.chunk_size = 128,
			.deltas = deltas,
			.bare_type3 = bare});
}

static void put_command(struct buf *b, const char *name, double txn, const char *code)
{
	struct buf body = {0};
	buf_put_u8(&body, 2);
	buf_put_u16(&body, (uint16_t)strlen(name));
	buf_put_str(&body, name);
	buf_put_u8(&body, 0);
	buf_put_f64(&body, txn);
	buf_put_u8(&body, 5);
	if (!code) {
		buf_put_u8(&body, 0);
		buf_put_f64(&body, 7);
	} else {
		buf_put(&body, "\3\0\5level\2\0\5error\0\4code\2", 23);
		buf_put_u16(&body, (uint16_t)strlen(code));
		buf_put_str(&body, code);
		buf_put_u24(&body, 9);
	}
	assert_true(body.len <= 128);
	buf_put_u8(b, 3);
	buf_put_u24(b, 0);
	buf_put_u24(b, (uint32_t)body.len);
	buf_put_u8(b, 20);
	buf_put_u32le(b, 0);
	buf_put(b, body.data, body.len);
	buf_finish(&body);
}

static void put_server(struct buf *b, const char *last_code)
{
	buf_put_u8(b, 3);
	memset(buf_reserve(b, 2 * HANDSHAKE), 0x5a, 2 * HANDSHAKE);
	b->len += 2 * HANDSHAKE;
	buf_put(b, "\2\0\0\0\0\0\4\5\0\0\0\0\0\0\1\0", 16); /* window ack size 256 */
	put_command(b, "_result", 1, "NetConnection.Connect.Success");
	put_command(b, "_result", 4, NULL);
	put_command(b, "onStatus", 0, last_code);
}

static bool feed(struct pusher *p, const struct buf *b, size_t piece)
{
	for (size_t at = 0; at < b->len; at += piece) {
		size_t n = b->len - at < piece ? b->len - at : piece;
		if (!pusher_input(p, b->data + at, n))
			return false;
	}
	return true;
}

static void test_publishes_however_the_bytes_come(void **state)
{
	for (size_t piece = 1; piece < 6000; piece += 1999) {
		struct pusher p;
		struct buf server = {0};
		init(&p, false, false);
		assert_int_equal(p.out.len, 1 + HANDSHAKE);
		buf_reset(&p.out);
		put_server(&server, "NetStream.Publish.Start");
		assert_true(feed(&p, &server, piece));
		assert_int_equal(p.state, PUSHER_LIVE);
		assert_int_equal(p.msid, 7);
		assert_true(p.out.len > HANDSHAKE);
		assert_int_equal(p.out.data[0], 0x5a);
		assert_non_null(memmem(p.out.data, p.out.len, "publish", 7));
		assert_true(p.bytes_acked > 0);
		buf_finish(&server);
		pusher_finish(&p);
	}
}

static void test_refusal_says_why(void **state)
{
	struct pusher p;
	struct buf server = {0};
	init(&p, false, false);
	put_server(&server, "NetStream.Publish.BadName");
	assert_false(feed(&p, &server, server.len));
	assert_int_equal(p.state, PUSHER_FAILED);
	assert_string_equal(p.error, "NetStream.Publish.BadName");
	assert_false(pusher_input(&p, "", 1));
	buf_finish(&server);
	pusher_finish(&p);
}

static void test_answers_pings(void **state)
{
	struct pusher p;
	struct buf server = {0};
	init(&p, false, false);
	put_server(&server, "NetStream.Publish.Start");
	assert_true(feed(&p, &server, server.len));
	buf_reset(&p.out);
	assert_true(pusher_input(&p, "\2\0\0\0\0\0\6\4\0\0\0\0\0\6\1\2\3\4", 18));
	assert_memory_equal(p.out.data, "\2\0\0\0\0\0\6\4\0\0\0\0\0\7\1\2\3\4", 18);
	buf_finish(&server);
	pusher_finish(&p);
}

static void live(struct pusher *p, bool deltas, bool bare)
{
	init(p, deltas, bare);
	p->state = PUSHER_LIVE;
	p->msid = 7;
	buf_reset(&p->out);
}

static void test_extended_timestamps(void **state)
{
	uint8_t body[200] = {0x27};
	for (int bare = 0; bare < 2; bare++) {
		struct pusher p;
		live(&p, false, bare);
		pusher_media(&p, 9, 0x01020304, body, sizeof(body));
		assert_memory_equal(p.out.data, "\4\377\377\377\0\0\310\11\7\0\0\0\1\2\3\4", 16);
		assert_int_equal(p.out.data[16 + 128], 0xc4);
		if (!bare)
			assert_memory_equal(p.out.data + 16 + 129, "\1\2\3\4", 4);
		assert_int_equal(p.out.len, 16 + 200 + (bare ? 1 : 5));
		pusher_finish(&p);
	}
}

static void test_deltas_cross_the_wrap(void **state)
{
	struct pusher p;
	live(&p, true, false);
	pusher_media(&p, 8, 0xfffffff0, (const uint8_t *)"\257\1x", 3);
	buf_reset(&p.out);
	pusher_media(&p, 8, 7, (const uint8_t *)"\257\1x", 3);
	assert_int_equal(p.out.len, 8 + 3);
	assert_memory_equal(p.out.data, "\104\0\0\27\0\0\3\10", 8);
	pusher_finish(&p);
}

static void test_nonsense_ends_it(void **state)
{
	struct pusher p;
	uint8_t zeros[1 + 2 * HANDSHAKE] = {6};
	init(&p, false, false);
	assert_false(pusher_input(&p, zeros, sizeof(zeros)));
	pusher_finish(&p);
	init(&p, false, false);
	zeros[0] = 3;
	assert_true(pusher_input(&p, zeros, sizeof(zeros)));
	assert_false(pusher_input(&p, "\3\0\0\0\377\377\377\24\0\0\0\0", 12));
	assert_int_equal(p.state, PUSHER_FAILED);
	pusher_finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publishes_however_the_bytes_come),
		cmocka_unit_test(test_refusal_says_why),
		cmocka_unit_test(test_answers_pings),
		cmocka_unit_test(test_extended_timestamps),
		cmocka_unit_test(test_deltas_cross_the_wrap),
		cmocka_unit_test(test_nonsense_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
