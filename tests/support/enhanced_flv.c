#include <inttypes.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "proto/amf0.h"

/*
 * Remuxes files to FLV as encoders with Enhanced RTMP v2 send it, which FFmpeg 5 cannot write:
 *
 *   enhanced_flv OUT.flv [-classic] [-nano] [-hdr] IN...
 *
 * The first video of the first file is video track 0, the next file's is track 1, and so on, audio
 * likewise; what has a track of its own goes out as Multitrack. -classic: HEVC as CodecID 12.
 * -hdr: colours are said after the configuration. -nano: the rest of each timestamp below a
 * millisecond goes before the packet, in ModEx.
 */
#define INPUTS_MAX 8
#define NANO 1000000000

enum { START, FRAMES, END, FRAMES_X, METADATA, TS_START, VIDEO_MULTITRACK, VIDEO_MOD_EX };
enum { AUDIO_MULTITRACK = 5, AUDIO_MOD_EX = 7 };

struct input {
	AVFormatContext *ctx;
	AVPacket *next; /* NULL: at the end */
	unsigned track;
};

static bool classic, nano, hdr;
static FILE *out;

static const char *fourcc(enum AVCodecID id)
{
	static const struct {
		enum AVCodecID id;
		const char *text;
	} rows[] = {
		{AV_CODEC_ID_H264, "avc1"},
		{AV_CODEC_ID_HEVC, "hvc1"},
		{AV_CODEC_ID_AV1, "av01"},
		{AV_CODEC_ID_VP9, "vp09"},
		{AV_CODEC_ID_AAC, "mp4a"},
		{AV_CODEC_ID_MP3, ".mp3"},
		{AV_CODEC_ID_OPUS, "Opus"},
		{AV_CODEC_ID_FLAC, "fLaC"},
		{AV_CODEC_ID_AC3, "ac-3"},
		{AV_CODEC_ID_EAC3, "ec-3"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].id == id)
			return rows[i].text;
	}
	fprintf(stderr, "enhanced_flv: %s has no FourCC\n", avcodec_get_name(id));
	exit(1);
}

static bool is_reordering(enum AVCodecID id)
{
	return id == AV_CODEC_ID_H264 || id == AV_CODEC_ID_HEVC;
}

static void write_tag(unsigned type, uint32_t ms, const struct buf *body)
{
	struct buf head = {0}, tail = {0};

	buf_put_u8(&head, (uint8_t)type);
	buf_put_u24(&head, (uint32_t)body->len);
	buf_put_u24(&head, ms & 0xffffff);
	buf_put_u8(&head, (uint8_t)(ms >> 24));
	buf_put_u24(&head, 0);
	buf_put_u32(&tail, (uint32_t)(body->len + head.len));
	must(fwrite(head.data, 1, head.len, out) == head.len);
	must(fwrite(body->data, 1, body->len, out) == body->len);
	must(fwrite(tail.data, 1, tail.len, out) == tail.len);
	buf_finish(&head);
	buf_finish(&tail);
}

/* The bytes before a packet's own. first: what stands above the packet type in the first byte. */
static void put_head(struct buf *b, const AVStream *s, uint8_t first, unsigned type, unsigned track,
	uint32_t rest_ns)
{
	bool video = s->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
	unsigned outer = track ? (video ? VIDEO_MULTITRACK : AUDIO_MULTITRACK) : type;

	if (rest_ns) {
		buf_put_u8(b, (uint8_t)(first | (video ? VIDEO_MOD_EX : AUDIO_MOD_EX)));
		buf_put_u8(b, 2);
		buf_put_u24(b, rest_ns);
		buf_put_u8(b, (uint8_t)outer);
	} else {
		buf_put_u8(b, (uint8_t)(first | outer));
	}
	if (track)
		buf_put_u8(b, (uint8_t)type); /* OneTrack */
	buf_put(b, fourcc(s->codecpar->codec_id), 4);
	if (track)
		buf_put_u8(b, (uint8_t)track);
}

