#include "base/must.h"
#include "fuzz.h"
#include "proto/flv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int kind = 0; kind < 2; kind++) {
		struct flv_packet p;
		char text[40];
		if (flv_parse(kind == 0 ? FLV_VIDEO : FLV_AUDIO, data, size, &p) == FLV_OK) {
			must(p.len <= size && p.composition_ms >= -8388608 &&
				p.composition_ms <= 8388607);
			must(p.is_end_of_sequence ||
				(p.data >= data && p.data + p.len == data + size));
		}
		flv_packet_codec_text(&p, text, sizeof(text));
	}
	return 0;
}
