#include "loop/timer.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "base/must.h"

struct timer {
	uv_timer_t handle;
	struct loop *loop;
	const char *name;
	void (*fire)(void *user);
	void *user;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static uint64_t to_ms(uint64_t us)
{
	return (us + 999) / 1000;
}

static void on_fire(uv_timer_t *handle)
{
	struct timer *t = handle->data;
	struct loop *l = t->loop;

	loop_enter(l, t->name);
	t->fire(t->user);
	loop_leave(l);
}

struct timer *loop_timer_create(
	struct loop *l, const char *name, void (*fire)(void *user), void *user)
{
	struct timer *t = mem_new(struct timer);
	t->loop = l;
	t->name = name;
	t->fire = fire;
	t->user = user;
	must(uv_timer_init(loop_uv(l), &t->handle) == 0);
	t->handle.data = t;
	return t;
}

void timer_destroy(struct timer **t)
{
	if (!*t)
		return;
	uv_timer_stop(&(*t)->handle);
	/* libuv holds the handle until its close callback: the memory goes there. */
	uv_close((uv_handle_t *)&(*t)->handle, on_closed);
	*t = NULL;
}

void timer_start(struct timer *t, uint64_t after_us)
{
	/* libuv's clock stands still within a turn; a long callback must not shorten the wait. */
	uv_update_time(loop_uv(t->loop));
	must(uv_timer_start(&t->handle, on_fire, to_ms(after_us), 0) == 0);
}

void timer_repeat(struct timer *t, uint64_t every_us)
{
	uint64_t ms = to_ms(every_us);
	uv_update_time(loop_uv(t->loop));
	must(uv_timer_start(&t->handle, on_fire, ms ? ms : 1, ms ? ms : 1) == 0);
}

void timer_stop(struct timer *t)
{
	uv_timer_stop(&t->handle);
}

bool timer_active(const struct timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->handle);
}
