#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cut.h"
#include "proto/amf0.h"
#include "proto/rtmp_chunk.h"
#include "proto/rtmp_handshake.h"
#include "proto/rtmp_session.h"
#include "support/test.h"

/*
 * A session with a peer made of our own client parts. Everything that happens is written down as
 * words: events of the session in `events`, messages that the peer gets in `answers`.
 */
struct bench {
	struct clock_manual clock;
	struct rtmp_session_config config;
	struct rtmp_session *session;
	struct rtmp_chunk_writer writer; /* of the peer */
	struct rtmp_chunk_reader *reader; /* of the peer */
	struct buf wire; /* written by the peer, not sent yet */
	bool shaken, told_fourccs;
	unsigned cut;
	bool answer_at_once; /* accept in the publish event */
	char events[4096], answers[4096];
	size_t media_bytes;
};

static inline void note(char *list, const char *text)
{
	assert_true(strlen(list) + strlen(text) + 2 < 4096);
	if (list[0] != '\0') {
		strncat(list, " ", 2);
	}
	strncat(list, text, 1000);
}

static inline void on_publish(void *user, const struct rtmp_request *request)
{
	struct bench *b = user;
	char text[400];
	snprintf(text, sizeof(text), "publish(%s,%s)", request->key, request->type);
	note(b->events, text);
	if (b->answer_at_once) {
		rtmp_session_accept(b->session, b->clock.mono);
	}
}

static inline void on_play(void *user, const struct rtmp_request *request)
{
	struct bench *b = user;
	char text[400];
	snprintf(text, sizeof(text), "play(%s)", request->key);
	note(b->events, text);
}

static inline void on_media(void *user, const struct rtmp_message *m)
{
	struct bench *b = user;
	char text[64];
	snprintf(text, sizeof(text), "%s@%u:%zu", m->type == RTMP_TYPE_VIDEO ? "video" : "audio",
		m->timestamp, m->len);
	note(b->events, text);
	/* touch every byte, so that a sanitizer sees a wrong one */
	for (size_t i = 0; i < m->len; i++) {
		b->media_bytes += m->data[i];
	}
}

static inline void on_metadata(void *user, const struct rtmp_metadata *m)
{
	struct bench *b = user;
	char text[200];
	snprintf(text, sizeof(text), "metadata(%gx%g,%s)", m->width, m->height, m->encoder);
	note(b->events, text);
}

static inline void on_data(
	void *user, const char *name, uint32_t timestamp, const uint8_t *amf, size_t len)
{
	struct bench *b = user;
	char text[200];
	snprintf(text, sizeof(text), "data(%s@%u:%zu)", name, timestamp, len);
	note(b->events, text);
}

static inline void on_unpublish(void *user)
{
	note(((struct bench *)user)->events, "unpublish");
}

static inline void on_stop(void *user)
{
	note(((struct bench *)user)->events, "stop");
}

static inline void on_closed(void *user, enum rtmp_close reason)
{
	char text[64];
	snprintf(text, sizeof(text), "closed(%s)", rtmp_close_label(reason));
	note(((struct bench *)user)->events, text);
}

static const struct rtmp_session_events bench_events = {
	.publish = on_publish,
	.play = on_play,
	.media = on_media,
	.metadata = on_metadata,
	.data = on_data,
	.unpublish = on_unpublish,
	.stop = on_stop,
	.closed = on_closed,
};

static inline void bench_open(struct bench *b, unsigned cut)
{
	memset(b, 0, sizeof(*b));
	clock_manual_init(&b->clock, 0);
	b->clock.mono = 1000000;
	rtmp_session_config_default(&b->config);
	b->cut = cut;
	b->answer_at_once = true;
	rtmp_chunk_writer_init(&b->writer);
	struct rtmp_chunk_limits limits = {1u << 20, 1u << 20, 64, 1u << 20};
	b->reader = rtmp_chunk_reader_create(&limits);
}

/* After changes to config. */
static inline void bench_start(struct bench *b)
{
	b->session =
		rtmp_session_create(&b->config, &bench_events, b, &b->clock.clock, b->clock.mono);
}

static inline void bench_close(struct bench *b)
{
	rtmp_session_destroy(b->session);
	rtmp_chunk_reader_destroy(b->reader);
	buf_finish(&b->wire);
}

static inline void note_answer(struct bench *b, const struct rtmp_message *m)
{
	char text[400] = "";
	uint32_t value = 0;
	if (m->type != RTMP_TYPE_COMMAND_AMF0) {
		struct rtmp_user_control c = {0};
		rtmp_message_u32(m, &value);
		rtmp_message_user_control(m, &c);
		if (m->type == RTMP_TYPE_USER_CONTROL) {
			snprintf(text, sizeof(text), "user%u(%u)", c.event, c.value);
		} else {
			snprintf(text, sizeof(text), "type%u(%u)", m->type, value);
		}
		note(b->answers, text);
		return;
	}
	struct amf0_reader r = amf0_reader(m->data, m->len);
	struct amf0_value name, tx, v;
	struct amf0_text member;
	char code[64] = "";
	assert_true(amf0_read(&r, &name) && amf0_read(&r, &tx));
	while (!amf0_at_end(&r) && amf0_read(&r, &v)) {
		if (v.type == AMF0_NUMBER) {
			snprintf(code, sizeof(code), "%g", v.number);
		}
		while (v.type == AMF0_OBJECT && amf0_member(&r, &member)) {
			struct amf0_value inner;
			assert_true(amf0_read(&r, &inner));
			if (amf0_text_is(member, "code")) {
				amf0_text_copy(inner.text, code, sizeof(code));
			}
			if (amf0_text_is(member, "fourCcList"))
				b->told_fourccs = true;
			assert_true(amf0_skip_inside(&r, &inner));
		}
	}
	assert_false(r.failed);
	snprintf(text, sizeof(text), "%.*s#%g/%u(%s)", (int)name.text.len, name.text.data,
		tx.number, m->stream_id, code);
	note(b->answers, text);
}

