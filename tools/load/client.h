#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "target.h"
#include "wire.h"

/*
 * One WebSocket client, driven by epoll (the event's data.ptr is the client): connects, greets,
 * joins a stream if it is told one, then is ready.
 */
enum client_state {
	CLIENT_IDLE, /* not connected yet */
	CLIENT_CONNECTING,
	CLIENT_ASKED, /* for the upgrade */
	CLIENT_GREETING, /* Socket.IO's packets before the first event */
	CLIENT_JOINING,
	CLIENT_READY,
	CLIENT_DEAD,
};

struct client;
struct client_ops {
	void (*ready)(void *user, struct client *c);
	void (*dead)(void *user, struct client *c, enum client_state before);
	void (*text)(void *user, struct client *c, const uint8_t *text, size_t len);
};

/* What all clients of a run share; borrowed. */
struct client_config {
	const struct target *target;
	const char *path;
	int epoll;
	unsigned sources; /* so many addresses from 127.0.0.1 on; 0: the kernel's choice */
	enum wire_framing framing;
	const char *join; /* stream to join, or NULL */
	const char *join_event;
	const struct client_ops *ops;
	void *user;
};

struct client {
	const struct client_config *config;
	const char *token; /* borrowed, or NULL */
	unsigned index;
	int fd;
	enum client_state state;
	bool want_write;
	unsigned close_code; /* of the server's close frame; 0: none */
	int status; /* of a refused upgrade */
	uint64_t asked_us; /* the owner's */
	struct buf in, out; /* what is cut; what the kernel did not take */
};

void client_init(
	struct client *c, const struct client_config *config, unsigned index, const char *token);
void client_finish(struct client *c);
void client_connect(struct client *c); /* dead() may come inside */
void client_ready(struct client *c, uint32_t events);
/* Whole frames. */
void client_send(struct client *c, const void *frames, size_t len);
/* Reads nothing any more, until client_drain tells whether the server ended it. */
void client_stall(struct client *c);
bool client_drain(struct client *c, size_t *bytes);
