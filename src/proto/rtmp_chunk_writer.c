#include <string.h>

#include "base/must.h"
#include "proto/rtmp_chunk.h"

#define EXTENDED 0xffffffu

void rtmp_chunk_writer_init(struct rtmp_chunk_writer *w)
{
	*w = (struct rtmp_chunk_writer){.chunk_size = RTMP_CHUNK_SIZE_DEFAULT};
}

static struct rtmp_chunk_history *history_of(struct rtmp_chunk_writer *w, uint32_t csid)
{
	for (size_t i = 0; i < RTMP_CHUNK_WRITER_STREAMS; i++) {
		struct rtmp_chunk_history *h = &w->history[i];
		if (h->csid == csid || h->csid == 0) {
			return h;
		}
	}
	return NULL;
}

/* The shortest header that says what changed; deltas only forwards. */
static uint8_t choose_format(const struct rtmp_chunk_writer *w, const struct rtmp_chunk_history *h,
	const struct rtmp_message *m)
{
	if (!w->compress || h == NULL || h->csid == 0 || h->stream_id != m->stream_id ||
		m->timestamp - h->timestamp > INT32_MAX) {
		return 0;
	}
	if (h->len != m->len || h->type != m->type) {
		return 1;
	}
	return h->has_delta && h->delta == m->timestamp - h->timestamp ? 3 : 2;
}

static void put_basic(struct buf *out, uint8_t fmt, uint32_t csid)
{
	uint8_t high = (uint8_t)(fmt << 6);
	if (csid < 64) {
		buf_put_u8(out, (uint8_t)(high | csid));
	} else if (csid < 64 + 256) {
		buf_put_u8(out, high);
		buf_put_u8(out, (uint8_t)(csid - 64));
	} else {
		buf_put_u8(out, high | 1);
		buf_put_u8(out, (uint8_t)((csid - 64) & 255));
		buf_put_u8(out, (uint8_t)((csid - 64) >> 8));
	}
}

static void put_header(struct buf *out, uint8_t fmt, uint32_t field, const struct rtmp_message *m)
{
	put_basic(out, fmt, m->csid);
	if (fmt <= 2) {
		buf_put_u24(out, field < EXTENDED ? field : EXTENDED);
	}
	if (fmt <= 1) {
		buf_put_u24(out, (uint32_t)m->len);
		buf_put_u8(out, m->type);
	}
	if (fmt == 0) {
		buf_put_u32le(out, m->stream_id);
	}
}

static void remember(
	struct rtmp_chunk_history *h, uint8_t fmt, uint32_t delta, const struct rtmp_message *m)
{
	if (h == NULL) {
		return;
	}
	*h = (struct rtmp_chunk_history){
		.csid = m->csid,
		.stream_id = m->stream_id,
		.timestamp = m->timestamp,
		.delta = delta,
		.len = (uint32_t)m->len,
		.type = m->type,
		.has_delta = fmt != 0,
	};
}

void rtmp_chunk_write(
	struct rtmp_chunk_writer *w, const struct rtmp_message *message, struct buf *out)
{
	const struct rtmp_message *m = message;
	must(m->csid >= 2 && m->csid <= 65599 && m->len < 1u << 24);
	struct rtmp_chunk_history *h = history_of(w, m->csid);
	uint8_t fmt = choose_format(w, h, m);
	uint32_t delta = fmt == 0 ? 0 : m->timestamp - h->timestamp;
	uint32_t field = fmt == 0 ? m->timestamp : delta;
	bool extended = field >= EXTENDED;

	buf_reserve(out, m->len + (m->len / w->chunk_size + 1) * 7 + 16);
	put_header(out, fmt, field, m);
	if (extended && (fmt < 3 || !w->omit_extended)) {
		buf_put_u32(out, field);
	}
	for (size_t at = 0; at < m->len; at += w->chunk_size) {
		if (at > 0) {
			put_basic(out, 3, m->csid);
			if (extended && !w->omit_extended) {
				buf_put_u32(out, field);
			}
		}
		size_t left = m->len - at;
		buf_put(out, m->data + at, left < w->chunk_size ? left : w->chunk_size);
	}
	remember(h, fmt, delta, m);
}

static void write_control(struct rtmp_chunk_writer *w, enum rtmp_type type, const uint8_t *data,
	size_t len, struct buf *out)
{
	struct rtmp_message m = {
		.csid = RTMP_CSID_CONTROL, .type = (uint8_t)type, .data = data, .len = len};
	rtmp_chunk_write(w, &m, out);
}

static void store_u32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

void rtmp_chunk_write_u32(
	struct rtmp_chunk_writer *w, enum rtmp_type type, uint32_t value, struct buf *out)
{
	uint8_t data[4];
	store_u32(data, value);
	write_control(w, type, data, sizeof(data), out);
}

void rtmp_chunk_write_size(struct rtmp_chunk_writer *w, uint32_t size, struct buf *out)
{
	must(size > 0 && size <= INT32_MAX);
	rtmp_chunk_write_u32(w, RTMP_TYPE_SET_CHUNK_SIZE, size, out);
	w->chunk_size = size;
}

void rtmp_chunk_write_bandwidth(
	struct rtmp_chunk_writer *w, uint32_t bytes, uint8_t limit_type, struct buf *out)
{
	uint8_t data[5];
	store_u32(data, bytes);
	data[4] = limit_type;
	write_control(w, RTMP_TYPE_SET_PEER_BANDWIDTH, data, sizeof(data), out);
}

void rtmp_chunk_write_user(
	struct rtmp_chunk_writer *w, enum rtmp_user_event event, uint32_t value, struct buf *out)
{
	uint8_t data[6] = {0, (uint8_t)event};
	store_u32(data + 2, value);
	write_control(w, RTMP_TYPE_USER_CONTROL, data, sizeof(data), out);
}
