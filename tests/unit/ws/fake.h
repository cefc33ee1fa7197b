#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "support/test.h"
#include "ws/transport.h"

/*
 * A transport without sockets. Requests are made by hand, answers and frames kept as text: packets
 * of a link as "packet|packet|", binary ones as "b:hex|". The clock stands still unless the test
 * moves it; fake_turn runs the loop until nothing is left of the turn.
 */
struct fake {
	struct clock_manual clock;
	struct loop *loop;
};

void fake_start(struct fake *f);
void fake_stop(struct fake *f);
void fake_turn(struct fake *f);
/* Moves the clock and lets the timers see it. */
void fake_advance(struct fake *f, uint64_t us);

struct fake_link {
	struct buf sent;
	bool accepted, closed; /* closed: by our side */
	unsigned code;
	size_t room; /* bytes of frames that it takes before it is full */
	const struct ws_link_events *events;
	void *user;
};

/* What the client sends, and its end. */
void fake_link_text(struct fake_link *l, const char *text);
void fake_link_binary(struct fake_link *l, const void *data, size_t len);
void fake_link_drop(struct fake_link *l, unsigned code);
/* What was sent since the last call. */
const char *fake_link_sent(struct fake_link *l);
void fake_link_finish(struct fake_link *l);

struct fake_request {
	const char *eio, *transport; /* NULL: absent */
	char sid[64];
	struct fake_link *link; /* of an upgrade */
	bool held;
	int status; /* 0: not answered */
	struct buf body;
	void (*gone)(void *user);
	void *gone_user;
};

/* body NULL: GET. */
struct ws_request fake_polling(struct fake_request *r, const char *sid, const char *body);
struct ws_request fake_upgrade(struct fake_request *r, const char *sid, struct fake_link *l);
/* "STATUS body"; "held" while it is; to be finished after. */
const char *fake_answer(struct fake_request *r);
void fake_request_finish(struct fake_request *r);
/* The value of "sid" in an open packet. */
void fake_sid(const char *open, char out[static 64]);
