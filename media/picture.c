#include "media/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "picture_private.h"
#include "ts_payload.h"
#include "ts_reader.h"

#define READ_SIZE 16384
/* Packets of all tracks until the keyframe, which is the first of its track. */
#define PACKETS_MAX 1024

const char *picture_result_text(enum picture_result r)
{
	switch (r) {
	case PICTURE_OK:
		return "ok";
	case PICTURE_NONE:
		return "no picture";
	case PICTURE_TOO_LARGE:
		return "too large";
	case PICTURE_FAILED:
		return "failed";
	}
	must(false);
}

/* Reading */

struct source {
	const struct picture_input *in;
	size_t next, end; /* piece or file */
	size_t offset; /* in the piece that is read */
	int fd;
	size_t total;
};

static int read_piece(struct source *s, uint8_t *data, size_t size)
{
	while (s->next < s->end) {
		const struct rcbuf *piece = s->in->pieces[s->next];
		size_t left = rcbuf_len(piece) - s->offset, n = left < size ? left : size;
		if (n == 0) {
			s->next++;
			s->offset = 0;
			continue;
		}
		memcpy(data, rcbuf_data(piece) + s->offset, n);
		s->offset += n;
		return (int)n;
	}
	return AVERROR_EOF;
}

static int read_file(struct source *s, uint8_t *data, size_t size)
{
	for (;;) {
		if (s->fd < 0 && s->next == s->end)
			return AVERROR_EOF;
		if (s->fd < 0)
			s->fd = open(s->in->paths[s->next++], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (s->fd < 0)
			return AVERROR(errno);
		ssize_t n = read(s->fd, data, size);
		if (n > 0)
			return (int)n;
		if (n < 0 && errno != EINTR)
			return AVERROR(errno);
		if (n == 0) {
			close(s->fd);
			s->fd = -1;
		}
	}
}

static int source_read(void *user, uint8_t *data, int size)
{
	struct source *s = user;
	int n;

	if (s->total >= PICTURE_READ_MAX)
		return AVERROR_EOF;
	n = s->in->n_pieces ? read_piece(s, data, (size_t)size) : read_file(s, data, (size_t)size);
	if (n > 0)
		s->total += (size_t)n;
	return n;
}

static void input_close(AVFormatContext **ctx)
{
	AVIOContext *io = *ctx ? (*ctx)->pb : NULL;

	avformat_close_input(ctx);
	if (io)
		av_freep(&io->buffer);
	avio_context_free(&io);
}

static AVFormatContext *input_open(struct source *s)
{
	AVFormatContext *ctx = avformat_alloc_context();
	uint8_t *buffer = av_malloc(READ_SIZE);
	AVIOContext *io = ctx && buffer
		? avio_alloc_context(buffer, READ_SIZE, 0, s, source_read, NULL, NULL)
		: NULL;

	if (!io) {
		av_free(buffer);
		avformat_free_context(ctx);
		return NULL;
	}
	ctx->pb = io;
	ctx->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
	if (avformat_open_input(&ctx, NULL, av_find_input_format("mp4"), NULL) < 0) {
		/* It has freed ctx, but not what is ours. */
		av_freep(&io->buffer);
		avio_context_free(&io);
		return NULL;
	}
	return ctx;
}

static AVStream *find_video(const AVFormatContext *in)
{
	for (unsigned i = 0; i < in->nb_streams; i++) {
		if (in->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
			return in->streams[i];
	}
	return NULL;
}

/* The first keyframe of the track. */
static bool read_key(AVFormatContext *in, int track, AVPacket *packet)
{
	for (unsigned i = 0; i < PACKETS_MAX && av_read_frame(in, packet) >= 0; i++) {
		if (packet->stream_index == track && (packet->flags & AV_PKT_FLAG_KEY))
			return true;
		av_packet_unref(packet);
	}
	return false;
}

/* False: that was all. */
static bool read_ts_packet(struct source *s, uint8_t packet[static TS_PACKET])
{
	int have = 0, n;

	while (have < TS_PACKET) {
		n = source_read(s, packet + have, TS_PACKET - have);
		if (n <= 0)
			return false;
		have += n;
	}
	return true;
}

/* The first frame of the track, which is a keyframe where a segment is independent. */
static bool read_ts_frame(
	struct source *s, struct ts_reader *reader, unsigned track, struct ts_frame *out)
{
	uint8_t packet[TS_PACKET];

	while (read_ts_packet(s, packet)) {
		if (ts_reader_put(reader, packet, out) && out->track == track)
			return true;
	}
	while (ts_reader_end(reader, out)) {
		if (out->track == track)
			return true;
	}
	return false;
}

static bool read_ts_key(struct source *s, const AVCodecParameters *par, int track, AVPacket *packet)
{
	enum media_codec codec =
		par->codec_id == AV_CODEC_ID_HEVC ? MEDIA_CODEC_HEVC : MEDIA_CODEC_H264;
	struct ts_reader reader = {0};
	struct ts_payload payload;
	struct ts_frame frame;
	struct buf sample = {0};
	bool key = false,
	     ok = ts_payload_init(&payload, codec, par->extradata, (size_t)par->extradata_size);

	if (!ok)
		return false;
	ok = read_ts_frame(s, &reader, (unsigned)track, &frame) &&
		ts_payload_take(&payload, frame.data, frame.len, &sample, &key) && key &&
		sample.len > 0 && av_new_packet(packet, (int)sample.len) >= 0;
	if (ok) {
		memcpy(packet->data, sample.data, sample.len);
		packet->flags = AV_PKT_FLAG_KEY;
	}
	buf_finish(&sample);
	ts_payload_finish(&payload);
	ts_reader_finish(&reader);
	return ok;
}

/* Decoding */

/* No other decoder of libavcodec's hundreds is ever to see a publisher's bytes. */
static const AVCodec *find_decoder(enum AVCodecID id)
{
	if (id != AV_CODEC_ID_H264 && id != AV_CODEC_ID_HEVC && id != AV_CODEC_ID_AV1 &&
		id != AV_CODEC_ID_VP9)
		return NULL;
	return avcodec_find_decoder(id);
}

static AVCodecContext *decoder_open(
	const AVCodec *codec, const AVCodecParameters *par, uint64_t max_pixels)
{
	AVCodecContext *ctx = avcodec_alloc_context3(codec);

	if (!ctx)
		return NULL;
	ctx->max_pixels = (int64_t)max_pixels;
	ctx->thread_count = 1;
	if (avcodec_parameters_to_context(ctx, par) < 0 || avcodec_open2(ctx, codec, NULL) < 0)
		avcodec_free_context(&ctx);
	return ctx;
}

/* One keyframe in, then the end: what is decoded comes out however far others would refer. */
static bool decode_one(AVCodecContext *ctx, const AVPacket *packet, AVFrame *frame)
{
	return avcodec_send_packet(ctx, packet) >= 0 && avcodec_send_packet(ctx, NULL) >= 0 &&
		avcodec_receive_frame(ctx, frame) >= 0;
}

static bool is_sane(const AVFrame *f)
{
	return f->width >= PICTURE_SIDE_MIN && f->height >= PICTURE_SIDE_MIN && f->data[0] &&
		sws_isSupportedInput(f->format);
}

/* Pixels that are not square: the width that they make. */
static unsigned shown_width(const AVFrame *f, AVRational shape)
{
	double width = f->width;

	if (shape.num > 0 && shape.den > 0)
		width *= av_q2d(shape);
	return (unsigned)fmin(fmax(width, PICTURE_SIDE_MIN), PICTURE_WIDTH_MAX * 4.0);
}

/* media: the segment, if it is in MPEG-TS and not behind what `in` has read. */
static enum picture_result decode_track(AVFormatContext *in, const AVStream *track,
	struct source *media, uint64_t max_pixels, struct picture **out)
{
	const AVCodecParameters *par = track->codecpar;
	const AVCodec *codec = find_decoder(par->codec_id);
	AVCodecContext *ctx;
	AVPacket *packet;
	AVFrame *frame;
	bool ok;

	if (!codec)
		return PICTURE_NONE;
	if (par->width > 0 && par->height > 0 &&
		(uint64_t)par->width * (uint64_t)par->height > max_pixels)
		return PICTURE_TOO_LARGE;
	ctx = decoder_open(codec, par, max_pixels);
	packet = av_packet_alloc();
	frame = av_frame_alloc();
	ok = ctx && packet && frame &&
		(media ? read_ts_key(media, par, track->index, packet)
		       : read_key(in, track->index, packet)) &&
		decode_one(ctx, packet, frame) && is_sane(frame);
	av_packet_free(&packet);
	if (ok) {
		AVRational shape = frame->sample_aspect_ratio.num ? frame->sample_aspect_ratio
								  : par->sample_aspect_ratio;
		*out = mem_new(struct picture);
		**out = (struct picture){.frame = frame,
			.width = shown_width(frame, shape),
			.height = (unsigned)frame->height};
	} else {
		av_frame_free(&frame);
	}
	avcodec_free_context(&ctx);
	return ok ? PICTURE_OK : PICTURE_FAILED;
}

enum picture_result picture_decode(
	const struct picture_input *input, uint64_t max_pixels, struct picture **out)
{
	bool is_ts = input->container == MEDIA_CONTAINER_MPEGTS;
	size_t end = input->n_pieces ? input->n_pieces : 2;
	struct source source = {.in = input, .end = is_ts ? 1 : end, .fd = -1};
	struct source media = {.in = input, .next = 1, .end = end, .fd = -1};
	AVFormatContext *in = input_open(&source);
	const AVStream *track = in ? find_video(in) : NULL;
	enum picture_result result = in ? PICTURE_NONE : PICTURE_FAILED;

	if (track)
		result = decode_track(in, track, is_ts ? &media : NULL, max_pixels, out);
	if (result == PICTURE_FAILED && source.total + media.total >= PICTURE_READ_MAX)
		result = PICTURE_TOO_LARGE;
	input_close(&in);
	if (source.fd >= 0)
		close(source.fd);
	if (media.fd >= 0)
		close(media.fd);
	return result;
}

void picture_destroy(struct picture **p)
{
	if (!*p)
		return;
	av_frame_free(&(*p)->frame);
	free(*p);
	*p = NULL;
}
