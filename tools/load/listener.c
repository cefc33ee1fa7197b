#include "listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "samples.h"
#include "stamp.h"

enum { READ_SIZE = 1 << 17, CARRY = 64, HANDSHAKE_SIZE = 1536, STAMP_BYTES = 16 + STAMP_DIGITS };

struct crowd {
	const struct listeners_options *opt;
	struct listener *listeners;
	struct samples *start, *frames;
	uint64_t bytes;
	int epoll;
};

struct listener {
	struct crowd *crowd;
	const struct target *target;
	int fd;
	bool stalls, want_write, shakes_hands, closed;
	struct buf out;
	uint64_t bytes, begun_us;
	uint8_t carry[STAMP_BYTES - 1]; /* a stamp may lie across two reads */
	size_t n_carry;
};

static void amf_string(struct buf *b, const char *s, size_t len)
{
	buf_put_u8(b, 2);
	buf_put_u16(b, (uint16_t)len);
	buf_put(b, s, len);
}

static void amf_command(struct buf *b, const char *name, double number)
{
	amf_string(b, name, strlen(name));
	buf_put_u8(b, 0);
	buf_put_f64(b, number);
}

/* Our chunks stay at the protocol's 128 bytes: a message longer than that is cut. */
static void message_put(struct buf *out, uint32_t msid, struct buf *body)
{
	buf_put_u8(out, 3);
	buf_put_u24(out, 0);
	buf_put_u24(out, (uint32_t)body->len);
	buf_put_u8(out, 20);
	buf_put_u32le(out, msid);
	for (size_t at = 0; at < body->len; at += 128) {
		size_t left = body->len - at;
		if (at)
			buf_put_u8(out, 3 << 6 | 3);
		buf_put(out, body->data + at, left < 128 ? left : 128);
	}
	buf_finish(body);
}

/*
 * All requests at once: the first stream that a connection creates has the id 1 with every server
 * that this has to do with.
 */
static void rtmp_ask(struct listener *l)
{
	const char *app = l->target->path + 1, *name = strchr(app, '/') + 1;
	struct buf b = {0}, url = {0};
	amf_command(&b, "connect", 1);
	buf_put_u8(&b, 3);
	buf_put_u16(&b, 3);
	buf_put_str(&b, "app");
	amf_string(&b, app, (size_t)(name - 1 - app));
	buf_printf(&url, "rtmp://%s:%u/%.*s", l->target->host, l->target->port,
		(int)(name - 1 - app), app);
	buf_put_u16(&b, 5);
	buf_put_str(&b, "tcUrl");
	amf_string(&b, buf_text(&url), url.len);
	buf_put_u24(&b, 9);
	buf_finish(&url);
	message_put(&l->out, 0, &b);
	amf_command(&b, "createStream", 2);
	buf_put_u8(&b, 5);
	message_put(&l->out, 0, &b);
	amf_command(&b, "play", 3);
	buf_put_u8(&b, 5);
	amf_string(&b, name, strlen(name));
	message_put(&l->out, 1, &b);
}

static void rtmp_greet(struct listener *l)
{
	uint8_t c1[1 + HANDSHAKE_SIZE] = {3};
	buf_put(&l->out, c1, sizeof(c1));
	l->shakes_hands = true;
}

/* S1 has come, S2 with it or right after; C2 is its echo, which nobody here looks into. */
static void rtmp_answer(struct listener *l)
{
	uint8_t c2[HANDSHAKE_SIZE] = {0};
	buf_put(&l->out, c2, sizeof(c2));
	rtmp_ask(l);
	l->shakes_hands = false;
}

