#include "session_support.h"

#define START "user0(1) onStatus#0/1(NetStream.Publish.Start)"

/* As OBS does it: all in a row, nothing waited for; then media as deltas on chunk stream 4. */
static void test_pipelined_publish(void **state)
{
	cut_for_each(cut)
	{
		struct bench b;
		uint8_t data[5000];
		memset(data, 0x17, sizeof(data));
		bench_open(&b, cut);
		bench_start(&b);
		bench_shake(&b);
		b.writer.compress = true;
		rtmp_chunk_write_size(&b.writer, 4096, &b.wire);
		write_connect(&b, "live");
		write_command(&b, "releaseStream", 2, 0, "key", NULL);
		write_command(&b, "FCPublish", 3, 0, "key", NULL);
		write_command(&b, "createStream", 4, 0, NULL, NULL);
		bench_send(&b);
		assert_string_equal(b.answers,
			CONNECTED_ANSWERS
			" _result#2/0() _result#3/0() onFCPublish#0/0(NetStream.FCPublish.Success)"
			" _result#4/0(1)");
		b.answers[0] = '\0';
		write_command(&b, "publish", 5, 1, "key", "live");
		bench_send(&b);
		assert_string_equal(b.answers, START);
		assert_string_equal(b.events, "publish(key,live)");
		assert_string_equal(
			rtmp_session_flash_version(b.session), "FMLE/3.0 (compatible; test)");
		b.events[0] = '\0';
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 0, data, 4);
		write_message(&b, 4, RTMP_TYPE_VIDEO, 1, 0, data, 40);
		write_message(&b, 4, RTMP_TYPE_VIDEO, 1, 33, data, 5000);
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 46, data, 300);
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 69, data, 300);
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 92, data, 300);
		bench_send(&b);
		assert_string_equal(b.events,
			"audio@0:4 video@0:40 video@33:5000 audio@46:300 audio@69:300 "
			"audio@92:300");
		bench_close(&b);
	}
}

static void test_clock_runs_over_24_and_32_bits_by_deltas(void **state)
{
	cut_for_each(cut)
	{
		static const uint32_t times[] = {
			0xfffff0, 0x1000010, 0xffffffe0, 0xfffffff8, 0x10, 0x20};
		struct bench b;
		bench_open(&b, cut);
		bench_start(&b);
		bench_publish(&b);
		b.writer.compress = true;
		for (size_t i = 0; i < 6; i++) {
			write_message(&b, 4, RTMP_TYPE_AUDIO, 1, times[i], "0123456789", 10);
		}
		bench_send(&b);
		assert_string_equal(b.events,
			"audio@16777200:10 audio@16777232:10 "
			"audio@4294967264:10 audio@4294967288:10 audio@16:10 audio@32:10");
		bench_close(&b);
	}
}

static void test_start_waits_for_the_owner(void **state)
{
	cut_for_each(cut)
	{
		struct bench b;
		bench_open(&b, cut);
		b.answer_at_once = false;
		bench_start(&b);
		bench_shake(&b);
		write_connect(&b, "live");
		write_command(&b, "createStream", 2, 0, NULL, NULL);
		write_command(&b, "publish", 3, 1, "key", "live");
		/* an encoder that does not wait */
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 0, "abc", 3);
		write_message(&b, 4, RTMP_TYPE_VIDEO, 1, 0, "defg", 4);
		bench_send(&b);
		assert_string_equal(b.events, "publish(key,live)");
		assert_false(rtmp_session_reading(b.session));
		assert_null(strstr(b.answers, "Publish"));
		b.answers[0] = b.events[0] = '\0';

		rtmp_session_accept(b.session, b.clock.mono);
		assert_true(rtmp_session_reading(b.session));
		assert_true(rtmp_session_publishing(b.session));
		bench_advance(&b, 0);
		assert_string_equal(b.answers, START);
		assert_string_equal(b.events, "audio@0:3 video@0:4");
		rtmp_session_accept(b.session, b.clock.mono);
		bench_read_answers(&b);
		assert_string_equal(b.answers, START);
		bench_close(&b);
	}
}

static void test_stop_while_unanswered_follows_the_answer(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	b.answer_at_once = false;
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "publish", 3, 1, "key", "live");
	write_command(&b, "FCUnpublish", 4, 0, "key", NULL);
	write_command(&b, "publish", 5, 1, "other", "live");
	write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 0, "abc", 3);
	bench_send(&b);
	assert_string_equal(b.events, "publish(key,live)");
	rtmp_session_accept(b.session, b.clock.mono);
	bench_advance(&b, 0);
	assert_string_equal(b.events, "publish(key,live) unpublish publish(other,live)");
	rtmp_session_accept(b.session, b.clock.mono);
	bench_advance(&b, 0);
	assert_string_equal(b.events, "publish(key,live) unpublish publish(other,live) audio@0:3");
	bench_close(&b);
}

