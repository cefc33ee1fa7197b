#include "proto/rtmp_session.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "rtmp_session_private.h"

/* For messages that are interleaved with the largest one. */
#define PARTIAL_ROOM (4u << 20)

/*~ Bytes of a publisher become chunks, messages and events here. What a chunk is:
 * rtmp_chunk_reader.c; what the commands mean: rtmp_command.c. Media messages go on, through the
 * owner's events, to src/rtmp/ingest.c and from there to live/stream.c. */

struct rtmp_session *rtmp_session_create(const struct rtmp_session_config *config,
	const struct rtmp_session_events *events, void *user, const struct clock *clock,
	uint64_t now)
{
	must(config->bitrate_window_us >= RATE_BUCKETS && config->chunk_size > 0);
	struct rtmp_session *s = mem_new(struct rtmp_session);
	s->config = *config;
	s->app = mem_strdup(config->app);
	s->config.app = s->app;
	s->events = events;
	s->user = user;
	s->now = s->opened_at = s->heard_at = s->active_at = s->pinged_at = now;
	s->peer_window = config->window_ack;
	s->handshake = rtmp_handshake_create(RTMP_HANDSHAKE_SERVER, clock, &s->output);
	struct rtmp_chunk_limits limits = {
		.message_max = config->message_max,
		.chunk_max = config->chunk_max,
		.streams_max = config->chunk_streams_max,
		.partial_max = config->partial_max > 0 ? config->partial_max
						       : config->message_max + PARTIAL_ROOM,
	};
	s->reader = rtmp_chunk_reader_create(&limits);
	rtmp_chunk_writer_init(&s->writer);
	return s;
}

void rtmp_session_destroy(struct rtmp_session *s)
{
	if (s == NULL) {
		return;
	}
	rtmp_handshake_destroy(s->handshake);
	rtmp_chunk_reader_destroy(s->reader);
	buf_finish(&s->output);
	buf_finish(&s->held);
	buf_finish(&s->scratch);
	free(s->app);
	free(s);
}

struct buf *rtmp_session_output(struct rtmp_session *s)
{
	return &s->output;
}

bool rtmp_session_reading(const struct rtmp_session *s)
{
	return s->state != SESSION_PENDING && s->state != SESSION_CLOSED;
}

enum rtmp_close rtmp_session_reason(const struct rtmp_session *s)
{
	return s->reason;
}

bool rtmp_session_publishing(const struct rtmp_session *s)
{
	return s->state == SESSION_PUBLISHING;
}

bool rtmp_session_playing(const struct rtmp_session *s)
{
	return s->state == SESSION_PLAYING;
}

const char *rtmp_session_flash_version(const struct rtmp_session *s)
{
	return s->flash_version;
}

/* Tells the peer why, if the reason has a code and there is somebody to tell. */
static void say_why(struct rtmp_session *s, enum rtmp_close reason, const char *text)
{
	const char *code = rtmp_close_code(reason);
	if (code == NULL || s->state == SESSION_HANDSHAKE || s->state == SESSION_CONNECTING) {
		return;
	}
	if (s->state == SESSION_PLAYING && reason == RTMP_CLOSE_ENDED) {
		session_end_play(s);
		return;
	}
	if (s->state == SESSION_PLAYING && text_starts(code, "NetStream.Publish."))
		code = "NetStream.Play.Failed";
	if (reason == RTMP_CLOSE_DRAIN)
		session_request_reconnect(s, rtmp_close_text(reason));
	bool of_connection = text_starts(code, "NetConnection.") || s->state == SESSION_CONNECTED;
	session_send_status(s, of_connection ? 0 : s->request_stream,
		reason == RTMP_CLOSE_ENDED ? "status" : "error", code,
		text != NULL ? text : rtmp_close_text(reason));
}

static void finish(struct rtmp_session *s, enum rtmp_close reason)
{
	s->state = SESSION_CLOSED;
	s->reason = reason;
	if (s->events->closed != NULL) {
		s->events->closed(s->user, reason);
	}
}

void rtmp_session_close(struct rtmp_session *s, enum rtmp_close reason, const char *text)
{
	must(reason != RTMP_CLOSE_NONE);
	if (s->state != SESSION_CLOSED) {
		say_why(s, reason, text);
		finish(s, reason);
	}
}

void session_end(struct rtmp_session *s, enum rtmp_close reason)
{
	rtmp_session_close(s, reason, NULL);
}

void rtmp_session_accept(struct rtmp_session *s, uint64_t now)
{
	if (s->state != SESSION_PENDING) {
		return;
	}
	s->active_at = now;
	if (s->pending_is_play) {
		s->state = SESSION_PLAYING;
		session_begin_play(s);
		return;
	}
	s->state = SESSION_PUBLISHING;
	rtmp_chunk_write_user(&s->writer, RTMP_USER_STREAM_BEGIN, s->request_stream, &s->output);
	session_send_status(
		s, s->request_stream, "status", "NetStream.Publish.Start", "publishing started");
}

