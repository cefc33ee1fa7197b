#include "publisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "stamp.h"

enum {
	BACKLOG_MAX = 4 << 20,
	FRAMES_A_TICK = 512,
	BYTES_A_TURN = 4096,
	TALK_TIMEOUT_US = 15 * 1000 * 1000,
	LEAVE_TIMEOUT_US = 3 * 1000 * 1000,
	GOODBYE_LINGER_US = 200 * 1000,
	LATE_US = 100 * 1000,
};

void publisher_init(struct publisher *p, const struct publisher_options *opt, unsigned index,
	const char *key, int epoll, uint64_t start_us)
{
	*p = (struct publisher){.opt = opt,
		.index = index,
		.key = mem_strdup(key),
		.epoll = epoll,
		.fd = -1,
		.silent_fd = -1,
		.wake_us = start_us};
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void publisher_finish(struct publisher *p)
{
	fd_close(&p->fd);
	fd_close(&p->silent_fd);
	pusher_finish(&p->pusher);
	buf_finish(&p->frame);
	free(p->key);
	p->key = NULL;
}

static void interest_set(struct publisher *p, bool write, int op)
{
	p->want_write = write;
	struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = p};
	epoll_ctl(p->epoll, op, p->fd, &ev);
}

static void connection_end(struct publisher *p)
{
	fd_close(&p->fd);
	pusher_finish(&p->pusher);
	p->pusher = (struct pusher){0};
}

static void publisher_failed(struct publisher *p, const char *why, uint64_t now_us)
{
	text_copy(p->error, sizeof(p->error), why);
	p->errors++;
	connection_end(p);
	bool retry = p->opt->retry_us && !p->ending;
	p->state = retry ? PUBLISHER_DOWN : PUBLISHER_DONE;
	p->wake_us = retry ? now_us + p->opt->retry_us : UINT64_MAX;
}

static void connection_begin(struct publisher *p, uint64_t now_us)
{
	p->connections++;
	p->connected_us = now_us;
	p->fd = target_connect(p->opt->target);
	if (p->fd < 0) {
		publisher_failed(p, strerror(errno), now_us);
		return;
	}
	interest_set(p, true, EPOLL_CTL_ADD);
	pusher_init(&p->pusher,
		&(struct pusher_options){.app = p->opt->app,
			.tc_url = p->opt->tc_url,
			.key = p->key,
			.chunk_size = p->opt->chunk_size,
			.deltas = p->opt->deltas,
			.bare_type3 = p->opt->bare_type3});
	p->state = PUBLISHER_CONNECTING;
	p->wake_us = now_us + TALK_TIMEOUT_US;
}

/* Media time of the next frame. */
static uint64_t frame_due(const struct publisher *p)
{
	const struct flv_file *f = p->opt->file;
	return (p->loops * f->loop_ms + f->frames[p->next].timestamp - f->frames[0].timestamp) *
		1000;
}

static uint64_t media_now(const struct publisher *p, uint64_t now_us)
{
	return (uint64_t)((double)(now_us - p->origin_us) * p->opt->speed);
}

static uint64_t real_time(const struct publisher *p, uint64_t media_us)
{
	return p->origin_us + (uint64_t)((double)media_us / p->opt->speed);
}

static void frame_next(struct publisher *p)
{
	if (++p->next < p->opt->file->n_frames)
		return;
	p->next = 0;
	p->loops++;
	p->fresh |= p->opt->file->config_changes;
}

/* Frames whose time went by while there was no connection never were sent by anyone. */
static void frames_skip(struct publisher *p, uint64_t media_us)
{
	const struct flv_file *f = p->opt->file;
	while (frame_due(p) < media_us || (f->has_video && !f->frames[p->next].keyframe)) {
		p->lost++;
		frame_next(p);
	}
}

static void publisher_started(struct publisher *p, uint64_t now_us)
{
	if (!p->published) {
		p->start_us = now_us - p->connected_us;
		p->origin_us = now_us;
	} else if (!p->opt->keep_frames) {
		frames_skip(p, media_now(p, now_us));
	}
	p->published = true;
	p->state = PUBLISHER_LIVE;
	p->fresh = true;
	p->base_us = p->opt->restart_timestamps ? frame_due(p) : 0;
	p->wake_us = now_us;
}

