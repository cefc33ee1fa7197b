#include "session_support.h"

#define SECOND 1000000

static void open_with(struct bench *b)
{
	bench_open(b, CUT_WHOLE);
	bench_start(b);
}

static void test_handshake_timeout(void **state)
{
	struct bench b;
	open_with(&b);
	rtmp_session_input(b.session, (const uint8_t *)"\x03", 1, b.clock.mono);
	assert_true(rtmp_session_tick(b.session, b.clock.mono) == b.clock.mono + 5 * SECOND);
	bench_advance(&b, 5 * SECOND - 1);
	assert_string_equal(b.events, "");
	/* one byte now and then does not prolong it */
	rtmp_session_input(b.session, (const uint8_t *)"x", 1, b.clock.mono);
	bench_advance(&b, 1);
	assert_string_equal(b.events, "closed(handshake_timeout)");
	bench_close(&b);
}

static void test_wrong_version(void **state)
{
	struct bench b;
	open_with(&b);
	assert_false(rtmp_session_input(b.session, (const uint8_t *)"\x06zzzz", 5, b.clock.mono));
	assert_string_equal(b.events, "closed(version)");
	assert_int_equal(rtmp_session_output(b.session)->len, 0);
	bench_close(&b);
}

static void test_connect_to_publish(void **state)
{
	struct bench b;
	open_with(&b);
	bench_advance(&b, 4 * SECOND);
	bench_shake(&b);
	write_connect(&b, "live");
	bench_send(&b);
	bench_advance(&b, 10 * SECOND - 1);
	assert_string_equal(b.events, "");
	bench_advance(&b, 1);
	assert_string_equal(b.events, "closed(publish_timeout)");
	bench_close(&b);
}

static void test_unanswered_publish_times_out(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	b.answer_at_once = false;
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "publish", 3, 1, "key", "live");
	bench_send(&b);
	bench_advance(&b, 10 * SECOND);
	assert_string_equal(b.events, "publish(key,live) closed(publish_timeout)");
	/* the owner's answer comes too late and does nothing */
	rtmp_session_accept(b.session, b.clock.mono);
	rtmp_session_reject(b.session, RTMP_CLOSE_BAD_KEY, NULL, NULL);
	assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_PUBLISH_TIMEOUT);
	bench_close(&b);
}

static void test_idle_after_unpublish(void **state)
{
	struct bench b;
	open_with(&b);
	bench_publish(&b);
	bench_advance(&b, 12 * SECOND);
	write_delete_stream(&b, 1);
	bench_send(&b);
	bench_advance(&b, 9 * SECOND);
	assert_string_equal(b.events, "unpublish");
	bench_advance(&b, 1 * SECOND);
	assert_string_equal(b.events, "unpublish closed(publish_timeout)");
	bench_close(&b);
}

static void test_silence(void **state)
{
	struct bench b;
	open_with(&b);
	bench_publish(&b);
	for (unsigned i = 0; i < 10; i++) {
		bench_advance(&b, 14 * SECOND);
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, i, "abc", 3);
		bench_send(&b);
	}
	b.events[0] = '\0';
	bench_advance(&b, 15 * SECOND - 1);
	assert_string_equal(b.events, "");
	bench_advance(&b, 1);
	assert_string_equal(b.events, "closed(silence)");
	bench_close(&b);
}

/* A peer that only answers pings is alive, but silent all the same. */
static void check_ping_answers_are_silence(unsigned cut)
{
	struct bench b;
	bench_open(&b, cut);
	bench_start(&b);
	bench_publish(&b);
	for (unsigned i = 0; i < 3 && b.events[0] == '\0'; i++) {
		b.answers[0] = '\0';
		bench_advance(&b, 5 * SECOND);
		if (i < 2) {
			assert_non_null(strstr(b.answers, "user6("));
		}
		rtmp_chunk_write_user(&b.writer, RTMP_USER_PING_RESPONSE, 1, &b.wire);
		bench_send(&b);
	}
	assert_string_equal(b.events, "closed(silence)");
	bench_close(&b);
}

