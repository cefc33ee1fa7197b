#pragma once

#include "proto/amf0.h"
#include "proto/rtmp_chunk.h"
#include "proto/rtmp_handshake.h"
#include "proto/rtmp_session.h"

/* What the three files of the session share. */

enum session_state {
	SESSION_HANDSHAKE,
	SESSION_CONNECTING, /* chunks flow, connect has not come */
	SESSION_CONNECTED,
	SESSION_PENDING, /* a publish or play waits for the owner's answer; input is held */
	SESSION_PUBLISHING,
	SESSION_PLAYING,
	SESSION_CLOSED,
};

#define RATE_BUCKETS 10

/* Bytes of the last window in equal slices of time. */
struct rate_guard {
	uint64_t slice; /* number of the newest slice: now / slice length */
	uint64_t bytes[RATE_BUCKETS];
};

struct rtmp_session {
	struct rtmp_session_config config;
	char *app;
	const struct rtmp_session_events *events;
	void *user;

	enum session_state state;
	enum rtmp_close reason;
	struct rtmp_handshake *handshake; /* NULL once done */
	struct rtmp_chunk_reader *reader;
	struct rtmp_chunk_writer writer;
	struct buf output, held, scratch;

	uint64_t now; /* of the call that runs */
	uint64_t opened_at; /* handshake timeout counts from here, later the publish timeout */
	uint64_t heard_at; /* any bytes */
	uint64_t active_at; /* media, data or commands, or part of a message */
	uint64_t pinged_at;
	struct rate_guard rate;

	uint64_t bytes_in, acked;
	uint32_t peer_window;

	uint32_t streams_made;
	bool pending_is_play;
	uint32_t request_stream; /* message stream of the pending or running publish */
	char key[RTMP_KEY_SIZE], type[16];
	char query[RTMP_QUERY_SIZE];
	char instance[RTMP_KEY_SIZE]; /* what followed the app's name in connect */
	char flash_version[64];
	bool is_enhanced; /* speaks Enhanced RTMP */
	unsigned capabilities; /* its capsEx */
};

/* rtmp_session.c */
void session_end(struct rtmp_session *s, enum rtmp_close reason);
void session_unpublish(struct rtmp_session *s);
/* A player says that it has enough; nothing happens unless there is one. */
void session_stop_play(struct rtmp_session *s);

/* rtmp_command.c */
void session_command(struct rtmp_session *s, const struct rtmp_message *m);
void session_send_status(struct rtmp_session *s, uint32_t stream_id, const char *level,
	const char *code, const char *text);
/* What a player gets before the media, and behind it. */
void session_begin_play(struct rtmp_session *s);
void session_end_play(struct rtmp_session *s);
/* Asks a peer that understands it to connect anew, here or where the address now leads. */
void session_request_reconnect(struct rtmp_session *s, const char *text);

/* rtmp_session_guard.c */
void guard_count_input(struct rtmp_session *s, size_t len);
void guard_acknowledge(struct rtmp_session *s);
void guard_check_output(struct rtmp_session *s);
