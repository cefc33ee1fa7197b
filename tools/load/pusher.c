#include "pusher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	HANDSHAKE_SIZE = 1536,
	MESSAGE_MAX = 1 << 20,
	CHUNK_STREAMS = 64,
	CSID_CONTROL = 2,
	CSID_COMMAND = 3,
	CSID_MEDIA = 4,
	EXTENDED = 0xffffff,
};

enum {
	MSG_SET_CHUNK_SIZE = 1,
	MSG_ACK = 3,
	MSG_USER_CONTROL = 4,
	MSG_WINDOW_ACK_SIZE = 5,
	MSG_COMMAND = 20,
	CONTROL_PING = 6,
	CONTROL_PONG = 7,
};

enum { TXN_CONNECT = 1, TXN_RELEASE, TXN_FCPUBLISH, TXN_CREATE, TXN_PUBLISH, TXN_STOP, TXN_DELETE };

struct pusher_stream {
	uint32_t len, timestamp, msid;
	uint8_t type;
	bool extended;
	struct buf body;
};

static void amf_string(struct buf *b, const char *s)
{
	buf_put_u8(b, 2);
	buf_put_u16(b, (uint16_t)strlen(s));
	buf_put_str(b, s);
}

static void amf_number(struct buf *b, double v)
{
	buf_put_u8(b, 0);
	buf_put_f64(b, v);
}

static void amf_null(struct buf *b)
{
	buf_put_u8(b, 5);
}

static void amf_property(struct buf *b, const char *name, const char *value)
{
	buf_put_u16(b, (uint16_t)strlen(name));
	buf_put_str(b, name);
	amf_string(b, value);
}

struct message {
	uint8_t csid, type;
	uint32_t msid, timestamp;
	bool delta; /* timestamp is a delta: type 1 header */
	const uint8_t *data;
	size_t len;
};

static void message_send(struct pusher *p, const struct message *m)
{
	bool extended = m->timestamp >= EXTENDED;
	buf_put_u8(&p->out, (uint8_t)((m->delta ? 1 : 0) << 6 | m->csid));
	buf_put_u24(&p->out, extended ? EXTENDED : m->timestamp);
	buf_put_u24(&p->out, (uint32_t)m->len);
	buf_put_u8(&p->out, m->type);
	if (!m->delta)
		buf_put_u32le(&p->out, m->msid);
	if (extended)
		buf_put_u32(&p->out, m->timestamp);
	for (size_t at = 0; at < m->len;) {
		size_t n = m->len - at < p->opt.chunk_size ? m->len - at : p->opt.chunk_size;
		buf_put(&p->out, m->data + at, n);
		at += n;
		if (at == m->len)
			break;
		buf_put_u8(&p->out, 3 << 6 | m->csid);
		if (extended && !p->opt.bare_type3)
			buf_put_u32(&p->out, m->timestamp);
	}
}

static void control_send(struct pusher *p, uint8_t type, const struct buf *body)
{
	message_send(p,
		&(struct message){
			.csid = CSID_CONTROL, .type = type, .data = body->data, .len = body->len});
}

static void command_send(struct pusher *p, uint32_t msid, struct buf *body)
{
	message_send(p,
		&(struct message){.csid = CSID_COMMAND,
			.type = MSG_COMMAND,
			.msid = msid,
			.data = body->data,
			.len = body->len});
	buf_finish(body);
}

static void command_begin(struct buf *b, const char *name, int txn)
{
	*b = (struct buf){0};
	amf_string(b, name);
	amf_number(b, txn);
}

static void connect_send(struct pusher *p)
{
	struct buf b = {0};
	buf_put_u32(&b, p->opt.chunk_size);
	/* The size of our own chunks changes with this message, which itself fits any size. */
	control_send(p, MSG_SET_CHUNK_SIZE, &b);
	buf_finish(&b);
	command_begin(&b, "connect", TXN_CONNECT);
	buf_put_u8(&b, 3);
	amf_property(&b, "app", p->opt.app);
	amf_property(&b, "type", "nonprivate");
	amf_property(&b, "flashVer", "FMLE/3.0 (compatible; load_publish)");
	amf_property(&b, "swfUrl", p->opt.tc_url);
	amf_property(&b, "tcUrl", p->opt.tc_url);
	buf_put_u24(&b, 9);
	command_send(p, 0, &b);
	p->state = PUSHER_CONNECT;
}

static void keyed_send(struct pusher *p, const char *name, int txn)
{
	struct buf b;
	command_begin(&b, name, txn);
	amf_null(&b);
	amf_string(&b, p->opt.key);
	command_send(p, 0, &b);
}

static void create_send(struct pusher *p)
{
	keyed_send(p, "releaseStream", TXN_RELEASE);
	keyed_send(p, "FCPublish", TXN_FCPUBLISH);
	struct buf b;
	command_begin(&b, "createStream", TXN_CREATE);
	amf_null(&b);
	command_send(p, 0, &b);
	p->state = PUSHER_CREATE;
}

