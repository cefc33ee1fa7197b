#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "fake_live.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "proto/amf0.h"
#include "proto/rtmp_chunk.h"
#include "proto/rtmp_handshake.h"
#include "rtmp/server.h"
#include "support/test.h"

/*
 * A real server on a loop, and a peer in a thread of its own with blocking calls. The peer's story
 * is a function; when it returns, the loop is stopped.
 */
struct bench {
	struct loop *loop;
	struct metrics *metrics;
	struct mailbox *mailbox;
	struct rtmp_server *server;
	struct rtmp_server_config config;
	void (*story)(struct bench *b);
	unsigned port;
	int fd;
	struct rtmp_chunk_writer writer;
	struct rtmp_chunk_reader *reader;
	char statuses[512]; /* codes of onStatus and _error that the peer got */
	bool got_end; /* the server closed */
	char log[8192];
};

static void on_line(const char *line, void *user)
{
	struct bench *b = user;
	size_t at = strlen(b->log);
	snprintf(b->log + at, sizeof(b->log) - at, "%s\n", line);
}

/* The peer */

static void peer_open(struct bench *b)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)b->port)};
	struct timeval limit = {.tv_sec = 20};
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(b->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	struct rtmp_chunk_limits limits = {65536, 65536, 16, 65536};
	rtmp_chunk_writer_init(&b->writer);
	rtmp_chunk_reader_destroy(b->reader);
	b->reader = rtmp_chunk_reader_create(&limits);
}

static void peer_send(struct bench *b, struct buf *out)
{
	while (out->len > 0) {
		ssize_t n = send(b->fd, out->data, out->len, MSG_NOSIGNAL);
		if (n < 0) {
			break;
		}
		buf_consume(out, (size_t)n);
	}
	buf_finish(out);
}