static inline void bench_read_answers(struct bench *b)
{
	struct buf *out = rtmp_session_output(b->session);
	for (;;) {
		size_t used;
		struct rtmp_message m;
		enum rtmp_chunk_result result =
			rtmp_chunk_read(b->reader, out->data, out->len, &used, &m);
		assert_int_not_equal(result, RTMP_CHUNK_FAILED);
		if (result == RTMP_CHUNK_MESSAGE) {
			note_answer(b, &m);
		}
		buf_consume(out, used);
		if (result == RTMP_CHUNK_MORE) {
			return;
		}
	}
}

/* Sends what is written, cut as the bench says, from exact heap pieces. */
static inline void bench_send(struct bench *b)
{
	uint32_t seed = b->cut;
	bool open = true;
	while (b->wire.len > 0 && open) {
		size_t n = cut_piece(b->cut, &seed, b->wire.len);
		uint8_t *piece = mem_dup(b->wire.data, n);
		open = rtmp_session_input(b->session, piece, n, b->clock.mono);
		free(piece);
		buf_consume(&b->wire, n);
		rtmp_session_tick(b->session, b->clock.mono);
	}
	buf_reset(&b->wire);
	if (b->shaken) {
		bench_read_answers(b);
	}
}

static inline void bench_shake(struct bench *b)
{
	struct rtmp_handshake *client =
		rtmp_handshake_create(RTMP_HANDSHAKE_CLIENT, &b->clock.clock, &b->wire);
	bench_send(b);
	struct buf *out = rtmp_session_output(b->session);
	size_t used;
	assert_int_equal(rtmp_handshake_input(client, out->data, out->len, &b->wire, &used),
		RTMP_HANDSHAKE_DONE);
	buf_consume(out, used);
	rtmp_handshake_destroy(client);
	b->shaken = true;
	bench_send(b);
}

static inline void write_message(struct bench *b, uint32_t csid, uint8_t type, uint32_t stream_id,
	uint32_t timestamp, const void *data, size_t len)
{
	struct rtmp_message m = {csid, stream_id, timestamp, type, data, len};
	rtmp_chunk_write(&b->writer, &m, &b->wire);
}

/* A command with a null object and up to two strings. */
static inline void write_command(struct bench *b, const char *name, double tx, uint32_t stream_id,
	const char *first, const char *second)
{
	struct buf amf = {0};
	amf0_put_string(&amf, name);
	amf0_put_number(&amf, tx);
	amf0_put_null(&amf);
	if (first != NULL) {
		amf0_put_string(&amf, first);
	}
	if (first != NULL && second != NULL) {
		amf0_put_string(&amf, second);
	}
	write_message(b, 3, RTMP_TYPE_COMMAND_AMF0, stream_id, 0, amf.data, amf.len);
	buf_finish(&amf);
}

/* capabilities: capsEx of Enhanced RTMP; negative: an encoder from before it. */
static inline void write_connect_with(struct bench *b, const char *app, double capabilities)
{
	struct buf amf = {0};
	amf0_put_string(&amf, "connect");
	amf0_put_number(&amf, 1);
	amf0_put_object(&amf);
	amf0_put_name(&amf, "app");
	amf0_put_string(&amf, app);
	amf0_put_name(&amf, "flashVer");
	amf0_put_string(&amf, "FMLE/3.0 (compatible; test)");
	if (capabilities >= 0) {
		amf0_put_name(&amf, "capsEx");
		amf0_put_number(&amf, capabilities);
	}
	amf0_put_end(&amf);
	write_message(b, 3, RTMP_TYPE_COMMAND_AMF0, 0, 0, amf.data, amf.len);
	buf_finish(&amf);
}

static inline void write_connect(struct bench *b, const char *app)
{
	write_connect_with(b, app, -1);
}

static inline void write_delete_stream(struct bench *b, double id)
{
	struct buf amf = {0};
	amf0_put_string(&amf, "deleteStream");
	amf0_put_number(&amf, 9);
	amf0_put_null(&amf);
	amf0_put_number(&amf, id);
	write_message(b, 3, RTMP_TYPE_COMMAND_AMF0, 0, 0, amf.data, amf.len);
	buf_finish(&amf);
}

#define CONNECTED_ANSWERS "type5(2500000) type6(2500000) _result#1/0(NetConnection.Connect.Success)"

/* Up to an accepted publish of "key"; events and answers are empty again. */
static inline void bench_publish(struct bench *b)
{
	bench_shake(b);
	write_connect(b, "live");
	write_command(b, "createStream", 2, 0, NULL, NULL);
	write_command(b, "publish", 3, 1, "key", "live");
	bench_send(b);
	assert_string_equal(b->events, "publish(key,live)");
	b->events[0] = b->answers[0] = '\0';
}

static inline void bench_advance(struct bench *b, uint64_t us)
{
	b->clock.mono += us;
	rtmp_session_tick(b->session, b->clock.mono);
	if (b->shaken) {
		bench_read_answers(b);
	}
}