static void put_vp9_config(struct buf *b, const AVCodecParameters *par)
{
	buf_put_u8(b, (uint8_t)(par->profile >= 0 ? par->profile : 0));
	buf_put_u8(b, par->level > 0 ? (uint8_t)par->level : 10);
	buf_put_u8(b, 8 << 4 | 1 << 1);
	buf_put_u24(b, 0x020202);
	buf_put_u16(b, 0);
}

static void put_config(struct buf *b, const AVCodecParameters *par)
{
	if (par->codec_id == AV_CODEC_ID_VP9) {
		put_vp9_config(b, par);
	} else if (par->codec_id == AV_CODEC_ID_FLAC) {
		buf_put(b, "fLaC\x80\0\0\x22", 8);
		buf_put(b, par->extradata, 34);
	} else if (par->codec_id != AV_CODEC_ID_AC3 && par->codec_id != AV_CODEC_ID_EAC3) {
		buf_put(b, par->extradata, (size_t)par->extradata_size);
	}
}

static void write_config(const struct input *in)
{
	const AVStream *s = in->ctx->streams[0];
	const AVCodecParameters *par = s->codecpar;
	bool video = par->codec_type == AVMEDIA_TYPE_VIDEO;
	struct buf b = {0};

	if (video && classic) {
		buf_put(&b, "\x1c\0\0\0\0", 5);
	} else {
		put_head(&b, s, video ? 0x90 : 0x90, START, in->track, 0);
	}
	put_config(&b, par);
	write_tag(video ? 9 : 8, 0, &b);
	buf_finish(&b);
}

static void put_number(struct buf *b, const char *name, double value)
{
	amf0_put_name(b, name);
	amf0_put_number(b, value);
}

/* HDR10 of BT.2020, mastered on a display of 1,000 cd/m². */
static void write_color(const struct input *in)
{
	struct buf b = {0};

	put_head(&b, in->ctx->streams[0], 0x90, METADATA, in->track, 0);
	amf0_put_string(&b, "colorInfo");
	amf0_put_object(&b);
	amf0_put_name(&b, "colorConfig");
	amf0_put_object(&b);
	put_number(&b, "colorPrimaries", 9);
	put_number(&b, "transferCharacteristics", 16);
	put_number(&b, "matrixCoefficients", 9);
	amf0_put_end(&b);
	amf0_put_name(&b, "hdrCll");
	amf0_put_object(&b);
	put_number(&b, "maxFall", 400);
	put_number(&b, "maxCLL", 1000);
	amf0_put_end(&b);
	amf0_put_name(&b, "hdrMdcv");
	amf0_put_object(&b);
	put_number(&b, "redX", 0.708);
	put_number(&b, "redY", 0.292);
	put_number(&b, "greenX", 0.17);
	put_number(&b, "greenY", 0.797);
	put_number(&b, "blueX", 0.131);
	put_number(&b, "blueY", 0.046);
	put_number(&b, "whitePointX", 0.3127);
	put_number(&b, "whitePointY", 0.329);
	put_number(&b, "maxLuminance", 1000);
	put_number(&b, "minLuminance", 0.005);
	amf0_put_end(&b);
	amf0_put_end(&b);
	write_tag(9, 0, &b);
	buf_finish(&b);
}

static void write_video(const struct input *in, const AVPacket *p, uint32_t ms, uint32_t rest_ns)
{
	const AVStream *s = in->ctx->streams[0];
	int64_t offset = av_rescale_q(p->pts - p->dts, s->time_base, (AVRational){1, 1000});
	uint8_t frame = p->flags & AV_PKT_FLAG_KEY ? 0x10 : 0x20;
	bool reorders = is_reordering(s->codecpar->codec_id);
	bool with_offset = !reorders || offset != 0;
	struct buf b = {0};

	if (classic) {
		buf_put_u8(&b, frame | 12);
		buf_put_u8(&b, 1);
		buf_put_u24(&b, (uint32_t)offset & 0xffffff);
	} else {
		put_head(&b, s, 0x80 | frame, with_offset ? FRAMES : FRAMES_X, in->track, rest_ns);
		if (reorders && with_offset)
			buf_put_u24(&b, (uint32_t)offset & 0xffffff);
	}
	buf_put(&b, p->data, (size_t)p->size);
	write_tag(9, ms, &b);
	buf_finish(&b);
}