static void http_ask(struct listener *l)
{
	const struct target *t = l->target;
	buf_printf(&l->out, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n\r\n", t->path, t->host, t->port);
}

static void interest_set(struct listener *l, uint32_t events, int op)
{
	struct epoll_event ev = {.events = events, .data.ptr = l};
	epoll_ctl(l->crowd->epoll, op, l->fd, &ev);
}

static void listener_close(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->closed = true;
}

static void output_flush(struct listener *l)
{
	ssize_t n = l->out.len ? send(l->fd, l->out.data, l->out.len, MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
		listener_close(l);
		return;
	}
	if (n > 0)
		buf_consume(&l->out, (size_t)n);
	bool write = l->out.len > 0;
	if (write != l->want_write)
		interest_set(l, EPOLLIN | (write ? EPOLLOUT : 0), EPOLL_CTL_MOD);
	l->want_write = write;
}

static void listener_begin(struct listener *l, uint64_t now_us)
{
	l->begun_us = now_us;
	l->fd = target_connect(l->target);
	if (l->fd < 0) {
		l->closed = true;
		return;
	}
	if (text_eq(l->target->scheme, "rtmp"))
		rtmp_greet(l);
	else
		http_ask(l);
	l->want_write = true;
	interest_set(l, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

static void stamp_found(uint64_t wall_us, void *user)
{
	struct listener *l = user;
	uint64_t now = clock_wall_us(&clock_system);
	/* The group of pictures that a player begins with is old by design. */
	if (clock_mono_us(&clock_system) - l->begun_us > 3 * 1000 * 1000)
		samples_add(l->crowd->frames, now > wall_us ? now - wall_us : 0);
}

/* `bytes` has CARRY bytes of room before it. */
static void stamps_read(struct listener *l, uint8_t *bytes, size_t len)
{
	uint8_t *from = bytes - l->n_carry;
	memcpy(from, l->carry, l->n_carry);
	len += l->n_carry;
	stamp_scan(from, len, stamp_found, l);
	l->n_carry = len < sizeof(l->carry) ? len : sizeof(l->carry);
	memcpy(l->carry, from + len - l->n_carry, l->n_carry);
}

static void bytes_count(struct listener *l, size_t n, uint64_t now_us)
{
	bool tasted = l->bytes >= LISTENER_TASTE;
	l->bytes += n;
	l->crowd->bytes += n;
	if (!tasted && l->bytes >= LISTENER_TASTE) {
		samples_add(l->crowd->start, now_us - l->begun_us);
		if (l->stalls)
			interest_set(l, 0, EPOLL_CTL_MOD);
	}
	if (l->shakes_hands && l->bytes > 2 * HANDSHAKE_SIZE)
		rtmp_answer(l);
}

static ssize_t bytes_read(struct listener *l)
{
	static uint8_t bytes[CARRY + READ_SIZE];
	/* What is only counted is thrown away by the kernel, which saves the copy (tcp(7)). */
	if (!l->crowd->opt->stamps)
		return recv(l->fd, NULL, l->stalls ? LISTENER_TASTE : 8 * READ_SIZE, MSG_TRUNC);
	ssize_t n = recv(l->fd, bytes + CARRY, READ_SIZE, 0);
	if (n > 0)
		stamps_read(l, bytes + CARRY, (size_t)n);
	return n;
}

static void listener_ready(struct listener *l, uint32_t events, uint64_t now_us)
{
	if (l->fd < 0)
		return;
	bool stalled = l->stalls && l->bytes >= LISTENER_TASTE;
	ssize_t n = stalled ? -1 : bytes_read(l);
	bool again = !stalled && n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN);
	if (n > 0)
		bytes_count(l, (size_t)n, now_us);
	else if (!again || events & (EPOLLERR | EPOLLHUP))
		listener_close(l);
	if (l->fd >= 0 && !(l->stalls && l->bytes >= LISTENER_TASTE))
		output_flush(l);
}

static void crowd_loop(struct crowd *c)
{
	struct epoll_event events[256];
	uint64_t now = clock_mono_us(&clock_system), end = now + c->opt->duration_us;
	unsigned begun = 0;
	while (now < end && !*c->opt->stop) {
		/* Players come one after the other, as if from somewhere. */
		for (unsigned i = 0; i < 10 && begun < c->opt->players; i++)
			listener_begin(&c->listeners[begun++], now);
		int n = epoll_wait(c->epoll, events, 256, 10);
		now = clock_mono_us(&clock_system);
		for (int i = 0; i < n; i++)
			listener_ready(events[i].data.ptr, events[i].events, now);
	}
}

static json_t *crowd_json(const struct crowd *c, uint64_t took_us)
{
	unsigned playing = 0, silent = 0, closed = 0, stalled_closed = 0;
	for (unsigned i = 0; i < c->opt->players; i++) {
		const struct listener *l = &c->listeners[i];
		playing += l->bytes >= LISTENER_TASTE;
		silent += l->bytes < LISTENER_TASTE;
		closed += l->closed && !l->stalls;
		stalled_closed += l->closed && l->stalls;
	}
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:f, s:o, s:o}", "players",
		(int)c->opt->players, "playing", (int)playing, "silent", (int)silent, "closed",
		(int)closed, "stalledClosed", (int)stalled_closed, "bytes", (json_int_t)c->bytes,
		"seconds", (double)took_us / 1e6, "startMs", samples_json(c->start),
		"frameLatencyMs", samples_json(c->frames));
}

json_t *listeners_run(const struct listeners_options *opt)
{
	struct crowd c = {.opt = opt, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	c.start = mem_new(struct samples);
	c.frames = mem_new(struct samples);
	c.listeners = mem_zalloc(opt->players * sizeof(*c.listeners));
	for (unsigned i = 0; i < opt->players; i++)
		c.listeners[i] = (struct listener){.crowd = &c,
			.target = &opt->targets[i % opt->n_targets],
			.fd = -1,
			.stalls = i < opt->stalled};
	uint64_t start = clock_mono_us(&clock_system);
	crowd_loop(&c);
	json_t *out = crowd_json(&c, clock_mono_us(&clock_system) - start);
	for (unsigned i = 0; i < opt->players; i++) {
		if (c.listeners[i].fd >= 0)
			close(c.listeners[i].fd);
		buf_finish(&c.listeners[i].out);
	}
	close(c.epoll);
	free(c.listeners);
	free(c.start);
	free(c.frames);
	return out;
}