static void packet_log(struct publisher *p, const struct flv_packet *packet, uint32_t timestamp)
{
	if (!p->opt->log)
		return;
	size_t header = flv_header_size(packet);
	uLong crc = crc32(0, packet->data + header, (uInt)(packet->len - header));
	const char *kind = packet->type == FLV_TAG_VIDEO ? "video"
		: packet->type == FLV_TAG_AUDIO		 ? "audio"
							 : "data";
	fprintf(p->opt->log, "%u\t%llu\t%s\t%d\t%d\t%u\t%d\t%zu\t%08lx\t%llu\n", p->index,
		(unsigned long long)p->connections, kind, packet->config, packet->keyframe,
		timestamp, flv_composition(packet), packet->len - header, crc,
		(unsigned long long)clock_wall_us(&clock_system));
}

static void packet_send(struct publisher *p, const struct flv_packet *from, uint64_t media_us)
{
	struct flv_packet packet = *from;
	buf_reset(&p->frame);
	bool frame = packet.type == FLV_TAG_VIDEO && !packet.config;
	if (p->opt->stamp && frame &&
		stamp_frame(&p->frame, packet.data, packet.len, clock_wall_us(&clock_system))) {
		packet.data = p->frame.data;
		packet.len = (uint32_t)p->frame.len;
	}
	uint32_t timestamp = p->opt->start_timestamp + (uint32_t)((media_us - p->base_us) / 1000);
	pusher_media(&p->pusher, packet.type, timestamp, packet.data, packet.len);
	packet_log(p, &packet, timestamp);
	p->packets++;
	p->audio += packet.type == FLV_TAG_AUDIO && !packet.config;
	p->video += frame;
}

static void late_note(struct publisher *p, uint64_t due_us, uint64_t now_us)
{
	uint64_t due = real_time(p, due_us), late = now_us > due ? now_us - due : 0;
	p->late += late > LATE_US;
	p->late_max_us = late > p->late_max_us ? late : p->late_max_us;
}

static void publisher_leave(struct publisher *p, uint64_t now_us)
{
	if (p->ending && p->opt->goodbye)
		pusher_goodbye(&p->pusher);
	p->state = PUBLISHER_LEAVING;
	p->leave_us = now_us;
	p->wake_us = now_us;
}

/* Sends what is due; true if the connection is to be left now. */
static bool frames_send(struct publisher *p, uint64_t now_us)
{
	uint64_t media_us = media_now(p, now_us);
	for (unsigned n = 0; n < FRAMES_A_TICK; n++) {
		uint64_t due = frame_due(p);
		bool drop = p->drops < p->opt->n_drops && due >= p->opt->drop_at_us[p->drops];
		p->ending |= due >= p->opt->duration_us;
		if (due > media_us || p->pusher.out.len > BACKLOG_MAX)
			return false;
		if (drop || p->ending)
			return true;
		for (size_t i = 0; p->fresh && i < p->opt->file->n_configs; i++)
			packet_send(p, &p->opt->file->configs[i], due);
		p->fresh = false;
		late_note(p, due, now_us);
		packet_send(p, &p->opt->file->frames[p->next], due);
		frame_next(p);
	}
	return false;
}

static ssize_t chunk_write(struct publisher *p)
{
	struct buf *out = &p->pusher.out;
	ssize_t sent = 0;
	for (size_t n = 0; p->opt->one_byte && n < BYTES_A_TURN && out->len > 0; n++) {
		if (send(p->fd, out->data, 1, MSG_NOSIGNAL) != 1)
			return sent > 0 ? sent : -1;
		buf_consume(out, 1);
		sent++;
	}
	if (p->opt->one_byte)
		return sent;
	sent = send(p->fd, out->data, out->len, MSG_NOSIGNAL);
	if (sent > 0)
		buf_consume(out, (size_t)sent);
	return sent;
}

static void output_flush(struct publisher *p, uint64_t now_us)
{
	if (p->pusher.out.len > 0) {
		ssize_t n = chunk_write(p);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			publisher_failed(p, strerror(errno), now_us);
			return;
		}
		p->bytes += n > 0 ? (uint64_t)n : 0;
	}
	bool write = p->pusher.out.len > 0;
	if (write != p->want_write)
		interest_set(p, write, EPOLL_CTL_MOD);
}

