#define LOG_MODULE "http"

#include "base/log.h"
#include "http_private.h"

/*
 * Every wait of a kind lasts equally long, so each kind is a queue in the order of its deadlines:
 * starting, stopping and expiring cost the same with ten connections and with ten thousand.
 * libwebsockets' own timers do not (one sorted list with linear insert).
 */

void http_wait_init(struct http_wait *w, struct http_conn *c)
{
	list_init(&w->link);
	w->kind = HTTP_WAIT_NONE;
	w->conn = c;
}

void http_wait_start(struct http_server *s, struct http_wait *w, enum http_wait_kind kind)
{
	list_remove(&w->link);
	w->kind = kind;
	w->deadline_us = loop_now_us(s->loop) + s->wait_us[kind];
	list_append(&s->waits[kind], &w->link);
}

void http_wait_stop(struct http_wait *w)
{
	list_remove(&w->link);
	w->kind = HTTP_WAIT_NONE;
}

static const char *kind_text(enum http_wait_kind kind)
{
	switch (kind) {
	case HTTP_WAIT_HEADER:
		return "header";
	case HTTP_WAIT_IDLE:
		return "idle";
	case HTTP_WAIT_BODY:
		return "body";
	case HTTP_WAIT_WRITE:
		return "stalled";
	case HTTP_WAIT_LINGER:
		return "linger";
	case HTTP_WAIT_NONE:
	case HTTP_WAIT_KINDS:
		break;
	}
	return "none";
}

static void expire(struct http_server *s, struct http_wait *w)
{
	enum http_wait_kind kind = w->kind;

	if (kind == HTTP_WAIT_WRITE)
		metric_add(s->metrics.stalled, 1);
	log_debug("connection timed out", kv_str("address", w->conn->address),
		kv_str("wait", kind_text(kind)));
	http_wait_stop(w);
	http_conn_kill(w->conn);
}

void http_wait_wheel(void *server)
{
	struct http_server *s = server;
	uint64_t now = loop_now_us(s->loop);

	for (int kind = 0; kind < HTTP_WAIT_KINDS; kind++) {
		struct list *head = &s->waits[kind];
		while (!list_empty(head)) {
			struct http_wait *w = container_of(head->next, struct http_wait, link);
			if (w->deadline_us > now)
				break;
			expire(s, w);
		}
	}
}
