#include "loop/os_signal.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "base/must.h"

struct os_signal {
	uv_signal_t handle;
	struct loop *loop;
	const char *name;
	void (*caught)(void *user);
	void *user;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct os_signal *s = handle->data;
	struct loop *l = s->loop;

	loop_enter(l, s->name);
	s->caught(s->user);
	loop_leave(l);
}

struct os_signal *os_signal_create(
	struct loop *l, int number, const char *name, void (*caught)(void *user), void *user)
{
	struct os_signal *s = mem_new(struct os_signal);
	s->loop = l;
	s->name = name;
	s->caught = caught;
	s->user = user;
	must(uv_signal_init(loop_uv(l), &s->handle) == 0);
	s->handle.data = s;
	must(uv_signal_start(&s->handle, on_signal, number) == 0);
	uv_unref((uv_handle_t *)&s->handle);
	return s;
}

void os_signal_destroy(struct os_signal **s)
{
	if (!*s)
		return;
	uv_signal_stop(&(*s)->handle);
	uv_close((uv_handle_t *)&(*s)->handle, on_closed);
	*s = NULL;
}
