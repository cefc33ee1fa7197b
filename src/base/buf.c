#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

struct buf_reader buf_reader(const void *data, size_t len)
{
	const uint8_t *start = data;
	return (struct buf_reader){.pos = start, .end = len > 0 ? start + len : start};
}

size_t buf_left(const struct buf_reader *r)
{
	return r->failed || r->pos == r->end ? 0 : (size_t)(r->end - r->pos);
}

const uint8_t *buf_read_bytes(struct buf_reader *r, size_t n)
{
	if (r->failed || n > buf_left(r)) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->pos;
	if (n > 0) {
		r->pos += n;
	}
	return p;
}

void buf_skip(struct buf_reader *r, size_t n)
{
	buf_read_bytes(r, n);
}

static uint64_t read_be(struct buf_reader *r, size_t n)
{
	const uint8_t *p = buf_read_bytes(r, n);
	uint64_t v = 0;
	for (size_t i = 0; p != NULL && i < n; i++) {
		v = v << 8 | p[i];
	}
	return v;
}

uint8_t buf_read_u8(struct buf_reader *r)
{
	return (uint8_t)read_be(r, 1);
}

uint16_t buf_read_u16(struct buf_reader *r)
{
	return (uint16_t)read_be(r, 2);
}

uint32_t buf_read_u24(struct buf_reader *r)
{
	return (uint32_t)read_be(r, 3);
}

uint32_t buf_read_u32(struct buf_reader *r)
{
	return (uint32_t)read_be(r, 4);
}

uint32_t buf_read_u32le(struct buf_reader *r)
{
	return __builtin_bswap32(buf_read_u32(r));
}

uint64_t buf_read_u64(struct buf_reader *r)
{
	return read_be(r, 8);
}

double buf_read_f64(struct buf_reader *r)
{
	uint64_t bits = read_be(r, 8);
	double v;
	memcpy(&v, &bits, sizeof(v));
	return v;
}

void buf_finish(struct buf *b)
{
	free(b->base);
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->data = b->base;
	b->len = 0;
}

void buf_consume(struct buf *b, size_t n)
{
	must(n <= b->len);
	b->len -= n;
	if (b->len == 0) {
		b->data = b->base;
	} else {
		b->data += n;
	}
}

static size_t consumed(const struct buf *b)
{
	return b->base != NULL ? (size_t)(b->data - b->base) : 0;
}

static void grow(struct buf *b, size_t need)
{
	size_t front = consumed(b);
	size_t cap = b->cap > 0 ? b->cap : 64;
	while (cap < need) {
		cap *= 2;
	}
	if (front > 0) {
		memmove(b->base, b->data, b->len);
	}
	b->base = mem_realloc(b->base, cap);
	b->data = b->base;
	b->cap = cap;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	must(n <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
	size_t front = consumed(b);
	if (b->base == NULL || n > b->cap - front - b->len) {
		/* Moving is worth it only when it makes room for as much again as it moves. */
		if (b->base != NULL && front >= b->len && n <= b->cap - b->len) {
			memmove(b->base, b->data, b->len);
			b->data = b->base;
		} else {
			grow(b, b->len + n);
		}
	}
	return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
	if (n > 0) {
		memcpy(buf_reserve(b, n), data, n);
		b->len += n;
	}
}

void buf_put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

static void put_be(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *p = buf_reserve(b, n);
	for (size_t i = 0; i < n; i++) {
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	}
	b->len += n;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	put_be(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void buf_put_u24(struct buf *b, uint32_t v)
{
	put_be(b, v, 3);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void buf_put_u32le(struct buf *b, uint32_t v)
{
	put_be(b, __builtin_bswap32(v), 4);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void buf_put_f64(struct buf *b, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof(bits));
	put_be(b, bits, 8);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	size_t room = 128;
	for (;;) {
		char *out = (char *)buf_reserve(b, room);
		va_start(args, fmt);
		int n = vsnprintf(out, room, fmt, args);
		va_end(args);
		must(n >= 0);
		if ((size_t)n < room) {
			b->len += (size_t)n;
			return;
		}
		room = (size_t)n + 1;
	}
}

const char *buf_text(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return (const char *)b->data;
}
