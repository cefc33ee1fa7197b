#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Packets of Engine.IO v4 (protocol revision 4 of github.com/socketio/socket.io,
 * docs/engine.io-protocol). Sans-io; strict: what the document does not describe is malformed.
 *
 * A packet is a digit and its data. On WebSocket each is a text message of its own, and a binary
 * message is a MESSAGE packet without the digit. In a body of HTTP polling packets are separated by
 * 0x1e, and a binary one is 'b' and base64 (RFC 4648 section 4, with padding).
 */
enum eio_type {
	EIO_OPEN,
	EIO_CLOSE,
	EIO_PING,
	EIO_PONG,
	EIO_MESSAGE,
	EIO_UPGRADE,
	EIO_NOOP,
};

struct eio_packet {
	enum eio_type type;
	bool binary; /* EIO_MESSAGE alone */
	const uint8_t *data; /* borrowed from what was decoded */
	size_t len;
};

/* One message of a WebSocket, whose UTF-8 the transport has checked. False: malformed. */
bool eio_decode(const void *bytes, size_t len, bool binary, struct eio_packet *out);

/* A body of polling, read packet by packet; base64 is decoded in place. */
struct eio_payload {
	uint8_t *pos, *end;
	bool begun;
};

enum eio_next {
	EIO_NEXT_PACKET,
	EIO_NEXT_END,
	EIO_NEXT_MALFORMED, /* text that is not UTF-8 included; not to be asked again */
};

void eio_payload_init(struct eio_payload *p, void *body, size_t len);
enum eio_next eio_payload_next(struct eio_payload *p, struct eio_packet *out);

/* Appends the packet to a body of polling, after a separator unless it is the first. */
void eio_payload_put(struct buf *body, const struct eio_packet *packet);
/* What eio_payload_put adds at most. */
size_t eio_payload_size(const struct eio_packet *packet);

/* The digit of a type as it stands at the head of a text packet. */
char eio_digit(enum eio_type type);
