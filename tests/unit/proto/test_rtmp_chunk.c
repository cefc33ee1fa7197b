#include "chunk_support.h"

static void put_message(struct rtmp_chunk_writer *w, struct buf *out, uint32_t csid, uint8_t type,
	uint32_t timestamp, size_t len)
{
	uint8_t *data = mem_zalloc(len + 1);
	fill_pattern(data, len, (uint8_t)timestamp);
	struct rtmp_message m = {.csid = csid,
		.stream_id = 1,
		.timestamp = timestamp,
		.type = type,
		.data = data,
		.len = len};
	rtmp_chunk_write(w, &m, out);
	free(data);
}

static void check_message(
	const struct got *g, uint32_t csid, uint8_t type, uint32_t timestamp, size_t len)
{
	assert_int_equal(g->m.csid, csid);
	assert_int_equal(g->m.stream_id, 1);
	assert_int_equal(g->m.type, type);
	assert_int_equal(g->m.timestamp, timestamp);
	assert_int_equal(g->m.len, len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(g->data[i], (uint8_t)((uint8_t)timestamp + i * 7));
	}
}

struct planned {
	uint32_t csid;
	uint8_t type;
	uint32_t timestamp;
	size_t len;
};

/* Writes the plan in each of the writer's ways and reads it back in each of the cuts. */
static void check_round_trip(const struct planned *plan, size_t n, uint32_t chunk_size)
{
	for (unsigned way = 0; way < 4; way++) {
		struct rtmp_chunk_writer w;
		struct buf out = {0};
		rtmp_chunk_writer_init(&w);
		w.compress = way & 1;
		w.omit_extended = way & 2;
		rtmp_chunk_write_size(&w, chunk_size, &out);
		for (size_t i = 0; i < n; i++) {
			put_message(&w, &out, plan[i].csid, plan[i].type, plan[i].timestamp,
				plan[i].len);
		}
		cut_for_each(cut)
		{
			struct collector c;
			read_all(&out, cut, &c);
			assert_int_equal(c.error, RTMP_CLOSE_NONE);
			assert_int_equal(c.n, n);
			for (size_t i = 0; i < n; i++) {
				check_message(&c.items[i], plan[i].csid, plan[i].type,
					plan[i].timestamp, plan[i].len);
			}
			collector_finish(&c);
		}
		buf_finish(&out);
	}
}

static void test_sizes_around_the_chunk_size(void **state)
{
	static const struct planned plan[] = {
		{4, 9, 0, 0},
		{4, 9, 0, 1},
		{4, 8, 23, 127},
		{4, 8, 46, 128},
		{4, 9, 46, 129},
		{4, 9, 79, 256},
		{4, 9, 112, 257},
		{4, 9, 145, 257},
		{4, 9, 178, 257},
		{4, 8, 178, 0},
		{4, 8, 178, 0},
	};
	check_round_trip(plan, sizeof(plan) / sizeof(plan[0]), 128);
	check_round_trip(plan, sizeof(plan) / sizeof(plan[0]), 4096);
	check_round_trip(plan, sizeof(plan) / sizeof(plan[0]), 1);
}

static void test_chunk_stream_ids_of_every_width(void **state)
{
	static const struct planned plan[] = {
		{2, 9, 1, 300},
		{63, 9, 2, 300},
		{64, 9, 3, 300},
		{319, 9, 4, 300},
		{320, 9, 5, 300},
		{65599, 9, 6, 300},
		{63, 9, 7, 300},
		{320, 9, 8, 300},
	};
	check_round_trip(plan, sizeof(plan) / sizeof(plan[0]), 128);
}

static void test_timestamps_across_24_and_32_bits(void **state)
{
	static const struct planned plan[] = {
		{4, 9, 0xfffffd, 300},
		{4, 9, 0xfffffe, 300},
		{4, 9, 0xffffff, 300},
		{4, 9, 0x1000000, 300},
		{4, 9, 0x1000021, 300},
		{4, 9, 0xfffffff0, 300},
		{4, 9, 0xfffffffe, 300},
		{4, 9, 0xffffffff, 300},
		{4, 9, 0, 300},
		{4, 9, 33, 300},
	};
	check_round_trip(plan, sizeof(plan) / sizeof(plan[0]), 128);
}