void rtmp_session_reject(
	struct rtmp_session *s, enum rtmp_close reason, const char *code, const char *text)
{
	if (s->state != SESSION_PENDING) {
		return;
	}
	if (code == NULL) {
		rtmp_session_close(s, reason, text);
		return;
	}
	session_send_status(
		s, s->request_stream, "error", code, text != NULL ? text : rtmp_close_text(reason));
	finish(s, reason);
}

void session_unpublish(struct rtmp_session *s)
{
	if (s->state != SESSION_PUBLISHING) {
		return;
	}
	s->state = SESSION_CONNECTED;
	s->opened_at = s->now;
	session_send_status(s, s->request_stream, "status", "NetStream.Unpublish.Success",
		"publishing stopped");
	if (s->events->unpublish != NULL) {
		s->events->unpublish(s->user);
	}
}

void session_stop_play(struct rtmp_session *s)
{
	if (s->state != SESSION_PLAYING) {
		return;
	}
	s->state = SESSION_CONNECTED;
	s->opened_at = s->now;
	if (s->events->stop != NULL) {
		s->events->stop(s->user);
	}
}

void rtmp_session_send(
	struct rtmp_session *s, uint8_t type, uint32_t timestamp, const uint8_t *data, size_t len)
{
	struct rtmp_message m = {
		.csid = type == RTMP_TYPE_AUDIO	  ? RTMP_CSID_AUDIO
			: type == RTMP_TYPE_VIDEO ? RTMP_CSID_VIDEO
						  : RTMP_CSID_STREAM,
		.stream_id = s->request_stream,
		.timestamp = timestamp,
		.type = type,
		.data = data,
		.len = len,
	};
	if (s->state == SESSION_PLAYING) {
		rtmp_chunk_write(&s->writer, &m, &s->output);
	}
}

static void take_metadata(struct rtmp_session *s, struct amf0_reader *r)
{
	/* Broken metadata is no reason to drop a publisher: what was understood is passed on. */
	struct rtmp_metadata metadata;
	rtmp_metadata_read(r, &metadata);
	if (s->events->metadata != NULL) {
		s->events->metadata(s->user, &metadata);
	}
}

static void take_data(struct rtmp_session *s, const struct rtmp_message *m)
{
	struct buf_reader in;
	struct amf0_value v;
	char name[64];
	if (!rtmp_message_amf0(m, &in)) {
		return;
	}
	struct amf0_reader r = {.in = in};
	const uint8_t *body = r.in.pos;
	bool ok = amf0_read(&r, &v);
	if (ok && amf0_text_is(v.text, "@setDataFrame")) {
		body = r.in.pos;
		ok = amf0_read(&r, &v);
	}
	if (!ok || v.type != AMF0_STRING || !amf0_text_copy(v.text, name, sizeof(name))) {
		return;
	}
	if (s->events->script != NULL && name[0] != '@') {
		s->events->script(s->user, name, m->timestamp, body, (size_t)(in.end - body));
	}
	if (text_eq(name, "onMetaData")) {
		take_metadata(s, &r);
	} else if (!text_eq(name, "@clearDataFrame") && s->events->data != NULL) {
		size_t left = buf_left(&r.in);
		s->events->data(s->user, name, m->timestamp, buf_read_bytes(&r.in, left), left);
	}
}

/* Audio, video or data: dropped unless there is a publish that was accepted. */
static void take_media(struct rtmp_session *s, const struct rtmp_message *m)
{
	if (s->state != SESSION_PUBLISHING) {
		return;
	}
	if (m->type == RTMP_TYPE_DATA_AMF0 || m->type == RTMP_TYPE_DATA_AMF3) {
		take_data(s, m);
	} else if ((m->type == RTMP_TYPE_AUDIO || m->type == RTMP_TYPE_VIDEO) &&
		s->events->media != NULL) {
		s->events->media(s->user, m);
	}
}

static void take_aggregate(struct rtmp_session *s, const struct rtmp_message *m)
{
	struct rtmp_aggregate a = rtmp_aggregate(m);
	struct rtmp_message part;
	while (s->state == SESSION_PUBLISHING && rtmp_aggregate_next(&a, &part)) {
		take_media(s, &part);
	}
}

static void take_user_control(struct rtmp_session *s, const struct rtmp_message *m)
{
	struct rtmp_user_control c;
	if (rtmp_message_user_control(m, &c) && c.event == RTMP_USER_PING_REQUEST) {
		rtmp_chunk_write_user(&s->writer, RTMP_USER_PING_RESPONSE, c.value, &s->output);
	}
}

static void take_window(struct rtmp_session *s, const struct rtmp_message *m)
{
	uint32_t window;
	if (rtmp_message_u32(m, &window) && window > 0) {
		s->peer_window = window;
	}
}