static void write_audio(const struct input *in, const AVPacket *p, uint32_t ms, uint32_t rest_ns)
{
	struct buf b = {0};

	put_head(&b, in->ctx->streams[0], 0x90, FRAMES, in->track, rest_ns);
	buf_put(&b, p->data, (size_t)p->size);
	write_tag(8, ms, &b);
	buf_finish(&b);
}

static int64_t packet_ns(const struct input *in)
{
	return av_rescale_q(in->next->dts, in->ctx->streams[0]->time_base, (AVRational){1, NANO});
}

static void advance(struct input *in)
{
	if (av_read_frame(in->ctx, in->next) < 0)
		av_packet_free(&in->next);
}

static void open_input(struct input *in, const char *path)
{
	if (avformat_open_input(&in->ctx, path, NULL, NULL) < 0 ||
		avformat_find_stream_info(in->ctx, NULL) < 0 || in->ctx->nb_streams != 1) {
		fprintf(stderr, "enhanced_flv: %s does not have one stream\n", path);
		exit(1);
	}
	in->next = av_packet_alloc();
	advance(in);
}

/* The one whose packet is to be decoded first. */
static struct input *earliest(struct input *inputs, size_t n)
{
	struct input *first = NULL;

	for (size_t i = 0; i < n; i++) {
		if (inputs[i].next && (!first || packet_ns(&inputs[i]) < packet_ns(first)))
			first = &inputs[i];
	}
	return first;
}

static void write_all(struct input *inputs, size_t n)
{
	int64_t begin = packet_ns(earliest(inputs, n));
	struct input *in;

	while ((in = earliest(inputs, n))) {
		int64_t ns = packet_ns(in) - begin;
		uint32_t ms = (uint32_t)(ns / 1000000), rest = nano ? (uint32_t)(ns % 1000000) : 0;
		if (in->ctx->streams[0]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
			write_video(in, in->next, ms, rest);
		else
			write_audio(in, in->next, ms, rest);
		av_packet_unref(in->next);
		advance(in);
	}
}

int main(int argc, char **argv)
{
	struct input inputs[INPUTS_MAX] = {0};
	unsigned tracks[2] = {0};
	size_t n = 0;

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-classic") == 0) {
			classic = true;
		} else if (strcmp(argv[i], "-nano") == 0) {
			nano = true;
		} else if (strcmp(argv[i], "-hdr") == 0) {
			hdr = true;
		} else if (n < INPUTS_MAX) {
			struct input *in = &inputs[n++];
			open_input(in, argv[i]);
			in->track = tracks[in->ctx->streams[0]->codecpar->codec_type ==
				AVMEDIA_TYPE_VIDEO]++;
		}
	}
	out = n ? fopen(argv[1], "wb") : NULL;
	if (!out) {
		fprintf(stderr, "usage: enhanced_flv OUT.flv [-classic] [-nano] [-hdr] IN...\n");
		return 2;
	}
	must(fwrite("FLV\1\5\0\0\0\x09\0\0\0\0", 1, 13, out) == 13);
	for (size_t i = 0; i < n; i++) {
		write_config(&inputs[i]);
		if (hdr && inputs[i].ctx->streams[0]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
			write_color(&inputs[i]);
	}
	write_all(inputs, n);
	for (size_t i = 0; i < n; i++)
		avformat_close_input(&inputs[i].ctx);
	return fclose(out) == 0 ? 0 : 1;
}