static void test_rejections(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	b.answer_at_once = false;
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "publish", 3, 1, "nokey", "live");
	bench_send(&b);
	b.events[0] = b.answers[0] = '\0';
	rtmp_session_reject(b.session, RTMP_CLOSE_BAD_KEY, "NetStream.Publish.BadName", "why");
	bench_read_answers(&b);
	assert_string_equal(b.answers, "onStatus#0/1(NetStream.Publish.BadName)");
	assert_string_equal(b.events, "closed(bad_key)");
	assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_BAD_KEY);
	assert_false(rtmp_session_input(b.session, (const uint8_t *)"x", 1, b.clock.mono));
	assert_true(rtmp_session_tick(b.session, b.clock.mono) == RTMP_SESSION_NEVER);
	bench_close(&b);
}

static void test_play_is_asked_and_rejected(void **state)
{
	struct bench b;
	bench_open(&b, CUT_BYTES);
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "createStream", 2, 0, NULL, NULL);
	write_command(&b, "play", 0, 1, "stream-id?token=x", NULL);
	bench_send(&b);
	assert_string_equal(b.events, "play(stream-id)");
	b.answers[0] = '\0';
	rtmp_session_reject(b.session, RTMP_CLOSE_NO_STREAM, NULL, NULL);
	bench_read_answers(&b);
	assert_string_equal(b.answers, "onStatus#0/1(NetStream.Play.StreamNotFound)");
	bench_close(&b);
}

static void test_play_is_accepted_and_ends(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "play", 0, 1, "id?token=x", NULL);
	bench_send(&b);
	rtmp_session_send(b.session, RTMP_TYPE_VIDEO, 0, (const uint8_t *)"none", 4);
	b.answers[0] = b.events[0] = '\0';
	rtmp_session_accept(b.session, b.clock.mono);
	assert_true(rtmp_session_playing(b.session));
	assert_false(rtmp_session_publishing(b.session));
	bench_read_answers(&b);
	assert_non_null(strstr(b.answers,
		"user0(1) onStatus#0/1(NetStream.Play.Reset) onStatus#0/1(NetStream.Play.Start)"));
	/* What it may not do, what it may, and what it need not: say anything. */
	b.answers[0] = '\0';
	write_command(&b, "publish", 0, 1, "key", NULL);
	write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 0, "abc", 3);
	bench_send(&b);
	assert_string_equal(b.answers, "onStatus#0/1(NetStream.Publish.BadConnection)");
	bench_advance(&b, 3600000000);
	assert_int_equal(rtmp_session_reason(b.session), RTMP_CLOSE_NONE);
	b.answers[0] = '\0';
	rtmp_session_close(b.session, RTMP_CLOSE_ENDED, NULL);
	bench_read_answers(&b);
	assert_string_equal(b.answers,
		"onStatus#0/1(NetStream.Play.UnpublishNotify) user1(1) "
		"onStatus#0/1(NetStream.Play.Stop)");
	assert_string_equal(b.events, "closed(ended)");
	bench_close(&b);
}

static void test_play_is_stopped_and_begun_again(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	write_command(&b, "play", 0, 1, "id", NULL);
	bench_send(&b);
	rtmp_session_accept(b.session, b.clock.mono);
	b.events[0] = '\0';
	write_command(&b, "closeStream", 0, 1, NULL, NULL);
	write_command(&b, "play", 0, 1, "other", NULL);
	bench_send(&b);
	assert_string_equal(b.events, "stop play(other)");
	rtmp_session_accept(b.session, b.clock.mono);
	assert_true(rtmp_session_playing(b.session));
	b.answers[0] = '\0';
	bench_read_answers(&b);
	b.answers[0] = '\0';
	rtmp_session_close(b.session, RTMP_CLOSE_KICKED, NULL);
	bench_read_answers(&b);
	assert_string_equal(b.answers, "onStatus#0/1(NetStream.Play.Failed)");
	bench_close(&b);
}

