#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "support/test.h"

static void test_reads_every_width(void **state)
{
	static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
		0x78, 0x56, 0x34, 0x12, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 0x09, 0x21, 0xfb, 0x54, 0x44,
		0x2d, 0x18};
	struct buf_reader r = buf_reader(bytes, sizeof(bytes));
	assert_int_equal(buf_read_u8(&r), 0x01);
	assert_int_equal(buf_read_u16(&r), 0x0203);
	assert_int_equal(buf_read_u24(&r), 0x040506);
	assert_int_equal(buf_read_u32(&r), 0x0708090a);
	assert_int_equal(buf_read_u32le(&r), 0x12345678);
	assert_true(buf_read_u64(&r) == 0x0001020304050607);
	assert_true(buf_read_f64(&r) == M_PI);
	assert_int_equal(buf_left(&r), 0);
	assert_false(r.failed);
}

static void test_read_past_end_is_sticky(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct buf_reader r = buf_reader(bytes, sizeof(bytes));
	assert_int_equal(buf_read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(buf_read_u8(&r), 0);
	assert_int_equal(buf_left(&r), 0);
	assert_null(buf_read_bytes(&r, 0));
}

static void test_read_bytes_and_skip(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4};
	struct buf_reader r = buf_reader(bytes, sizeof(bytes));
	assert_ptr_equal(buf_read_bytes(&r, 2), bytes);
	buf_skip(&r, 1);
	assert_int_equal(buf_left(&r), 1);
	buf_skip(&r, 2);
	assert_true(r.failed);
}

static void test_empty_reader(void **state)
{
	struct buf_reader r = buf_reader(NULL, 0);
	assert_int_equal(buf_left(&r), 0);
	assert_false(r.failed);
	buf_read_u8(&r);
	assert_true(r.failed);
}

static void test_writes_what_reads_back(void **state)
{
	struct buf b = {0};
	buf_put_u8(&b, 0xfe);
	buf_put_u16(&b, 0xfedc);
	buf_put_u24(&b, 0xfedcba);
	buf_put_u32(&b, 0xfedcba98);
	buf_put_u32le(&b, 0x00000001);
	buf_put_u64(&b, 0xfedcba9876543210);
	buf_put_f64(&b, -0.5);
	assert_int_equal(b.len, 1 + 2 + 3 + 4 + 4 + 8 + 8);
	struct buf_reader r = buf_reader(b.data, b.len);
	assert_int_equal(buf_read_u8(&r), 0xfe);
	assert_int_equal(buf_read_u16(&r), 0xfedc);
	assert_int_equal(buf_read_u24(&r), 0xfedcba);
	assert_true(buf_read_u32(&r) == 0xfedcba98);
	assert_int_equal(buf_read_u32le(&r), 1);
	assert_true(buf_read_u64(&r) == 0xfedcba9876543210);
	assert_true(buf_read_f64(&r) == -0.5);
	assert_false(r.failed);
	buf_finish(&b);
	assert_null(b.base);
}

static void test_little_endian_order(void **state)
{
	static const uint8_t want[] = {0x04, 0x03, 0x02, 0x01};
	struct buf b = {0};
	buf_put_u32le(&b, 0x01020304);
	assert_memory_equal(b.data, want, sizeof(want));
	buf_finish(&b);
}

static void test_grows_and_consumes(void **state)
{
	struct buf b = {0};
	uint32_t next = 0, expected = 0;
	/* A queue that is filled faster than drained, then emptied: bytes stay in order. */
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 3; i++) {
			buf_put_u32(&b, next++);
		}
		struct buf_reader r = buf_reader(b.data, b.len);
		assert_int_equal(buf_read_u32(&r), expected);
		assert_int_equal(buf_read_u32(&r), expected + 1);
		expected += 2;
		buf_consume(&b, 8);
	}
	while (b.len > 0) {
		struct buf_reader r = buf_reader(b.data, b.len);
		assert_int_equal(buf_read_u32(&r), expected++);
		buf_consume(&b, 4);
	}
	assert_int_equal(expected, next);
	assert_ptr_equal(b.data, b.base);
	buf_finish(&b);
}

static void test_steady_queue_does_not_grow(void **state)
{
	struct buf b = {0};
	uint8_t chunk[100] = {0};
	for (int i = 0; i < 10000; i++) {
		buf_put(&b, chunk, sizeof(chunk));
		if (i > 0) {
			buf_consume(&b, sizeof(chunk));
		}
	}
	assert_true(b.cap <= 512);
	buf_finish(&b);
}

static void test_reserve_then_len(void **state)
{
	struct buf b = {0};
	uint8_t *room = buf_reserve(&b, 1000);
	memset(room, 7, 1000);
	b.len += 1000;
	buf_put_u8(&b, 8);
	assert_int_equal(b.data[999], 7);
	assert_int_equal(b.data[1000], 8);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_non_null(b.base);
	buf_finish(&b);
}

static void test_text(void **state)
{
	struct buf b = {0};
	assert_string_equal(buf_text(&b), "");
	buf_put_str(&b, "a=");
	buf_printf(&b, "%d,%s", 42, "x");
	assert_string_equal(buf_text(&b), "a=42,x");
	assert_int_equal(b.len, 6);
	buf_printf(&b, "%0500d", 1);
	assert_int_equal(b.len, 506);
	assert_int_equal(strlen(buf_text(&b)), 506);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_every_width),
		cmocka_unit_test(test_read_past_end_is_sticky),
		cmocka_unit_test(test_read_bytes_and_skip),
		cmocka_unit_test(test_empty_reader),
		cmocka_unit_test(test_writes_what_reads_back),
		cmocka_unit_test(test_little_endian_order),
		cmocka_unit_test(test_grows_and_consumes),
		cmocka_unit_test(test_steady_queue_does_not_grow),
		cmocka_unit_test(test_reserve_then_len),
		cmocka_unit_test(test_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