static void peer_shake(struct bench *b)
{
	struct buf out = {0};
	uint8_t answer[1 + 2 * RTMP_HANDSHAKE_SIZE];
	size_t used;
	struct rtmp_handshake *h =
		rtmp_handshake_create(RTMP_HANDSHAKE_CLIENT, &clock_system, &out);
	peer_send(b, &out);
	assert_int_equal(recv(b->fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
	assert_int_equal(
		rtmp_handshake_input(h, answer, sizeof(answer), &out, &used), RTMP_HANDSHAKE_DONE);
	peer_send(b, &out);
	rtmp_handshake_destroy(h);
}

static void peer_message(
	struct bench *b, uint8_t type, uint32_t timestamp, const void *data, size_t len)
{
	struct buf out = {0};
	struct rtmp_message m = {.csid = 4,
		.stream_id = 1,
		.timestamp = timestamp,
		.type = type,
		.data = data,
		.len = len};
	rtmp_chunk_write(&b->writer, &m, &out);
	peer_send(b, &out);
}

static void peer_command(struct bench *b, const char *name, const char *argument)
{
	struct buf amf = {0};
	amf0_put_string(&amf, name);
	amf0_put_number(&amf, 1);
	if (text_eq(name, "connect")) {
		amf0_put_object(&amf);
		amf0_put_name(&amf, "app");
		amf0_put_string(&amf, argument);
		amf0_put_end(&amf);
	} else {
		amf0_put_null(&amf);
		amf0_put_string(&amf, argument);
	}
	peer_message(b, RTMP_TYPE_COMMAND_AMF0, 0, amf.data, amf.len);
	buf_finish(&amf);
}

static void note_status(struct bench *b, const struct rtmp_message *m)
{
	struct amf0_reader r = amf0_reader(m->data, m->len);
	struct amf0_value v;
	struct amf0_text name;
	char code[64];
	while (m->type == RTMP_TYPE_COMMAND_AMF0 && !amf0_at_end(&r) && amf0_read(&r, &v)) {
		while (v.type == AMF0_OBJECT && amf0_member(&r, &name)) {
			struct amf0_value inner;
			amf0_read(&r, &inner);
			if (amf0_text_is(name, "code")) {
				size_t at = strlen(b->statuses);
				amf0_text_copy(inner.text, code, sizeof(code));
				snprintf(b->statuses + at, sizeof(b->statuses) - at, "%s%s",
					at > 0 ? " " : "", code);
			}
		}
	}
}

/* Reads until the wanted code came, or to the end if it is NULL. */
static void peer_read(struct bench *b, const char *code)
{
	uint8_t data[512];
	while (code == NULL || strstr(b->statuses, code) == NULL) {
		ssize_t n = recv(b->fd, data, sizeof(data), 0);
		if (n <= 0) {
			b->got_end = n == 0 || errno == ECONNRESET;
			break;
		}
		const uint8_t *at = data;
		size_t left = (size_t)n, used;
		struct rtmp_message m;
		while (rtmp_chunk_read(b->reader, at, left, &used, &m) == RTMP_CHUNK_MESSAGE) {
			note_status(b, &m);
			at += used;
			left -= used;
		}
	}
}

static void peer_publish(struct bench *b, const char *key)
{
	peer_open(b);
	peer_shake(b);
	peer_command(b, "connect", "live");
	peer_command(b, "publish", key);
}

/* The bench */

static void stop_loop(void *arg)
{
	struct bench *b = arg;
	loop_stop(b->loop);
}

static void *peer_main(void *arg)
{
	struct bench *b = arg;
	b->story(b);
	if (b->fd >= 0) {
		close(b->fd);
	}
	mailbox_post(b->mailbox, stop_loop, b);
	return NULL;
}

static void bench_open(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	memset(&fake_live, 0, sizeof(fake_live));
	b->fd = -1;
	b->metrics = metrics_create();
	struct loop_config config = {.clock = &clock_system,
		.metrics = b->metrics,
		.max_connections = 100,
		.work_threads_fast = 1,
		.work_threads_slow = 1};
	b->loop = loop_create(&config);
	b->mailbox = mailbox_create(b->loop);
	fake_live.loop = b->loop;
	b->config.listen = "127.0.0.1:0";
	rtmp_session_config_default(&b->config.session);
	log_set_sink(on_line, b);
	log_set_levels("debug");
}

static void bench_run(struct bench *b, void (*story)(struct bench *b))
{
	char error[256] = "";
	pthread_t peer;
	b->server = rtmp_server_create(b->loop, NULL, &b->config, error, sizeof(error));
	if (b->server == NULL) {
		fail_msg("%s", error);
	}
	b->port = rtmp_server_port(b->server);
	b->story = story;
	pthread_create(&peer, NULL, peer_main, b);
	loop_run(b->loop);
	pthread_join(peer, NULL);
}

static uint64_t closed_count(struct bench *b, enum rtmp_close reason)
{
	char labels[64];
	snprintf(labels, sizeof(labels), "reason=\"%s\"", rtmp_close_label(reason));
	return metric_count(metrics_counter(b->metrics, "souk_rtmp_closed_total", labels, ""));
}

static void bench_close(struct bench *b)
{
	rtmp_server_destroy(&b->server);
	assert_null(b->server);
	mailbox_destroy(&b->mailbox);
	loop_destroy(b->loop);
	metrics_destroy(b->metrics);
	rtmp_chunk_reader_destroy(b->reader);
	log_set_sink(NULL, NULL);
	log_set_levels("info");
}

/* Stories */

static void publish_and_stop(struct bench *b)
{
	peer_publish(b, "good-key-that-is-secret");
	peer_read(b, "NetStream.Publish.Start");
	peer_message(b, RTMP_TYPE_VIDEO, 0,
		"\x17\x00\x00\x00\x00"
		"config",
		11);
	peer_message(b, RTMP_TYPE_AUDIO, 0, "\xaf\x00\x12\x10", 4);
	peer_message(b, RTMP_TYPE_VIDEO, 40,
		"\x17\x01\x00\x00\x00"
		"sample",
		11);
	peer_message(b, RTMP_TYPE_AUDIO, 43, "\xaf\x01raw", 5);
	peer_message(b, RTMP_TYPE_VIDEO, 50, "\x17", 1);
	peer_command(b, "FCUnpublish", "good-key");
	peer_read(b, "NetStream.Unpublish.Success");
}

static void test_publish_and_stop(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, publish_and_stop);
	assert_string_equal(fake_live.codecs, "h264:6 aac:2");
	assert_int_equal(fake_live.samples, 2);
	assert_int_equal(fake_live.first_timestamp, 40);
	assert_int_equal(fake_live.last_timestamp, 43);
	assert_int_equal(fake_live.stops, 1);
	assert_int_equal(fake_live.losses, 0);
	assert_non_null(strstr(b.log, "publish started"));
	assert_null(strstr(b.log, "good-key"));
	assert_true(metric_count(metrics_counter(b.metrics, "souk_ingest_bytes_total", NULL, "")) >
		3000);
	assert_int_equal(
		metric_count(metrics_counter(b.metrics, "souk_rtmp_invalid_tags_total", NULL, "")),
		1);
	bench_close(&b);
}

static void send_texts(struct bench *b)
{
	static const char text[] =
		"\x02\x00\x0aonTextData\x08\x00\x00\x00\x01\x00\x04text\x02\x00\x02hi\x00\x00\x09";
	peer_publish(b, "good");
	peer_read(b, "NetStream.Publish.Start");
	peer_message(b, RTMP_TYPE_DATA_AMF0, 0, text, sizeof(text) - 1);
	peer_message(b, RTMP_TYPE_DATA_AMF0, 9, "\x02\x00\x05other\x05", 9);
	for (unsigned i = 0; i < 100; i++) {
		peer_message(b, RTMP_TYPE_DATA_AMF0, i, text, sizeof(text) - 1);
	}
	peer_command(b, "FCUnpublish", "good");
	peer_read(b, "NetStream.Unpublish.Success");
}

static void test_texts_become_date_ranges(void **state)
{
	static const char first[] = "text-1-1 live.souk.text X-TEXT=\"hi\"; text-1-2 live";
	struct bench b;
	bench_open(&b);
	bench_run(&b, send_texts);
	assert_memory_equal(fake_live.ranges, first, sizeof(first) - 1);
	assert_null(strstr(fake_live.ranges, "text-1-60"));
	bench_close(&b);
}

static void wait_for_loss(struct bench *b)
{
	peer_publish(b, "good");
	peer_read(b, "NetStream.Publish.Start");
	close(b->fd);
	/* A second connection: its end shows that the first one's was seen. */
	peer_publish(b, "wrong");
	peer_read(b, NULL);
}

static void test_lost_connection(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, wait_for_loss);
	assert_int_equal(fake_live.losses, 1);
	assert_int_equal(fake_live.stops, 0);
	assert_true(b.got_end);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_PEER), 1);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_BAD_KEY), 1);
	bench_close(&b);
}

