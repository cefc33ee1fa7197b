#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/rtmp_close.h"
#include "proto/rtmp_message.h"

/*
 * The chunk layer (Adobe RTMP 1.0, section 5.3): messages cut into chunks, interleaved.
 *
 * Set Chunk Size and Abort belong to this layer: the reader obeys them and does not pass them on.
 * Real encoders bend the format, and the reader takes all of these:
 *  - type 3 chunks that repeat the extended timestamp, and ones that leave it out: the next four
 *    bytes are compared with the value it would be;
 *  - a type 1 header as the first of a chunk stream (its stream id is then 0);
 *  - a new header while a message is unfinished: the unfinished one is dropped.
 */
struct rtmp_chunk_limits {
	uint32_t message_max; /* bytes of one message */
	uint32_t chunk_max; /* largest chunk size the peer may set */
	uint32_t streams_max; /* chunk streams ever used by the peer */
	uint32_t partial_max; /* bytes held for unfinished messages, all together */
};

#define RTMP_CHUNK_SIZE_DEFAULT 128

enum rtmp_chunk_result {
	RTMP_CHUNK_MORE, /* all bytes were taken, no message is complete */
	RTMP_CHUNK_MESSAGE, /* *message is complete; call again with the bytes after *used */
	RTMP_CHUNK_FAILED, /* see rtmp_chunk_reader_error; final */
};

struct rtmp_chunk_reader;

struct rtmp_chunk_reader *rtmp_chunk_reader_create(const struct rtmp_chunk_limits *limits);
void rtmp_chunk_reader_destroy(struct rtmp_chunk_reader *r); /* NULL is fine */
/*
 * message->data points into `data` or into the reader, and is valid until the next call or until
 * `data` goes, whichever is first.
 */
enum rtmp_chunk_result rtmp_chunk_read(struct rtmp_chunk_reader *r, const uint8_t *data, size_t len,
	size_t *used, struct rtmp_message *message);
enum rtmp_close rtmp_chunk_reader_error(const struct rtmp_chunk_reader *r);
uint64_t rtmp_chunk_reader_bytes(const struct rtmp_chunk_reader *r); /* taken since creation */
/* Whether a message other than protocol control is being received on the newest chunk stream. */
bool rtmp_chunk_reader_busy(const struct rtmp_chunk_reader *r);
size_t rtmp_chunk_reader_partial(const struct rtmp_chunk_reader *r); /* held, unfinished */

/*
 * Writing. Zero-initialised is not ready: call init. At most RTMP_CHUNK_WRITER_STREAMS chunk
 * streams keep a history; others always get full headers.
 */
#define RTMP_CHUNK_WRITER_STREAMS 8

struct rtmp_chunk_history {
	uint32_t csid; /* 0: unused */
	uint32_t stream_id, timestamp, delta, len;
	uint8_t type;
	bool has_delta;
};

struct rtmp_chunk_writer {
	uint32_t chunk_size;
	bool compress; /* use headers of type 1 to 3 where they do (encoders); else always type 0 */
	bool omit_extended; /* leave the extended timestamp out of type 3 chunks, as some encoders
			       do */
	struct rtmp_chunk_history history[RTMP_CHUNK_WRITER_STREAMS];
};

void rtmp_chunk_writer_init(struct rtmp_chunk_writer *w);
/* Appends the message to `out`; csid 2 to 65599, len below 2^24. */
void rtmp_chunk_write(
	struct rtmp_chunk_writer *w, const struct rtmp_message *message, struct buf *out);
/* Appends a Set Chunk Size message, then uses that size. */
void rtmp_chunk_write_size(struct rtmp_chunk_writer *w, uint32_t size, struct buf *out);
/* Control messages on chunk stream 2. */
void rtmp_chunk_write_u32(
	struct rtmp_chunk_writer *w, enum rtmp_type type, uint32_t value, struct buf *out);
void rtmp_chunk_write_bandwidth(
	struct rtmp_chunk_writer *w, uint32_t bytes, uint8_t limit_type, struct buf *out);
void rtmp_chunk_write_user(
	struct rtmp_chunk_writer *w, enum rtmp_user_event event, uint32_t value, struct buf *out);
