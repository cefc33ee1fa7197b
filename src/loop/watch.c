#include "loop/watch.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "base/must.h"

struct watch {
	uv_poll_t handle;
	struct loop *loop;
	const char *name;
	void (*readable)(void *user);
	void *user;
};

/* Errors come as readable too: whoever reads finds them. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct watch *w = handle->data;
	struct loop *l = w->loop;

	(void)status;
	(void)events;
	loop_enter(l, w->name);
	w->readable(w->user);
	loop_leave(l);
}

struct watch *loop_watch_create(
	struct loop *l, const char *name, int fd, void (*readable)(void *user), void *user)
{
	struct watch *w = mem_new(struct watch);
	w->loop = l;
	w->name = name;
	w->readable = readable;
	w->user = user;
	must(uv_poll_init(loop_uv(l), &w->handle, fd) == 0);
	w->handle.data = w;
	must(uv_poll_start(&w->handle, UV_READABLE, on_readable) == 0);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void watch_destroy(struct watch **w)
{
	if (!*w)
		return;
	uv_close((uv_handle_t *)&(*w)->handle, on_closed);
	*w = NULL;
}