static const char *refused_key;

static void publish_and_read(struct bench *b)
{
	peer_publish(b, refused_key);
	peer_read(b, NULL);
}

static void test_refusals_are_told_and_counted(void **state)
{
	static const struct {
		const char *key, *code;
		enum rtmp_close reason;
	} cases[] = {
		{"wrong", "NetStream.Publish.BadName", RTMP_CLOSE_BAD_KEY},
		{"ended", "NetStream.Publish.BadName", RTMP_CLOSE_BAD_KEY},
		{"busy", "NetStream.Publish.BadName", RTMP_CLOSE_BUSY},
		{"full", "NetStream.Publish.Rejected", RTMP_CLOSE_PUBLISHER_LIMIT},
		{"banned", "NetStream.Publish.Rejected", RTMP_CLOSE_KICKED},
		{"draining", "NetConnection.Connect.AppShutdown", RTMP_CLOSE_DRAIN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		char want[128];
		bench_open(&b);
		refused_key = cases[i].key;
		bench_run(&b, publish_and_read);
		snprintf(want, sizeof(want), "NetConnection.Connect.Success %s", cases[i].code);
		assert_string_equal(b.statuses, want);
		assert_true(b.got_end);
		assert_int_equal(closed_count(&b, cases[i].reason), 1);
		bench_close(&b);
	}
}

static void send_unsupported(struct bench *b)
{
	peer_publish(b, "good");
	peer_read(b, "NetStream.Publish.Start");
	peer_message(b, RTMP_TYPE_VIDEO, 0, "\x90vvc1zzzz", 9);
	peer_read(b, NULL);
}

static void test_unsupported_codec(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, send_unsupported);
	assert_non_null(strstr(b.statuses, "NetStream.Publish.Rejected"));
	assert_non_null(strstr(b.log, "codec=VVC"));
	assert_int_equal(closed_count(&b, RTMP_CLOSE_CODEC), 1);
	assert_int_equal(fake_live.losses, 1);
	bench_close(&b);
}

