#include "base/must.h"
#include "fuzz.h"
#include "proto/flv.h"
#include "proto/flv_color.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int kind = 0; kind < 2; kind++) {
		struct flv_tag tag = flv_tag(kind == 0 ? FLV_VIDEO : FLV_AUDIO, data, size);
		struct flv_packet p;
		struct flv_color color;
		char text[40];
		enum flv_result result;
		size_t n = 0;

		while ((result = flv_tag_next(&tag, &p)) != FLV_END) {
			/* A track has four bytes at least. */
			must(n++ <= size / 4 + 1);
			flv_packet_codec_text(&p, text, sizeof(text));
			if (result != FLV_OK)
				continue;
			must(p.composition_ms >= -8388608 && p.composition_ms <= 8388607);
			must(p.nano_offset < 1000000 && p.len <= size);
			must(p.len == 0 || (p.data >= data && p.data + p.len <= data + size));
			must(p.len > 0 || p.is_end_of_sequence || p.is_config);
			if (p.is_metadata)
				flv_color_read(p.data, p.len, &color);
		}
	}
	return 0;
}
