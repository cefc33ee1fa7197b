#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/http_client.h"
#include "loop/net_listener.h"
#include "loop/timer.h"
#include "support.h"

/* Requests against a server of the test's own, on the same loop: it says what it is told to. */
struct server {
	struct fixture *loop;
	struct net_listener *listener;
	int fds[16];
	uv_poll_t *polls[16];
	struct buf heard[16];
	unsigned n, n_requests;
	const char *says; /* to each whole request; NULL: nothing */
	bool resets; /* instead */
	bool recovers; /* resets only once, and is silent then */
};

struct outcome {
	unsigned calls, status;
	char error[256], body[128];
	uint64_t retry_after_us;
	size_t len;
};

static void hear(void *user, const struct http_client_answer *a)
{
	struct outcome *o = user;
	o->calls++;
	o->status = a->status;
	o->retry_after_us = a->retry_after_us;
	o->len = a->len;
	text_copy(o->error, sizeof(o->error), a->error ? a->error : "");
	text_copy(o->body, sizeof(o->body), a->body ? a->body : "");
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void hang_up(struct server *s, unsigned i)
{
	if (!s->polls[i])
		return;
	uv_close((uv_handle_t *)s->polls[i], on_poll_closed);
	s->polls[i] = NULL;
	if (s->resets)
		setsockopt(s->fds[i], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
			sizeof(struct linger));
	close(s->fds[i]);
}

/* The head and as much of the body as it promises. */
static bool is_whole(struct buf *b)
{
	const char *text = buf_text(b), *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "content-length:");
	size_t body = length && end && length < end ? strtoul(length + 15, NULL, 10) : 0;
	return end && b->len >= (size_t)(end + 4 - text) + body;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;
	unsigned i = 0;
	while (s->polls[i] != poll)
		i++;
	ssize_t n = recv(s->fds[i], buf_reserve(&s->heard[i], 65536), 65536, MSG_DONTWAIT);
	if (n <= 0) {
		hang_up(s, i);
		return;
	}
	s->heard[i].len += (size_t)n;
	if (!is_whole(&s->heard[i]))
		return;
	s->n_requests++;
	if (s->resets) {
		hang_up(s, i);
		s->resets = !s->recovers;
	} else if (s->says) {
		assert_int_equal(send(s->fds[i], s->says, strlen(s->says), MSG_NOSIGNAL),
			(ssize_t)strlen(s->says));
		if (strstr(s->says, "Connection: close"))
			hang_up(s, i);
	}
}

static void on_accepted(void *user, int fd, const char *address)
{
	struct server *s = user;
	unsigned i = s->n++;
	assert_true(i < 16);
	s->fds[i] = fd;
	s->polls[i] = mem_new(uv_poll_t);
	s->polls[i]->data = s;
	assert_int_equal(uv_poll_init(loop_uv(s->loop->loop), s->polls[i], fd), 0);
	assert_int_equal(uv_poll_start(s->polls[i], UV_READABLE, on_readable), 0);
}

struct rig {
	struct fixture loop;
	struct server server;
	struct http_client *client;
	char url[64];
};

static void rig_init(struct rig *r, const char *says, unsigned max_connections)
{
	char error[128];
	*r = (struct rig){.server = {.loop = &r->loop, .says = says}};
	log_set_levels("off");
	signal(SIGPIPE, SIG_IGN);
	fixture_init(&r->loop);
	r->server.listener = net_listener_create(r->loop.loop,
		&(struct net_listener_config){.name = "test",
			.listen = "127.0.0.1:0",
			.accepted = on_accepted,
			.user = &r->server},
		error, sizeof(error));
	assert_non_null(r->server.listener);
	snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%u/path?x=1",
		net_listener_port(r->server.listener));
	r->client = http_client_create(r->loop.loop,
		&(struct http_client_config){
			.max_connections = max_connections, .user_agent = "test/1"});
	assert_non_null(r->client);
}

static void rig_finish(struct rig *r)
{
	http_client_destroy(&r->client);
	net_listener_destroy(&r->server.listener);
	for (unsigned i = 0; i < r->server.n; i++) {
		hang_up(&r->server, i);
		buf_finish(&r->server.heard[i]);
	}
	fixture_finish(&r->loop);
}

static struct http_client_call *get(struct rig *r, struct outcome *o)
{
	return http_client_send(r->client,
		&(struct http_client_request){
			.method = "GET", .url = r->url, .timeout_us = 20000000},
		hear, o);
}