static void send_config(struct bench *b)
{
	peer_publish(b, "good");
	peer_read(b, "NetStream.Publish.Start");
	peer_message(b, RTMP_TYPE_AUDIO, 0, "\x2f\xff\xfb\x90", 4);
	peer_read(b, NULL);
}

static void test_what_the_engine_says(void **state)
{
	struct bench b;
	bench_open(&b);
	fake_live.answer = MEDIA_BAD_CONFIG;
	bench_run(&b, send_config);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_MEDIA), 1);
	assert_string_equal(fake_live.codecs, "mp3:0");
	assert_int_equal(fake_live.samples, 0);
	bench_close(&b);

	bench_open(&b);
	fake_live.answer = MEDIA_NO_PLACE;
	bench_run(&b, send_config);
	assert_non_null(strstr(b.statuses, "NetStream.Publish.Rejected"));
	assert_non_null(strstr(b.log, "codec=MP3"));
	assert_int_equal(closed_count(&b, RTMP_CLOSE_CODEC), 1);
	bench_close(&b);

	bench_open(&b);
	fake_live.answer = MEDIA_FAILED;
	bench_run(&b, send_config);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_INTERNAL), 1);
	bench_close(&b);
}

static void test_what_it_says_later(void **state)
{
	struct bench b;
	bench_open(&b);
	fake_live.answer = MEDIA_BAD_CONFIG;
	fake_live.answers_late = true;
	bench_run(&b, send_config);
	assert_true(b.got_end);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_MEDIA), 1);
	assert_non_null(strstr(b.statuses, "NetStream.Publish.Rejected"));
	bench_close(&b);
}

#define HELD_SAMPLES 60
#define HELD_SIZE 40000

static void send_much(struct bench *b)
{
	uint8_t *body = mem_zalloc(HELD_SIZE);
	memcpy(body, "\x27\x01\x00\x00\x00", 5);
	peer_publish(b, "good");
	peer_read(b, "NetStream.Publish.Start");
	for (uint32_t i = 0; i < HELD_SAMPLES; i++) {
		peer_message(b, RTMP_TYPE_VIDEO, i, body, HELD_SIZE);
	}
	free(body);
	peer_command(b, "FCUnpublish", "good");
	peer_read(b, "NetStream.Unpublish.Success");
}

static unsigned samples_when_released;

static void release(void *user)
{
	samples_when_released = fake_live.samples;
	fake_live_hold(false);
}

static void release_later(void *user)
{
	struct timer **timer = user;
	if (fake_live.samples == 1) {
		timer_start(*timer, 50000);
	}
}

