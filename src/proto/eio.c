#include "proto/eio.h"

#include <string.h>

#include "base/text.h"

#define SEPARATOR 0x1e

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char eio_digit(enum eio_type type)
{
	return (char)('0' + (int)type);
}

bool eio_decode(const void *bytes, size_t len, bool binary, struct eio_packet *out)
{
	const uint8_t *at = bytes;

	if (binary) {
		*out = (struct eio_packet){
			.type = EIO_MESSAGE, .binary = true, .data = at, .len = len};
		return true;
	}
	if (!len || at[0] < '0' || at[0] > eio_digit(EIO_NOOP))
		return false;
	*out = (struct eio_packet){
		.type = (enum eio_type)(at[0] - '0'), .data = at + 1, .len = len - 1};
	return true;
}

/* -1: not of the alphabet. */
static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* How many of the last four characters are padding; -1: they cannot be the last four. */
static int base64_padding(const uint8_t *four)
{
	if (four[3] != '=')
		return 0;
	if (four[2] != '=')
		return (base64_value(four[2]) & 3) == 0 ? 1 : -1;
	return (base64_value(four[1]) & 15) == 0 ? 2 : -1;
}

/* In place: the result is never longer than what it comes from. */
static bool base64_decode(uint8_t *text, size_t len, size_t *out_len)
{
	uint8_t *to = text;
	int padding;

	*out_len = 0;
	if (len % 4)
		return false;
	padding = len ? base64_padding(text + len - 4) : 0;
	if (padding < 0)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		bool last = i + 4 == len;
		uint32_t bits = 0;
		for (size_t j = 0; j < 4; j++) {
			bool pad = last && j >= 4 - (size_t)padding;
			int value = pad ? 0 : base64_value(text[i + j]);
			if (value < 0)
				return false;
			bits = bits << 6 | (uint32_t)value;
		}
		*to++ = (uint8_t)(bits >> 16);
		*to++ = (uint8_t)(bits >> 8);
		*to++ = (uint8_t)bits;
	}
	*out_len = (size_t)(to - text) - (size_t)padding;
	return true;
}

static size_t base64_size(size_t len)
{
	return (len + 2) / 3 * 4;
}

static void base64_put(struct buf *b, const uint8_t *data, size_t len)
{
	uint8_t *to = buf_reserve(b, base64_size(len));

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t bits = (uint32_t)data[i] << 16;
		if (left > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (left > 2)
			bits |= data[i + 2];
		*to++ = (uint8_t)alphabet[bits >> 18];
		*to++ = (uint8_t)alphabet[bits >> 12 & 63];
		*to++ = left > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
		*to++ = left > 2 ? (uint8_t)alphabet[bits & 63] : '=';
	}
	b->len += base64_size(len);
}

void eio_payload_init(struct eio_payload *p, void *body, size_t len)
{
	*p = (struct eio_payload){.pos = body, .end = (uint8_t *)body + len};
}

static bool decode_binary(uint8_t *text, size_t len, struct eio_packet *out)
{
	*out = (struct eio_packet){.type = EIO_MESSAGE, .binary = true, .data = text};
	return base64_decode(text, len, &out->len);
}

enum eio_next eio_payload_next(struct eio_payload *p, struct eio_packet *out)
{
	uint8_t *start = p->pos, *stop;
	size_t len;
	bool ok;

	if (p->begun && start == p->end)
		return EIO_NEXT_END;
	if (p->begun)
		start++;
	p->begun = true;
	stop = start < p->end ? memchr(start, SEPARATOR, (size_t)(p->end - start)) : NULL;
	p->pos = stop ? stop : p->end;
	len = (size_t)(p->pos - start);
	if (len && start[0] == 'b')
		ok = decode_binary(start + 1, len - 1, out);
	else
		ok = eio_decode(start, len, false, out) &&
			text_utf8_valid((const char *)start, len);
	return ok ? EIO_NEXT_PACKET : EIO_NEXT_MALFORMED;
}

size_t eio_payload_size(const struct eio_packet *packet)
{
	return 2 + (packet->binary ? base64_size(packet->len) : packet->len);
}

void eio_payload_put(struct buf *body, const struct eio_packet *packet)
{
	if (body->len)
		buf_put_u8(body, SEPARATOR);
	if (packet->binary) {
		buf_put_u8(body, 'b');
		base64_put(body, packet->data, packet->len);
		return;
	}
	buf_put_u8(body, (uint8_t)eio_digit(packet->type));
	if (packet->len)
		buf_put(body, packet->data, packet->len);
}
