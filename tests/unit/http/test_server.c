#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/text.h"
#include "loop/lws.h"
#include "server_support.h"

#define BIG (24 * 1024 * 1024)

/* What the handler of these tests saw, and the one request that it holds. */
struct seen {
	unsigned handled, gone;
	char paths[8][64];
	struct http_request *held;
	struct rcbuf *body;
};

static void on_gone(void *user)
{
	struct seen *s = user;
	s->gone++;
	s->held = NULL;
}

static void respond_body(struct http_request *r, struct seen *s)
{
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = "text/plain",
			.etag = "\"tag\"",
			.ranges = true,
			.kind = HTTP_BODY_PIECES,
			.pieces = &s->body,
			.n_pieces = 1});
}

static void respond_echo(struct http_request *r)
{
	size_t len;
	const uint8_t *data = http_request_body(r, &len);
	struct rcbuf *copy = rcbuf_from(data ? data : (const uint8_t *)"", len);
	http_respond(r,
		&(struct http_response){.status = 200,
			.content_type = "text/plain",
			.kind = HTTP_BODY_PIECES,
			.pieces = &copy,
			.n_pieces = 1});
	rcbuf_unref(&copy);
}

static void handle(void *user, struct http_request *r)
{
	struct seen *s = user;
	const char *path = http_request_path(r);

	if (s->handled < 8)
		text_copy(s->paths[s->handled], sizeof(s->paths[0]), path);
	s->handled++;
	if (strcmp(path, "/hold") == 0) {
		s->held = r;
		http_request_hold(r, on_gone, s);
	} else if (strcmp(path, "/body") == 0) {
		respond_body(r, s);
	} else if (strcmp(path, "/echo") == 0) {
		respond_echo(r);
	} else {
		http_respond_text(r, 200, "text/plain", path);
	}
}

struct world {
	struct fixture f;
	struct seen seen;
	struct client c;
};

static void world_start(struct world *w)
{
	*w = (struct world){0};
	w->seen.body = rcbuf_from("0123456789", 10);
	fixture_start(&w->f, handle, &w->seen);
	client_open(&w->c, &w->f);
}

static void world_stop(struct world *w)
{
	client_close(&w->c);
	fixture_stop(&w->f);
	rcbuf_unref(&w->seen.body);
}

static void ask(struct world *w, const char *request, struct answer *a)
{
	client_send(&w->c, request);
	client_read(&w->c, a, true);
}

static void keep_alive_serves_several(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	for (int i = 0; i < 5; i++) {
		ask(&w, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n", &a);
		assert_int_equal(a.status, 200);
		assert_string_equal(buf_text(&a.body), "/one");
		assert_true(answer_has(&a, "\r\nx-request-id: "));
		assert_false(answer_has(&a, "connection: close"));
		answer_finish(&a);
	}
	assert_int_equal(http_server_connections(w.f.server), 1);
	world_stop(&w);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	client_send(&w.c,
		"GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!w.seen.held)
		fixture_turn(&w.f);
	for (int i = 0; i < 20; i++)
		fixture_turn(&w.f);
	assert_int_equal(w.seen.handled, 1);
	http_respond_text(w.seen.held, 200, "text/plain", "a");
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "a");
	answer_finish(&a);
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "/b");
	answer_finish(&a);
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "/c");
	answer_finish(&a);
	world_stop(&w);
}

static void one_byte_at_a_time(void **state)
{
	static const char request[] = "POST /echo?a=1&b=%26 HTTP/1.1\r\nHost: x\r\n"
				      "Content-Length: 5\r\n\r\nhello";
	struct world w;
	struct answer a;
	world_start(&w);
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		char byte[2] = {request[i], '\0'};
		client_send(&w.c, byte);
		fixture_turn(&w.f);
		fixture_turn(&w.f);
	}
	client_read(&w.c, &a, true);
	assert_int_equal(a.status, 200);
	assert_string_equal(buf_text(&a.body), "hello");
	answer_finish(&a);
	world_stop(&w);
}