/* As a network that takes no more: all of it comes, later. */
static void test_a_publisher_that_is_held_is_not_read(void **state)
{
	struct bench b;
	bench_open(&b);
	struct timer *timer = loop_timer_create(b.loop, "release", release, NULL);
	fake_live.hold = true;
	fake_live.changed = release_later;
	fake_live.user = &timer;
	samples_when_released = 0;
	bench_run(&b, send_much);
	assert_in_range(samples_when_released, 1, HELD_SAMPLES / 2);
	assert_int_equal(fake_live.samples, HELD_SAMPLES);
	assert_int_equal(fake_live.stops, 1);
	timer_destroy(&timer);
	bench_close(&b);
}

static void kick_now(void *arg)
{
	fake_live_kick(LIVE_KICK_TAKEOVER);
}

static void be_kicked(struct bench *b)
{
	peer_publish(b, "good");
	peer_read(b, "NetStream.Publish.Start");
	mailbox_post(b->mailbox, kick_now, b);
	peer_read(b, NULL);
}

static void test_kick(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, be_kicked);
	assert_non_null(strstr(b.statuses, "Publish.Start NetStream.Publish.BadName"));
	assert_int_equal(closed_count(&b, RTMP_CLOSE_TAKEOVER), 1);
	assert_int_equal(fake_live.losses, 0);
	bench_close(&b);
}

static void knock_too_often(struct bench *b)
{
	char byte;
	peer_open(b);
	peer_shake(b);
	int first = b->fd;
	peer_open(b);
	b->got_end = recv(b->fd, &byte, 1, 0) <= 0;
	close(first);
}

static void test_connections_per_address(void **state)
{
	struct bench b;
	bench_open(&b);
	b.config.max_per_address = 1;
	bench_run(&b, knock_too_often);
	assert_true(b.got_end);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_ADDRESS_LIMIT), 1);
	assert_non_null(strstr(b.log, "reason=address_limit"));
	bench_close(&b);
}

static void speak_http(struct bench *b)
{
	peer_open(b);
	send(b->fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
	peer_read(b, NULL);
}

static void test_garbage_is_closed_at_once(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, speak_http);
	assert_true(b.got_end);
	assert_int_equal(closed_count(&b, RTMP_CLOSE_VERSION), 1);
	assert_non_null(strstr(b.log, "reason=version"));
	bench_close(&b);
}

static void drain_now(void *arg)
{
	struct bench *b = arg;
	rtmp_server_drain(b->server);
}

static void be_drained(struct bench *b)
{
	peer_open(b);
	peer_shake(b);
	peer_command(b, "connect", "live");
	peer_read(b, "NetConnection.Connect.Success");
	mailbox_post(b->mailbox, drain_now, b);
	peer_read(b, NULL);
}

static void test_drain_closes_who_does_not_publish(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, be_drained);
	assert_true(b.got_end);
	assert_non_null(strstr(b.statuses, "NetConnection.Connect.AppShutdown"));
	assert_int_equal(closed_count(&b, RTMP_CLOSE_DRAIN), 1);
	bench_close(&b);
}

static void stay_unanswered(struct bench *b)
{
	peer_publish(b, "no answer");
	peer_read(b, "NetConnection.Connect.Success");
}

/* The server goes while a connection waits for its answer. */
static void test_destroy_with_open_connections(void **state)
{
	struct bench b;
	bench_open(&b);
	bench_run(&b, stay_unanswered);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish_and_stop),
		cmocka_unit_test(test_texts_become_date_ranges),
		cmocka_unit_test(test_lost_connection),
		cmocka_unit_test(test_refusals_are_told_and_counted),
		cmocka_unit_test(test_unsupported_codec),
		cmocka_unit_test(test_what_the_engine_says),
		cmocka_unit_test(test_what_it_says_later),
		cmocka_unit_test(test_a_publisher_that_is_held_is_not_read),
		cmocka_unit_test(test_kick),
		cmocka_unit_test(test_connections_per_address),
		cmocka_unit_test(test_garbage_is_closed_at_once),
		cmocka_unit_test(test_drain_closes_who_does_not_publish),
		cmocka_unit_test(test_destroy_with_open_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