static void publish_send(struct pusher *p)
{
	struct buf b;
	command_begin(&b, "publish", TXN_PUBLISH);
	amf_null(&b);
	amf_string(&b, p->opt.key);
	amf_string(&b, "live");
	command_send(p, p->msid, &b);
	p->state = PUSHER_PUBLISH;
}

void pusher_init(struct pusher *p, const struct pusher_options *opt)
{
	*p = (struct pusher){
		.opt = *opt, .in_chunk_size = 128, .handshake_need = 1 + 2 * HANDSHAKE_SIZE};
	p->streams = mem_zalloc(CHUNK_STREAMS * sizeof(*p->streams));
	uint8_t c1[1 + HANDSHAKE_SIZE] = {3};
	for (size_t i = 9; i < sizeof(c1); i++)
		c1[i] = (uint8_t)(i * 167 + 13);
	buf_put(&p->out, c1, sizeof(c1));
}

void pusher_finish(struct pusher *p)
{
	for (size_t i = 0; p->streams && i < CHUNK_STREAMS; i++)
		buf_finish(&p->streams[i].body);
	free(p->streams);
	p->streams = NULL;
	buf_finish(&p->in);
	buf_finish(&p->out);
}

static bool pusher_fail(struct pusher *p, const char *why)
{
	p->state = PUSHER_FAILED;
	text_copy(p->error, sizeof(p->error), why);
	return false;
}

/* S0, S1 and S2 are awaited together: no server waits for C2 before it sends S2. */
static bool handshake_input(struct pusher *p)
{
	if (p->in.len < p->handshake_need)
		return true;
	if (p->in.data[0] != 3)
		return pusher_fail(p, "the server's handshake has another version");
	buf_put(&p->out, p->in.data + 1, HANDSHAKE_SIZE);
	buf_consume(&p->in, p->handshake_need);
	connect_send(p);
	return true;
}

/* The string value of a property anywhere in an AMF0 command. */
static bool amf_find_string(const struct buf *b, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);
	const uint8_t *at = memmem(b->data, b->len, name, n);
	if (!at)
		return false;
	struct buf_reader r = buf_reader(at + n, b->len - (size_t)(at + n - b->data));
	uint8_t type = buf_read_u8(&r);
	size_t len = buf_read_u16(&r);
	const uint8_t *s = buf_read_bytes(&r, len);
	if (r.failed || type != 2 || len >= size)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

static bool pusher_refused(struct pusher *p, const struct buf *body, const char *fallback)
{
	char code[64], text[80];
	if (!amf_find_string(body, "code", code, sizeof(code)))
		text_copy(code, sizeof(code), fallback);
	if (!amf_find_string(body, "description", text, sizeof(text)))
		text[0] = '\0';
	p->state = PUSHER_FAILED;
	snprintf(p->error, sizeof(p->error), "%s%s%s", code, text[0] ? ": " : "", text);
	return false;
}

static bool result_input(struct pusher *p, int txn, struct buf_reader *r)
{
	if (txn == TXN_CONNECT && p->state == PUSHER_CONNECT) {
		create_send(p);
	} else if (txn == TXN_CREATE && p->state == PUSHER_CREATE) {
		bool null = buf_read_u8(r) == 5, number = buf_read_u8(r) == 0;
		double id = buf_read_f64(r);
		if (r->failed || !null || !number || id < 1 || id > UINT32_MAX)
			return pusher_fail(p, "createStream answered without a stream id");
		p->msid = (uint32_t)id;
		publish_send(p);
	}
	return true;
}

static bool status_input(struct pusher *p, const struct buf *body)
{
	char code[64], level[16];
	if (!amf_find_string(body, "code", code, sizeof(code)))
		return true;
	if (text_eq(code, "NetStream.Publish.Start")) {
		p->state = PUSHER_LIVE;
		return true;
	}
	bool has_level = amf_find_string(body, "level", level, sizeof(level));
	return has_level && text_eq(level, "error") ? pusher_refused(p, body, code) : true;
}

static bool command_input(struct pusher *p, const struct buf *body)
{
	struct buf_reader r = buf_reader(body->data, body->len);
	uint8_t type = buf_read_u8(&r);
	size_t len = buf_read_u16(&r);
	const uint8_t *name = buf_read_bytes(&r, len);
	uint8_t number = buf_read_u8(&r);
	double txn = buf_read_f64(&r);
	if (r.failed || type != 2 || number != 0)
		return pusher_fail(p, "the server sent a command that cannot be read");
	if (len == 7 && memcmp(name, "_result", len) == 0)
		return result_input(p, (int)txn, &r);
	bool needed = (int)txn == TXN_CONNECT || (int)txn == TXN_CREATE || (int)txn == TXN_PUBLISH;
	if (len == 6 && memcmp(name, "_error", len) == 0 && needed)
		return pusher_refused(p, body, "_error");
	if (len == 8 && memcmp(name, "onStatus", len) == 0)
		return status_input(p, body);
	return true;
}