/* A payload that looks like the timestamp that was left out must not be taken for one for long. */
static void test_omitted_extended_timestamp_with_tempting_payload(void **state)
{
	for (unsigned same = 0; same < 4; same++) {
		uint8_t data[132] = {0};
		struct buf out = {0};
		/* fmt 0, csid 4, timestamp 0x01020304, 132 bytes */
		buf_put(&out, "\x04\xff\xff\xff\x00\x00\x84\x09\x01\x00\x00\x00\x01\x02\x03\x04",
			16);
		memset(data, 0xaa, sizeof(data));
		memcpy(data + 128, "\x01\x02\x03\x04", same);
		buf_put(&out, data, 128);
		buf_put_u8(&out, 0xc4);
		buf_put(&out, data + 128, 4);
		/* the next message, whose header ends every doubt */
		buf_put(&out, "\x44\x00\x00\x05\x00\x00\x01\x08\x77", 9);
		cut_for_each(cut)
		{
			struct collector c;
			read_all(&out, cut, &c);
			assert_int_equal(c.error, RTMP_CLOSE_NONE);
			assert_int_equal(c.n, 2);
			assert_int_equal(c.items[0].m.timestamp, 0x01020304);
			assert_memory_equal(c.items[0].data, data, sizeof(data));
			assert_int_equal(c.items[1].m.timestamp, 0x01020309);
			assert_int_equal(c.items[1].data[0], 0x77);
			collector_finish(&c);
		}
		buf_finish(&out);
	}
}

/* The tail is shorter than a timestamp and begins like it: what follows decides. */
static void test_omitted_extended_timestamp_with_short_tail(void **state)
{
	struct buf out = {0};
	uint8_t data[129];
	memset(data, 0xbb, sizeof(data));
	data[128] = 0x01;
	buf_put(&out, "\x04\xff\xff\xff\x00\x00\x81\x09\x01\x00\x00\x00\x01\x02\x03\x04", 16);
	buf_put(&out, data, 128);
	buf_put(&out, "\xc4\x01", 2);
	buf_put(&out, "\x44\x00\x00\x05\x00\x00\x01\x08\x77", 9);
	cut_for_each(cut)
	{
		struct collector c;
		read_all(&out, cut, &c);
		assert_int_equal(c.n, 2);
		assert_memory_equal(c.items[0].data, data, sizeof(data));
		assert_int_equal(c.items[1].m.type, 8);
		collector_finish(&c);
	}
	buf_finish(&out);
}

static void check_timestamps(const struct buf *in, const uint32_t *want, size_t n)
{
	cut_for_each(cut)
	{
		struct collector c;
		read_all(in, cut, &c);
		assert_int_equal(c.error, RTMP_CLOSE_NONE);
		assert_int_equal(c.n, n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(c.items[i].m.timestamp, want[i]);
		}
		collector_finish(&c);
	}
}

static void test_type_3_begins_a_message(void **state)
{
	struct buf out = {0};
	static const uint32_t want[] = {10, 20, 25, 30, 35};
	buf_put(&out, "\x04\x00\x00\x0a\x00\x00\x01\x08\x01\x00\x00\x00\x61", 13);
	buf_put(&out, "\xc4\x62", 2); /* after type 0: its timestamp is the delta */
	buf_put(&out, "\x84\x00\x00\x05\x63", 5);
	buf_put(&out, "\xc4\x64", 2);
	buf_put(&out, "\xc4\x65", 2);
	check_timestamps(&out, want, 5);
	buf_finish(&out);
}

