#include "base/clock.h"
#include "fuzz.h"
#include "proto/rtmp_handshake.h"

/* The first byte says the role and the cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	struct clock_manual clock;
	clock_manual_init(&clock, 0);
	struct buf out = {0};
	struct rtmp_handshake *h = rtmp_handshake_create(
		data[0] & 1 ? RTMP_HANDSHAKE_CLIENT : RTMP_HANDSHAKE_SERVER, &clock.clock, &out);
	size_t piece = 1 + (data[0] >> 1) * 13u;
	for (size_t at = 1; at < size;) {
		size_t n = size - at < piece ? size - at : piece, used;
		if (rtmp_handshake_input(h, data + at, n, &out, &used) != RTMP_HANDSHAKE_MORE) {
			break;
		}
		at += n;
	}
	rtmp_handshake_destroy(h);
	buf_finish(&out);
	return 0;
}