static void test_explicit_stop(void **state)
{
	static const char *const stops[] = {"FCUnpublish", "closeStream", "deleteStream"};
	for (size_t i = 0; i < 3; i++) {
		struct bench b;
		bench_open(&b, CUT_WHOLE);
		bench_start(&b);
		bench_publish(&b);
		if (i == 2) {
			write_delete_stream(&b, 7);
			bench_send(&b);
			assert_string_equal(b.events, "");
			write_delete_stream(&b, 1);
		} else {
			write_command(&b, stops[i], 9, 1, i == 0 ? "key" : NULL, NULL);
		}
		/* the rest of the goodbye, and media behind it, change nothing any more */
		write_delete_stream(&b, 1);
		write_message(&b, 4, RTMP_TYPE_AUDIO, 1, 0, "abc", 3);
		bench_send(&b);
		assert_string_equal(b.events, "unpublish");
		assert_non_null(strstr(b.answers, "onStatus#0/1(NetStream.Unpublish.Success)"));
		assert_false(rtmp_session_publishing(b.session));
		b.events[0] = '\0';
		write_command(&b, "publish", 10, 1, "again", "live");
		bench_send(&b);
		assert_string_equal(b.events, "publish(again,live)");
		bench_close(&b);
	}
}

static void check_address(const char *app, const char *name, const char *want)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, app);
	write_command(&b, "publish", 3, 1, name, "live");
	bench_send(&b);
	if (strcmp(b.events, want) != 0) {
		fail_msg("app %s, name %s: %s", app, name, b.events);
	}
	bench_close(&b);
}

static void test_addresses(void **state)
{
	char longest[257], over[258];
	memset(longest, 'k', sizeof(longest));
	memset(over, 'k', sizeof(over));
	longest[255] = over[256] = '\0';
	char want[300];
	snprintf(want, sizeof(want), "publish(%s,live)", longest);

	check_address("live", "key", "publish(key,live)");
	check_address("live/", "key", "publish(key,live)");
	check_address("/live", "key", "publish(key,live)");
	check_address("live?a=b", "key?token=1&x", "publish(key,live)");
	check_address("live/key", "", "publish(key,live)");
	check_address("live/key?x=1", NULL, "publish(key,)");
	check_address("live/_definst_", "key", "publish(key,live)");
	check_address("live", longest, want);
	check_address("live", over, "closed(bad_key)");
	check_address("live", "", "closed(bad_key)");
	check_address("live", NULL, "closed(bad_key)");
	check_address("live", "?x", "closed(bad_key)");
	check_address("live", "a\nb", "closed(bad_key)");
	check_address("other", "key", "closed(invalid_app)");
	check_address("livestream", "key", "closed(invalid_app)");
	check_address("liv", "key", "closed(invalid_app)");
	check_address("", "key", "closed(invalid_app)");
}

static void test_invalid_app_is_told(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "vod");
	bench_send(&b);
	assert_string_equal(b.answers, "_error#1/0(NetConnection.Connect.InvalidApp)");
	bench_close(&b);
}

static void test_errors_that_do_not_end_the_connection(void **state)
{
	struct bench b;
	bench_open(&b, CUT_BYTES);
	bench_start(&b);
	bench_shake(&b);
	write_command(&b, "publish", 3, 1, "key", "live");
	write_command(&b, "createStream", 4, 0, NULL, NULL);
	bench_send(&b);
	assert_string_equal(b.answers,
		"_error#3/0(NetConnection.Call.Failed)"
		" _error#4/0(NetConnection.Call.Failed)");
	b.answers[0] = '\0';
	write_connect(&b, "live");
	bench_send(&b);
	assert_string_equal(b.answers, CONNECTED_ANSWERS);
	b.answers[0] = '\0';
	write_connect(&b, "live");
	write_command(&b, "noSuchCommand", 7, 0, "a", "b");
	write_command(&b, "noSuchCommand", 0, 0, NULL, NULL);
	write_command(&b, "_result", 7, 0, NULL, NULL);
	write_command(&b, "getStreamLength", 8, 0, "key", NULL);
	bench_send(&b);
	assert_string_equal(b.answers,
		"_error#1/0(NetConnection.Connect.Failed)"
		" _error#7/0(NetConnection.Call.Failed) _result#8/0(0)");
	b.answers[0] = '\0';
	write_command(&b, "publish", 9, 1, "key", "live");
	write_command(&b, "publish", 10, 1, "key", "live");
	bench_send(&b);
	assert_string_equal(b.events, "publish(key,live)");
	assert_string_equal(b.answers, START " onStatus#0/1(NetStream.Publish.BadConnection)");
	bench_close(&b);
}

