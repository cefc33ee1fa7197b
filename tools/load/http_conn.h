#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http_answer.h"
#include "target.h"

/*
 * One keep-alive HTTP/1.1 connection with at most one request under way, driven by epoll: the
 * event's data.ptr is the connection. It connects when there is something to ask.
 */
struct http_conn {
	const struct target *target;
	int epoll, fd;
	bool busy, connecting, want_write;
	const char *headers; /* further fields, each with CRLF, borrowed; or NULL */
	struct buf out;
	struct http_answer answer;
	uint64_t asked_us; /* when the request under way was made */
	uint64_t bytes_in;
	/*
	 * The request has come to its end: answer.status is the answer's, or 0 if the connection
	 * broke. May ask again.
	 */
	void (*done)(struct http_conn *c, uint64_t now_us);
	void *user;
};

void http_conn_init(struct http_conn *c, const struct target *target, int epoll);
void http_conn_finish(struct http_conn *c);
/* False if there can be no connection; else done() will be called, but never from in here. */
bool http_conn_get(struct http_conn *c, const char *path, bool keep_body, uint64_t now_us);
void http_conn_ready(struct http_conn *c, uint32_t events, uint64_t now_us);
