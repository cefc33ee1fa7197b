#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The bodies of FLV audio and video tags, which are what RTMP's types 8 and 9 carry: classic ones
 * (Adobe FLV 10.1, annex E.4.2 and E.4.3; CodecID 12 for HEVC as Chinese CDNs and their encoders
 * have it) and enhanced ones (Veovera Enhanced RTMP v2, "Enhanced Video" and "Enhanced Audio": a
 * FourCC, ModEx, several tracks in one tag).
 *
 *   X(NAME, "text", served)   served: its packets are read; of others only the name
 */
#define FLV_CODEC_TABLE(X) \
	X(UNKNOWN, "unknown codec", false) \
	X(H264, "H.264", true) \
	X(HEVC, "HEVC", true) \
	X(AV1, "AV1", true) \
	X(VP9, "VP9", true) \
	X(VP8, "VP8", false) \
	X(VVC, "VVC", false) \
	X(H263, "Sorenson H.263", false) \
	X(SCREEN, "Screen Video", false) \
	X(VP6, "VP6", false) \
	X(AAC, "AAC", true) \
	X(MP3, "MP3", true) \
	X(OPUS, "Opus", true) \
	X(FLAC, "FLAC", true) \
	X(AC3, "AC-3", true) \
	X(EAC3, "E-AC-3", true) \
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
	FLV_UNSUPPORTED, /* codec (and fourcc, if enhanced) say what it is; the data is not set */
	FLV_INVALID, /* cut short: nothing more comes of this tag */
	FLV_END, /* there was no further packet */
};

struct flv_packet {
	enum flv_kind kind;
	enum flv_codec codec;
	bool is_enhanced; /* FourCC header */
	char fourcc[5]; /* NUL-terminated; empty unless enhanced; unprintable bytes are '?' */
	uint8_t track; /* 0 unless the tag says otherwise */
	/* data is the codec's configuration: AVC-, HEVC-, AV1- or VPCodecConfigurationRecord,
	 * AudioSpecificConfig, OpusHead, "fLaC" with STREAMINFO; of others empty. */
	bool is_config;
	bool is_metadata; /* data is AMF0: a name ("colorInfo") and its value */
	bool is_key; /* video keyframe; true for audio */
	bool is_end_of_sequence; /* data is empty */
	int32_t composition_ms; /* PTS - DTS, signed 24 bits */
	uint32_t nano_offset; /* to be added to the tag's timestamp, ns: below 1,000,000 */
	uint32_t sample_rate; /* classic audio tag's own words: right for MP3, fiction for AAC */
	uint8_t channels;
	const uint8_t *data; /* points into the tag */
	size_t len;
};

/* One tag body, borrowed, and how far it was read. Its fields are flv.c's. */
struct flv_tag {
	enum flv_kind kind;
	struct buf_reader in;
	enum flv_tag_layout { FLV_FRESH, FLV_MANY_TRACKS, FLV_MANY_CODECS, FLV_DONE } layout;
	uint8_t type; /* of the packets in it */
	struct flv_packet common; /* what they share */
};
struct flv_tag flv_tag(enum flv_kind kind, const uint8_t *body, size_t len);
/* The packets one by one; *packet is set unless FLV_END. */
enum flv_result flv_tag_next(struct flv_tag *t, struct flv_packet *packet);

const char *flv_codec_text(enum flv_codec codec);
/* The name for people: the codec's, or "codec 'abcd'" for a FourCC that is not known. */
void flv_packet_codec_text(const struct flv_packet *packet, char *out, size_t size);
