#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Packets of Socket.IO v5 (github.com/socketio/socket.io, docs/socket.io-protocol): the text that
 * an Engine.IO message carries.
 *
 *   type [attachments '-'] [namespace ','] [ack id] [JSON]
 *
 * Sans-io. The JSON is left as a range of bytes of which only the first is looked at: an object for
 * CONNECT, an array for events and acks. Everything that two readers could take in two ways is
 * malformed: ids with leading zeros or beyond 2^53, an id where none belongs, an ack without one.
 */
enum sio_type {
	SIO_CONNECT,
	SIO_DISCONNECT,
	SIO_EVENT,
	SIO_ACK,
	SIO_CONNECT_ERROR,
	SIO_BINARY_EVENT,
	SIO_BINARY_ACK,
};

#define SIO_NAMESPACE_MAX 255

struct sio_packet {
	enum sio_type type;
	unsigned attachments; /* binary messages that follow; BINARY_EVENT and BINARY_ACK alone */
	bool has_id;
	uint64_t id;
	const char *name; /* of the namespace, with its '/'; never empty after decoding */
	size_t name_len;
	const char *json; /* not NUL-terminated; json_len 0: none */
	size_t json_len;
};

/* Texts point into `text` (or at a constant "/"). False: malformed. */
bool sio_decode(const char *text, size_t len, unsigned max_attachments, struct sio_packet *out);

/* Appends the packet; an empty or "/" name is left out, as the document wants it. */
void sio_encode(struct buf *out, const struct sio_packet *p);

/* BINARY_EVENT and BINARY_ACK: attachments follow. */
bool sio_is_binary(enum sio_type type);
