#include <string.h>

#include "base/must.h"
#include "codec.h"
#include "fuzz.h"

/* The first byte chooses the reader, the rest is what a publisher says of its codec. */

static void check_config(enum media_codec codec, const uint8_t *data, size_t size)
{
	struct codec_info c;

	if (!codec_info_init(&c, codec, data, size))
		return;
	must(strnlen(c.name, sizeof(c.name)) < sizeof(c.name));
	must(c.config_len == size);
	must(c.width <= 16384 && c.height <= 16384);
	must(codec != MEDIA_CODEC_H264 || (c.width > 0 && c.height > 0));
	must(codec != MEDIA_CODEC_AAC || (c.sample_rate > 0 && c.sample_rate <= 192000));
	must(codec_info_same(&c, codec, data, size));
	codec_info_finish(&c);
}

static void check_mp3(const uint8_t *data, size_t size)
{
	struct codec_info c = {0};

	if (codec_info_mp3(&c, data, size))
		must(c.sample_rate >= 8000 && c.sample_rate <= 48000 && c.frame_samples > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned width = 1, height = 1;

	if (size < 1)
		return 0;
	switch (data[0] % 4) {
	case 0:
		check_config(MEDIA_CODEC_H264, data + 1, size - 1);
		break;
	case 1:
		check_config(MEDIA_CODEC_AAC, data + 1, size - 1);
		break;
	case 2:
		check_mp3(data + 1, size - 1);
		break;
	case 3:
		if (h264_sps_size(data + 1, size - 1, &width, &height))
			must(width > 0 && width <= 16384 && height > 0 && height <= 16384);
		break;
	}
	return 0;
}
