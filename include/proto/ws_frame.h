#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rcbuf.h"

/*
 * WebSocket's frames, a server's side (RFC 6455 section 5). Sans-io.
 *
 * Writing gives whole frames, unmasked and unfragmented, as counted bytes that any number of
 * sockets may send. Reading is strict: what section 5 forbids ends the connection with the close
 * code that section 7.4.1 names for it.
 */
enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum ws_close_code {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001,
	WS_CLOSE_PROTOCOL = 1002,
	WS_CLOSE_NO_STATUS = 1005, /* never sent: a close frame without a code */
	WS_CLOSE_ABNORMAL = 1006, /* never sent: no close frame at all */
	WS_CLOSE_NOT_UTF8 = 1007,
	WS_CLOSE_POLICY = 1008,
	WS_CLOSE_TOO_BIG = 1009,
	WS_CLOSE_INTERNAL = 1011,
	WS_CLOSE_TRY_LATER = 1013,
};

#define WS_HEAD_MAX 10 /* a server's frame head */
#define WS_CONTROL_MAX 125

/* The head of a final frame with len bytes; returns its length. */
size_t ws_frame_head(uint8_t out[static WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len);
struct rcbuf *ws_frame(enum ws_opcode opcode, const void *data, size_t len);
/* One text frame of `first` and then the bytes: what Engine.IO's packets look like. */
struct rcbuf *ws_frame_prefixed(char first, const void *data, size_t len);
/* code 0: no code. The reason is cut to what fits; UTF-8, NULL: none. */
struct rcbuf *ws_frame_close(unsigned code, const char *reason);
/* What a frame of ours carries: points into it. False: a frame that is no data. */
bool ws_frame_payload(const struct rcbuf *frame, bool *binary, const uint8_t **data, size_t *len);

/*
 * The same of several whole frames in one buffer, those without data left out: begins with *pos 0,
 * false at the end.
 */
bool ws_frames_next(
	const struct rcbuf *frames, size_t *pos, bool *binary, const uint8_t **data, size_t *len);

/* May a peer send this code (section 7.4)? */
bool ws_close_code_valid(unsigned code);

/*
 * Pieces of a message joined under a cap and checked to be UTF-8 if it is text. Zero-initialised is
 * empty, but for max.
 */
struct ws_join {
	struct buf bytes;
	size_t max;
	bool open, binary;
};

enum ws_join_result { WS_JOIN_MORE, WS_JOIN_WHOLE, WS_JOIN_TOO_BIG, WS_JOIN_NOT_UTF8 };

/*
 * The message's bytes are in *out and *out_len after WHOLE until the next call; in `data` itself if
 * it came in one piece.
 */
enum ws_join_result ws_join_add(struct ws_join *j, const uint8_t *data, size_t len, bool binary,
	bool last, const uint8_t **out, size_t *out_len);
void ws_join_finish(struct ws_join *j);

/* What comes from one client. */
struct ws_reader {
	struct ws_join message;
	uint8_t head[14]; /* as much of the frame's head as came */
	uint8_t head_len;
	bool in_payload;
	uint8_t mask_at;
	uint64_t left; /* of the frame's payload */
	uint8_t *control; /* WS_CONTROL_MAX bytes while a control frame is cut, else NULL */
	uint8_t control_len;
};

enum ws_event_kind {
	WS_EVENT_NONE, /* all bytes are used up: more are needed */
	WS_EVENT_MESSAGE,
	WS_EVENT_PING,
	WS_EVENT_PONG,
	WS_EVENT_CLOSE, /* code is the peer's, WS_CLOSE_NO_STATUS without one */
	WS_EVENT_ERROR, /* code is what to close with; nothing more can be read */
};

struct ws_event {
	enum ws_event_kind kind;
	bool binary;
	const uint8_t *data; /* until the next call */
	size_t len;
	unsigned code;
	const char *why; /* of an error, fixed words */
};

void ws_reader_init(struct ws_reader *r, size_t max_message);
void ws_reader_finish(struct ws_reader *r);
/*
 * Reads up to one event's worth of `data`, which is unmasked in place, and says how much was used.
 * To be called again with the rest until NONE comes.
 */
void ws_reader_read(
	struct ws_reader *r, uint8_t *data, size_t len, size_t *used, struct ws_event *out);
