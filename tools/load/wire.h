#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The text frames of a socket load, by what the server speaks. Sans-io. */
enum wire_framing {
	WIRE_PLAIN, /* each text frame goes to all: the bench's bare servers */
	WIRE_JSON, /* {"event", "data", "ack"} */
	WIRE_SOCKET_IO, /* Socket.IO v5 over Engine.IO v4 */
};
bool wire_framing_parse(const char *name, enum wire_framing *out);
const char *wire_default_path(enum wire_framing framing);

/* "stream_id" of the payload is left out where there is no room. */
void wire_event(struct buf *out, enum wire_framing framing, const char *event, const char *room,
	const char *message, size_t len, uint32_t ack); /* 0: none is asked for */
/* What a client of Socket.IO says first; token NULL: a guest. */
void wire_hello(struct buf *out, const char *token);

enum wire_kind {
	WIRE_OTHER,
	WIRE_PING, /* answered by "3" */
	WIRE_OPENED, /* Engine.IO's handshake */
	WIRE_CONNECTED, /* to the namespace */
	WIRE_ACK,
	WIRE_REFUSED, /* an ack with an error, an error, a refused connection */
};
enum wire_kind wire_read(enum wire_framing framing, const uint8_t *text, size_t len, uint32_t *ack);
