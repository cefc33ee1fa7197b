#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "bits.h"
#include "codec_private.h"

/* --- AAC --- */

static unsigned aac_rate(struct bits *b)
{
	static const unsigned rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050,
		16000, 12000, 11025, 8000, 7350};
	unsigned index = bits_get(b, 4);
	if (index == 15)
		return bits_get(b, 24);
	return index < sizeof(rates) / sizeof(*rates) ? rates[index] : 0;
}

/* AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1, as far as the header goes. */
bool codec_read_aac(struct codec_info *c, const uint8_t *config, size_t len)
{
	static const uint8_t channels[] = {0, 1, 2, 3, 4, 5, 6, 8};
	struct bits b = {.data = config, .len = len};
	unsigned type = bits_get(&b, 5);
	if (type == 31)
		type = 32 + bits_get(&b, 6);
	unsigned rate = aac_rate(&b);
	unsigned layout = bits_get(&b, 4);
	unsigned short_frame = bits_get(&b, 1);
	if (len < 2 || type == 0 || rate == 0 || rate > 192000 || layout > 7)
		return false;
	c->complete = true;
	c->sample_rate = rate;
	c->channels = layout ? channels[layout] : 2; /* 0: in the stream itself */
	c->frame_samples = (type == 2 || type == 1) && short_frame ? 960 : 1024;
	snprintf(c->name, sizeof(c->name), "mp4a.40.%u", type);
	return true;
}

/* --- MP3 --- */

bool codec_read_mp3(struct codec_info *c, const uint8_t *config, size_t len)
{
	snprintf(c->name, sizeof(c->name), "mp4a.40.34");
	return true;
}

/* ISO/IEC 11172-3 2.4.1.3 and 13818-3: the header of an audio frame, layer III only. */
bool codec_frame_mp3(struct codec_info *c, const uint8_t *frame, size_t len)
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

/* --- Opus --- */

enum { OPUS_RATE = 48000 };

/* OpusHead, RFC 7845 5.1. What it says of the rate is history: it decodes at 48 kHz. */
bool codec_read_opus(struct codec_info *c, const uint8_t *config, size_t len)
{
	if (len < 19 || memcmp(config, "OpusHead", 8) != 0 || config[8] >> 4 != 0 || config[9] == 0)
		return false;
	c->sample_rate = OPUS_RATE;
	c->channels = config[9];
	snprintf(c->name, sizeof(c->name), "Opus");
	return true;
}

/* The first byte of a packet, RFC 6716 3.1: how long a frame is, and how many there are. */
bool codec_frame_opus(struct codec_info *c, const uint8_t *frame, size_t len)
{
	/* In 2.5 ms. */
	static const uint8_t silk[4] = {4, 8, 16, 24}, hybrid[2] = {4, 8}, celt[4] = {1, 2, 4, 8};
	unsigned config, count, length;

	if (len == 0)
		return false;
	config = frame[0] >> 3;
	length = config < 12  ? silk[config & 3]
		: config < 16 ? hybrid[config & 1]
			      : celt[config & 3];
	count = (frame[0] & 3) == 0 ? 1 : (frame[0] & 3) < 3 ? 2 : len > 1 ? frame[1] & 63u : 0;
	c->frame_samples = count * length * (OPUS_RATE / 400);
	return c->frame_samples > 0 && c->frame_samples <= OPUS_RATE * 120 / 1000;
}

/* --- FLAC --- */

/* "fLaC" and the STREAMINFO block with its head, as E-RTMP has it; the block alone is taken too. */
bool codec_read_flac(struct codec_info *c, const uint8_t *config, size_t len)
{
	struct bits b;

	if (len >= 42 && memcmp(config, "fLaC", 4) == 0 && (config[4] & 127) == 0) {
		config += 8;
		len -= 8;
	}
	if (len < 34)
		return false;
	b = (struct bits){.data = config, .len = len};
	bits_skip(&b, 16);
	c->frame_samples = bits_get(&b, 16);
	bits_skip(&b, 48);
	c->sample_rate = bits_get(&b, 20);
	c->channels = bits_get(&b, 3) + 1;
	c->bit_depth = bits_get(&b, 5) + 1;
	c->complete = true;
	snprintf(c->name, sizeof(c->name), "fLaC");
	return c->sample_rate > 0 && c->sample_rate <= 655350 && c->frame_samples >= 16;
}

/* --- AC-3 and E-AC-3 --- */

/* All is in the frames. */
bool codec_read_ac3(struct codec_info *c, const uint8_t *config, size_t len)
{
	snprintf(c->name, sizeof(c->name), c->codec == MEDIA_CODEC_AC3 ? "ac-3" : "ec-3");
	return true;
}

static void keep_frame(struct codec_info *c, const uint8_t *frame, size_t len)
{
	c->frame = mem_dup(frame, len);
	c->frame_len = len;
}

static const unsigned ac3_rates[3] = {48000, 44100, 32000};
static const uint8_t ac3_channels[8] = {2, 1, 2, 3, 3, 4, 4, 5};

/* syncinfo and bsi of ETSI TS 102 366 4.3 and 4.4.2. */
static bool read_ac3(struct codec_info *c, struct bits *b)
{
	unsigned rate, mode;

	bits_skip(b, 16);
	rate = bits_get(b, 2);
	bits_skip(b, 6 + 5 + 3);
	mode = bits_get(b, 3);
	if (mode & 1 && mode != 1)
		bits_skip(b, 2);
	if (mode & 4)
		bits_skip(b, 2);
	if (mode == 2)
		bits_skip(b, 2);
	if (rate == 3)
		return false;
	c->sample_rate = ac3_rates[rate];
	c->channels = ac3_channels[mode] + bits_get(b, 1);
	c->frame_samples = 1536;
	return !b->failed;
}

/* Annex E, E.1.2.2: with a rate of its own, and one to six blocks of 256. */
static bool read_eac3(struct codec_info *c, struct bits *b)
{
	static const uint8_t blocks[4] = {1, 2, 3, 6};
	unsigned rate, half, mode;

	bits_skip(b, 2 + 3 + 11);
	rate = bits_get(b, 2);
	half = bits_get(b, 2);
	mode = bits_get(b, 3);
	if (rate == 3 && half == 3)
		return false;
	c->sample_rate = rate == 3 ? ac3_rates[half] / 2 : ac3_rates[rate];
	c->frame_samples = 256u * blocks[rate == 3 ? 3 : half];
	c->channels = ac3_channels[mode] + bits_get(b, 1);
	return !b->failed;
}

bool codec_frame_ac3(struct codec_info *c, const uint8_t *frame, size_t len)
{
	struct bits b = {.data = frame, .len = len};
	bool enhanced;

	if (len < 8 || bits_get(&b, 16) != 0x0b77)
		return false;
	enhanced = frame[5] >> 3 > 10;
	if (enhanced != (c->codec == MEDIA_CODEC_EAC3) || frame[5] >> 3 > 16)
		return false;
	if (!(enhanced ? read_eac3(c, &b) : read_ac3(c, &b)))
		return false;
	keep_frame(c, frame, len);
	return true;
}
