#include "server_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/metrics.h"

bool fixture_by_libwebsockets, fixture_over_unix;

void fixture_start(
	struct fixture *f, void (*handle)(void *user, struct http_request *r), void *user)
{
	char error[256];

	clock_manual_init(&f->clock, 1700000000000000ull);
	f->metrics = metrics_create();
	f->loop = loop_create(&(struct loop_config){
		.clock = &f->clock.clock, .metrics = f->metrics, .max_connections = 64});
	assert_non_null(f->loop);
	snprintf(f->socket, sizeof(f->socket), "/tmp/souk-test-http-%d", (int)getpid());
	f->server = http_server_create(f->loop,
		&(struct http_config){.listen = "127.0.0.1:0",
			.unix_path = f->socket,
			.by_libwebsockets = fixture_by_libwebsockets,
			.max_body = 1000,
			.idle_us = 60000000,
			.header_us = 10000000,
			.handle = handle,
			.user = user},
		error, sizeof(error));
	assert_non_null(f->server);
}

void fixture_stop(struct fixture *f)
{
	http_server_destroy(&f->server);
	loop_destroy(f->loop);
	metrics_destroy(f->metrics);
}

void fixture_turn(struct fixture *f)
{
	uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

uint64_t fixture_count(struct fixture *f, const char *name, const char *labels)
{
	return metric_count(metrics_counter(f->metrics, name, labels, NULL));
}

static int dial_unix(struct fixture *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, f->socket, sizeof(f->socket));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static int dial_tcp(struct fixture *f)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_server_port(f->server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void client_open(struct client *c, struct fixture *f)
{
	*c = (struct client){.fixture = f};
	c->fd = fixture_over_unix ? dial_unix(f) : dial_tcp(f);
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_finish(&c->in);
}

void client_send(struct client *c, const char *text)
{
	size_t len = strlen(text);
	assert_int_equal(send(c->fd, text, len, MSG_NOSIGNAL), len);
}

void client_pull(struct client *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, buf_reserve(&c->in, 65536), 65536, MSG_DONTWAIT);
		if (n > 0) {
			c->in.len += (size_t)n;
			continue;
		}
		if (n == 0 || errno != EAGAIN)
			c->closed = true;
		return;
	}
}

static void client_await(struct client *c)
{
	fixture_turn(c->fixture);
	client_pull(c);
}

void client_read_until_closed(struct client *c)
{
	while (!c->closed)
		client_await(c);
}

static char *head_end(struct client *c)
{
	return c->in.len ? memmem(c->in.data, c->in.len, "\r\n\r\n", 4) : NULL;
}

void client_read(struct client *c, struct answer *a, bool expect_body)
{
	char *end;

	*a = (struct answer){0};
	while (!(end = head_end(c))) {
		assert_false(c->closed);
		client_await(c);
	}
	size_t head = (size_t)(end - (char *)c->in.data) + 4;
	assert_true(head < sizeof(a->head));
	memcpy(a->head, c->in.data, head);
	buf_consume(&c->in, head);
	assert_memory_equal(a->head, "HTTP/1.1 ", 9);
	a->status = (int)strtol(a->head + 9, NULL, 10);
	const char *length = strstr(a->head, "\r\ncontent-length: ");
	size_t want = length && expect_body ? strtoul(length + 18, NULL, 10) : 0;
	while (c->in.len < want && !c->closed)
		client_await(c);
	assert_true(c->in.len >= want);
	buf_put(&a->body, c->in.data ? c->in.data : (uint8_t *)"", want);
	buf_consume(&c->in, want);
}

void answer_finish(struct answer *a)
{
	buf_finish(&a->body);
}

bool answer_has(const struct answer *a, const char *line)
{
	return strstr(a->head, line);
}
