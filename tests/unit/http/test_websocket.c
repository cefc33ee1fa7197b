#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "http/websocket.h"
#include "proto/ws_frame.h"
#include "server_support.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ASK \
	"GET /chat?a=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, " \
	"Upgrade\r\n"
#define SHAKE ASK "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define MAX_MESSAGE 70000
#define MAX_QUEUE 300000

/* A server that echoes what it gets, and one client of it. */
struct world {
	struct fixture f;
	struct client c;
	struct http_request *held;
	struct http_websocket *ws;
	bool hold, refuse;
	unsigned messages, pongs, closed, code, gone;
};

static void on_message(void *user, const uint8_t *data, size_t len, bool binary)
{
	struct world *w = user;
	struct rcbuf *frame = ws_frame(binary ? WS_BINARY : WS_TEXT, data, len);

	w->messages++;
	http_websocket_send(w->ws, frame);
	rcbuf_unref(&frame);
}

static void on_pong(void *user)
{
	((struct world *)user)->pongs++;
}

static void on_closed(void *user, unsigned code)
{
	struct world *w = user;

	w->closed++;
	w->code = code;
	w->ws = NULL;
}

static const struct http_websocket_ops ops = {
	.message = on_message, .pong = on_pong, .closed = on_closed};

static void accept_it(struct world *w, struct http_request *r)
{
	w->ws = http_websocket_accept(r,
		&(struct http_websocket_config){.ops = &ops,
			.user = w,
			.max_message = MAX_MESSAGE,
			.max_queue = MAX_QUEUE});
}

static void on_gone(void *user)
{
	struct world *w = user;

	w->gone++;
	w->held = NULL;
}

static void on_upgrade(void *user, struct http_request *r)
{
	struct world *w = user;

	assert_string_equal(http_request_path(r), "/chat");
	assert_string_equal(http_request_query(r), "a=1");
	if (w->refuse) {
		http_respond_text(r, 403, "text/plain", "no");
	} else if (w->hold) {
		w->held = r;
		http_request_hold(r, on_gone, w);
	} else {
		accept_it(w, r);
	}
}

static void on_request(void *user, struct http_request *r)
{
	http_respond_text(r, 200, "text/plain", "plain");
}

static void world_start(struct world *w)
{
	*w = (struct world){0};
	fixture_start(&w->f, on_request, w);
	http_server_on_upgrade(w->f.server, on_upgrade, w);
	client_open(&w->c, &w->f);
}

static void world_stop(struct world *w)
{
	client_close(&w->c);
	fixture_stop(&w->f);
}