static void test_ping_answers_are_silence(void **state)
{
	check_ping_answers_are_silence(CUT_WHOLE);
	check_ping_answers_are_silence(CUT_BYTES);
}

/* A large message over a thin line is no silence. */
static void test_slow_message_is_not_silence(void **state)
{
	struct bench b;
	uint8_t data[100] = {0};
	open_with(&b);
	bench_publish(&b);
	write_message(&b, 4, RTMP_TYPE_VIDEO, 1, 0, data, sizeof(data));
	size_t total = b.wire.len;
	for (size_t i = 0; i < total; i++) {
		rtmp_session_input(b.session, b.wire.data + i, 1, b.clock.mono);
		bench_advance(&b, SECOND);
	}
	assert_string_equal(b.events, "video@0:100");
	bench_close(&b);
}

static void test_pings_only_when_quiet(void **state)
{
	struct bench b;
	open_with(&b);
	bench_publish(&b);
	for (unsigned i = 0; i < 20; i++) {
		bench_advance(&b, SECOND);
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, i, "abc", 3);
		bench_send(&b);
	}
	assert_null(strstr(b.answers, "user6("));
	uint64_t next = rtmp_session_tick(b.session, b.clock.mono);
	assert_true(next == b.clock.mono + 5 * SECOND);
	bench_advance(&b, 5 * SECOND);
	assert_non_null(strstr(b.answers, "user6("));
	bench_close(&b);
}

static void feed_seconds(struct bench *b, unsigned seconds, size_t bytes_a_second)
{
	uint8_t *data = mem_zalloc(bytes_a_second);
	for (unsigned i = 0; i < seconds && rtmp_session_reason(b->session) == RTMP_CLOSE_NONE;
		i++) {
		write_message(b, 4, RTMP_TYPE_VIDEO, 1, i * 1000, data, bytes_a_second);
		b->events[0] = b->answers[0] = '\0';
		bench_send(b);
		bench_advance(b, SECOND);
	}
	free(data);
}

static void test_bit_rate(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	b.config.max_bitrate = 800000;
	bench_start(&b);
	bench_publish(&b);
	rtmp_chunk_write_size(&b.writer, 4096, &b.wire);
	feed_seconds(&b, 60, 95000);
	assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_NONE);
	/* a burst is averaged out */
	feed_seconds(&b, 1, 140000);
	feed_seconds(&b, 20, 90000);
	assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_NONE);
	feed_seconds(&b, 20, 115000);
	assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_BITRATE);
	assert_non_null(strstr(b.events, "closed(bitrate)"));
	bench_close(&b);
}

static void test_bit_rate_forgets(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	b.config.max_bitrate = 80000; /* 100,000 bytes in 10 s */
	b.config.silence_timeout_us = 1000 * (uint64_t)SECOND;
	bench_start(&b);
	bench_publish(&b);
	for (unsigned i = 0; i < 5; i++) {
		bench_advance(&b, 60 * SECOND);
		feed_seconds(&b, 1, 95000);
		assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_NONE);
	}
	bench_close(&b);
}

static void test_message_of_8_mib_and_one(void **state)
{
	struct bench b;
	open_with(&b);
	bench_publish(&b);
	buf_put(&b.wire, "\x04\x00\x00\x00\x80\x00\x00\x09\x01\x00\x00\x00", 12);
	bench_send(&b);
	assert_string_equal(b.events, "");
	bench_close(&b);

	open_with(&b);
	bench_publish(&b);
	buf_put(&b.wire, "\x05\x00\x00\x00\x80\x00\x01\x09\x01\x00\x00\x00", 12);
	bench_send(&b);
	assert_string_equal(b.events, "closed(message_size)");
	bench_close(&b);
}

