#include <string.h>

#include "proto/rtmp_message.h"
#include "support/test.h"

static struct rtmp_message message(uint8_t type, const void *data, size_t len)
{
	return (struct rtmp_message){.csid = 4,
		.stream_id = 1,
		.timestamp = 1000,
		.type = type,
		.data = data,
		.len = len};
}

static void test_control_values(void **state)
{
	uint32_t value;
	struct rtmp_message m = message(RTMP_TYPE_WINDOW_ACK_SIZE, "\x00\x26\x25\xa0", 4);
	assert_true(rtmp_message_u32(&m, &value));
	assert_int_equal(value, 2500000);
	m.len = 3;
	assert_false(rtmp_message_u32(&m, &value));
}

static void test_user_control(void **state)
{
	struct rtmp_user_control c;
	struct rtmp_message m = message(RTMP_TYPE_USER_CONTROL, "\x00\x06\x01\x02\x03\x04", 6);
	assert_true(rtmp_message_user_control(&m, &c));
	assert_int_equal(c.event, RTMP_USER_PING_REQUEST);
	assert_int_equal(c.value, 0x01020304);
	m.len = 5;
	assert_false(rtmp_message_user_control(&m, &c));
}

static void test_amf0_of_each_type(void **state)
{
	struct buf_reader r;
	struct rtmp_message m = message(RTMP_TYPE_COMMAND_AMF0, "\x00\x05", 2);
	assert_true(rtmp_message_amf0(&m, &r));
	assert_int_equal(buf_left(&r), 2);
	static const uint8_t wrapped[] = {
		RTMP_TYPE_COMMAND_AMF3, RTMP_TYPE_DATA_AMF3, RTMP_TYPE_SHARED_AMF3};
	for (size_t i = 0; i < sizeof(wrapped); i++) {
		m.type = wrapped[i];
		m.data = (const uint8_t *)"\x00\x05";
		assert_true(rtmp_message_amf0(&m, &r));
		assert_int_equal(buf_left(&r), 1);
		m.data = (const uint8_t *)"\x03\x05";
		assert_false(rtmp_message_amf0(&m, &r));
		m.len = 0;
		assert_false(rtmp_message_amf0(&m, &r));
		m.len = 2;
	}
	m.type = RTMP_TYPE_AUDIO;
	assert_false(rtmp_message_amf0(&m, &r));
}

static void put_part(struct buf *b, uint8_t type, uint32_t timestamp, const char *data)
{
	buf_put_u8(b, type);
	buf_put_u24(b, (uint32_t)strlen(data));
	buf_put_u24(b, timestamp & 0xffffff);
	buf_put_u8(b, (uint8_t)(timestamp >> 24));
	buf_put_u24(b, 0);
	buf_put_str(b, data);
	buf_put_u32(b, 11 + (uint32_t)strlen(data));
}

static void test_aggregate_is_rebased(void **state)
{
	struct buf b = {0};
	put_part(&b, 9, 0xfffffff0, "video");
	put_part(&b, 8, 0xfffffffa, "audio");
	put_part(&b, 8, 0x10, "after the wrap");
	struct rtmp_message outer = message(RTMP_TYPE_AGGREGATE, b.data, b.len), part;
	struct rtmp_aggregate a = rtmp_aggregate(&outer);
	assert_true(rtmp_aggregate_next(&a, &part));
	assert_int_equal(part.type, 9);
	assert_int_equal(part.timestamp, 1000);
	assert_int_equal(part.stream_id, 1);
	assert_int_equal(part.len, 5);
	assert_memory_equal(part.data, "video", 5);
	assert_true(rtmp_aggregate_next(&a, &part));
	assert_int_equal(part.timestamp, 1010);
	assert_true(rtmp_aggregate_next(&a, &part));
	assert_int_equal(part.timestamp, 1032);
	assert_false(rtmp_aggregate_next(&a, &part));
	buf_finish(&b);
}

/* Cut anywhere, the walk yields what is whole and ends. */
static void test_aggregate_cut_anywhere(void **state)
{
	struct buf b = {0};
	put_part(&b, 9, 5, "video");
	put_part(&b, 8, 6, "audio");
	for (size_t len = 0; len <= b.len; len++) {
		struct rtmp_message outer = message(RTMP_TYPE_AGGREGATE, b.data, len), part;
		struct rtmp_aggregate a = rtmp_aggregate(&outer);
		size_t n = 0;
		while (rtmp_aggregate_next(&a, &part)) {
			n++;
		}
		/* 20 bytes a part; the size behind the last one may be missing */
		assert_int_equal(n, (len >= 16) + (len >= 36));
	}
	buf_finish(&b);
}

static void test_aggregate_within_an_aggregate_is_refused(void **state)
{
	struct buf b = {0};
	put_part(&b, RTMP_TYPE_AGGREGATE, 5, "x");
	put_part(&b, 8, 6, "audio");
	struct rtmp_message outer = message(RTMP_TYPE_AGGREGATE, b.data, b.len), part;
	struct rtmp_aggregate a = rtmp_aggregate(&outer);
	assert_false(rtmp_aggregate_next(&a, &part));
	assert_false(rtmp_aggregate_next(&a, &part));
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control_values),
		cmocka_unit_test(test_user_control),
		cmocka_unit_test(test_amf0_of_each_type),
		cmocka_unit_test(test_aggregate_is_rebased),
		cmocka_unit_test(test_aggregate_cut_anywhere),
		cmocka_unit_test(test_aggregate_within_an_aggregate_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
