#include "eio_private.h"

#define GRANULE_MAX_US 100000
#define GRANULES 50

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void eio_wait_init(struct eio_wait *w, enum eio_wait_kind kind)
{
	list_init(&w->link);
	w->kind = kind;
}

void eio_wait_stop(struct eio_wait *w)
{
	list_remove(&w->link);
}

static void wake_at(struct eio_server *server, uint64_t us)
{
	uint64_t now = loop_now_us(server->loop);

	server->wake_us = us;
	timer_start(server->wheel, us > now ? us - now : 0);
}

void eio_wait_start(struct eio_server *server, struct eio_wait *w, uint64_t deadline_us)
{
	list_remove(&w->link);
	w->deadline_us = deadline_us;
	list_append(&server->waits[w->kind], &w->link);
	if (!timer_active(server->wheel) || deadline_us < server->wake_us)
		wake_at(server, deadline_us);
}

void eio_ping_schedule(struct eio_session *s)
{
	s->wait.kind = EIO_WAIT_PING;
	eio_wait_start(s->server, &s->wait,
		loop_now_us(s->server->loop) + s->server->config.ping_interval_us);
}

/*
 * The time for the pong counts from when the ping was due, as the client was told; not from before
 * the last granule though, so that a loop that was held up does not cut its clients' time.
 */
static void ping(struct eio_session *s)
{
	struct eio_server *server = s->server;
	uint64_t now = loop_now_us(server->loop), due = s->wait.deadline_us;
	struct rcbuf *frame = eio_packet_frame(EIO_PING);

	if (due + 2 * server->granule_us < now)
		due = now;
	s->wait.kind = EIO_WAIT_PONG;
	eio_wait_start(server, &s->wait, due + server->config.ping_timeout_us);
	eio_session_send(s, frame);
	rcbuf_unref(&frame);
}

static void expire(struct eio_wait *w)
{
	switch (w->kind) {
	case EIO_WAIT_PING:
		ping(container_of(w, struct eio_session, wait));
		return;
	case EIO_WAIT_PONG:
		eio_session_end(
			container_of(w, struct eio_session, wait), EIO_END_TIMEOUT, EIO_CLOSE);
		return;
	case EIO_WAIT_UPGRADE:
		eio_socket_expire(w);
		return;
	case EIO_WAIT_PARTING:
		eio_parting_expire(w);
		return;
	case EIO_WAIT_KINDS:
		return;
	}
}

static struct eio_wait *head_of(struct eio_server *server, int kind)
{
	struct list *head = &server->waits[kind];

	return list_empty(head) ? NULL : container_of(head->next, struct eio_wait, link);
}

static void on_wheel(void *user)
{
	struct eio_server *server = user;
	uint64_t now = loop_now_us(server->loop), next = UINT64_MAX;
	struct eio_wait *w;

	for (int kind = 0; kind < EIO_WAIT_KINDS; kind++)
		while ((w = head_of(server, kind)) && w->deadline_us <= now)
			expire(w);
	for (int kind = 0; kind < EIO_WAIT_KINDS; kind++)
		if ((w = head_of(server, kind)))
			next = min_u64(next, w->deadline_us);
	if (next == UINT64_MAX)
		timer_stop(server->wheel);
	else
		wake_at(server, max_u64(next, now + server->granule_us));
}

void eio_wheel_create(struct eio_server *server)
{
	server->granule_us = min_u64(server->config.ping_interval_us / GRANULES, GRANULE_MAX_US);
	for (int kind = 0; kind < EIO_WAIT_KINDS; kind++)
		list_init(&server->waits[kind]);
	server->wheel = loop_timer_create(server->loop, "engine.io wheel", on_wheel, server);
}

bool eio_overdue(struct eio_session *s)
{
	if (s->wait.kind != EIO_WAIT_PONG || s->wait.deadline_us > loop_now_us(s->server->loop))
		return false;
	eio_session_end(s, EIO_END_TIMEOUT, EIO_CLOSE);
	return true;
}
