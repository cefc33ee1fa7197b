#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading: a cursor over borrowed bytes with a sticky error. A read past the end sets `failed`,
 * yields zero and stays failed, so that a parser checks once per message (as dav1d's getbits does).
 */
struct buf_reader {
	const uint8_t *pos, *end;
	bool failed;
};

struct buf_reader buf_reader(const void *data, size_t len);
size_t buf_left(const struct buf_reader *r);
uint8_t buf_read_u8(struct buf_reader *r);
uint16_t buf_read_u16(struct buf_reader *r); /* big endian, as all below unless it says le */
uint32_t buf_read_u24(struct buf_reader *r);
uint32_t buf_read_u32(struct buf_reader *r);
uint32_t buf_read_u32le(struct buf_reader *r);
uint64_t buf_read_u64(struct buf_reader *r);
double buf_read_f64(struct buf_reader *r);
/* Points into the borrowed bytes; NULL (and failed) if fewer than n are left. */
const uint8_t *buf_read_bytes(struct buf_reader *r, size_t n);
void buf_skip(struct buf_reader *r, size_t n);

/*
 * Writing: bytes that grow at the end and are consumed from the front. Zero-initialised is empty.
 */
struct buf {
	uint8_t *data; /* first byte not consumed */
	size_t len; /* bytes from data on */
	size_t cap; /* bytes allocated at base */
	uint8_t *base; /* NULL while empty */
};

void buf_finish(struct buf *b); /* frees; b is empty again */
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front; n <= len */
uint8_t *buf_reserve(struct buf *b, size_t n); /* room for n more; add to len what was written */
void buf_put(struct buf *b, const void *data, size_t n);
void buf_put_str(struct buf *b, const char *s);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u24(struct buf *b, uint32_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u32le(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_f64(struct buf *b, double v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text so far, NUL-terminated without counting the NUL in len; valid until the next change. */
const char *buf_text(struct buf *b);
