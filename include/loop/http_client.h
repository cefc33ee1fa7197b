#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

/*
 * HTTP requests that the daemon makes, on the loop: libcurl's multi socket interface over libuv,
 * names resolved by its threads. http and https only, certificates verified, no redirects followed,
 * no proxy taken from the environment. Connections are kept for the next request to the same host.
 * A request on a kept one that ends without a byte of an answer is sent again on a new one, within
 * the same call and time: a server may see it twice, and `done` hears only how the last one ended.
 * Loop thread only.
 */
struct http_client;
struct http_client_call; /* one request under way */

struct http_client_config {
	unsigned
		max_connections; /* at once; further requests wait within their time. 0: no bound */
	const char *user_agent; /* copied */
	const char *ca_file; /* copied; NULL: the system's authorities */
};

/* NULL, with a log line, if libcurl cannot do it (built without threads for names). */
struct http_client *http_client_create(struct loop *l, const struct http_client_config *config);
/* Drops what is under way, without a `done`; nulls; *c may be NULL. */
void http_client_destroy(struct http_client **c);

/* Everything is copied. */
struct http_client_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value" each */
	size_t n_headers;
	const void *body; /* NULL: none */
	size_t body_len;
	uint64_t timeout_us; /* of the whole; 0: 30 s */
	uint64_t connect_timeout_us; /* 0: 10 s */
	size_t max_answer; /* a larger body is a failure; 0: 64 KiB */
	bool ignore_answer; /* of the answer only the status matters: its body is not kept */
};

/* Borrowed for the run of `done`. */
struct http_client_answer {
	unsigned status; /* 0: no whole answer came, see error */
	const char *error; /* for people; NULL with a status */
	const char *body; /* NUL-terminated */
	size_t len;
	uint64_t retry_after_us; /* what the server asks for; 0: nothing */
};

/* `done` comes later, never inside this call, exactly once unless cancelled or destroyed before. */
struct http_client_call *http_client_send(struct http_client *c,
	const struct http_client_request *request,
	void (*done)(void *user, const struct http_client_answer *answer), void *user);
/* No `done` after this; nulls; *call may be NULL. Not from inside `done` for the same call. */
void http_client_cancel(struct http_client_call **call);
unsigned http_client_active(const struct http_client *c);