static void test_type_3_begins_a_message_after_an_extended_timestamp(void **state)
{
	static const uint32_t want[] = {0x01000000, 0x01000000, 0x01000000};
	struct buf repeated = {0}, omitted = {0};
	static const char first[] =
		"\x04\xff\xff\xff\x00\x00\x02\x08\x01\x00\x00\x00\x01\x00\x00\x00zz";
	buf_put(&repeated, first, 18);
	buf_put(&repeated, "\xc4\x01\x00\x00\x00yy\xc4\x01\x00\x00\x00xx", 14);
	check_timestamps(&repeated, want, 3);
	buf_put(&omitted, first, 18);
	buf_put(&omitted, "\xc4yy\xc4xx", 6);
	check_timestamps(&omitted, want, 3);
	buf_finish(&repeated);
	buf_finish(&omitted);
}

static void test_extended_delta(void **state)
{
	static const uint32_t want[] = {5, 0x01000005, 0x02000005};
	struct buf out = {0};
	buf_put(&out, "\x04\x00\x00\x05\x00\x00\x01\x08\x01\x00\x00\x00z", 13);
	buf_put(&out, "\x84\xff\xff\xff\x01\x00\x00\x00y", 9);
	buf_put(&out, "\xc4\x01\x00\x00\x00x", 6);
	check_timestamps(&out, want, 3);
	buf_finish(&out);
}

static void test_interleaved_messages(void **state)
{
	struct buf out = {0};
	uint8_t video[300], audio[200];
	fill_pattern(video, sizeof(video), 1);
	fill_pattern(audio, sizeof(audio), 2);
	buf_put(&out, "\x06\x00\x00\x10\x00\x01\x2c\x09\x01\x00\x00\x00", 12);
	buf_put(&out, video, 128);
	buf_put(&out, "\x04\x00\x00\x11\x00\x00\xc8\x08\x01\x00\x00\x00", 12);
	buf_put(&out, audio, 128);
	buf_put(&out, "\xc6", 1);
	buf_put(&out, video + 128, 128);
	buf_put(&out, "\xc4", 1);
	buf_put(&out, audio + 128, 72);
	buf_put(&out, "\xc6", 1);
	buf_put(&out, video + 256, 44);
	cut_for_each(cut)
	{
		struct collector c;
		read_all(&out, cut, &c);
		assert_int_equal(c.n, 2);
		assert_int_equal(c.items[0].m.type, 8);
		assert_memory_equal(c.items[0].data, audio, sizeof(audio));
		assert_int_equal(c.items[1].m.type, 9);
		assert_memory_equal(c.items[1].data, video, sizeof(video));
		collector_finish(&c);
	}
	buf_finish(&out);
}

static void test_chunk_size_changes_inside_a_message(void **state)
{
	struct buf out = {0};
	uint8_t video[300];
	fill_pattern(video, sizeof(video), 3);
	buf_put(&out, "\x06\x00\x00\x10\x00\x01\x2c\x09\x01\x00\x00\x00", 12);
	buf_put(&out, video, 128);
	buf_put(&out, "\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x00\x64", 16);
	buf_put(&out, "\xc6", 1);
	buf_put(&out, video + 128, 100);
	buf_put(&out, "\xc6", 1);
	buf_put(&out, video + 228, 72);
	cut_for_each(cut)
	{
		struct collector c;
		read_all(&out, cut, &c);
		assert_int_equal(c.n, 1);
		assert_memory_equal(c.items[0].data, video, sizeof(video));
		collector_finish(&c);
	}
	buf_finish(&out);
}

static void test_abort_drops_an_unfinished_message(void **state)
{
	struct buf out = {0};
	uint8_t video[300];
	fill_pattern(video, sizeof(video), 3);
	buf_put(&out, "\x06\x00\x00\x10\x00\x01\x2c\x09\x01\x00\x00\x00", 12);
	buf_put(&out, video, 128);
	buf_put(&out, "\x02\x00\x00\x00\x00\x00\x04\x02\x00\x00\x00\x00\x00\x00\x00\x06", 16);
	buf_put(&out, "\x46\x00\x00\x05\x00\x00\x03\x09\x61\x62\x63", 11);
	/* of a chunk stream that does not exist, and one too short: nothing happens */
	buf_put(&out, "\x02\x00\x00\x00\x00\x00\x04\x02\x00\x00\x00\x00\x00\x00\x00\x09", 16);
	buf_put(&out, "\x02\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x09", 13);
	cut_for_each(cut)
	{
		struct collector c;
		read_all(&out, cut, &c);
		assert_int_equal(c.error, RTMP_CLOSE_NONE);
		assert_int_equal(c.n, 1);
		assert_int_equal(c.items[0].m.len, 3);
		assert_int_equal(c.items[0].m.timestamp, 0x15);
		assert_memory_equal(c.items[0].data, "abc", 3);
		collector_finish(&c);
	}
	buf_finish(&out);
}

