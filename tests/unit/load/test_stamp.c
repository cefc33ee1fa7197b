#include <string.h>

#include "base/buf.h"
#include "stamp.h"
#include "support/test.h"

/* Video header, an access unit delimiter, a slice. */
static const uint8_t frame[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 1, 2};

static void collect(uint64_t wall_us, void *user)
{
	*(uint64_t *)user += wall_us;
}

static void test_stamp_comes_before_the_slice(void **state)
{
	struct buf out = {0};
	uint64_t sum = 0;
	assert_true(stamp_frame(&out, frame, sizeof(frame), 0x123456789abcd));
	assert_memory_equal(out.data, frame, 11);
	assert_memory_equal(out.data + out.len - 7, frame + 11, 7);
	assert_int_equal(out.data[15], 6);
	struct buf_reader r = buf_reader(out.data + 11, 4);
	assert_int_equal(buf_read_u32(&r), out.len - sizeof(frame) - 4);
	assert_int_equal(stamp_scan(out.data, out.len, collect, &sum), 1);
	assert_true(sum == 0x123456789abcd);
	buf_finish(&out);
}

static void test_other_frames_are_left_alone(void **state)
{
	struct buf out = {0};
	uint8_t copy[sizeof(frame)];
	memcpy(copy, frame, sizeof(copy));
	copy[1] = 0; /* a configuration */
	assert_false(stamp_frame(&out, copy, sizeof(copy), 1));
	copy[1] = 1;
	copy[14] = 200; /* a NAL that is longer than the frame */
	assert_false(stamp_frame(&out, copy, sizeof(copy), 1));
	assert_false(stamp_frame(&out, frame, 5, 1));
	assert_int_equal(out.len, 0);
}

/* Cuts bytes into transport packets of one PID, the last filled up by an adaptation field. */
static void put_ts(struct buf *b, const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = len - at < 184 ? len - at : 184, fill = 184 - n;
		buf_put_u8(b, 0x47);
		buf_put_u16(b, at == 0 ? 0x4101 : 0x0101);
		buf_put_u8(b, fill ? 0x30 : 0x10);
		for (size_t i = 0; i < fill; i++)
			buf_put_u8(b, i == 0 ? (uint8_t)(fill - 1) : 0xff);
		buf_put(b, data + at, n);
		at += n;
	}
}

static void test_stamps_cut_by_transport_packets(void **state)
{
	for (size_t before = 130; before < 190; before++) {
		struct buf pes = {0}, ts = {0};
		uint64_t sum = 0;
		buf_put(&pes, "\0\0\1\340\0\0\200\0\0", 9);
		memset(buf_reserve(&pes, before), 0xaa, before);
		pes.len += before;
		assert_true(stamp_frame(&pes, frame, sizeof(frame), 42));
		put_ts(&ts, pes.data, pes.len);
		assert_int_equal(stamp_scan(ts.data, ts.len, collect, &sum), 1);
		assert_true(sum == 42);
		buf_finish(&pes);
		buf_finish(&ts);
	}
}

static void test_cut_stamp_is_none(void **state)
{
	struct buf out = {0};
	uint64_t sum = 0;
	assert_true(stamp_frame(&out, frame, sizeof(frame), 42));
	assert_int_equal(stamp_scan(out.data, out.len - 12, collect, &sum), 0);
	assert_int_equal(stamp_scan(NULL, 0, collect, &sum), 0);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp_comes_before_the_slice),
		cmocka_unit_test(test_other_frames_are_left_alone),
		cmocka_unit_test(test_stamps_cut_by_transport_packets),
		cmocka_unit_test(test_cut_stamp_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
