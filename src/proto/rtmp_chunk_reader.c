#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/rtmp_chunk.h"

#define EXTENDED 0xffffffu
#define HEADER_MAX 11
/* Room made at once for a message that comes in several chunks; more as its bytes arrive. */
#define FIRST_RESERVE (32u * 1024)
/* Larger payload buffers are given back after their message. */
#define KEEP_CAPACITY (256u * 1024)

enum reader_state {
	READ_BASIC,
	READ_HEADER,
	READ_EXTENDED, /* the four bytes that a type 0 to 2 header announced */
	READ_REPEATED, /* the four bytes that a type 3 chunk may or may not repeat */
	READ_PAYLOAD,
};

struct chunk_stream {
	uint32_t csid, stream_id;
	uint32_t timestamp, delta;
	uint32_t extended; /* last extended field, if has_extended */
	bool has_extended;
	bool is_absolute; /* the last header with a timestamp was of type 0 */
	bool in_message;
	uint8_t type;
	uint32_t len;
	struct buf payload; /* of the message that is being received */
};

struct rtmp_chunk_reader {
	struct rtmp_chunk_limits limits;
	enum rtmp_close error;
	enum reader_state state;
	uint8_t head[HEADER_MAX];
	size_t head_len;
	uint8_t fmt;
	struct chunk_stream *current;
	struct chunk_stream *delivered; /* its payload was given out and goes with the next call */
	uint32_t chunk_size, chunk_left;
	uint64_t bytes;
	size_t partial;
	/* Bytes taken for a repeated timestamp that turned out to be something else. */
	uint8_t back_bytes[4];
	struct buf_reader back;
	uint32_t n_streams;
	struct chunk_stream **streams;
};

struct rtmp_chunk_reader *rtmp_chunk_reader_create(const struct rtmp_chunk_limits *limits)
{
	struct rtmp_chunk_reader *r = mem_new(struct rtmp_chunk_reader);
	r->limits = *limits;
	r->chunk_size = RTMP_CHUNK_SIZE_DEFAULT;
	r->back = buf_reader(r->back_bytes, 0);
	r->streams = mem_zalloc(limits->streams_max * sizeof(struct chunk_stream *));
	return r;
}

void rtmp_chunk_reader_destroy(struct rtmp_chunk_reader *r)
{
	if (r == NULL) {
		return;
	}
	for (uint32_t i = 0; i < r->n_streams; i++) {
		buf_finish(&r->streams[i]->payload);
		free(r->streams[i]);
	}
	free(r->streams);
	free(r);
}

enum rtmp_close rtmp_chunk_reader_error(const struct rtmp_chunk_reader *r)
{
	return r->error;
}

uint64_t rtmp_chunk_reader_bytes(const struct rtmp_chunk_reader *r)
{
	return r->bytes;
}

bool rtmp_chunk_reader_busy(const struct rtmp_chunk_reader *r)
{
	return r->current != NULL && r->current->in_message &&
		r->current->type > RTMP_TYPE_SET_PEER_BANDWIDTH;
}

size_t rtmp_chunk_reader_partial(const struct rtmp_chunk_reader *r)
{
	return r->partial;
}

static void drop_payload(struct rtmp_chunk_reader *r, struct chunk_stream *s)
{
	r->partial -= s->payload.len;
	if (s->payload.cap > KEEP_CAPACITY) {
		buf_finish(&s->payload);
	} else {
		buf_reset(&s->payload);
	}
	s->in_message = false;
}

static void drop_delivered(struct rtmp_chunk_reader *r)
{
	if (r->delivered != NULL) {
		drop_payload(r, r->delivered);
		r->delivered = NULL;
	}
}

static struct chunk_stream *find_stream(struct rtmp_chunk_reader *r, uint32_t csid)
{
	for (uint32_t i = 0; i < r->n_streams; i++) {
		if (r->streams[i]->csid == csid) {
			return r->streams[i];
		}
	}
	return NULL;
}

static void open_stream(struct rtmp_chunk_reader *r, uint32_t csid)
{
	r->current = find_stream(r, csid);
	if (r->current != NULL) {
		return;
	}
	if (r->fmt >= 2) {
		r->error = RTMP_CLOSE_CHUNK_PROTOCOL;
	} else if (r->n_streams == r->limits.streams_max) {
		r->error = RTMP_CLOSE_CHUNK_STREAMS;
	} else {
		r->current = mem_new(struct chunk_stream);
		r->current->csid = csid;
		r->streams[r->n_streams++] = r->current;
	}
}

