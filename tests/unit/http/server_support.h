#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/server.h"
#include "support/test.h"

/*
 * A server on a loop, and raw clients of it in the same thread: client_read turns the loop until
 * the answer is there. The clock stands still unless the test moves it.
 */
/* Clear requests go through libwebsockets too. */
extern bool fixture_by_libwebsockets;
extern bool fixture_over_unix;

struct fixture {
	struct clock_manual clock;
	struct metrics *metrics;
	struct loop *loop;
	struct http_server *server;
	char socket[64];
};

void fixture_start(
	struct fixture *f, void (*handle)(void *user, struct http_request *r), void *user);
void fixture_stop(struct fixture *f);
void fixture_turn(struct fixture *f);
uint64_t fixture_count(struct fixture *f, const char *name, const char *labels);

struct client {
	struct fixture *fixture;
	int fd;
	struct buf in;
	bool closed;
};

struct answer {
	int status;
	char head[4096]; /* with its lines, lower case names as sent */
	struct buf body;
};

void client_open(struct client *c, struct fixture *f);
void client_close(struct client *c);
void client_send(struct client *c, const char *text);
/* One whole answer by its Content-Length; expect_body: false for HEAD. */
void client_read(struct client *c, struct answer *a, bool expect_body);
void client_read_until_closed(struct client *c);
/* Whatever is in the socket now. */
void client_pull(struct client *c);
void answer_finish(struct answer *a);
bool answer_has(const struct answer *a, const char *line);
