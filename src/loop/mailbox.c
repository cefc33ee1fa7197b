#include "loop/mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"

struct letter {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
};

struct mailbox {
	uv_async_t async;
	struct loop *loop;
	pthread_mutex_t lock;
	struct list letters;
};

static void deliver(struct mailbox *m)
{
	struct list batch;
	struct letter *letter, *next;

	list_init(&batch);
	pthread_mutex_lock(&m->lock);
	while (!list_empty(&m->letters)) {
		letter = container_of(m->letters.next, struct letter, link);
		list_remove(&letter->link);
		list_append(&batch, &letter->link);
	}
	pthread_mutex_unlock(&m->lock);
	list_for_each_safe (letter, next, &batch, link) {
		list_remove(&letter->link);
		letter->fn(letter->arg);
		free(letter);
	}
}

static void on_async(uv_async_t *handle)
{
	struct mailbox *m = handle->data;
	struct loop *l = m->loop;

	loop_enter(l, "mailbox");
	deliver(m);
	loop_leave(l);
}

static void on_closed(uv_handle_t *handle)
{
	struct mailbox *m = handle->data;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct mailbox *mailbox_create(struct loop *l)
{
	struct mailbox *m = mem_new(struct mailbox);
	m->loop = l;
	list_init(&m->letters);
	pthread_mutex_init(&m->lock, NULL);
	must(uv_async_init(loop_uv(l), &m->async, on_async) == 0);
	m->async.data = m;
	return m;
}

void mailbox_destroy(struct mailbox **m)
{
	if (!*m)
		return;
	deliver(*m);
	uv_close((uv_handle_t *)&(*m)->async, on_closed);
	*m = NULL;
}

void mailbox_post(struct mailbox *m, void (*fn)(void *arg), void *arg)
{
	struct letter *letter = mem_new(struct letter);
	letter->fn = fn;
	letter->arg = arg;
	pthread_mutex_lock(&m->lock);
	bool first = list_empty(&m->letters);
	list_append(&m->letters, &letter->link);
	/* Under the lock: after it the loop may have run the letter and closed the handle. */
	if (first)
		uv_async_send(&m->async);
	pthread_mutex_unlock(&m->lock);
}

void mailbox_post_fn(void *mailbox, void (*fn)(void *arg), void *arg)
{
	mailbox_post(mailbox, fn, arg);
}