static void put_metadata(struct buf *amf)
{
	amf0_put_string(amf, "onMetaData");
	amf0_put_ecma_array(amf, 2);
	amf0_put_name(amf, "width");
	amf0_put_number(amf, 640);
	amf0_put_name(amf, "height");
	amf0_put_number(amf, 360);
	amf0_put_name(amf, "encoder");
	amf0_put_string(amf, "test");
	amf0_put_end(amf);
}

static void test_data_messages(void **state)
{
	struct bench b;
	struct buf amf = {0};
	bench_open(&b, CUT_BYTES);
	bench_start(&b);
	bench_publish(&b);
	amf0_put_string(&amf, "@setDataFrame");
	put_metadata(&amf);
	write_message(&b, 4, RTMP_TYPE_DATA_AMF0, 1, 0, amf.data, amf.len);
	buf_reset(&amf);
	buf_put_u8(&amf, 0);
	put_metadata(&amf);
	write_message(&b, 4, RTMP_TYPE_DATA_AMF3, 1, 0, amf.data, amf.len);
	buf_reset(&amf);
	amf0_put_string(&amf, "onTextData");
	amf0_put_null(&amf);
	write_message(&b, 4, RTMP_TYPE_DATA_AMF0, 1, 70, amf.data, amf.len);
	buf_reset(&amf);
	amf0_put_string(&amf, "@setDataFrame");
	amf0_put_string(&amf, "onCuePoint");
	write_message(&b, 4, RTMP_TYPE_DATA_AMF0, 1, 80, amf.data, amf.len);
	buf_reset(&amf);
	amf0_put_string(&amf, "@clearDataFrame");
	write_message(&b, 4, RTMP_TYPE_DATA_AMF0, 1, 80, amf.data, amf.len);
	write_message(&b, 4, RTMP_TYPE_DATA_AMF0, 1, 80, "\x02\xff", 2);
	write_message(&b, 4, RTMP_TYPE_DATA_AMF3, 1, 80, "\x03", 1);
	write_message(&b, 4, RTMP_TYPE_DATA_AMF0, 1, 80, NULL, 0);
	bench_send(&b);
	assert_string_equal(b.events,
		"metadata(640x360,test) metadata(640x360,test) "
		"data(onTextData@70:1) data(onCuePoint@80:0)");
	buf_finish(&amf);
	bench_close(&b);
}

static void test_amf3_wrapped_commands(void **state)
{
	struct bench b;
	struct buf amf = {0};
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_shake(&b);
	write_connect(&b, "live");
	buf_put_u8(&amf, 0);
	amf0_put_string(&amf, "publish");
	amf0_put_number(&amf, 2);
	amf0_put_null(&amf);
	amf0_put_string(&amf, "key");
	buf_put(&amf, "\x11\x06\x09live", 7); /* an AMF3 string behind what is needed */
	write_message(&b, 3, RTMP_TYPE_COMMAND_AMF3, 1, 0, amf.data, amf.len);
	bench_send(&b);
	assert_string_equal(b.events, "publish(key,)");
	buf_finish(&amf);
	bench_close(&b);
}

