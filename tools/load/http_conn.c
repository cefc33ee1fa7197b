#include "http_conn.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 17, SKIP_SIZE = 1 << 20 };

void http_conn_init(struct http_conn *c, const struct target *target, int epoll)
{
	*c = (struct http_conn){.target = target, .epoll = epoll, .fd = -1};
}

static void conn_close(struct http_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->connecting = c->want_write = false;
}

void http_conn_finish(struct http_conn *c)
{
	conn_close(c);
	buf_finish(&c->out);
	http_answer_finish(&c->answer);
}

static void interest_set(struct http_conn *c, bool write, int op)
{
	struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
	c->want_write = write;
	epoll_ctl(c->epoll, op, c->fd, &ev);
}

static void conn_open(struct http_conn *c)
{
	c->fd = target_connect(c->target);
	if (c->fd < 0)
		return;
	c->connecting = true;
	interest_set(c, true, EPOLL_CTL_ADD);
}

static bool output_flush(struct http_conn *c)
{
	ssize_t n = c->out.len ? send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (n > 0)
		buf_consume(&c->out, (size_t)n);
	if (c->want_write != (c->out.len > 0))
		interest_set(c, c->out.len > 0, EPOLL_CTL_MOD);
	return true;
}

bool http_conn_get(struct http_conn *c, const char *path, bool keep_body, uint64_t now_us)
{
	buf_reset(&c->out);
	buf_printf(&c->out, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n%s\r\n", path, c->target->host,
		c->target->port, c->headers ? c->headers : "");
	http_answer_begin(&c->answer, keep_body);
	c->asked_us = now_us;
	if (c->fd < 0)
		conn_open(c);
	else if (!output_flush(c))
		shutdown(c->fd, SHUT_RDWR);
	c->busy = c->fd >= 0;
	return c->busy;
}

static void request_end(struct http_conn *c, uint64_t now_us)
{
	bool broken = c->answer.state != HTTP_ANSWER_DONE;
	if (broken)
		c->answer.status = 0;
	if (broken || c->answer.close)
		conn_close(c);
	if (!c->busy)
		return;
	c->busy = false;
	c->done(c, now_us);
}

/* Bodies that are only counted are thrown away by the kernel, which saves the copy (tcp(7)). */
static ssize_t body_skip(struct http_conn *c)
{
	size_t want = c->answer.left < SKIP_SIZE ? (size_t)c->answer.left : SKIP_SIZE;
	ssize_t n = recv(c->fd, NULL, want, MSG_TRUNC);
	if (n > 0)
		http_answer_skip(&c->answer, (uint64_t)n);
	return n;
}

static ssize_t input_read(struct http_conn *c)
{
	static uint8_t bytes[READ_SIZE];
	if (c->busy && c->answer.state == HTTP_ANSWER_LENGTH && !c->answer.keep_body)
		return body_skip(c);
	/* The head alone is read in small pieces, so that body_skip has something left to save. */
	bool head = !c->answer.keep_body && c->answer.state == HTTP_ANSWER_HEAD;
	ssize_t n = recv(c->fd, bytes, head ? 1024 : sizeof(bytes), 0);
	if (n > 0 && (!c->busy || http_answer_input(&c->answer, bytes, (size_t)n) != (size_t)n))
		c->answer.state = HTTP_ANSWER_BROKEN;
	return n;
}

static void conn_read(struct http_conn *c, uint64_t now_us)
{
	for (;;) {
		ssize_t n = input_read(c);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->bytes_in += n > 0 ? (uint64_t)n : 0;
		if (n <= 0) {
			c->answer.state = HTTP_ANSWER_BROKEN;
			request_end(c, now_us);
			return;
		}
		if (c->answer.state >= HTTP_ANSWER_DONE) {
			request_end(c, now_us);
			return;
		}
	}
}

void http_conn_ready(struct http_conn *c, uint32_t events, uint64_t now_us)
{
	if (c->fd < 0)
		return;
	if (events & EPOLLOUT) {
		c->connecting = false;
		if (!output_flush(c)) {
			c->answer.state = HTTP_ANSWER_BROKEN;
			request_end(c, now_us);
			return;
		}
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		conn_read(c, now_us);
}
