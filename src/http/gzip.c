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
