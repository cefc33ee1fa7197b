#include <string.h>

#include "base/must.h"
#include "codec.h"
#include "fuzz.h"

/* The first byte chooses the reader, the rest is what a publisher says of its codec. */

static const enum media_codec codecs[] = {MEDIA_CODEC_H264, MEDIA_CODEC_AAC, MEDIA_CODEC_MP3,
	MEDIA_CODEC_HEVC, MEDIA_CODEC_AV1, MEDIA_CODEC_VP9, MEDIA_CODEC_OPUS, MEDIA_CODEC_FLAC,
	MEDIA_CODEC_AC3, MEDIA_CODEC_EAC3};
#define N_CODECS (sizeof(codecs) / sizeof(codecs[0]))

static void check(enum media_codec codec, const uint8_t *config, size_t config_len,
	const uint8_t *frame, size_t frame_len)
{
	struct codec_info c;

	if (!codec_info_init(&c, codec, config, config_len))
		return;
	must(c.config_len == config_len && codec_info_same(&c, codec, config, config_len));
	if (codec_info_frame(&c, frame, frame_len)) {
		must(codec_is_video(codec)
				? c.width > 0 && c.width <= 16384 && c.height > 0 &&
					c.height <= 16384
				: c.sample_rate > 0 && c.frame_samples > 0 && c.channels > 0);
	}
	must(strnlen(c.name, sizeof(c.name)) < sizeof(c.name));
	codec_info_finish(&c);
}

/* The second byte says how long the configuration is; the rest is the first frame. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned width = 1, height = 1;
	size_t config;

	if (size < 2)
		return 0;
	config = data[1] < size - 2 ? data[1] : size - 2;
	if (data[0] % (N_CODECS + 2) < N_CODECS)
		check(codecs[data[0] % (N_CODECS + 2)], data + 2, config, data + 2 + config,
			size - 2 - config);
	else if (data[0] % (N_CODECS + 2) == N_CODECS &&
		h264_sps_size(data + 2, size - 2, &width, &height))
		must(width > 0 && width <= 16384 && height > 0 && height <= 16384);
	else if (hevc_sps_size(data + 2, size - 2, &width, &height))
		must(width > 0 && width <= 16384 && height > 0 && height <= 16384);
	return 0;
}
