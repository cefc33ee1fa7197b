#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1. */
static bool parse_h264(struct codec_info *c, const uint8_t *config, size_t len)
{
	struct buf_reader r = buf_reader(config, len);
	if (buf_read_u8(&r) != 1 || len < 7)
		return false;
	snprintf(c->name, sizeof(c->name), "avc1.%02x%02x%02x", config[1], config[2], config[3]);
	buf_skip(&r, 3);
	if ((buf_read_u8(&r) & 3) == 2)
		return false; /* NAL lengths of three bytes do not exist */
	unsigned n = buf_read_u8(&r) & 31;
	size_t sps_len = buf_read_u16(&r);
	const uint8_t *sps = buf_read_bytes(&r, sps_len);
	return n > 0 && sps && sps_len > 3 && h264_sps_size(sps, sps_len, &c->width, &c->height);
}

static unsigned take_bits(uint64_t *bits, unsigned *left, unsigned n)
{
	if (*left < n) {
		*left = 0;
		return 0;
	}
	*left -= n;
	return (unsigned)(*bits >> *left) & ((1u << n) - 1);
}

static unsigned take_rate(uint64_t *bits, unsigned *left)
{
	static const unsigned rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050,
		16000, 12000, 11025, 8000, 7350};
	unsigned index = take_bits(bits, left, 4);
	if (index == 15)
		return take_bits(bits, left, 24);
	return index < sizeof(rates) / sizeof(*rates) ? rates[index] : 0;
}

/* AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1, as far as the header goes. */
static bool parse_aac(struct codec_info *c, const uint8_t *config, size_t len)
{
	static const uint8_t channels[] = {0, 1, 2, 3, 4, 5, 6, 8};
	uint64_t bits = 0;
	unsigned left = 0;
	for (size_t i = 0; i < len && i < 8; i++) {
		bits = bits << 8 | config[i];
		left += 8;
	}
	unsigned type = take_bits(&bits, &left, 5);
	if (type == 31)
		type = 32 + take_bits(&bits, &left, 6);
	unsigned rate = take_rate(&bits, &left);
	unsigned layout = take_bits(&bits, &left, 4);
	unsigned short_frame = take_bits(&bits, &left, 1);
	if (len < 2 || type == 0 || rate == 0 || rate > 192000 || layout > 7)
		return false;
	c->sample_rate = rate;
	c->channels = layout ? channels[layout] : 2; /* 0: in the stream itself */
	c->frame_samples = (type == 2 || type == 1) && short_frame ? 960 : 1024;
	snprintf(c->name, sizeof(c->name), "mp4a.40.%u", type);
	return true;
}

bool codec_info_init(
	struct codec_info *out, enum media_codec codec, const uint8_t *config, size_t len)
{
	struct codec_info c = {.codec = codec};
	bool ok = false;
	switch (codec) {
	case MEDIA_CODEC_H264:
		ok = parse_h264(&c, config, len);
		break;
	case MEDIA_CODEC_AAC:
		ok = parse_aac(&c, config, len);
		break;
	case MEDIA_CODEC_MP3:
		snprintf(c.name, sizeof(c.name), "mp4a.40.34");
		ok = true;
		break;
	case MEDIA_CODEC_NONE:
		break;
	}
	if (!ok)
		return false;
	if (config && len) {
		c.config = mem_dup(config, len);
		c.config_len = len;
	}
	*out = c;
	return true;
}

void codec_info_finish(struct codec_info *c)
{
	free(c->config);
	*c = (struct codec_info){0};
}

bool codec_info_same(
	const struct codec_info *c, enum media_codec codec, const uint8_t *config, size_t len)
{
	return c->codec == codec && c->config_len == (config ? len : 0) &&
		(c->config_len == 0 || memcmp(c->config, config, len) == 0);
}

/* ISO/IEC 11172-3 2.4.1.3 and 13818-3: the header of an audio frame, layer III only. */
bool codec_info_mp3(struct codec_info *c, const uint8_t *frame, size_t len)
{
	static const unsigned rates[4] = {44100, 48000, 32000, 0};
	if (len < 4 || frame[0] != 0xff || (frame[1] & 0xe0) != 0xe0)
		return false;
	unsigned version = (frame[1] >> 3) & 3, layer = (frame[1] >> 1) & 3;
	unsigned rate = rates[(frame[2] >> 2) & 3];
	if (version == 1 || layer != 1 || rate == 0)
		return false;
	c->sample_rate = version == 3 ? rate : version == 2 ? rate / 2 : rate / 4;
	c->channels = frame[3] >> 6 == 3 ? 1 : 2;
	c->frame_samples = version == 3 ? 1152 : 576;
	return true;
}