#define ANSWER(status, headers, body, len) \
	"HTTP/1.1 " status "\r\nContent-Length: " len "\r\n" headers "\r\n" body

static void posts_and_hears_the_answer(void **state)
{
	static const char *const headers[] = {"X-One: 1", "Content-Type: application/json"};
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, ANSWER("201 Created", "", "made", "4"), 0);
	http_client_send(r.client,
		&(struct http_client_request){.method = "POST",
			.url = r.url,
			.headers = headers,
			.n_headers = 2,
			.body = "{\"a\":\"b\"}",
			.body_len = 9},
		hear, &o);
	assert_int_equal(o.calls, 0);
	assert_int_equal(http_client_active(r.client), 1);
	run_until(&r.loop, o.calls);
	assert_int_equal(o.status, 201);
	assert_string_equal(o.body, "made");
	assert_string_equal(o.error, "");
	const char *heard = buf_text(&r.server.heard[0]);
	assert_true(text_starts(heard, "POST /path?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(heard, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(heard, "\r\nUser-Agent: test/1\r\n"));
	assert_null(strstr(heard, "Expect"));
	assert_string_equal(strstr(heard, "\r\n\r\n") + 4, "{\"a\":\"b\"}");
	assert_int_equal(http_client_active(r.client), 0);
	rig_finish(&r);
}

static void keeps_connections(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, ANSWER("204 No Content", "", "", "0"), 0);
	for (unsigned i = 1; i <= 3; i++) {
		get(&r, &o);
		run_until(&r.loop, o.calls == i);
		assert_int_equal(o.status, 204);
	}
	assert_int_equal(r.server.n, 1);
	rig_finish(&r);
}

static void bounds_connections(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, NULL, 2);
	for (int i = 0; i < 6; i++)
		get(&r, &o);
	run_until(&r.loop, r.server.n_requests == 2);
	for (int i = 0; i < 5; i++)
		uv_run(loop_uv(r.loop.loop), UV_RUN_NOWAIT);
	assert_int_equal(r.server.n, 2);
	r.server.says = ANSWER("200 OK", "Connection: close\r\n", "", "0");
	for (unsigned i = 0; i < 2; i++) {
		assert_true(send(r.server.fds[i], r.server.says, strlen(r.server.says),
				    MSG_NOSIGNAL) > 0);
		hang_up(&r.server, i);
	}
	run_until(&r.loop, o.calls == 6);
	assert_int_equal(o.status, 200);
	rig_finish(&r);
}

static void tells_of_failures(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, NULL, 0);
	r.server.resets = true;
	get(&r, &o);
	run_until(&r.loop, o.calls == 1);
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.error, "reset"));
	/* Nobody listens there any more. */
	net_listener_destroy(&r.server.listener);
	get(&r, &o);
	run_until(&r.loop, o.calls == 2);
	assert_int_equal(o.status, 0);
	assert_true(o.error[0]);
	rig_finish(&r);
}

static void repeats_what_a_kept_connection_lost(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, ANSWER("204 No Content", "", "", "0"), 0);
	get(&r, &o);
	run_until(&r.loop, o.calls == 1);
	r.server.resets = r.server.recovers = true;
	get(&r, &o);
	run_until(&r.loop, o.calls == 2);
	assert_int_equal(o.status, 204);
	assert_int_equal(r.server.n, 2);
	assert_int_equal(r.server.n_requests, 3);
	/* Of one that was sent twice it tells how the second ended. */
	r.server.says = NULL;
	r.server.resets = true;
	http_client_send(r.client,
		&(struct http_client_request){.method = "GET", .url = r.url, .timeout_us = 300000},
		hear, &o);
	run_until(&r.loop, o.calls == 3);
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.error, "timed out"));
	rig_finish(&r);
}

static void gives_up_after_its_time(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, NULL, 0);
	http_client_send(r.client,
		&(struct http_client_request){.method = "GET", .url = r.url, .timeout_us = 50000},
		hear, &o);
	run_until(&r.loop, o.calls == 1);
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.error, "timed out"));
	rig_finish(&r);
}

static void follows_no_redirect_and_heeds_retry_after(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, ANSWER("302 Found", "Location: /other\r\nConnection: close\r\n", "", "0"), 0);
	get(&r, &o);
	run_until(&r.loop, o.calls == 1);
	assert_int_equal(o.status, 302);
	assert_int_equal(r.server.n_requests, 1);
	r.server.says = ANSWER("503 Busy", "Retry-After: 7\r\n", "", "0");
	get(&r, &o);
	run_until(&r.loop, o.calls == 2);
	assert_int_equal(o.status, 503);
	assert_true(o.retry_after_us == 7000000);
	rig_finish(&r);
}

