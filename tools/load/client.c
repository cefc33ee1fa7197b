#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws_client.h"

enum { READ_SIZE = 1 << 16, JOIN_ACK = 1, OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

void client_init(
	struct client *c, const struct client_config *config, unsigned index, const char *token)
{
	*c = (struct client){.config = config, .index = index, .token = token, .fd = -1};
}

void client_finish(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_finish(&c->in);
	buf_finish(&c->out);
}

static void die(struct client *c)
{
	enum client_state before = c->state;
	if (before == CLIENT_DEAD)
		return;
	client_finish(c);
	c->state = CLIENT_DEAD;
	c->config->ops->dead(c->config->user, c, before);
}

/* A source address has some 28,000 ports, fewer while old connections linger. */
static void source_bind(struct client *c)
{
	uint32_t host = INADDR_LOOPBACK + c->index % c->config->sources;
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
	int on = 1;
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	/* Without it the connection is made from where the kernel likes. */
	(void)!bind(c->fd, (const struct sockaddr *)&source, sizeof(source));
}

static void interest_set(struct client *c, bool write, int op)
{
	struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
	c->want_write = write;
	epoll_ctl(c->config->epoll, op, c->fd, &ev);
}

void client_connect(struct client *c)
{
	const struct target *t = c->config->target;
	int on = 1;
	c->state = CLIENT_CONNECTING;
	c->fd = socket(t->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		die(c);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (c->config->sources && t->addr.ss_family == AF_INET)
		source_bind(c);
	if (connect(c->fd, (const struct sockaddr *)&t->addr, t->addr_len) != 0 &&
		errno != EINPROGRESS) {
		die(c);
		return;
	}
	interest_set(c, true, EPOLL_CTL_ADD);
}

static void output_flush(struct client *c)
{
	ssize_t n = c->out.len ? send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		die(c);
		return;
	}
	if (n > 0)
		buf_consume(&c->out, (size_t)n);
	if (!c->out.len)
		buf_finish(&c->out);
	if (c->want_write != (c->out.len > 0))
		interest_set(c, c->out.len > 0, EPOLL_CTL_MOD);
}

void client_send(struct client *c, const void *frames, size_t len)
{
	if (c->fd < 0)
		return;
	bool waits = c->out.len > 0;
	buf_put(&c->out, frames, len);
	if (!waits)
		output_flush(c);
}

static void frame_send(struct client *c, unsigned opcode, const void *data, size_t len)
{
	struct buf frame = {0};
	ws_client_frame(&frame, opcode, data, len, 0x5eed0000u + c->index);
	client_send(c, frame.data, frame.len);
	buf_finish(&frame);
}

static void upgrade_ask(struct client *c)
{
	const struct target *t = c->config->target;
	struct buf path = {0}, request = {0};
	buf_put_str(&path, c->config->path);
	if (c->token && c->config->framing == WIRE_JSON)
		buf_printf(&path, "?token=%s", c->token);
	ws_client_request(&request, buf_text(&path), t->host, t->port, "");
	c->state = CLIENT_ASKED;
	client_send(c, request.data, request.len);
	buf_finish(&path);
	buf_finish(&request);
}

static void greeted(struct client *c)
{
	struct buf text = {0};
	if (!c->config->join) {
		c->state = CLIENT_READY;
		c->config->ops->ready(c->config->user, c);
		return;
	}
	c->state = CLIENT_JOINING;
	wire_event(&text, c->config->framing, c->config->join_event, c->config->join, NULL, 0,
		JOIN_ACK);
	frame_send(c, OP_TEXT, text.data, text.len);
	buf_finish(&text);
}

static void hello_send(struct client *c)
{
	struct buf text = {0};
	wire_hello(&text, c->token);
	frame_send(c, OP_TEXT, text.data, text.len);
	buf_finish(&text);
}

/* True: it was one of those on the way to readiness, or a ping. */
static bool progress(struct client *c, const uint8_t *text, size_t len)
{
	uint32_t ack;
	enum wire_kind kind = wire_read(c->config->framing, text, len, &ack);
	if (kind == WIRE_PING)
		frame_send(c, OP_TEXT, "3", 1);
	else if (kind == WIRE_OPENED && c->state == CLIENT_GREETING)
		hello_send(c);
	else if (kind == WIRE_CONNECTED && c->state == CLIENT_GREETING)
		greeted(c);
	else if (kind == WIRE_REFUSED && c->state < CLIENT_READY)
		die(c);
	else if (kind == WIRE_ACK && ack == JOIN_ACK && c->state == CLIENT_JOINING) {
		c->state = CLIENT_READY;
		c->config->ops->ready(c->config->user, c);
	} else
		return false;
	return true;
}

static void frame_take(struct client *c, const struct ws_client_in *f)
{
	if (f->opcode == OP_TEXT) {
		if (!progress(c, f->data, f->len))
			c->config->ops->text(c->config->user, c, f->data, f->len);
	} else if (f->opcode == OP_PING) {
		frame_send(c, OP_PONG, f->data, f->len);
	} else if (f->opcode == OP_CLOSE) {
		c->close_code = f->len >= 2 ? (unsigned)f->data[0] << 8 | f->data[1] : 0;
		die(c);
	}
}

/* Bytes used; what is left is a cut frame. */
static size_t bytes_take(struct client *c, const uint8_t *data, size_t len)
{
	size_t at = 0, used;
	if (c->state == CLIENT_ASKED) {
		enum ws_client_answer answer = ws_client_answer(data, len, &at, &c->status);
		if (answer == WS_CLIENT_REFUSED)
			die(c);
		if (answer != WS_CLIENT_OPEN)
			return 0;
		c->state = CLIENT_GREETING;
		if (c->config->framing != WIRE_SOCKET_IO)
			greeted(c);
	}
	for (struct ws_client_in f; c->fd >= 0; at += used) {
		long n = ws_client_read(data + at, len - at, &f);
		if (n < 0)
			die(c);
		if (n <= 0)
			break;
		used = (size_t)n;
		frame_take(c, &f);
	}
	return at;
}

static void input_read(struct client *c)
{
	static uint8_t bytes[READ_SIZE];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		die(c);
		return;
	}
	if (c->in.len) {
		buf_put(&c->in, bytes, (size_t)n);
		/* Taken out meanwhile: a frame may end the client, and its buffer. */
		struct buf in = c->in;
		c->in = (struct buf){0};
		size_t used = bytes_take(c, in.data, in.len);
		if (c->fd >= 0 && used < in.len)
			buf_put(&c->in, in.data + used, in.len - used);
		buf_finish(&in);
		return;
	}
	size_t used = bytes_take(c, bytes, (size_t)n);
	if (c->fd >= 0 && used < (size_t)n)
		buf_put(&c->in, bytes + used, (size_t)n - used);
}

static bool connected(struct client *c)
{
	int error = 0;
	socklen_t len = sizeof(error);
	return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

void client_ready(struct client *c, uint32_t events)
{
	if (c->fd < 0)
		return;
	if (events & EPOLLOUT && c->state == CLIENT_CONNECTING) {
		if (connected(c))
			upgrade_ask(c);
		else
			die(c);
	}
	if (events & EPOLLOUT && c->fd >= 0)
		output_flush(c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && c->fd >= 0)
		input_read(c);
}

void client_stall(struct client *c)
{
	epoll_ctl(c->config->epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

bool client_drain(struct client *c, size_t *bytes)
{
	static uint8_t skipped[READ_SIZE];
	ssize_t n;
	for (*bytes = 0; (n = recv(c->fd, skipped, sizeof(skipped), MSG_DONTWAIT)) > 0;)
		*bytes += (size_t)n;
	return n == 0 || errno != EAGAIN;
}
