#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOG_MODULE "http"

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "http_private.h"
#include "loop/watch.h"

/*
 * libuv takes a descriptor out of epoll and puts it in again for every change of interest, and
 * libwebsockets changes it for every piece it writes. Bodies and held requests use an epoll of
 * their own instead, where a connection is registered once, edge-triggered: it tells when a full
 * socket has room again and when the peer has gone, without another system call.
 */
#define EVENTS_PER_TURN 256

struct http_poller {
	int fd;
	struct watch *watch;
};

static void conn_event(struct http_conn *c, uint32_t events)
{
	const uint32_t gone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
	struct http_request *r = c->current;

	if (c->closing)
		return;
	if (c->direct) {
		http_direct_event(c, events & EPOLLIN, events & (EPOLLOUT | EPOLLERR | EPOLLHUP),
			events & gone);
		return;
	}
	if (!r)
		return;
	bool left = r->out.is_stream && events & gone;
	if (r->phase == HTTP_ANSWERING && !(events & EPOLLERR) && !left)
		http_write(r, false);
	else if (events & gone)
		http_conn_kill(c);
}

static void on_events(void *user)
{
	struct http_poller *p = user;
	struct epoll_event events[EVENTS_PER_TURN];

	int n = epoll_wait(p->fd, events, EVENTS_PER_TURN, 0);
	/* A connection is only freed by libuv's closing, never inside this loop. */
	for (int i = 0; i < n; i++)
		conn_event(events[i].data.ptr, events[i].events);
}

struct http_poller *http_poller_create(struct http_server *s)
{
	struct http_poller *p = mem_new(struct http_poller);
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	must(p->fd >= 0);
	p->watch = loop_watch_create(s->loop, "http poller", p->fd, on_events, p);
	return p;
}

void http_poller_destroy(struct http_poller **p)
{
	if (!*p)
		return;
	watch_destroy(&(*p)->watch);
	close((*p)->fd);
	free(*p);
	*p = NULL;
}

bool http_poller_add(struct http_poller *p, struct http_conn *c)
{
	struct epoll_event event = {
		.events = EPOLLOUT | EPOLLRDHUP | EPOLLET | (c->direct ? EPOLLIN : 0),
		.data.ptr = c};

	if (c->polled)
		return true;
	c->polled = epoll_ctl(p->fd, EPOLL_CTL_ADD, c->fd, &event) == 0;
	return c->polled;
}

bool http_poller_quiet(struct http_poller *p, struct http_conn *c)
{
	struct epoll_event event = {.events = EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};

	return epoll_ctl(p->fd, EPOLL_CTL_MOD, c->fd, &event) == 0;
}

void http_poller_remove(struct http_poller *p, struct http_conn *c)
{
	if (c->polled && c->fd >= 0)
		epoll_ctl(p->fd, EPOLL_CTL_DEL, c->fd, NULL);
	c->polled = false;
}