/* Each must be refused with the status, the connection closed, and nothing after it handled. */
static void smuggling_is_refused(void **state)
{
#define NEXT "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n0\r\n\r\n" NEXT,
			411},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT,
			411},
		{"GET /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n0\r\n\r\n" NEXT,
			411},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" NEXT, 411},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 40\r\n\r\n"
		 "abc" NEXT,
			400},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc" NEXT, 400},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc" NEXT, 400},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc" NEXT, 400},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc" NEXT, 400},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
		 "99999999999999999999\r\n\r\n" NEXT,
			400},
		{"GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n" NEXT, 400},
		{"HEAD /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n" NEXT, 400},
		{"OPTIONS /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n" NEXT, 400},
		{"POST /echo HTTP/1.1\r\nHost: x\r\n\r\n" NEXT, 411},
		{"PUT /echo HTTP/1.1\r\nHost: x\r\n\r\n" NEXT, 411},
		{"PATCH /echo HTTP/1.1\r\nHost: x\r\n\r\n" NEXT, 411},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" NEXT, 413},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" NEXT,
			426},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct answer a;
		world_start(&w);
		client_send(&w.c, cases[i].request);
		client_read(&w.c, &a, cases[i].request[0] != 'H');
		if (a.status != cases[i].status)
			fail_msg("case %zu: %d", i, a.status);
		assert_true(answer_has(&a, "connection: close"));
		answer_finish(&a);
		for (int turn = 0; turn < 50; turn++)
			fixture_turn(&w.f);
		assert_int_equal(w.seen.handled, 0);
		/* What was not read is thrown away for two seconds at most. */
		clock_manual_advance(&w.f.clock, 2000001);
		client_read_until_closed(&w.c);
		assert_int_equal(w.seen.handled, 0);
		assert_int_equal(w.c.in.len, 0);
		world_stop(&w);
	}
}

static void head_has_the_length_and_no_body(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	client_send(
		&w.c, "HEAD /body HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(&w.c, &a, false);
	assert_true(answer_has(&a, "\r\ncontent-length: 10\r\n"));
	answer_finish(&a);
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "/a");
	answer_finish(&a);
	world_stop(&w);
}

static void ranges_and_conditions(void **state)
{
	static const struct {
		const char *header;
		int status;
		const char *body, *line;
	} cases[] = {
		{"Range: bytes=2-4", 206, "234", "\r\ncontent-range: bytes 2-4/10\r\n"},
		{"Range: bytes=7-", 206, "789", "\r\ncontent-range: bytes 7-9/10\r\n"},
		{"Range: bytes=-2", 206, "89", "\r\ncontent-range: bytes 8-9/10\r\n"},
		{"Range: bytes=10-", 416, "", "\r\ncontent-range: bytes */10\r\n"},
		{"Range: bytes=1-2,4-5", 200, "0123456789", "\r\ncontent-length: 10\r\n"},
		{"Range: bytes=2-4\r\nIf-Range: \"tag\"", 206, "234", "206 Partial Content"},
		{"Range: bytes=2-4\r\nIf-Range: \"other\"", 200, "0123456789", "200 OK"},
		{"If-None-Match: \"tag\"", 304, "", "\r\netag: \"tag\"\r\n"},
		{"If-None-Match: \"x\", W/\"tag\"", 304, "", "304 Not Modified"},
		{"If-None-Match: *", 304, "", "304 Not Modified"},
		{"If-None-Match: \"tag", 200, "0123456789", "200 OK"},
		{"If-None-Match: \"tagged\"", 200, "0123456789", "200 OK"},
		{"If-None-Match: ,,,", 200, "0123456789", "200 OK"},
	};
	struct world w;
	world_start(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a;
		char request[256];
		snprintf(request, sizeof(request), "GET /body HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n",
			cases[i].header);
		ask(&w, request, &a);
		if (a.status != cases[i].status)
			fail_msg("%s: %d", cases[i].header, a.status);
		assert_string_equal(buf_text(&a.body), cases[i].body);
		assert_true(answer_has(&a, cases[i].line));
		answer_finish(&a);
	}
	world_stop(&w);
}