static void bounds_the_answer(void **state)
{
	struct rig r;
	struct outcome o = {0};
	struct http_client_request request = {.method = "GET", .max_answer = 4};
	rig_init(&r, ANSWER("200 OK", "", "hello", "5"), 0);
	request.url = r.url;
	http_client_send(r.client, &request, hear, &o);
	run_until(&r.loop, o.calls == 1);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.error, "the answer is too large");
	request.ignore_answer = true;
	http_client_send(r.client, &request, hear, &o);
	run_until(&r.loop, o.calls == 2);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.len, 0);
	rig_finish(&r);
}

static void speaks_http_only(void **state)
{
	static const char *const urls[] = {
		"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "nonsense", ""};
	struct rig r;
	rig_init(&r, NULL, 0);
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct outcome o = {0};
		http_client_send(r.client,
			&(struct http_client_request){.method = "GET", .url = urls[i]}, hear, &o);
		assert_int_equal(o.calls, 0);
		run_until(&r.loop, o.calls);
		assert_int_equal(o.status, 0);
		assert_true(o.error[0]);
	}
	rig_finish(&r);
}

/* Not a byte of the request in clear. */
static void sends_nothing_without_tls(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, "not TLS at all\r\n\r\n", 0);
	char *url = mem_printf("https://127.0.0.1:%u/", net_listener_port(r.server.listener));
	http_client_send(r.client,
		&(struct http_client_request){.method = "GET", .url = url, .timeout_us = 300000},
		hear, &o);
	run_until(&r.loop, o.calls);
	assert_int_equal(o.status, 0);
	assert_null(strstr(buf_text(&r.server.heard[0]), "GET"));
	free(url);
	rig_finish(&r);
}

static void cancelled_is_never_heard_of(void **state)
{
	struct rig r;
	struct outcome gone = {0}, other = {0};
	rig_init(&r, NULL, 0);
	struct http_client_call *before = get(&r, &gone), *during = get(&r, &gone);
	http_client_cancel(&before);
	assert_null(before);
	run_until(&r.loop, r.server.n_requests == 1);
	http_client_cancel(&during);
	http_client_cancel(&during);
	r.server.says = ANSWER("200 OK", "", "", "0");
	get(&r, &other);
	run_until(&r.loop, other.calls);
	assert_int_equal(gone.calls, 0);
	rig_finish(&r);
}

static void destroyed_with_requests_under_way(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, NULL, 0);
	for (int i = 0; i < 5; i++)
		get(&r, &o);
	run_until(&r.loop, r.server.n_requests == 5);
	get(&r, &o);
	/* A name that may take its time: its thread is not waited for. */
	http_client_send(r.client,
		&(struct http_client_request){.method = "GET", .url = "http://souk.invalid/"}, hear,
		&o);
	uv_run(loop_uv(r.loop.loop), UV_RUN_NOWAIT);
	rig_finish(&r);
	assert_int_equal(o.calls, 0);
}

static void destroy_in_done(void *user, const struct http_client_answer *a)
{
	struct rig *r = user;
	assert_int_equal(a->status, 200);
	http_client_destroy(&r->client);
	assert_string_equal(a->body, "bye");
}

static void may_be_destroyed_by_an_answer(void **state)
{
	struct rig r;
	struct outcome o = {0};
	rig_init(&r, ANSWER("200 OK", "", "bye", "3"), 0);
	http_client_send(r.client, &(struct http_client_request){.method = "GET", .url = r.url},
		destroy_in_done, &r);
	get(&r, &o);
	run_until(&r.loop, !r.client);
	assert_true(o.calls <= 1);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_and_hears_the_answer),
		cmocka_unit_test(keeps_connections),
		cmocka_unit_test(bounds_connections),
		cmocka_unit_test(tells_of_failures),
		cmocka_unit_test(repeats_what_a_kept_connection_lost),
		cmocka_unit_test(gives_up_after_its_time),
		cmocka_unit_test(follows_no_redirect_and_heeds_retry_after),
		cmocka_unit_test(bounds_the_answer),
		cmocka_unit_test(speaks_http_only),
		cmocka_unit_test(sends_nothing_without_tls),
		cmocka_unit_test(cancelled_is_never_heard_of),
		cmocka_unit_test(destroyed_with_requests_under_way),
		cmocka_unit_test(may_be_destroyed_by_an_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