static void user_control_input(struct pusher *p, const struct buf *body)
{
	struct buf_reader r = buf_reader(body->data, body->len);
	uint16_t event = buf_read_u16(&r);
	uint32_t value = buf_read_u32(&r);
	if (r.failed || event != CONTROL_PING)
		return;
	struct buf pong = {0};
	buf_put_u16(&pong, CONTROL_PONG);
	buf_put_u32(&pong, value);
	control_send(p, MSG_USER_CONTROL, &pong);
	buf_finish(&pong);
}

static bool message_input(struct pusher *p, const struct pusher_stream *s)
{
	struct buf_reader r = buf_reader(s->body.data, s->body.len);
	switch (s->type) {
	case MSG_SET_CHUNK_SIZE:
		p->in_chunk_size = buf_read_u32(&r);
		if (r.failed || p->in_chunk_size == 0 || p->in_chunk_size > MESSAGE_MAX)
			return pusher_fail(p, "the server set a chunk size that cannot be");
		return true;
	case MSG_WINDOW_ACK_SIZE:
		p->ack_window = buf_read_u32(&r);
		return true;
	case MSG_USER_CONTROL:
		user_control_input(p, &s->body);
		return true;
	case MSG_COMMAND:
		return command_input(p, &s->body);
	}
	return true;
}

/* One chunk's header; false if more bytes are needed (r->failed) or it cannot be (error set). */
static bool header_input(struct pusher *p, struct buf_reader *r, struct pusher_stream **out)
{
	uint8_t first = buf_read_u8(r), fmt = first >> 6;
	uint32_t csid = first & 0x3f;
	if (csid < 2 || csid >= CHUNK_STREAMS) {
		if (!r->failed)
			pusher_fail(p, "the server uses a wide chunk stream id");
		return false;
	}
	struct pusher_stream *s = &p->streams[csid], h = *s;
	uint32_t timestamp = fmt < 3 ? buf_read_u24(r) : 0;
	if (fmt < 2) {
		h.len = buf_read_u24(r);
		h.type = buf_read_u8(r);
	}
	if (fmt == 0)
		h.msid = buf_read_u32le(r);
	if (fmt < 3)
		h.extended = timestamp == EXTENDED;
	if (h.extended)
		timestamp = buf_read_u32(r);
	size_t left = h.len - s->body.len;
	if (!r->failed && (h.len > MESSAGE_MAX || h.len < s->body.len))
		return pusher_fail(p, "the server sent a message whose size cannot be");
	if (r->failed || buf_left(r) < (left < p->in_chunk_size ? left : p->in_chunk_size)) {
		r->failed = true;
		return false;
	}
	*s = h;
	s->timestamp = timestamp;
	*out = s;
	return true;
}

static bool chunks_input(struct pusher *p)
{
	while (p->in.len > 0) {
		struct buf_reader r = buf_reader(p->in.data, p->in.len);
		struct pusher_stream *s;
		if (!header_input(p, &r, &s))
			return p->state != PUSHER_FAILED;
		size_t left = s->len - s->body.len;
		size_t n = left < p->in_chunk_size ? left : p->in_chunk_size;
		buf_put(&s->body, buf_read_bytes(&r, n), n);
		buf_consume(&p->in, (size_t)(r.pos - p->in.data));
		if (s->body.len < s->len)
			continue;
		bool ok = message_input(p, s);
		buf_reset(&s->body);
		if (!ok)
			return false;
	}
	return true;
}

static void ack_send(struct pusher *p)
{
	struct buf b = {0};
	buf_put_u32(&b, (uint32_t)p->bytes_in);
	control_send(p, MSG_ACK, &b);
	buf_finish(&b);
	p->bytes_acked = p->bytes_in;
}

bool pusher_input(struct pusher *p, const void *data, size_t len)
{
	if (p->state == PUSHER_FAILED)
		return false;
	buf_put(&p->in, data, len);
	p->bytes_in += len;
	if (p->state == PUSHER_HANDSHAKE && !handshake_input(p))
		return false;
	if (p->state != PUSHER_HANDSHAKE && !chunks_input(p))
		return false;
	if (p->ack_window && p->bytes_in - p->bytes_acked >= p->ack_window / 2)
		ack_send(p);
	return true;
}

void pusher_media(
	struct pusher *p, uint8_t type, uint32_t timestamp, const uint8_t *data, size_t len)
{
	bool delta = p->opt.deltas && p->media_begun;
	uint32_t field = delta ? timestamp - p->media_timestamp : timestamp;
	message_send(p,
		&(struct message){.csid = CSID_MEDIA,
			.type = type,
			.msid = p->msid,
			.timestamp = field,
			.delta = delta,
			.data = data,
			.len = len});
	p->media_begun = true;
	p->media_timestamp = timestamp;
}

void pusher_goodbye(struct pusher *p)
{
	keyed_send(p, "FCUnpublish", TXN_STOP);
	struct buf b;
	command_begin(&b, "deleteStream", TXN_DELETE);
	amf_null(&b);
	amf_number(&b, p->msid);
	command_send(p, 0, &b);
}