static void test_undecodable_commands(void **state)
{
	static const struct {
		uint8_t type;
		const char *bytes;
		size_t len;
	} cases[] = {
		{RTMP_TYPE_COMMAND_AMF0, "", 0},
		{RTMP_TYPE_COMMAND_AMF0, "\x05", 1},
		{RTMP_TYPE_COMMAND_AMF0,
			"\x02\x00\x04"
			"play",
			7},
		{RTMP_TYPE_COMMAND_AMF0,
			"\x02\x00\x04"
			"play\x05",
			8},
		{RTMP_TYPE_COMMAND_AMF3, "\x03\x05", 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		bench_open(&b, CUT_WHOLE);
		bench_start(&b);
		bench_shake(&b);
		write_message(&b, 3, cases[i].type, 0, 0, cases[i].bytes, cases[i].len);
		bench_send(&b);
		assert_string_equal(b.events, "closed(command)");
		bench_close(&b);
	}
}

static void test_aggregate(void **state)
{
	static const uint8_t parts[] =
		"\x09\x00\x00\x02\x00\x00\x64\x00\x00\x00\x00vv\x00\x00\x00\x0d"
		"\x08\x00\x00\x01\x00\x00\x6e\x00\x00\x00\x00"
		"a\x00\x00\x00\x0c";
	cut_for_each(cut)
	{
		struct bench b;
		bench_open(&b, cut);
		bench_start(&b);
		bench_publish(&b);
		write_message(&b, 4, RTMP_TYPE_AGGREGATE, 1, 5000, parts, sizeof(parts) - 1);
		bench_send(&b);
		assert_string_equal(b.events, "video@5000:2 audio@5010:1");
		bench_close(&b);
	}
}

static void test_pings_are_answered(void **state)
{
	struct bench b;
	bench_open(&b, CUT_BYTES);
	bench_start(&b);
	bench_publish(&b);
	rtmp_chunk_write_user(&b.writer, RTMP_USER_PING_REQUEST, 4711, &b.wire);
	rtmp_chunk_write_user(&b.writer, RTMP_USER_SET_BUFFER_LENGTH, 1, &b.wire);
	bench_send(&b);
	assert_string_equal(b.answers, "user7(4711)");
	bench_close(&b);
}

static void test_acknowledgements_follow_the_window(void **state)
{
	struct bench b;
	uint8_t data[3000] = {0};
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_publish(&b);
	rtmp_chunk_write_u32(&b.writer, RTMP_TYPE_WINDOW_ACK_SIZE, 10000, &b.wire);
	bench_send(&b);
	unsigned acknowledged = 0;
	for (unsigned i = 0; i < 20; i++) {
		write_message(&b, 4, RTMP_TYPE_VIDEO, 1, i, data, sizeof(data));
		b.events[0] = b.answers[0] = '\0';
		bench_send(&b);
		acknowledged += strstr(b.answers, "type3(") != NULL;
	}
	assert_true(acknowledged >= 5 && acknowledged <= 6);
	bench_close(&b);
}

static void test_owner_ends_it(void **state)
{
	struct bench b;
	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_publish(&b);
	rtmp_session_close(b.session, RTMP_CLOSE_TAKEOVER, NULL);
	rtmp_session_close(b.session, RTMP_CLOSE_KICKED, NULL);
	bench_read_answers(&b);
	assert_string_equal(b.answers, "onStatus#0/1(NetStream.Publish.BadName)");
	assert_string_equal(b.events, "closed(takeover)");
	bench_close(&b);
}

static void drain_with(double capabilities, const char *want)
{
	struct bench b;

	bench_open(&b, CUT_WHOLE);
	bench_start(&b);
	bench_shake(&b);
	write_connect_with(&b, "live", capabilities);
	write_command(&b, "createStream", 2, 0, NULL, NULL);
	write_command(&b, "publish", 3, 1, "key", "live");
	bench_send(&b);
	rtmp_session_accept(b.session, b.clock.mono);
	bench_read_answers(&b);
	assert_int_equal(b.told_fourccs, capabilities >= 0);
	b.answers[0] = '\0';
	rtmp_session_close(b.session, RTMP_CLOSE_DRAIN, NULL);
	bench_read_answers(&b);
	assert_string_equal(b.answers, want);
	bench_close(&b);
}

/* Who says that it can is asked to reconnect (Enhanced RTMP v2, "Reconnect Request"). */
static void test_drain_asks_to_reconnect(void **state)
{
	const char *ended = "onStatus#0/0(NetConnection.Connect.AppShutdown)";
	char both[128];

	snprintf(both, sizeof(both), "onStatus#0/0(NetConnection.Connect.ReconnectRequest) %s",
		ended);
	drain_with(-1, ended);
	drain_with(2, ended);
	drain_with(1, both);
	drain_with(15, both);
	drain_with(1e300, ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipelined_publish),
		cmocka_unit_test(test_clock_runs_over_24_and_32_bits_by_deltas),
		cmocka_unit_test(test_start_waits_for_the_owner),
		cmocka_unit_test(test_stop_while_unanswered_follows_the_answer),
		cmocka_unit_test(test_rejections),
		cmocka_unit_test(test_play_is_asked_and_rejected),
		cmocka_unit_test(test_play_is_accepted_and_ends),
		cmocka_unit_test(test_play_is_stopped_and_begun_again),
		cmocka_unit_test(test_explicit_stop),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_invalid_app_is_told),
		cmocka_unit_test(test_errors_that_do_not_end_the_connection),
		cmocka_unit_test(test_data_messages),
		cmocka_unit_test(test_amf3_wrapped_commands),
		cmocka_unit_test(test_undecodable_commands),
		cmocka_unit_test(test_aggregate),
		cmocka_unit_test(test_pings_are_answered),
		cmocka_unit_test(test_acknowledgements_follow_the_window),
		cmocka_unit_test(test_owner_ends_it),
		cmocka_unit_test(test_drain_asks_to_reconnect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