/* Collects `need` bytes in head; true when they are there. */
static bool take_head(struct rtmp_chunk_reader *r, struct buf_reader *in, size_t need)
{
	size_t want = need - r->head_len;
	size_t n = buf_left(in) < want ? buf_left(in) : want;
	if (n > 0) {
		memcpy(r->head + r->head_len, buf_read_bytes(in, n), n);
		r->head_len += n;
	}
	return r->head_len == need;
}

static void enter(struct rtmp_chunk_reader *r, enum reader_state state)
{
	r->state = state;
	r->head_len = 0;
}

static void step_basic(struct rtmp_chunk_reader *r, struct buf_reader *in)
{
	if (r->head_len == 0 && !take_head(r, in, 1)) {
		return;
	}
	uint32_t id = r->head[0] & 63;
	if (!take_head(r, in, id == 0 ? 2 : id == 1 ? 3 : 1)) {
		return;
	}
	if (id < 2) {
		id = 64u + r->head[1] + (id == 1 ? 256u * r->head[2] : 0);
	}
	r->fmt = r->head[0] >> 6;
	open_stream(r, id);
	enter(r, READ_HEADER);
}

static void begin_chunk(struct rtmp_chunk_reader *r)
{
	struct chunk_stream *s = r->current;
	s->in_message = true;
	uint32_t left = s->len - (uint32_t)s->payload.len;
	r->chunk_left = left < r->chunk_size ? left : r->chunk_size;
	enter(r, READ_PAYLOAD);
}

static void apply_timestamp(struct chunk_stream *s, uint8_t fmt, uint32_t value)
{
	s->is_absolute = fmt == 0;
	s->timestamp = fmt == 0 ? value : s->timestamp + value;
	s->delta = value;
}

/*
 * A type 3 chunk that begins a message repeats the last delta, and after a type 0 chunk its
 * timestamp counts as the delta (5.3.1.2.4). An extended one cannot be meant so: hours would pass.
 */
static void repeat_timestamp(struct chunk_stream *s)
{
	if (!s->in_message && !(s->is_absolute && s->has_extended)) {
		s->timestamp += s->delta;
	}
}

static void continue_header(struct rtmp_chunk_reader *r)
{
	if (r->current->has_extended) {
		enter(r, READ_REPEATED);
		return;
	}
	repeat_timestamp(r->current);
	begin_chunk(r);
}

static void step_header(struct rtmp_chunk_reader *r, struct buf_reader *in)
{
	static const size_t sizes[4] = {11, 7, 3, 0};
	struct chunk_stream *s = r->current;
	if (!take_head(r, in, sizes[r->fmt])) {
		return;
	}
	if (r->fmt == 3) {
		continue_header(r);
		return;
	}
	drop_payload(r, s);
	struct buf_reader h = buf_reader(r->head, r->head_len);
	uint32_t field = buf_read_u24(&h);
	if (r->fmt <= 1) {
		s->len = buf_read_u24(&h);
		s->type = buf_read_u8(&h);
	}
	if (r->fmt == 0) {
		s->stream_id = buf_read_u32le(&h);
	}
	if (s->len > r->limits.message_max) {
		r->error = RTMP_CLOSE_MESSAGE_SIZE;
		return;
	}
	s->has_extended = field == EXTENDED;
	if (s->has_extended) {
		enter(r, READ_EXTENDED);
		return;
	}
	apply_timestamp(s, r->fmt, field);
	begin_chunk(r);
}

static void step_extended(struct rtmp_chunk_reader *r, struct buf_reader *in)
{
	if (!take_head(r, in, 4)) {
		return;
	}
	struct buf_reader h = buf_reader(r->head, 4);
	r->current->extended = buf_read_u32(&h);
	apply_timestamp(r->current, r->fmt, r->current->extended);
	begin_chunk(r);
}

/*
 * Gives back what was taken for a timestamp. What came from `back` can be rewound in it, because
 * nothing comes before it; what came from the caller may be gone and is kept by us.
 */
static void give_back(struct rtmp_chunk_reader *r, struct buf_reader *in)
{
	if (in == &r->back) {
		in->pos -= r->head_len;
	} else {
		memcpy(r->back_bytes, r->head, r->head_len);
		r->back = buf_reader(r->back_bytes, r->head_len);
	}
}

static void step_repeated(struct rtmp_chunk_reader *r, struct buf_reader *in)
{
	bool same = true;
	while (same && r->head_len < 4 && buf_left(in) > 0) {
		same = *in->pos == (uint8_t)(r->current->extended >> (24 - 8 * r->head_len));
		if (same) {
			r->head[r->head_len++] = buf_read_u8(in);
		}
	}
	if (same && r->head_len < 4) {
		return;
	}
	if (!same) {
		give_back(r, in);
	}
	repeat_timestamp(r->current);
	begin_chunk(r);
}