static void shake(struct world *w)
{
	struct answer a;

	client_send(&w->c, SHAKE);
	client_read(&w->c, &a, false);
	assert_int_equal(a.status, 101);
	/* RFC 6455 section 1.3 */
	assert_true(answer_has(&a, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_true(answer_has(&a, "upgrade: websocket\r\n"));
	answer_finish(&a);
	assert_non_null(w->ws);
}

static void send_bytes(struct world *w, const void *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = send(
			w->c.fd, (const char *)bytes + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			at += (size_t)n;
		fixture_turn(&w->f);
	}
}

static void send_frame(struct world *w, unsigned first, const char *data, size_t len)
{
	struct buf b = {0};

	buf_put_u8(&b, (uint8_t)first);
	if (len < 126) {
		buf_put_u8(&b, (uint8_t)(0x80 | len));
	} else if (len < 65536) {
		buf_put_u8(&b, 0xfe);
		buf_put_u16(&b, (uint16_t)len);
	} else {
		buf_put_u8(&b, 0xff);
		buf_put_u64(&b, len);
	}
	buf_put_u32(&b, 0);
	buf_put(&b, data, len);
	send_bytes(w, b.data, b.len);
	buf_finish(&b);
}

static void expect_bytes(struct world *w, const void *want, size_t len)
{
	while (w->c.in.len < len) {
		assert_false(w->c.closed);
		fixture_turn(&w->f);
		client_pull(&w->c);
	}
	assert_memory_equal(w->c.in.data, want, len);
	buf_consume(&w->c.in, len);
}

static void echoes(void **state)
{
	struct world w;
	world_start(&w);
	shake(&w);
	send_frame(&w, 0x81, "hello", 5);
	expect_bytes(&w, "\x81\x05hello", 7);
	send_frame(&w, 0x82, "\x01\xff", 2);
	expect_bytes(&w, "\x82\x02\x01\xff", 4);
	send_frame(&w, 0x01, "a", 1);
	send_frame(&w, 0x89, "p", 1);
	send_frame(&w, 0x80, "b", 1);
	expect_bytes(&w,
		"\x8a\x01p\x81\x02"
		"ab",
		7);
	send_frame(&w, 0x8a, "", 0);
	send_frame(&w, 0x81, "", 0);
	expect_bytes(&w, "\x81\x00", 2);
	assert_int_equal(w.pongs, 1);
	assert_int_equal(metric_count(metrics_find(w.f.metrics, "souk_websockets", NULL)), 1);
	world_stop(&w);
	/* The end of the server is an end like any other. */
	assert_int_equal(w.closed, 1);
	assert_int_equal(w.code, 1006);
}

static void frames_may_come_with_the_head(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	send_bytes(&w, SHAKE "\x81\x81\0\0\0\0x", sizeof(SHAKE) - 1 + 7);
	client_read(&w.c, &a, false);
	assert_int_equal(a.status, 101);
	answer_finish(&a);
	expect_bytes(&w, "\x81\x01x", 3);
	world_stop(&w);
}

static void long_messages(void **state)
{
	struct world w;
	char *text = mem_alloc(MAX_MESSAGE), head[] = "\x81\x7f\0\0\0\0\0\x01\x11\x70";
	memset(text, 'm', MAX_MESSAGE);
	world_start(&w);
	shake(&w);
	send_frame(&w, 0x81, text, MAX_MESSAGE);
	expect_bytes(&w, head, 10);
	expect_bytes(&w, text, MAX_MESSAGE);
	send_frame(&w, 0x01, text, MAX_MESSAGE);
	send_frame(&w, 0x80, text, 1);
	expect_bytes(&w, "\x88\x11\x03\xf1message too big", 19);
	assert_int_equal(w.code, 1009);
	client_read_until_closed(&w.c);
	free(text);
	world_stop(&w);
}

static void nonsense_closes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		unsigned code;
	} cases[] = {
		{"\x81\x01x", 3, 1002},
		{"\x81\x81\0\0\0\0\xff", 7, 1007},
		{"\xf1\x80\0\0\0\0", 6, 1002},
		{"\x88\x82\0\0\0\0\x03\xee", 8, 1002},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		world_start(&w);
		shake(&w);
		send_bytes(&w, cases[i].bytes, cases[i].len);
		client_read_until_closed(&w.c);
		assert_true(w.c.in.len > 4);
		assert_int_equal(w.c.in.data[0], 0x88);
		assert_int_equal(w.c.in.data[2] << 8 | w.c.in.data[3], cases[i].code);
		assert_int_equal(w.code, cases[i].code);
		assert_int_equal(fixture_count(&w.f, "souk_websocket_errors_total", NULL), 1);
		client_close(&w.c);
		for (int turn = 0; turn < 10; turn++)
			fixture_turn(&w.f);
		assert_int_equal(
			metric_count(metrics_find(w.f.metrics, "souk_websockets", NULL)), 0);
		assert_int_equal(w.closed, 1);
		fixture_stop(&w.f);
	}
}

static void peer_closes(void **state)
{
	struct world w;
	world_start(&w);
	shake(&w);
	send_frame(&w, 0x81, "last", 4);
	send_frame(&w, 0x88,
		"\x0f\xa0"
		"bye",
		5);
	expect_bytes(&w, "\x81\x04last\x88\x02\x0f\xa0", 10);
	client_read_until_closed(&w.c);
	assert_int_equal(w.closed, 1);
	assert_int_equal(w.code, 4000);
	world_stop(&w);
}

static void peer_vanishes(void **state)
{
	struct world w;
	world_start(&w);
	shake(&w);
	client_close(&w.c);
	while (!w.closed)
		fixture_turn(&w.f);
	assert_int_equal(w.code, 1006);
	world_stop(&w);
}

static void we_close(void **state)
{
	struct world w;
	world_start(&w);
	shake(&w);
	struct rcbuf *frame = ws_frame(WS_TEXT, "x", 1);
	assert_true(http_websocket_send(w.ws, frame));
	http_websocket_close(w.ws, 1001, "bye");
	expect_bytes(&w,
		"\x81\x01x\x88\x05\x03\xe9"
		"bye",
		10);
	rcbuf_unref(&frame);
	for (int turn = 0; turn < 10; turn++)
		fixture_turn(&w.f);
	client_pull(&w.c);
	assert_false(w.c.closed);
	send_frame(&w, 0x81, "not heard", 9);
	send_frame(&w, 0x88, "\x03\xe9", 2);
	client_read_until_closed(&w.c);
	assert_int_equal(w.closed, 0);
	assert_int_equal(w.messages, 0);
	world_stop(&w);
}

static void closing_does_not_wait_for_ever(void **state)
{
	struct world w;
	world_start(&w);
	shake(&w);
	http_websocket_close(w.ws, 0, NULL);
	expect_bytes(&w, "\x88\x00", 2);
	clock_manual_advance(&w.f.clock, 2000001);
	client_read_until_closed(&w.c);
	world_stop(&w);
}

static void aborts(void **state)
{
	struct world w;
	world_start(&w);
	shake(&w);
	http_websocket_abort(w.ws);
	client_read_until_closed(&w.c);
	assert_int_equal(w.c.in.len, 0);
	assert_int_equal(w.closed, 0);
	world_stop(&w);
}

