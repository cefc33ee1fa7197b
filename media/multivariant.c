#include <inttypes.h>

#include "window_private.h"

enum media_lookup media_window_multivariant(
	struct media_window *w, const char *uri_suffix, struct buf *out)
{
	if (!media_window_playable(w))
		return MEDIA_GONE;
	uint64_t average = w->total_us ? w->total_bits * 1000000 / w->total_us : 0;
	uint64_t peak = w->peak_bitrate > average ? w->peak_bitrate : average;
	buf_put_str(out, "#EXTM3U\n#EXT-X-VERSION:9\n");
	if (w->independent)
		buf_put_str(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	buf_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",AVERAGE-BANDWIDTH=%" PRIu64,
		peak ? peak : 1, average ? average : 1);
	if (w->codecs[0])
		buf_printf(out, ",CODECS=\"%s\"", w->codecs);
	if (w->width)
		buf_printf(out, ",RESOLUTION=%ux%u", w->width, w->height);
	if (w->frame_rate > 0)
		buf_printf(out, ",FRAME-RATE=%.3f", w->frame_rate);
	buf_printf(out, "\nstream_0.m3u8%s\n", uri_suffix ? uri_suffix : "");
	return MEDIA_FOUND;
}
