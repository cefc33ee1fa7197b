#include "chunk_support.h"

static struct rtmp_chunk_limits small_limits(void)
{
	return (struct rtmp_chunk_limits){
		.message_max = 1000, .chunk_max = 500, .streams_max = 4, .partial_max = 1500};
}

static enum rtmp_close error_of(const struct buf *in, unsigned cut, size_t *messages)
{
	struct rtmp_chunk_limits limits = small_limits();
	struct rtmp_chunk_reader *r = rtmp_chunk_reader_create(&limits);
	struct collector c = {0};
	collect(r, in, cut, &c);
	enum rtmp_close error = c.error;
	*messages = c.n;
	collector_finish(&c);
	rtmp_chunk_reader_destroy(r);
	return error;
}

static void check_error(const struct buf *in, enum rtmp_close want, size_t want_messages)
{
	cut_for_each(cut)
	{
		size_t messages;
		assert_int_equal(error_of(in, cut, &messages), want);
		assert_int_equal(messages, want_messages);
	}
}

static void put_header(struct buf *out, uint8_t csid, uint32_t len, uint8_t type)
{
	buf_put_u8(out, csid);
	buf_put_u24(out, 0);
	buf_put_u24(out, len);
	buf_put_u8(out, type);
	buf_put_u32(out, 0);
}

static void put_zeros(struct buf *out, size_t n)
{
	memset(buf_reserve(out, n), 0, n);
	out->len += n;
}

static void test_message_size(void **state)
{
	struct buf fits = {0}, over = {0};
	put_header(&fits, 4, 1000, 9);
	check_error(&fits, RTMP_CLOSE_NONE, 0);
	put_header(&over, 4, 1001, 9);
	check_error(&over, RTMP_CLOSE_MESSAGE_SIZE, 0);
	buf_finish(&fits);
	buf_finish(&over);
}

static void test_chunk_size(void **state)
{
	static const struct {
		uint32_t size;
		enum rtmp_close want;
	} cases[] = {{0, RTMP_CLOSE_CHUNK_SIZE}, {1, RTMP_CLOSE_NONE}, {500, RTMP_CLOSE_NONE},
		{501, RTMP_CLOSE_CHUNK_SIZE}, {0x80000080, RTMP_CLOSE_CHUNK_SIZE}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf in = {0};
		put_header(&in, 2, 4, RTMP_TYPE_SET_CHUNK_SIZE);
		buf_put_u32(&in, cases[i].size);
		check_error(&in, cases[i].want, 0);
		buf_finish(&in);
	}
	struct buf cut_short = {0};
	put_header(&cut_short, 2, 3, RTMP_TYPE_SET_CHUNK_SIZE);
	buf_put_u24(&cut_short, 100);
	check_error(&cut_short, RTMP_CLOSE_CHUNK_SIZE, 0);
	buf_finish(&cut_short);
}

static void test_chunk_streams(void **state)
{
	struct buf in = {0};
	for (uint8_t csid = 3; csid < 7; csid++) {
		put_header(&in, csid, 0, 9);
	}
	check_error(&in, RTMP_CLOSE_NONE, 4);
	put_header(&in, 3, 0, 9);
	check_error(&in, RTMP_CLOSE_NONE, 5);
	put_header(&in, 7, 0, 9);
	check_error(&in, RTMP_CLOSE_CHUNK_STREAMS, 5);
	buf_finish(&in);
}

static void test_unfinished_messages_all_together(void **state)
{
	struct buf in = {0};
	put_header(&in, 2, 4, RTMP_TYPE_SET_CHUNK_SIZE);
	buf_put_u32(&in, 500);
	for (uint8_t csid = 3; csid < 6; csid++) {
		put_header(&in, csid, 900, 9);
		put_zeros(&in, 500);
	}
	check_error(&in, RTMP_CLOSE_NONE, 0);
	buf_put_u8(&in, 0xc3);
	buf_put_u8(&in, 0);
	check_error(&in, RTMP_CLOSE_PARTIAL_BYTES, 0);
	buf_finish(&in);
}

/* Finishing and aborting give the room back, so that a long stream never strikes the bound. */
static void test_room_is_given_back(void **state)
{
	struct buf in = {0};
	for (unsigned i = 0; i < 20; i++) {
		put_header(&in, 3, 200, 9);
		put_zeros(&in, 128);
		buf_put_u8(&in, 0xc3);
		put_zeros(&in, 72);
		put_header(&in, 4, 200, 9);
		put_zeros(&in, 128);
		put_header(&in, 2, 4, RTMP_TYPE_ABORT);
		buf_put_u32(&in, 4);
	}
	check_error(&in, RTMP_CLOSE_NONE, 20);

	struct rtmp_chunk_limits limits = small_limits();
	struct rtmp_chunk_reader *r = rtmp_chunk_reader_create(&limits);
	struct collector c = {0};
	collect(r, &in, CUT_BYTES, &c);
	assert_int_equal(rtmp_chunk_reader_partial(r), 0);
	assert_true(rtmp_chunk_reader_bytes(r) == in.len);
	collector_finish(&c);
	rtmp_chunk_reader_destroy(r);
	buf_finish(&in);
}

static void test_short_headers_need_a_predecessor(void **state)
{
	struct buf in = {0};
	buf_put_u8(&in, 0xc4);
	check_error(&in, RTMP_CLOSE_CHUNK_PROTOCOL, 0);
	buf_reset(&in);
	buf_put_u8(&in, 0x84);
	check_error(&in, RTMP_CLOSE_CHUNK_PROTOCOL, 0);
	buf_finish(&in);
}

static void test_failure_is_final(void **state)
{
	struct rtmp_chunk_limits limits = small_limits();
	struct rtmp_chunk_reader *r = rtmp_chunk_reader_create(&limits);
	struct rtmp_message m;
	size_t used;
	assert_int_equal(
		rtmp_chunk_read(r, (const uint8_t *)"\xc4", 1, &used, &m), RTMP_CHUNK_FAILED);
	assert_int_equal(
		rtmp_chunk_read(r, (const uint8_t *)"\x04", 1, &used, &m), RTMP_CHUNK_FAILED);
	assert_int_equal(used, 0);
	rtmp_chunk_reader_destroy(r);
}

/* Garbage of every kind is an error or a wait, never more memory than the limits say. */
static void test_garbage(void **state)
{
	uint32_t seed = 7;
	for (unsigned round = 0; round < 400; round++) {
		struct rtmp_chunk_limits limits = small_limits();
		struct rtmp_chunk_reader *r = rtmp_chunk_reader_create(&limits);
		struct buf in = {0};
		struct collector c = {0};
		for (unsigned i = 0; i < 150; i++) {
			seed = seed * 1664525u + 1013904223u;
			buf_put_u8(&in, (uint8_t)(seed >> 24) & (round % 2 == 0 ? 0xff : 0xc7));
		}
		collect(r, &in, round % CUT_COUNT, &c);
		assert_true(rtmp_chunk_reader_partial(r) <= limits.partial_max);
		collector_finish(&c);
		rtmp_chunk_reader_destroy(r);
		buf_finish(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_size),
		cmocka_unit_test(test_chunk_size),
		cmocka_unit_test(test_chunk_streams),
		cmocka_unit_test(test_unfinished_messages_all_together),
		cmocka_unit_test(test_room_is_given_back),
		cmocka_unit_test(test_short_headers_need_a_predecessor),
		cmocka_unit_test(test_failure_is_final),
		cmocka_unit_test(test_garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
