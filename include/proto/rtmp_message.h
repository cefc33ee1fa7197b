#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* RTMP messages (Adobe RTMP 1.0, sections 5.4, 6 and 7.1). */
enum rtmp_type {
	RTMP_TYPE_SET_CHUNK_SIZE = 1,
	RTMP_TYPE_ABORT = 2,
	RTMP_TYPE_ACKNOWLEDGEMENT = 3,
	RTMP_TYPE_USER_CONTROL = 4,
	RTMP_TYPE_WINDOW_ACK_SIZE = 5,
	RTMP_TYPE_SET_PEER_BANDWIDTH = 6,
	RTMP_TYPE_AUDIO = 8,
	RTMP_TYPE_VIDEO = 9,
	RTMP_TYPE_DATA_AMF3 = 15,
	RTMP_TYPE_SHARED_AMF3 = 16,
	RTMP_TYPE_COMMAND_AMF3 = 17,
	RTMP_TYPE_DATA_AMF0 = 18,
	RTMP_TYPE_SHARED_AMF0 = 19,
	RTMP_TYPE_COMMAND_AMF0 = 20,
	RTMP_TYPE_AGGREGATE = 22,
};

/* Chunk streams that the server itself writes on. */
#define RTMP_CSID_CONTROL 2
#define RTMP_CSID_COMMAND 3
#define RTMP_CSID_STREAM 5
#define RTMP_CSID_AUDIO 6
#define RTMP_CSID_VIDEO 7

struct rtmp_message {
	uint32_t csid;
	uint32_t stream_id;
	uint32_t timestamp; /* ms, modulo 2^32 */
	uint8_t type; /* enum rtmp_type, or whatever the peer sent */
	const uint8_t *data; /* borrowed: until the next call of the reader that gave it */
	size_t len;
};

enum rtmp_user_event {
	RTMP_USER_STREAM_BEGIN = 0,
	RTMP_USER_STREAM_EOF = 1,
	RTMP_USER_STREAM_DRY = 2,
	RTMP_USER_SET_BUFFER_LENGTH = 3,
	RTMP_USER_STREAM_IS_RECORDED = 4,
	RTMP_USER_PING_REQUEST = 6,
	RTMP_USER_PING_RESPONSE = 7,
};

struct rtmp_user_control {
	uint16_t event; /* enum rtmp_user_event, or whatever the peer sent */
	uint32_t value; /* the first field: a stream id or a ping's timestamp */
};

/* The 32-bit value of types 1, 2, 3, 5 and 6; false if the message is too short. */
bool rtmp_message_u32(const struct rtmp_message *m, uint32_t *out);
bool rtmp_message_user_control(const struct rtmp_message *m, struct rtmp_user_control *out);
/*
 * The AMF0 part of a command or data message: types 17, 15 and 16 carry one format byte before it
 * (only format 0 is understood). False if the type carries none, or the format is another.
 */
bool rtmp_message_amf0(const struct rtmp_message *m, struct buf_reader *out);

/*
 * Walks the messages inside an aggregate (type 22). Their timestamps are rebased: the first one
 * gets the aggregate's own, the others keep their distance to it. A cut tail or an aggregate within
 * ends the walk.
 */
struct rtmp_aggregate {
	struct buf_reader in;
	struct rtmp_message outer;
	uint32_t base;
	bool started;
};
struct rtmp_aggregate rtmp_aggregate(const struct rtmp_message *m);
bool rtmp_aggregate_next(struct rtmp_aggregate *a, struct rtmp_message *out);