static void obey_chunk_size(struct rtmp_chunk_reader *r, const struct rtmp_message *m)
{
	uint32_t size = 0;
	if (!rtmp_message_u32(m, &size) || size == 0 || size > r->limits.chunk_max) {
		r->error = RTMP_CLOSE_CHUNK_SIZE;
	} else {
		r->chunk_size = size;
	}
}

static void obey_abort(struct rtmp_chunk_reader *r, const struct rtmp_message *m)
{
	uint32_t csid = 0;
	struct chunk_stream *s = rtmp_message_u32(m, &csid) ? find_stream(r, csid) : NULL;
	if (s != NULL) {
		drop_payload(r, s);
	}
}

/* True if the message is for the caller. */
static bool finish_message(
	struct rtmp_chunk_reader *r, const uint8_t *direct, struct rtmp_message *out)
{
	struct chunk_stream *s = r->current;
	*out = (struct rtmp_message){
		.csid = s->csid,
		.stream_id = s->stream_id,
		.timestamp = s->timestamp,
		.type = s->type,
		.data = direct != NULL ? direct : s->payload.data,
		.len = s->len,
	};
	s->in_message = false;
	r->delivered = s;
	if (s->type == RTMP_TYPE_SET_CHUNK_SIZE) {
		obey_chunk_size(r, out);
	} else if (s->type == RTMP_TYPE_ABORT) {
		obey_abort(r, out);
	} else {
		return true;
	}
	drop_delivered(r);
	return false;
}

static void hold_payload(struct rtmp_chunk_reader *r, const uint8_t *data, size_t n)
{
	struct chunk_stream *s = r->current;
	if (r->partial + n > r->limits.partial_max) {
		r->error = RTMP_CLOSE_PARTIAL_BYTES;
		return;
	}
	if (s->payload.len == 0) {
		buf_reserve(&s->payload, s->len < FIRST_RESERVE ? s->len : FIRST_RESERVE);
	}
	buf_put(&s->payload, data, n);
	r->partial += n;
}

static bool step_payload(
	struct rtmp_chunk_reader *r, struct buf_reader *in, struct rtmp_message *out)
{
	struct chunk_stream *s = r->current;
	size_t n = buf_left(in) < r->chunk_left ? buf_left(in) : r->chunk_left;
	const uint8_t *data = n > 0 ? buf_read_bytes(in, n) : NULL;
	/* A message that lies whole in the caller's bytes is not copied. */
	bool direct = n > 0 && n == s->len && in != &r->back;
	if (n > 0 && !direct) {
		hold_payload(r, data, n);
	}
	r->chunk_left -= (uint32_t)n;
	if (r->chunk_left > 0 || r->error != RTMP_CLOSE_NONE) {
		return false;
	}
	enter(r, READ_BASIC);
	return (direct || s->payload.len == s->len) && finish_message(r, direct ? data : NULL, out);
}

static bool step(struct rtmp_chunk_reader *r, struct buf_reader *in, struct rtmp_message *out)
{
	switch (r->state) {
	case READ_BASIC:
		step_basic(r, in);
		return false;
	case READ_HEADER:
		step_header(r, in);
		return false;
	case READ_EXTENDED:
		step_extended(r, in);
		return false;
	case READ_REPEATED:
		step_repeated(r, in);
		return false;
	case READ_PAYLOAD:
		return step_payload(r, in, out);
	}
	return false;
}

/* Headers of no bytes and payloads of none go on without input. */
static bool can_step(const struct rtmp_chunk_reader *r, const struct buf_reader *in)
{
	return buf_left(in) > 0 || (r->state == READ_HEADER && r->fmt == 3) ||
		(r->state == READ_PAYLOAD && r->chunk_left == 0);
}

enum rtmp_chunk_result rtmp_chunk_read(struct rtmp_chunk_reader *r, const uint8_t *data, size_t len,
	size_t *used, struct rtmp_message *message)
{
	struct buf_reader in = buf_reader(data, len);
	bool complete = false;
	drop_delivered(r);
	for (;;) {
		struct buf_reader *from = buf_left(&r->back) > 0 ? &r->back : &in;
		if (complete || r->error != RTMP_CLOSE_NONE || !can_step(r, from)) {
			break;
		}
		complete = step(r, from, message);
	}
	*used = len - buf_left(&in);
	r->bytes += *used;
	if (r->error != RTMP_CLOSE_NONE) {
		return RTMP_CHUNK_FAILED;
	}
	return complete ? RTMP_CHUNK_MESSAGE : RTMP_CHUNK_MORE;
}
