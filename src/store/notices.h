#pragma once

#include "model/people.h"

/*
 * Notifications just written, on their way to whom the loop has for them (notification_watch). The
 * watch is shared by the writer's thread and the loop's, and lives as long as anybody holds it.
 */
struct notice_watch;
struct notice_watch *notice_watch_create(
	void (*post)(void *user, void (*fn)(void *arg), void *arg), void *post_user);
void notice_watch_close(struct notice_watch **w); /* nobody is told any more; NULL is fine */
struct notice_watch *notice_watch_hold(struct notice_watch *w);
void notice_watch_drop(struct notice_watch *w);
void notice_watch_set(struct notice_watch *w, notification_watcher fn, void *user);

/* Those of one transaction. */
struct notices;
struct notices *notices_create(struct notice_watch *w);
void notices_destroy(struct notices *n); /* NULL is fine */
/* What all have in common; texts are copied. */
void notices_about(struct notices *n, const char *type, struct uuid stream_id, const char *title,
	const char *body);
void notices_add(struct notices *n, const char *user_id, struct uuid id, uint64_t created_at);
/* After the commit; take the notices over. NULL is fine. */
void notices_tell(struct notices *n); /* on the loop thread */
void notices_post(struct notices *n); /* on any */