static void test_chunk_layer_reasons(void **state)
{
	struct bench b;
	open_with(&b);
	bench_publish(&b);
	rtmp_chunk_write_u32(&b.writer, RTMP_TYPE_SET_CHUNK_SIZE, (1u << 20) + 1, &b.wire);
	bench_send(&b);
	assert_string_equal(b.events, "closed(chunk_size)");
	bench_close(&b);

	open_with(&b);
	bench_publish(&b);
	for (uint32_t csid = 100; csid < 170; csid++) {
		write_message(&b, csid, RTMP_TYPE_WINDOW_ACK_SIZE, 0, 0, "\x00\x26\x25\xa0", 4);
	}
	bench_send(&b);
	assert_string_equal(b.events, "closed(chunk_streams)");
	bench_close(&b);

	open_with(&b);
	bench_publish(&b);
	buf_put_u8(&b.wire, 0xff);
	bench_send(&b);
	assert_string_equal(b.events, "closed(chunk_protocol)");
	bench_close(&b);
}

static void test_input_held_while_unanswered_is_bounded(void **state)
{
	struct bench b;
	uint8_t data[4096] = {0};
	bench_open(&b, CUT_WHOLE);
	b.answer_at_once = false;
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "publish", 3, 1, "key", "live");
	bench_send(&b);
	b.events[0] = '\0';
	size_t held = 0;
	while (rtmp_session_input(b.session, data, sizeof(data), b.clock.mono)) {
		held += sizeof(data);
		assert_true(held <= b.config.held_max);
	}
	assert_string_equal(b.events, "closed(held_bytes)");
	bench_close(&b);
}

static void test_peer_that_never_reads(void **state)
{
	struct bench b;
	open_with(&b);
	bench_publish(&b);
	size_t most = 0;
	for (unsigned i = 0; i < 200000; i++) {
		buf_reset(&b.wire);
		rtmp_chunk_write_user(&b.writer, RTMP_USER_PING_REQUEST, i, &b.wire);
		if (!rtmp_session_input(b.session, b.wire.data, b.wire.len, b.clock.mono)) {
			break;
		}
		size_t len = rtmp_session_output(b.session)->len;
		most = len > most ? len : most;
	}
	assert_string_equal(b.events, "closed(output)");
	assert_true(most <= b.config.output_max);
	bench_close(&b);
}

static void test_table_is_whole(void **state)
{
	for (int i = 0; i < RTMP_CLOSE_COUNT; i++) {
		const char *label = rtmp_close_label((enum rtmp_close)i);
		assert_true(strspn(label, "abcdefghijklmnopqrstuvwxyz_") == strlen(label));
		assert_true(strlen(rtmp_close_text((enum rtmp_close)i)) > 0);
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(label, rtmp_close_label((enum rtmp_close)j));
		}
	}
}

/* Random bytes behind a true handshake, and random mutations of a true session. */
static void test_garbage(void **state)
{
	uint32_t seed = 99;
	for (unsigned round = 0; round < 300; round++) {
		struct bench b;
		bench_open(&b, round % CUT_COUNT);
		bench_start(&b);
		bench_shake(&b);
		b.shaken = false;
		write_connect(&b, "live");
		write_command(&b, "createStream", 2, 0, NULL, NULL);
		write_command(&b, "publish", 3, 1, "key", "live");
		write_message(&b, 4, RTMP_TYPE_VIDEO, 1, 0, "\x17\x01\x00\x00\x00zzzz", 9);
		for (unsigned i = 0; i < 1 + round % 5; i++) {
			seed = seed * 1664525u + 1013904223u;
			b.wire.data[(seed >> 4) % b.wire.len] = (uint8_t)(seed >> 24);
		}
		bench_send(&b);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_timeout),
		cmocka_unit_test(test_wrong_version),
		cmocka_unit_test(test_connect_to_publish),
		cmocka_unit_test(test_unanswered_publish_times_out),
		cmocka_unit_test(test_idle_after_unpublish),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_ping_answers_are_silence),
		cmocka_unit_test(test_slow_message_is_not_silence),
		cmocka_unit_test(test_pings_only_when_quiet),
		cmocka_unit_test(test_bit_rate),
		cmocka_unit_test(test_bit_rate_forgets),
		cmocka_unit_test(test_message_of_8_mib_and_one),
		cmocka_unit_test(test_chunk_layer_reasons),
		cmocka_unit_test(test_input_held_while_unanswered_is_bounded),
		cmocka_unit_test(test_peer_that_never_reads),
		cmocka_unit_test(test_table_is_whole),
		cmocka_unit_test(test_garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
