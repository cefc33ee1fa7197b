#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cut.h"
#include "proto/rtmp_chunk.h"
#include "support/test.h"

/* Messages that came out of a reader, copied. */
struct got {
	struct rtmp_message m;
	uint8_t *data;
};

struct collector {
	struct got items[256];
	size_t n;
	enum rtmp_close error;
};

static inline void collector_finish(struct collector *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].data);
	}
	memset(c, 0, sizeof(*c));
}

static inline void collect_piece(
	struct rtmp_chunk_reader *r, const uint8_t *data, size_t len, struct collector *c)
{
	for (;;) {
		size_t used;
		struct rtmp_message m;
		enum rtmp_chunk_result result = rtmp_chunk_read(r, data, len, &used, &m);
		data += used;
		len -= used;
		if (result == RTMP_CHUNK_FAILED) {
			c->error = rtmp_chunk_reader_error(r);
			return;
		}
		if (result == RTMP_CHUNK_MORE) {
			assert_int_equal(len, 0);
			return;
		}
		assert_true(c->n < 256);
		c->items[c->n].m = m;
		c->items[c->n++].data = m.len > 0 ? mem_dup(m.data, m.len) : NULL;
	}
}

/* Pieces are copied to the heap, so that a reader that keeps pointing into one is caught. */
static inline void collect(
	struct rtmp_chunk_reader *r, const struct buf *in, unsigned cut, struct collector *c)
{
	uint32_t seed = cut;
	for (size_t at = 0; at < in->len && c->error == RTMP_CLOSE_NONE;) {
		size_t n = cut_piece(cut, &seed, in->len - at);
		uint8_t *piece = mem_dup(in->data + at, n);
		collect_piece(r, piece, n, c);
		free(piece);
		at += n;
	}
}

static inline struct rtmp_chunk_limits test_limits(void)
{
	return (struct rtmp_chunk_limits){.message_max = 8u << 20,
		.chunk_max = 1u << 20,
		.streams_max = 64,
		.partial_max = 12u << 20};
}

static inline void read_all(const struct buf *in, unsigned cut, struct collector *c)
{
	struct rtmp_chunk_limits limits = test_limits();
	struct rtmp_chunk_reader *r = rtmp_chunk_reader_create(&limits);
	memset(c, 0, sizeof(*c));
	collect(r, in, cut, c);
	rtmp_chunk_reader_destroy(r);
}

/* A payload that tells where each byte belongs. */
static inline void fill_pattern(uint8_t *data, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)(seed + i * 7);
	}
}
