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
#define NANO_MAX 999999

/* Enhanced packet types: VideoPacketType and AudioPacketType. */
enum {
	VIDEO_START,
	VIDEO_FRAMES,
	VIDEO_END,
	VIDEO_FRAMES_X,
	VIDEO_METADATA,
	VIDEO_TS_START,
	VIDEO_MULTITRACK,
	VIDEO_MOD_EX
};
enum {
	AUDIO_START,
	AUDIO_FRAMES,
	AUDIO_END,
	AUDIO_CHANNELS = 4,
	AUDIO_MULTITRACK,
	AUDIO_MOD_EX = 7
};
/* AvMultitrackType */
enum { ONE_TRACK, MANY_TRACKS, MANY_TRACKS_MANY_CODECS };
#define MOD_EX_TIMESTAMP_NANO 0

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

/* --- enhanced --- */

static uint32_t nano_of(const uint8_t *data)
{
	struct buf_reader in = buf_reader(data, 3);
	uint32_t nano = buf_read_u24(&in);

	return nano > NANO_MAX ? NANO_MAX : nano;
}

/* Extensions stand before the packet type that counts; the ones that are not known are passed by.
 * Each is at least three bytes, so that the tag's length bounds them. */
static void read_mod_ex(struct flv_tag *t, uint8_t mod_ex)
{
	while (t->type == mod_ex && !t->in.failed) {
		size_t size = (size_t)buf_read_u8(&t->in) + 1;
		const uint8_t *data;
		uint8_t next;

		if (size == 256)
			size = (size_t)buf_read_u16(&t->in) + 1;
		data = buf_read_bytes(&t->in, size);
		next = buf_read_u8(&t->in);
		t->type = next & 15;
		if (!t->in.failed && next >> 4 == MOD_EX_TIMESTAMP_NANO && size >= 3)
			t->common.nano_offset = nano_of(data);
	}
}

static bool read_fourcc(struct buf_reader *in, struct flv_packet *p)
{
	const uint8_t *fourcc = buf_read_bytes(in, 4);

	if (fourcc == NULL)
		return false;
	name_fourcc(p, fourcc);
	return true;
}

static bool has_composition(enum flv_codec codec)
{
	return codec == FLV_CODEC_H264 || codec == FLV_CODEC_HEVC;
}

static enum flv_result enhanced_video(uint8_t type, struct flv_packet *p, struct buf_reader *in)
{
	switch (type) {
	case VIDEO_START:
		p->is_config = true;
		return take_rest(p, in);
	case VIDEO_FRAMES:
		if (has_composition(p->codec))
			p->composition_ms = signed_24(buf_read_u24(in));
		return in->failed ? FLV_INVALID : take_rest(p, in);
	case VIDEO_FRAMES_X:
		return take_rest(p, in);
	case VIDEO_END:
		p->is_end_of_sequence = true;
		return FLV_OK;
	case VIDEO_METADATA:
		p->is_metadata = true;
		return take_rest(p, in);
	default:
		return FLV_SKIP;
	}
}

static enum flv_result enhanced_audio(uint8_t type, struct flv_packet *p, struct buf_reader *in)
{
	switch (type) {
	case AUDIO_START:
		p->is_config = true;
		p->len = buf_left(in);
		p->data = buf_read_bytes(in, p->len);
		return FLV_OK;
	case AUDIO_FRAMES:
		return take_rest(p, in);
	case AUDIO_END:
		p->is_end_of_sequence = true;
		return FLV_OK;
	default:
		return FLV_SKIP;
	}
}

static enum flv_result enhanced_body(struct flv_tag *t, struct flv_packet *p, struct buf_reader *in)
{
	if (!served(p))
		return FLV_UNSUPPORTED;
	return t->kind == FLV_VIDEO ? enhanced_video(t->type, p, in)
				    : enhanced_audio(t->type, p, in);
}

/* One of several tracks: its own codec if they differ, its number, its length. */
static enum flv_result next_track(struct flv_tag *t, struct flv_packet *p)
{
	struct buf_reader body;
	const uint8_t *data;
	size_t len;

	*p = t->common;
	if (t->layout == FLV_MANY_CODECS && !read_fourcc(&t->in, p))
		return FLV_INVALID;
	p->track = buf_read_u8(&t->in);
	len = buf_read_u24(&t->in);
	data = buf_read_bytes(&t->in, len);
	if (t->in.failed)
		return FLV_INVALID;
	body = buf_reader(data, len);
	return enhanced_body(t, p, &body);
}