static void connection_cut(struct publisher *p)
{
	struct linger now = {.l_onoff = 1};
	if (p->opt->drop_kind == DROP_RST && !p->ending)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (p->opt->drop_kind == DROP_SILENT && !p->ending) {
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, p->fd, NULL);
		fd_close(&p->silent_fd);
		p->silent_fd = p->fd;
		p->fd = -1;
	}
	connection_end(p);
}

static void publisher_left(struct publisher *p, uint64_t now_us)
{
	connection_cut(p);
	if (p->ending) {
		p->state = PUBLISHER_DONE;
		p->wake_us = UINT64_MAX;
		return;
	}
	p->drops++;
	p->state = PUBLISHER_DOWN;
	p->wake_us = now_us + p->opt->reconnect_us;
}

/* A goodbye waits a little, so that the server reads it before it sees the connection closed. */
static void leaving_tick(struct publisher *p, uint64_t now_us)
{
	uint64_t linger = p->ending && p->opt->goodbye ? GOODBYE_LINGER_US : 0;
	bool sent = p->pusher.out.len == 0 || p->opt->drop_kind == DROP_RST;
	uint64_t limit = sent ? linger : LEAVE_TIMEOUT_US;
	if (now_us - p->leave_us >= limit)
		publisher_left(p, now_us);
	else
		p->wake_us = now_us + 10 * 1000;
}

static void live_tick(struct publisher *p, uint64_t now_us)
{
	bool leave = frames_send(p, now_us);
	if (leave)
		publisher_leave(p, now_us);
	output_flush(p, now_us);
	if (p->state != PUBLISHER_LIVE)
		return;
	uint64_t due = real_time(p, frame_due(p));
	bool backlog = p->pusher.out.len > BACKLOG_MAX;
	p->wake_us = backlog ? now_us + 5000 : due > now_us ? due : now_us;
}

void publisher_tick(struct publisher *p, uint64_t now_us)
{
	if (now_us < p->wake_us)
		return;
	switch (p->state) {
	case PUBLISHER_DOWN:
		connection_begin(p, now_us);
		break;
	case PUBLISHER_CONNECTING:
	case PUBLISHER_TALKING:
		publisher_failed(p, "no answer to connect or publish within 15 s", now_us);
		break;
	case PUBLISHER_LIVE:
		live_tick(p, now_us);
		break;
	case PUBLISHER_LEAVING:
		leaving_tick(p, now_us);
		break;
	case PUBLISHER_DONE:
		p->wake_us = UINT64_MAX;
		break;
	}
}

static void input_read(struct publisher *p, uint64_t now_us)
{
	uint8_t bytes[16384];
	ssize_t n = recv(p->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (p->ending && p->state == PUBLISHER_LEAVING && n == 0)
			publisher_left(p, now_us);
		else
			publisher_failed(p, n ? strerror(errno) : "closed by the server", now_us);
		return;
	}
	bool ok = pusher_input(&p->pusher, bytes, (size_t)n);
	if (!ok) {
		char why[sizeof(p->pusher.error)];
		text_copy(why, sizeof(why), p->pusher.error);
		publisher_failed(p, why, now_us);
	} else if (p->state == PUBLISHER_TALKING && p->pusher.state == PUSHER_LIVE) {
		publisher_started(p, now_us);
	}
}

static bool connect_finish(struct publisher *p, uint64_t now_us)
{
	int error = 0;
	socklen_t len = sizeof(error);
	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		publisher_failed(p, strerror(error), now_us);
		return false;
	}
	if (p->connections == 1)
		p->connect_us = now_us - p->connected_us;
	p->state = PUBLISHER_TALKING;
	return true;
}

void publisher_ready(struct publisher *p, uint32_t events, uint64_t now_us)
{
	if (p->fd < 0)
		return;
	if (p->state == PUBLISHER_CONNECTING && !connect_finish(p, now_us))
		return;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		input_read(p, now_us);
	if (p->fd >= 0)
		output_flush(p, now_us);
}

void publisher_end(struct publisher *p, uint64_t now_us)
{
	p->ending = true;
	if (p->state == PUBLISHER_LIVE) {
		publisher_leave(p, now_us);
	} else if (p->state != PUBLISHER_LEAVING && p->state != PUBLISHER_DONE) {
		connection_end(p);
		p->state = PUBLISHER_DONE;
		p->wake_us = UINT64_MAX;
	}
}
