#include "proto/flv.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

struct codec_row {
	const char *text;
	bool served;
};

static const struct codec_row codecs[] = {
#define X(name, text, served) {text, served},
	FLV_CODEC_TABLE(X)
#undef X
};

struct fourcc_row {
	char fourcc[5];
	enum flv_codec codec;
};

static const struct fourcc_row fourccs[] = {
	{"avc1", FLV_CODEC_H264},
	{"hvc1", FLV_CODEC_HEVC},
	{"av01", FLV_CODEC_AV1},
	{"vp09", FLV_CODEC_VP9},
	{"vp08", FLV_CODEC_VP8},
	{"vvc1", FLV_CODEC_VVC},
	{"mp4a", FLV_CODEC_AAC},
	{".mp3", FLV_CODEC_MP3},
	{"Opus", FLV_CODEC_OPUS},
	{"fLaC", FLV_CODEC_FLAC},
	{"ac-3", FLV_CODEC_AC3},
	{"ec-3", FLV_CODEC_EAC3},
};

/* By CodecID; 12 is what Chinese CDNs and their encoders took for HEVC. */
static const enum flv_codec video_ids[16] = {
	[2] = FLV_CODEC_H263,
	[3] = FLV_CODEC_SCREEN,
	[4] = FLV_CODEC_VP6,
	[5] = FLV_CODEC_VP6,
	[6] = FLV_CODEC_SCREEN,
	[7] = FLV_CODEC_H264,
	[12] = FLV_CODEC_HEVC,
};

/* By SoundFormat. */
static const enum flv_codec audio_ids[16] = {
	[0] = FLV_CODEC_PCM,
	[1] = FLV_CODEC_ADPCM,
	[2] = FLV_CODEC_MP3,
	[3] = FLV_CODEC_PCM,
	[4] = FLV_CODEC_NELLYMOSER,
	[5] = FLV_CODEC_NELLYMOSER,
	[6] = FLV_CODEC_NELLYMOSER,
	[7] = FLV_CODEC_G711,
	[8] = FLV_CODEC_G711,
	[10] = FLV_CODEC_AAC,
	[11] = FLV_CODEC_SPEEX,
	[14] = FLV_CODEC_MP3,
};

#define FRAME_KEY 1
#define FRAME_GENERATED_KEY 4
#define FRAME_COMMAND 5
#define AUDIO_ENHANCED 9
#define AUDIO_MP3_8K 14
#define VIDEO_MULTITRACK 6
#define AUDIO_MULTITRACK 5

const char *flv_codec_text(enum flv_codec codec)
{
	return codecs[codec].text;
}

void flv_packet_codec_text(const struct flv_packet *packet, char *out, size_t size)
{
	if (packet->codec == FLV_CODEC_UNKNOWN && packet->is_enhanced) {
		snprintf(out, size, "codec '%s'", packet->fourcc);
	} else {
		snprintf(out, size, "%s", flv_codec_text(packet->codec));
	}
}

static bool served(const struct flv_packet *p)
{
	return codecs[p->codec].served;
}

static void name_fourcc(struct flv_packet *p, const uint8_t *fourcc)
{
	for (size_t i = 0; i < sizeof(fourccs) / sizeof(fourccs[0]); i++) {
		if (memcmp(fourcc, fourccs[i].fourcc, 4) == 0) {
			p->codec = fourccs[i].codec;
		}
	}
	for (size_t i = 0; i < 4; i++) {
		p->fourcc[i] = fourcc[i] >= 0x20 && fourcc[i] < 0x7f ? (char)fourcc[i] : '?';
	}
}

/*
 * The place of the enhanced parser. Until it is there, a tag is only named: its FourCC follows the
 * first byte, and in multitrack tags (E-RTMP v2) one more byte stands between.
 */
static enum flv_result parse_enhanced(
	struct flv_packet *p, struct buf_reader *in, bool is_multitrack)
{
	p->is_enhanced = true;
	if (is_multitrack) {
		buf_skip(in, 1);
	}
	const uint8_t *fourcc = buf_read_bytes(in, 4);
	if (fourcc == NULL) {
		return FLV_INVALID;
	}
	name_fourcc(p, fourcc);
	return FLV_UNSUPPORTED;
}

static enum flv_result take_rest(struct flv_packet *p, struct buf_reader *in)
{
	p->len = buf_left(in);
	p->data = buf_read_bytes(in, p->len);
	return p->len > 0 ? FLV_OK : FLV_SKIP;
}

static int32_t signed_24(uint32_t v)
{
	return v & 0x800000 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

/* H.264 and its likes: packet type and composition time stand before the data. */
static enum flv_result parse_avc(struct flv_packet *p, struct buf_reader *in)
{
	uint8_t type = buf_read_u8(in);
	int32_t composition = signed_24(buf_read_u24(in));
	if (in->failed) {
		return FLV_INVALID;
	}
	switch (type) {
	case 0:
		p->is_config = true;
		return take_rest(p, in);
	case 1:
		p->composition_ms = composition;
		return take_rest(p, in);
	case 2:
		p->is_end_of_sequence = true;
		return FLV_OK;
	default:
		return FLV_SKIP;
	}
}

static enum flv_result parse_video(struct flv_packet *p, struct buf_reader *in)
{
	uint8_t first = buf_read_u8(in);
	uint8_t frame = (first >> 4) & 7;
	p->is_key = frame == FRAME_KEY || frame == FRAME_GENERATED_KEY;
	if (first & 0x80) {
		return parse_enhanced(p, in, (first & 15) == VIDEO_MULTITRACK);
	}
	p->codec = video_ids[first & 15];
	if (!served(p)) {
		return FLV_UNSUPPORTED;
	}
	return frame == FRAME_COMMAND ? FLV_SKIP : parse_avc(p, in);
}

static enum flv_result parse_audio(struct flv_packet *p, struct buf_reader *in)
{
	static const uint32_t rates[4] = {5512, 11025, 22050, 44100};
	uint8_t first = buf_read_u8(in);
	uint8_t format = first >> 4;
	p->is_key = true;
	if (format == AUDIO_ENHANCED) {
		return parse_enhanced(p, in, (first & 15) == AUDIO_MULTITRACK);
	}
	p->codec = audio_ids[format];
	p->sample_rate = format == AUDIO_MP3_8K ? 8000 : rates[(first >> 2) & 3];
	p->channels = first & 1 ? 2 : 1;
	if (!served(p)) {
		return FLV_UNSUPPORTED;
	}
	if (p->codec == FLV_CODEC_AAC) {
		uint8_t type = buf_read_u8(in);
		if (in->failed) {
			return FLV_INVALID;
		}
		if (type > 1) {
			return FLV_SKIP;
		}
		p->is_config = type == 0;
	}
	return take_rest(p, in);
}

enum flv_result flv_parse(
	enum flv_kind kind, const uint8_t *tag, size_t len, struct flv_packet *packet)
{
	*packet = (struct flv_packet){.kind = kind};
	struct buf_reader in = buf_reader(tag, len);
	if (len == 0) {
		return FLV_SKIP;
	}
	return kind == FLV_VIDEO ? parse_video(packet, &in) : parse_audio(packet, &in);
}
