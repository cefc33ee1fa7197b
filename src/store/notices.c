#include "notices.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct notice_watch {
	void (*post)(void *user, void (*fn)(void *arg), void *arg);
	void *post_user;
	notification_watcher fn; /* the loop thread's */
	void *user;
	atomic_uint refs;
};

struct notices {
	struct notice_watch *watch;
	char *type, *title, *body;
	struct uuid stream_id;
	struct notification_notice *rows;
	size_t n, room;
};

struct notice_watch *notice_watch_create(
	void (*post)(void *user, void (*fn)(void *arg), void *arg), void *post_user)
{
	struct notice_watch *w = mem_new(struct notice_watch);
	w->post = post;
	w->post_user = post_user;
	atomic_init(&w->refs, 1);
	return w;
}

struct notice_watch *notice_watch_hold(struct notice_watch *w)
{
	atomic_fetch_add(&w->refs, 1);
	return w;
}

void notice_watch_drop(struct notice_watch *w)
{
	if (atomic_fetch_sub(&w->refs, 1) == 1) {
		free(w);
	}
}

void notice_watch_close(struct notice_watch **w)
{
	if (*w != NULL) {
		(*w)->fn = NULL;
		notice_watch_drop(*w);
		*w = NULL;
	}
}

void notice_watch_set(struct notice_watch *w, notification_watcher fn, void *user)
{
	w->fn = fn;
	w->user = user;
}

struct notices *notices_create(struct notice_watch *w)
{
	struct notices *n = mem_new(struct notices);
	n->watch = notice_watch_hold(w);
	return n;
}

void notices_destroy(struct notices *n)
{
	if (n == NULL) {
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		free((char *)n->rows[i].user_id);
	}
	free(n->rows);
	free(n->type);
	free(n->title);
	free(n->body);
	notice_watch_drop(n->watch);
	free(n);
}

void notices_about(struct notices *n, const char *type, struct uuid stream_id, const char *title,
	const char *body)
{
	n->type = mem_strdup(type);
	n->stream_id = stream_id;
	n->title = mem_strdup(title);
	n->body = mem_strdup(body);
}

void notices_add(struct notices *n, const char *user_id, struct uuid id, uint64_t created_at)
{
	if (n->n == n->room) {
		n->room = n->room > 0 ? 2 * n->room : 16;
		n->rows = mem_realloc(n->rows, n->room * sizeof(*n->rows));
	}
	n->rows[n->n++] = (struct notification_notice){
		.user_id = mem_strdup(user_id), .id = id, .created_at = created_at};
}

void notices_tell(struct notices *n)
{
	if (n != NULL && n->watch->fn != NULL && n->n > 0) {
		const struct notification_news news = {.type = n->type,
			.stream_id = n->stream_id,
			.title = n->title,
			.body = n->body,
			.rows = n->rows,
			.n = n->n};
		n->watch->fn(n->watch->user, &news);
	}
	notices_destroy(n);
}

static void tell(void *arg)
{
	notices_tell(arg);
}

void notices_post(struct notices *n)
{
	if (n != NULL) {
		n->watch->post(n->watch->post_user, tell, n);
	}
}