static void a_full_queue_takes_no_more(void **state)
{
	struct world w;
	char *text = mem_zalloc(100000);
	struct rcbuf *frame = ws_frame(WS_BINARY, text, 100000), *late;
	size_t queued = 0, frames = 0;

	world_start(&w);
	shake(&w);
	while (http_websocket_send(w.ws, frame)) {
		frames++;
		for (int turn = 0; turn < 3; turn++)
			fixture_turn(&w.f);
	}
	queued = http_websocket_queued(w.ws);
	assert_true(queued <= MAX_QUEUE && queued > MAX_QUEUE - rcbuf_len(frame));
	/* All of it comes, in order, and then what was sent at once. */
	for (size_t i = 0; i < frames; i++)
		expect_bytes(&w, rcbuf_data(frame), rcbuf_len(frame));
	assert_int_equal(http_websocket_queued(w.ws), 0);
	late = ws_frame(WS_TEXT, "late", 4);
	assert_true(http_websocket_write(w.ws, late));
	client_pull(&w.c);
	expect_bytes(&w, "\x81\x04late", 6);
	rcbuf_unref(&late);
	rcbuf_unref(&frame);
	free(text);
	world_stop(&w);
}

static void a_stalled_peer_is_given_up(void **state)
{
	struct world w;
	char *text = mem_zalloc(100000);
	struct rcbuf *frame = ws_frame(WS_BINARY, text, 100000);

	world_start(&w);
	shake(&w);
	while (http_websocket_write(w.ws, frame))
		;
	clock_manual_advance(&w.f.clock, 31000000);
	while (!w.closed)
		fixture_turn(&w.f);
	assert_int_equal(w.code, 1006);
	rcbuf_unref(&frame);
	free(text);
	world_stop(&w);
}

static void answered_later(void **state)
{
	struct world w;
	world_start(&w);
	w.hold = true;
	client_send(&w.c, SHAKE);
	while (!w.held)
		fixture_turn(&w.f);
	send_frame(&w, 0x81, "early", 5);
	accept_it(&w, w.held);
	struct answer a;
	client_read(&w.c, &a, false);
	assert_int_equal(a.status, 101);
	answer_finish(&a);
	expect_bytes(&w,
		"\x81\x05"
		"early",
		7);
	world_stop(&w);
}

static void gone_before_the_answer(void **state)
{
	struct world w;
	world_start(&w);
	w.hold = true;
	client_send(&w.c, SHAKE);
	while (!w.held)
		fixture_turn(&w.f);
	client_close(&w.c);
	while (!w.gone)
		fixture_turn(&w.f);
	world_stop(&w);
}

static void refused(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	w.refuse = true;
	client_send(&w.c, SHAKE);
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 403);
	answer_finish(&a);
	/* The connection goes on with HTTP. */
	client_send(&w.c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 200);
	answer_finish(&a);
	world_stop(&w);
}

static void malformed_requests(void **state)
{
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{ASK "Sec-WebSocket-Key: " KEY "\r\n\r\n", 426},
		{ASK "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 12\r\n\r\n", 426},
		{ASK "Sec-WebSocket-Version: 13\r\n\r\n", 400},
		{ASK "Sec-WebSocket-Key: short==\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
		{ASK "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\nSec-WebSocket-Version: "
		     "13\r\n\r\n",
			400},
		{"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " KEY
		 "\r\nSec-WebSocket-Version: 13\r\n\r\n",
			400},
		{"POST /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Content-Length: 0\r\nSec-WebSocket-Key: " KEY
		 "\r\nSec-WebSocket-Version: 13\r\n\r\n",
			400},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct answer a;
		world_start(&w);
		client_send(&w.c, cases[i].request);
		client_read(&w.c, &a, true);
		if (a.status != cases[i].status)
			fail_msg("case %zu: %d", i, a.status);
		if (a.status == 426)
			assert_true(answer_has(&a, "sec-websocket-version: 13\r\n"));
		answer_finish(&a);
		assert_null(w.ws);
		world_stop(&w);
	}
}

static void without_a_handler(void **state)
{
	struct fixture f;
	struct client c;
	struct answer a;
	fixture_start(&f, on_request, NULL);
	client_open(&c, &f);
	client_send(&c, SHAKE);
	client_read(&c, &a, true);
	assert_int_equal(a.status, 426);
	answer_finish(&a);
	client_close(&c);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes),
		cmocka_unit_test(frames_may_come_with_the_head),
		cmocka_unit_test(long_messages),
		cmocka_unit_test(nonsense_closes),
		cmocka_unit_test(peer_closes),
		cmocka_unit_test(peer_vanishes),
		cmocka_unit_test(we_close),
		cmocka_unit_test(closing_does_not_wait_for_ever),
		cmocka_unit_test(aborts),
		cmocka_unit_test(a_full_queue_takes_no_more),
		cmocka_unit_test(a_stalled_peer_is_given_up),
		cmocka_unit_test(answered_later),
		cmocka_unit_test(gone_before_the_answer),
		cmocka_unit_test(refused),
		cmocka_unit_test(malformed_requests),
		cmocka_unit_test(without_a_handler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
