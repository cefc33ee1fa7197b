#include "loop/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/must.h"

struct letter {
	struct letter *next;
	void (*fn)(void *arg);
	void *arg;
};

/*
 * Nothing in here makes the loop wait for a thread that was preempted: letters are a stack that is
 * taken as a whole, and the wake-up is an eventfd of our own. uv_async_send (libuv 1.44) has the
 * loop spin until the sender has gone on, and a lock would have it sleep, for as long as the
 * kernel lets others run: tens of milliseconds where cores are few.
 */
struct mailbox {
	uv_poll_t poll;
	struct loop *loop;
	int fd;
	_Atomic(struct letter *) newest;
	/* The loop's, and each post's that is under way: its letter may destroy the mailbox. */
	atomic_uint refs;
};

static struct letter *take_all(struct mailbox *m)
{
	struct letter *newest = atomic_exchange(&m->newest, NULL), *oldest = NULL;

	while (newest) {
		struct letter *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static void unref(struct mailbox *m)
{
	if (atomic_fetch_sub(&m->refs, 1) != 1)
		return;
	close(m->fd);
	free(m);
}

static void deliver(struct mailbox *m)
{
	struct letter *letter = take_all(m);

	while (letter) {
		struct letter *next = letter->next;
		letter->fn(letter->arg);
		free(letter);
		letter = next;
	}
}

/* Before the letters are taken: what comes after that wakes again. */
static void wakes_take(struct mailbox *m)
{
	eventfd_t n;

	must(eventfd_read(m->fd, &n) == 0 || errno == EAGAIN || errno == EINTR);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct mailbox *m = handle->data;
	struct loop *l = m->loop;

	(void)status;
	(void)events;
	loop_enter(l, "mailbox");
	wakes_take(m);
	deliver(m);
	loop_leave(l);
}

static void on_closed(uv_handle_t *handle)
{
	unref(handle->data);
}

struct mailbox *mailbox_create(struct loop *l)
{
	struct mailbox *m = mem_new(struct mailbox);

	m->loop = l;
	atomic_init(&m->refs, 1);
	m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(m->fd >= 0);
	must(uv_poll_init(loop_uv(l), &m->poll, m->fd) == 0);
	m->poll.data = m;
	must(uv_poll_start(&m->poll, UV_READABLE, on_readable) == 0);
	return m;
}

void mailbox_destroy(struct mailbox **m)
{
	if (!*m)
		return;
	deliver(*m);
	uv_close((uv_handle_t *)&(*m)->poll, on_closed);
	*m = NULL;
}

void mailbox_post(struct mailbox *m, void (*fn)(void *arg), void *arg)
{
	struct letter *letter = mem_new(struct letter);

	letter->fn = fn;
	letter->arg = arg;
	atomic_fetch_add(&m->refs, 1);
	letter->next = atomic_load(&m->newest);
	while (!atomic_compare_exchange_weak(&m->newest, &letter->next, letter))
		;
	/* Each time: whoever found the stack empty may not have come to this yet. */
	must(eventfd_write(m->fd, 1) == 0);
	unref(m);
}

void mailbox_post_fn(void *mailbox, void (*fn)(void *arg), void *arg)
{
	mailbox_post(mailbox, fn, arg);
}

void mailbox_wait(struct mailbox *m)
{
	struct pollfd p = {.fd = m->fd, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	wakes_take(m);
	deliver(m);
}
