#include <string.h>
#include <zlib.h>

#include "base/rcbuf.h"
#include "http_private.h"

/* Below this a packet is a packet, compressed or not. */
#define GZIP_MIN 256
/* Larger texts would hold the loop too long; nothing here makes them. */
#define GZIP_MAX (4 * 1024 * 1024)
#define GZIP_LEVEL 5
#define GZIP_WINDOW (15 + 16) /* 16 asks zlib for the gzip header */

static bool deflate_pieces(z_stream *z, struct rcbuf *const *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* zlib's interface is not const-correct; it does not write to its input. */
		z->next_in = (Bytef *)(uintptr_t)rcbuf_data(pieces[i]);
		z->avail_in = (uInt)rcbuf_len(pieces[i]);
		if (deflate(z, Z_NO_FLUSH) != Z_OK)
			return false;
	}
	return deflate(z, Z_FINISH) == Z_STREAM_END;
}

struct rcbuf *http_gzip(struct rcbuf *const *pieces, size_t n)
{
	z_stream z = {0};
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += rcbuf_len(pieces[i]);
	if (total < GZIP_MIN || total > GZIP_MAX ||
		deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
			Z_OK)
		return NULL;
	struct rcbuf *out = rcbuf_create(deflateBound(&z, total) + 64);
	z.next_out = rcbuf_writable(out);
	z.avail_out = (uInt)rcbuf_len(out);
	bool ok = deflate_pieces(&z, pieces, n) && z.total_out < total;
	if (ok)
		rcbuf_truncate(out, z.total_out);
	else
		rcbuf_unref(&out);
	deflateEnd(&z);
	return out;
}

/* The flush ends at a byte and looks back at nothing, so that stretches can be put together. */
static struct rcbuf *deflate_stretch(
	struct rcbuf *text, size_t before, size_t behind, int flush, const char *head)
{
	z_stream z = {0};

	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	struct rcbuf *out = rcbuf_create(before + deflateBound(&z, rcbuf_len(text)) + 16 + behind);
	memcpy(rcbuf_writable(out), head, before);
	z.next_in = (Bytef *)(uintptr_t)rcbuf_data(text);
	z.avail_in = (uInt)rcbuf_len(text);
	z.next_out = rcbuf_writable(out) + before;
	z.avail_out = (uInt)(rcbuf_len(out) - before - behind);
	int result = deflate(&z, flush);
	if ((result == Z_OK || result == Z_STREAM_END) && z.avail_in == 0 && z.avail_out > 0)
		rcbuf_truncate(out, before + z.total_out + behind);
	else
		rcbuf_unref(&out);
	deflateEnd(&z);
	return out;
}

static uint32_t text_crc(const struct rcbuf *text)
{
	return (uint32_t)crc32(0, rcbuf_data(text), (uInt)rcbuf_len(text));
}

struct rcbuf *http_gzip_first(struct rcbuf *text, struct gzip_sum *sum)
{
	/* RFC 1952: deflate, no flags, no time, unknown system. */
	static const char head[10] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)0xff};

	*sum = (struct gzip_sum){.crc = text_crc(text), .len = rcbuf_len(text)};
	return deflate_stretch(text, sizeof(head), 0, Z_FULL_FLUSH, head);
}

struct rcbuf *http_gzip_between(struct rcbuf *text, uint32_t *crc)
{
	*crc = text_crc(text);
	return deflate_stretch(text, 0, 0, Z_FULL_FLUSH, "");
}

void http_gzip_add(struct gzip_sum *sum, uint32_t crc, size_t len)
{
	sum->crc = (uint32_t)crc32_combine(sum->crc, crc, (z_off_t)len);
	sum->len += len;
}

struct rcbuf *http_gzip_last(struct rcbuf *text, struct gzip_sum *sum)
{
	struct rcbuf *out = deflate_stretch(text, 0, 8, Z_FINISH, "");

	if (!out)
		return NULL;
	http_gzip_add(sum, text_crc(text), rcbuf_len(text));
	uint8_t *end = rcbuf_writable(out) + rcbuf_len(out) - 8;
	for (int i = 0; i < 4; i++) {
		end[i] = (uint8_t)(sum->crc >> (8 * i));
		end[4 + i] = (uint8_t)(sum->len >> (8 * i));
	}
	return out;
}
