#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The publishing side of RTMP without a socket: bytes of the server in, bytes for the server out.
 * Written from Adobe's RTMP 1.0 alone and on purpose not from the daemon's own codecs: a
 * misreading shared by both ends would otherwise pass every test.
 */
enum pusher_state {
	PUSHER_HANDSHAKE, /* C0 and C1 are in out */
	PUSHER_CONNECT, /* waits for connect's _result */
	PUSHER_CREATE, /* waits for createStream's _result */
	PUSHER_PUBLISH, /* waits for NetStream.Publish.Start */
	PUSHER_LIVE,
	PUSHER_FAILED, /* error says why */
};

struct pusher_options {
	const char *app; /* borrowed, as the two below */
	const char *tc_url;
	const char *key;
	uint32_t chunk_size;
	bool deltas; /* media with type 1 headers (deltas) after the first, as OBS sends it */
	bool bare_type3; /* no extended timestamp in type 3 headers, as some encoders send it */
};

struct pusher_stream;

struct pusher {
	struct pusher_options opt;
	enum pusher_state state;
	struct buf in;
	struct buf out; /* to be sent; consume what was written */
	size_t handshake_need;
	uint32_t in_chunk_size;
	struct pusher_stream *streams; /* chunk streams of the server */
	uint32_t msid; /* message stream, from createStream */
	bool media_begun;
	uint32_t media_timestamp; /* of the last media message */
	uint64_t bytes_in, bytes_acked;
	uint32_t ack_window;
	char error[160];
};

void pusher_init(struct pusher *p, const struct pusher_options *opt);
void pusher_finish(struct pusher *p);
/* False once the server refused or broke the protocol. */
bool pusher_input(struct pusher *p, const void *data, size_t len);
/* One FLV tag's body as a message; timestamps wrap at 2^32. Only while PUSHER_LIVE. */
void pusher_media(
	struct pusher *p, uint8_t type, uint32_t timestamp, const uint8_t *data, size_t len);
/* FCUnpublish and deleteStream: the encoder's goodbye. */
void pusher_goodbye(struct pusher *p);