static void take_bandwidth(struct rtmp_session *s, const struct rtmp_message *m)
{
	uint32_t window;
	if (rtmp_message_u32(m, &window) && window > 0 && window != s->config.window_ack) {
		s->config.window_ack = window;
		rtmp_chunk_write_u32(&s->writer, RTMP_TYPE_WINDOW_ACK_SIZE, window, &s->output);
	}
}

static void take_message(struct rtmp_session *s, const struct rtmp_message *m)
{
	switch (m->type) {
	case RTMP_TYPE_USER_CONTROL:
		take_user_control(s, m);
		return;
	case RTMP_TYPE_WINDOW_ACK_SIZE:
		take_window(s, m);
		return;
	case RTMP_TYPE_SET_PEER_BANDWIDTH:
		take_bandwidth(s, m);
		return;
	case RTMP_TYPE_COMMAND_AMF0:
	case RTMP_TYPE_COMMAND_AMF3:
		s->active_at = s->now;
		session_command(s, m);
		return;
	case RTMP_TYPE_AGGREGATE:
		s->active_at = s->now;
		take_aggregate(s, m);
		return;
	case RTMP_TYPE_AUDIO:
	case RTMP_TYPE_VIDEO:
	case RTMP_TYPE_DATA_AMF0:
	case RTMP_TYPE_DATA_AMF3:
		s->active_at = s->now;
		take_media(s, m);
		return;
	default:
		return;
	}
}

static void step_handshake(struct rtmp_session *s, struct buf_reader *in)
{
	size_t used = 0;
	switch (rtmp_handshake_input(s->handshake, in->pos, buf_left(in), &s->output, &used)) {
	case RTMP_HANDSHAKE_MORE:
		break;
	case RTMP_HANDSHAKE_REFUSED:
		session_end(s, RTMP_CLOSE_VERSION);
		break;
	case RTMP_HANDSHAKE_DONE:
		rtmp_handshake_destroy(s->handshake);
		s->handshake = NULL;
		s->state = SESSION_CONNECTING;
		s->opened_at = s->now;
		break;
	}
	buf_skip(in, used);
}

/* False when there is nothing more to do with these bytes. */
static bool step_chunks(struct rtmp_session *s, struct buf_reader *in)
{
	size_t used = 0;
	struct rtmp_message m;
	enum rtmp_chunk_result result =
		rtmp_chunk_read(s->reader, in->pos, buf_left(in), &used, &m);
	buf_skip(in, used);
	switch (result) {
	case RTMP_CHUNK_MORE:
		return false;
	case RTMP_CHUNK_MESSAGE:
		take_message(s, &m);
		/* Whoever asks a lot must read the answers. */
		guard_check_output(s);
		return true;
	case RTMP_CHUNK_FAILED:
		session_end(s, rtmp_chunk_reader_error(s->reader));
		return false;
	}
	return false;
}

static bool step(struct rtmp_session *s, struct buf_reader *in)
{
	switch (s->state) {
	case SESSION_HANDSHAKE:
		step_handshake(s, in);
		return buf_left(in) > 0;
	case SESSION_CONNECTING:
	case SESSION_CONNECTED:
	case SESSION_PUBLISHING:
	case SESSION_PLAYING:
		return step_chunks(s, in);
	case SESSION_PENDING:
	case SESSION_CLOSED:
		return false;
	}
	return false;
}

static void hold(struct rtmp_session *s, struct buf_reader *in)
{
	size_t left = buf_left(in);
	if (s->held.len + left > s->config.held_max) {
		session_end(s, RTMP_CLOSE_HELD_BYTES);
	} else if (left > 0) {
		buf_put(&s->held, buf_read_bytes(in, left), left);
	}
}

static void process(struct rtmp_session *s, const uint8_t *data, size_t len)
{
	struct buf_reader in = buf_reader(data, len);
	while (step(s, &in)) {
	}
	if (s->state == SESSION_PENDING) {
		hold(s, &in);
	}
}

static void process_held(struct rtmp_session *s)
{
	if (s->held.len > 0 && s->state != SESSION_PENDING) {
		struct buf held = s->held;
		s->held = (struct buf){0};
		process(s, held.data, held.len);
		buf_finish(&held);
	}
}

bool rtmp_session_input(struct rtmp_session *s, const uint8_t *data, size_t len, uint64_t now)
{
	if (s->state == SESSION_CLOSED) {
		return false;
	}
	s->now = now;
	guard_count_input(s, len);
	process_held(s);
	process(s, data, len);
	if (rtmp_chunk_reader_busy(s->reader) && len > 0) {
		s->active_at = now;
	}
	if (s->state != SESSION_CLOSED) {
		guard_acknowledge(s);
		guard_check_output(s);
	}
	return s->state != SESSION_CLOSED;
}