static void held_request_is_cancelled_when_its_peer_goes(void **state)
{
	struct world w;
	world_start(&w);
	client_send(&w.c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!w.seen.held)
		fixture_turn(&w.f);
	client_close(&w.c);
	while (!w.seen.gone)
		fixture_turn(&w.f);
	while (http_server_connections(w.f.server))
		fixture_turn(&w.f);
	assert_int_equal(w.seen.gone, 1);
	world_stop(&w);
}

static void held_request_is_cancelled_by_destroy(void **state)
{
	struct world w;
	world_start(&w);
	client_send(&w.c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!w.seen.held)
		fixture_turn(&w.f);
	world_stop(&w);
	assert_int_equal(w.seen.gone, 1);
}

static void big_body_waits_for_its_reader(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	rcbuf_unref(&w.seen.body);
	w.seen.body = rcbuf_create(BIG);
	uint8_t *bytes = rcbuf_writable(w.seen.body);
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 24);
	client_send(&w.c, "GET /body HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 50; i++)
		fixture_turn(&w.f);
	client_read(&w.c, &a, true);
	assert_int_equal(a.body.len, BIG);
	assert_memory_equal(a.body.data, rcbuf_data(w.seen.body), BIG);
	answer_finish(&a);
	ask(&w, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", &a);
	answer_finish(&a);
	world_stop(&w);
}

static void stalled_reader_is_closed(void **state)
{
	struct world w;
	world_start(&w);
	rcbuf_unref(&w.seen.body);
	w.seen.body = rcbuf_create(BIG);
	memset(rcbuf_writable(w.seen.body), 0, BIG);
	client_send(&w.c, "GET /body HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!w.seen.handled)
		fixture_turn(&w.f);
	for (int i = 0; i < 100; i++)
		fixture_turn(&w.f);
	clock_manual_advance(&w.f.clock, 29000000);
	for (int i = 0; i < 100; i++)
		fixture_turn(&w.f);
	assert_int_equal(http_server_connections(w.f.server), 1);
	clock_manual_advance(&w.f.clock, 2000000);
	while (http_server_connections(w.f.server))
		fixture_turn(&w.f);
	assert_int_equal(fixture_count(&w.f, "souk_http_stalled_total", NULL), 1);
	world_stop(&w);
}

static void silent_and_idle_connections_are_closed(void **state)
{
	struct world w;
	struct client idle;
	struct answer a;
	world_start(&w);
	client_open(&idle, &w.f);
	client_send(&idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(&idle, &a, true);
	answer_finish(&a);
	client_send(&w.c, "GET /partial HTTP/1.1\r\nHo");
	clock_manual_advance(&w.f.clock, 10000001);
	client_read_until_closed(&w.c);
	assert_int_equal(http_server_connections(w.f.server), 1);
	clock_manual_advance(&w.f.clock, 50000000);
	client_read_until_closed(&idle);
	client_close(&idle);
	world_stop(&w);
}

static void draining_closes_idle_and_finishes_active(void **state)
{
	struct world w;
	struct client idle;
	struct answer a;
	world_start(&w);
	client_open(&idle, &w.f);
	client_send(&idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(&idle, &a, true);
	answer_finish(&a);
	client_send(&w.c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!w.seen.held)
		fixture_turn(&w.f);
	http_server_drain(w.f.server);
	client_read_until_closed(&idle);
	http_respond_text(w.seen.held, 200, "text/plain", "last");
	client_read(&w.c, &a, true);
	assert_true(answer_has(&a, "connection: close"));
	answer_finish(&a);
	client_read_until_closed(&w.c);
	client_close(&idle);
	world_stop(&w);
}

static void request_ids_are_kept_if_sane(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w, "GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1.2_Z\r\n\r\n", &a);
	assert_true(answer_has(&a, "\r\nx-request-id: abc-1.2_Z\r\n"));
	answer_finish(&a);
	ask(&w, "GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n", &a);
	assert_false(answer_has(&a, "a b"));
	answer_finish(&a);
	world_stop(&w);
}

static void http10_is_closed_after_the_answer(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w, "GET /a HTTP/1.0\r\n\r\n", &a);
	assert_int_equal(a.status, 200);
	assert_true(answer_has(&a, "connection: close"));
	answer_finish(&a);
	client_read_until_closed(&w.c);
	world_stop(&w);
}

static void expect_continue_is_answered(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	client_send(&w.c,
		"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		"Content-Length: 2\r\n\r\n");
	client_read(&w.c, &a, false);
	assert_int_equal(a.status, 100);
	answer_finish(&a);
	client_send(&w.c, "hi");
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "hi");
	answer_finish(&a);
	world_stop(&w);
}

static void empty_bodies_are_handled_once(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
	struct world w;
	world_start(&w);
	for (unsigned i = 0; i < 4; i++) {
		struct answer a;
		char request[128];
		snprintf(request, sizeof(request),
			"%s /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", methods[i]);
		ask(&w, request, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(w.seen.handled, i + 1);
		answer_finish(&a);
	}
	world_stop(&w);
}

static void bodies_may_be_pipelined(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	client_send(&w.c,
		"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n"
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
		"GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "/a");
	answer_finish(&a);
	client_read(&w.c, &a, false);
	assert_true(answer_has(&a, "\r\ncontent-length: 2\r\n"));
	answer_finish(&a);
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "hi");
	answer_finish(&a);
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "/c");
	answer_finish(&a);
	ask(&w, "GET /d HTTP/1.1\r\nHost: x\r\n\r\n", &a);
	assert_string_equal(buf_text(&a.body), "/d");
	answer_finish(&a);
	world_stop(&w);
}

static void body_in_pieces_and_cut_short(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	client_send(&w.c, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab");
	for (int i = 0; i < 5; i++)
		fixture_turn(&w.f);
	assert_int_equal(w.seen.handled, 0);
	client_send(&w.c, "cdef");
	client_read(&w.c, &a, true);
	assert_string_equal(buf_text(&a.body), "abcdef");
	answer_finish(&a);
	client_send(&w.c, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab");
	assert_int_equal(shutdown(w.c.fd, SHUT_WR), 0);
	client_read_until_closed(&w.c);
	assert_int_equal(w.seen.handled, 1);
	world_stop(&w);
}

static void plain_request_one_byte_at_a_time(void **state)
{
	static const char request[] = "GET /a%20b HTTP/1.1\r\nHost: x\r\n\r\n";
	struct world w;
	struct answer a;
	world_start(&w);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(request) - 1; i++) {
			char byte[2] = {request[i], '\0'};
			client_send(&w.c, byte);
			fixture_turn(&w.f);
		}
		client_read(&w.c, &a, true);
		assert_string_equal(buf_text(&a.body), "/a b");
		answer_finish(&a);
	}
	world_stop(&w);
}

static void many_pipelined_requests(void **state)
{
	struct world w;
	world_start(&w);
	for (int i = 0; i < 100; i++)
		client_send(&w.c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		struct answer a;
		client_read(&w.c, &a, true);
		assert_int_equal(a.status, 200);
		answer_finish(&a);
	}
	world_stop(&w);
}

static void malformed_and_huge_heads_are_answered(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w, "GET /a HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
		&a);
	assert_int_equal(a.status, 400);
	answer_finish(&a);
	client_read_until_closed(&w.c);
	assert_int_equal(w.seen.handled, 0);
	world_stop(&w);

	char *head = mem_alloc(20001);
	memset(head, 'a', 20000);
	head[20000] = '\0';
	static const char start[] = "GET /a HTTP/1.1\r\nHost: x\r\nA: ";
	memcpy(head, start, sizeof(start) - 1);
	world_start(&w);
	ask(&w, head, &a);
	assert_int_equal(a.status, 431);
	answer_finish(&a);
	client_read_until_closed(&w.c);
	world_stop(&w);
	free(head);
}

static void drip_after_an_answer_has_the_header_deadline(void **state)
{
	struct world w;
	struct answer a;
	world_start(&w);
	ask(&w, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", &a);
	answer_finish(&a);
	client_send(&w.c, "GET /b");
	for (int i = 0; i < 10; i++)
		fixture_turn(&w.f);
	clock_manual_advance(&w.f.clock, 9000000);
	client_send(&w.c, " HTTP");
	for (int i = 0; i < 10; i++)
		fixture_turn(&w.f);
	assert_int_equal(http_server_connections(w.f.server), 1);
	clock_manual_advance(&w.f.clock, 1000001);
	client_read_until_closed(&w.c);
	world_stop(&w);
}

static int other_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	if (reason == LWS_CALLBACK_HTTP)
		fail_msg("a request went to another vhost");
	return 0;
}

static void host_chooses_no_other_vhost(void **state)
{
	static const struct lws_protocols protocols[] = {
		{.name = "other", .callback = other_callback}, {.name = NULL}};
	static const char *const hosts[] = {"other", "o", "x.other", ":other", ":", "", "::1"};
	struct lws_context_creation_info info;
	struct world w;
	world_start(&w);
	loop_vhost_info(&info);
	info.vhost_name = "other";
	info.protocols = protocols;
	assert_non_null(loop_vhost_create(w.f.loop, &info));
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct answer a;
		char request[128];
		snprintf(request, sizeof(request), "GET /a HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
		ask(&w, request, &a);
		assert_int_equal(a.status, 200);
		answer_finish(&a);
	}
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_alive_serves_several),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(smuggling_is_refused),
		cmocka_unit_test(head_has_the_length_and_no_body),
		cmocka_unit_test(ranges_and_conditions),
		cmocka_unit_test(held_request_is_cancelled_when_its_peer_goes),
		cmocka_unit_test(held_request_is_cancelled_by_destroy),
		cmocka_unit_test(big_body_waits_for_its_reader),
		cmocka_unit_test(stalled_reader_is_closed),
		cmocka_unit_test(silent_and_idle_connections_are_closed),
		cmocka_unit_test(draining_closes_idle_and_finishes_active),
		cmocka_unit_test(request_ids_are_kept_if_sane),
		cmocka_unit_test(http10_is_closed_after_the_answer),
		cmocka_unit_test(expect_continue_is_answered),
		cmocka_unit_test(empty_bodies_are_handled_once),
		cmocka_unit_test(host_chooses_no_other_vhost),
		cmocka_unit_test(plain_request_one_byte_at_a_time),
		cmocka_unit_test(many_pipelined_requests),
	};
	const struct CMUnitTest direct_tests[] = {
		cmocka_unit_test(bodies_may_be_pipelined),
		cmocka_unit_test(body_in_pieces_and_cut_short),
		cmocka_unit_test(malformed_and_huge_heads_are_answered),
		cmocka_unit_test(drip_after_an_answer_has_the_header_deadline),
	};
	int failed = cmocka_run_group_tests_name("direct", tests, NULL, NULL) +
		cmocka_run_group_tests_name("direct only", direct_tests, NULL, NULL);
	fixture_over_unix = true;
	failed += cmocka_run_group_tests_name("over a Unix socket", tests, NULL, NULL) +
		cmocka_run_group_tests_name(
			"over a Unix socket, direct only", direct_tests, NULL, NULL);
	fixture_by_libwebsockets = true;
	return failed + cmocka_run_group_tests_name("by libwebsockets", tests, NULL, NULL);
}