static enum flv_result begin_multitrack(struct flv_tag *t, struct flv_packet *p)
{
	uint8_t first = buf_read_u8(&t->in);
	uint8_t many = first >> 4;

	t->type = first & 15;
	if (many != MANY_TRACKS_MANY_CODECS && !read_fourcc(&t->in, &t->common))
		return FLV_INVALID;
	if (t->in.failed || many > MANY_TRACKS_MANY_CODECS)
		return FLV_INVALID;
	if (many == ONE_TRACK) {
		*p = t->common;
		p->track = buf_read_u8(&t->in);
		return t->in.failed ? FLV_INVALID : enhanced_body(t, p, &t->in);
	}
	t->layout = many == MANY_TRACKS ? FLV_MANY_TRACKS : FLV_MANY_CODECS;
	return next_track(t, p);
}

static enum flv_result begin_enhanced(struct flv_tag *t, struct flv_packet *p, bool is_command)
{
	const bool is_video = t->kind == FLV_VIDEO;

	t->common.is_enhanced = true;
	read_mod_ex(t, is_video ? VIDEO_MOD_EX : AUDIO_MOD_EX);
	*p = t->common;
	if (t->in.failed)
		return FLV_INVALID;
	if (is_command && t->type != VIDEO_METADATA)
		return FLV_SKIP;
	if (t->type == (is_video ? VIDEO_MULTITRACK : AUDIO_MULTITRACK))
		return begin_multitrack(t, p);
	if (!read_fourcc(&t->in, &t->common))
		return FLV_INVALID;
	*p = t->common;
	return enhanced_body(t, p, &t->in);
}

/* --- any --- */

static enum flv_result begin_video(struct flv_tag *t, struct flv_packet *p)
{
	uint8_t first = buf_read_u8(&t->in);
	uint8_t frame = (first >> 4) & 7;

	t->common.is_key = frame == FRAME_KEY || frame == FRAME_GENERATED_KEY;
	t->type = first & 15;
	if (first & 0x80)
		return begin_enhanced(t, p, frame == FRAME_COMMAND);
	t->common.codec = video_ids[first & 15];
	*p = t->common;
	if (!served(p))
		return FLV_UNSUPPORTED;
	return frame == FRAME_COMMAND ? FLV_SKIP : parse_avc(p, &t->in);
}

static enum flv_result begin_audio(struct flv_tag *t, struct flv_packet *p)
{
	static const uint32_t rates[4] = {5512, 11025, 22050, 44100};
	uint8_t first = buf_read_u8(&t->in);
	uint8_t format = first >> 4;

	t->common.is_key = true;
	t->type = first & 15;
	if (format == AUDIO_ENHANCED)
		return begin_enhanced(t, p, false);
	t->common.codec = audio_ids[format];
	t->common.sample_rate = format == AUDIO_MP3_8K ? 8000 : rates[(first >> 2) & 3];
	t->common.channels = first & 1 ? 2 : 1;
	*p = t->common;
	if (!served(p))
		return FLV_UNSUPPORTED;
	if (p->codec == FLV_CODEC_AAC) {
		uint8_t type = buf_read_u8(&t->in);
		if (t->in.failed)
			return FLV_INVALID;
		if (type > 1)
			return FLV_SKIP;
		p->is_config = type == 0;
	}
	return take_rest(p, &t->in);
}

struct flv_tag flv_tag(enum flv_kind kind, const uint8_t *body, size_t len)
{
	return (struct flv_tag){
		.kind = kind, .in = buf_reader(body, len), .common = {.kind = kind}};
}

static enum flv_result begin(struct flv_tag *t, struct flv_packet *p)
{
	t->layout = FLV_DONE;
	*p = t->common;
	if (buf_left(&t->in) == 0)
		return FLV_SKIP;
	return t->kind == FLV_VIDEO ? begin_video(t, p) : begin_audio(t, p);
}

enum flv_result flv_tag_next(struct flv_tag *t, struct flv_packet *packet)
{
	enum flv_result result;

	switch (t->layout) {
	case FLV_FRESH:
		return begin(t, packet);
	case FLV_MANY_TRACKS:
	case FLV_MANY_CODECS:
		if (buf_left(&t->in) == 0)
			return FLV_END;
		result = next_track(t, packet);
		if (result == FLV_INVALID)
			t->layout = FLV_DONE;
		return result;
	case FLV_DONE:
		break;
	}
	return FLV_END;
}
