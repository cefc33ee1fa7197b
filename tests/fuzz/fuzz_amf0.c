#include <string.h>

#include "base/must.h"
#include "fuzz.h"
#include "proto/amf0.h"
#include "proto/rtmp_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amf0_reader r = amf0_reader(data, size);
	char text[32];
	struct amf0_value v;
	while (!amf0_at_end(&r) && amf0_read(&r, &v)) {
		amf0_text_copy(v.text, text, sizeof(text));
		must(strlen(text) < sizeof(text));
		if (!amf0_skip_inside(&r, &v)) {
			break;
		}
	}
	must(r.values <= AMF0_VALUES_MAX + 1 && r.depth <= AMF0_DEPTH_MAX);

	struct amf0_reader again = amf0_reader(data, size);
	struct rtmp_metadata metadata;
	rtmp_metadata_read(&again, &metadata);
	must(memchr(metadata.encoder, 0, sizeof(metadata.encoder)) != NULL);
	return 0;
}
