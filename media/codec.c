#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec_private.h"

struct codec_row {
	bool is_video;
	/* The configuration; then, unless that completed it, the first frame that can. */
	bool (*read)(struct codec_info *c, const uint8_t *config, size_t len);
	bool (*frame)(struct codec_info *c, const uint8_t *frame, size_t len);
};

static const struct codec_row codecs[] = {
	[MEDIA_CODEC_NONE] = {0},
	[MEDIA_CODEC_H264] = {true, codec_read_h264, NULL},
	[MEDIA_CODEC_HEVC] = {true, codec_read_hevc, NULL},
	[MEDIA_CODEC_AV1] = {true, codec_read_av1, NULL},
	[MEDIA_CODEC_VP9] = {true, codec_read_vp9, codec_frame_vp9},
	[MEDIA_CODEC_AAC] = {false, codec_read_aac, NULL},
	[MEDIA_CODEC_MP3] = {false, codec_read_mp3, codec_frame_mp3},
	[MEDIA_CODEC_OPUS] = {false, codec_read_opus, codec_frame_opus},
	[MEDIA_CODEC_FLAC] = {false, codec_read_flac, NULL},
	[MEDIA_CODEC_AC3] = {false, codec_read_ac3, codec_frame_ac3},
	[MEDIA_CODEC_EAC3] = {false, codec_read_ac3, codec_frame_ac3},
};

bool codec_is_video(enum media_codec codec)
{
	return codecs[codec].is_video;
}

bool codec_info_init(
	struct codec_info *out, enum media_codec codec, const uint8_t *config, size_t len)
{
	struct codec_info c = {.codec = codec};

	if (!codecs[codec].read || !codecs[codec].read(&c, config, len))
		return false;
	if (config && len) {
		c.config = mem_dup(config, len);
		c.config_len = len;
	}
	*out = c;
	return true;
}

bool codec_info_frame(struct codec_info *c, const uint8_t *frame, size_t len)
{
	if (!c->complete)
		c->complete = codecs[c->codec].frame(c, frame, len);
	return c->complete;
}

void codec_info_finish(struct codec_info *c)
{
	free(c->config);
	free(c->frame);
	*c = (struct codec_info){0};
}

bool codec_info_same(
	const struct codec_info *c, enum media_codec codec, const uint8_t *config, size_t len)
{
	return c->codec == codec && c->config_len == (config ? len : 0) &&
		(c->config_len == 0 || memcmp(c->config, config, len) == 0);
}