static void test_new_header_drops_an_unfinished_message(void **state)
{
	struct buf out = {0};
	uint8_t video[128] = {0};
	buf_put(&out, "\x06\x00\x00\x10\x00\x01\x2c\x09\x01\x00\x00\x00", 12);
	buf_put(&out, video, 128);
	buf_put(&out, "\x06\x00\x00\x20\x00\x00\x01\x08\x01\x00\x00\x00\x55", 13);
	cut_for_each(cut)
	{
		struct collector c;
		read_all(&out, cut, &c);
		assert_int_equal(c.n, 1);
		assert_int_equal(c.items[0].m.type, 8);
		assert_int_equal(c.items[0].m.timestamp, 0x20);
		collector_finish(&c);
	}
	buf_finish(&out);
}

static void test_type_1_may_come_first(void **state)
{
	struct buf out = {0};
	buf_put(&out, "\x42\x00\x00\x07\x00\x00\x02\x04zz", 10);
	cut_for_each(cut)
	{
		struct collector c;
		read_all(&out, cut, &c);
		assert_int_equal(c.n, 1);
		assert_int_equal(c.items[0].m.timestamp, 7);
		assert_int_equal(c.items[0].m.stream_id, 0);
		collector_finish(&c);
	}
	buf_finish(&out);
}

/* What the writer puts on the wire, to the byte. */
static void test_writer_compresses_headers(void **state)
{
	struct rtmp_chunk_writer w;
	struct buf out = {0};
	rtmp_chunk_writer_init(&w);
	w.compress = true;
	struct rtmp_message m = {
		.csid = 4, .stream_id = 1, .type = 8, .data = (const uint8_t *)"ab", .len = 2};
	static const uint32_t times[] = {0, 23, 46, 69, 90, 80};
	for (size_t i = 0; i < 6; i++) {
		m.timestamp = times[i];
		rtmp_chunk_write(&w, &m, &out);
	}
	static const uint8_t want[] = "\x04\x00\x00\x00\x00\x00\x02\x08\x01\x00\x00\x00"
				      "ab\x84\x00\x00\x17"
				      "ab\xc4"
				      "ab\xc4"
				      "ab\x84\x00\x00\x15"
				      "ab\x04\x00\x00\x50\x00\x00\x02\x08\x01\x00\x00\x00"
				      "ab";
	assert_int_equal(out.len, sizeof(want) - 1);
	assert_memory_equal(out.data, want, sizeof(want) - 1);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_around_the_chunk_size),
		cmocka_unit_test(test_chunk_stream_ids_of_every_width),
		cmocka_unit_test(test_timestamps_across_24_and_32_bits),
		cmocka_unit_test(test_omitted_extended_timestamp_with_tempting_payload),
		cmocka_unit_test(test_omitted_extended_timestamp_with_short_tail),
		cmocka_unit_test(test_type_3_begins_a_message),
		cmocka_unit_test(test_type_3_begins_a_message_after_an_extended_timestamp),
		cmocka_unit_test(test_extended_delta),
		cmocka_unit_test(test_interleaved_messages),
		cmocka_unit_test(test_chunk_size_changes_inside_a_message),
		cmocka_unit_test(test_abort_drops_an_unfinished_message),
		cmocka_unit_test(test_new_header_drops_an_unfinished_message),
		cmocka_unit_test(test_type_1_may_come_first),
		cmocka_unit_test(test_writer_compresses_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
