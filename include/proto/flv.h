#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bodies of FLV audio and video tags, which are what RTMP's types 8 and 9 carry (Adobe
 * FLV 10.1, annex E.4.2 and E.4.3). Classic headers are parsed; enhanced ones (E-RTMP v2:
 * IsExHeader with a FourCC) are recognised and named, so that a refusal can say which codec it
 * refuses.
 *
 *   X(NAME, "text", served)   served: whether flv_parse answers OK for it
 */
#define FLV_CODEC_TABLE(X) \
	X(UNKNOWN, "unknown codec", false) \
	X(H264, "H.264", true) \
	X(HEVC, "HEVC", false) \
	X(AV1, "AV1", false) \
	X(VP9, "VP9", false) \
	X(VP8, "VP8", false) \
	X(VVC, "VVC", false) \
	X(H263, "Sorenson H.263", false) \
	X(SCREEN, "Screen Video", false) \
	X(VP6, "VP6", false) \
	X(AAC, "AAC", true) \
	X(MP3, "MP3", true) \
	X(OPUS, "Opus", false) \
	X(FLAC, "FLAC", false) \
	X(AC3, "AC-3", false) \
	X(EAC3, "E-AC-3", false) \
	X(PCM, "PCM", false) \
	X(ADPCM, "ADPCM", false) \
	X(G711, "G.711", false) \
	X(NELLYMOSER, "Nellymoser", false) \
	X(SPEEX, "Speex", false)

enum flv_codec {
#define X(name, text, served) FLV_CODEC_##name,
	FLV_CODEC_TABLE(X)
#undef X
};

enum flv_kind { FLV_VIDEO, FLV_AUDIO };

enum flv_result {
	FLV_OK,
	FLV_SKIP, /* carries nothing to keep: an empty tag, a seek command frame, … */
	FLV_UNSUPPORTED, /* codec (and fourcc, if enhanced) say what it is; the rest is not set */
	FLV_INVALID, /* too short for its own header */
};

struct flv_packet {
	enum flv_kind kind;
	enum flv_codec codec;
	bool is_enhanced; /* FourCC header */
	char fourcc[5]; /* NUL-terminated; empty unless enhanced; unprintable bytes are '?' */
	bool is_config; /* data is an AVCDecoderConfigurationRecord or AudioSpecificConfig */
	bool is_key; /* video keyframe; true for audio */
	bool is_end_of_sequence; /* data is empty */
	int32_t composition_ms; /* PTS - DTS, signed 24 bits */
	uint32_t sample_rate; /* audio tag's own words: right for MP3, fiction for AAC */
	uint8_t channels;
	const uint8_t *data; /* points into the tag */
	size_t len;
};

/* One tag body, borrowed. */
enum flv_result flv_parse(
	enum flv_kind kind, const uint8_t *tag, size_t len, struct flv_packet *packet);
const char *flv_codec_text(enum flv_codec codec);
/* The name for people: the codec's, or "codec 'abcd'" for a FourCC that is not known. */
void flv_packet_codec_text(const struct flv_packet *packet, char *out, size_t size);
