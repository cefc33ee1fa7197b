#include "media/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"

#define READ_SIZE 16384
/* Packets of all tracks until the keyframe, which is the first of its track. */
#define PACKETS_MAX 1024
/* JPEG's quantiser, 2 (finest) to 31. */
#define QUALITY 4
#define SIDE_MIN 16
/* A picture many times as high as it is wide is nobody's; nor is its JPEG to be. */
#define HEIGHT_MAX 4096
/* What does not say which matrix it is in has BT.709 from this height on, as players guess. */
#define HD_HEIGHT 720
#define CONTRAST_WIDTH 64

struct picture {
	AVFrame *frame;
	unsigned width, height; /* as it is to be shown, with square pixels */
};

struct sprite {
	AVFrame *grid, *tile;
	unsigned columns, rows;
};

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
	size_t next; /* piece or file */
	size_t offset; /* in the piece that is read */
	int fd;
	size_t total;
};

static int read_piece(struct source *s, uint8_t *data, size_t size)
{
	while (s->next < s->in->n_pieces) {
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
		if (s->fd < 0 && s->next == 2)
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
	return f->width >= SIDE_MIN && f->height >= SIDE_MIN && f->data[0] &&
		sws_isSupportedInput(f->format);
}

/* Pixels that are not square: the width that they make. */
static unsigned shown_width(const AVFrame *f, AVRational shape)
{
	double width = f->width;

	if (shape.num > 0 && shape.den > 0)
		width *= av_q2d(shape);
	return (unsigned)fmin(fmax(width, SIDE_MIN), PICTURE_WIDTH_MAX * 4.0);
}

static enum picture_result decode_track(
	AVFormatContext *in, const AVStream *track, uint64_t max_pixels, struct picture **out)
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
	ok = ctx && packet && frame && read_key(in, track->index, packet) &&
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
	struct source source = {.in = input, .fd = -1};
	AVFormatContext *in = input_open(&source);
	const AVStream *track = in ? find_video(in) : NULL;
	enum picture_result result = in ? PICTURE_NONE : PICTURE_FAILED;

	if (track)
		result = decode_track(in, track, max_pixels, out);
	if (result == PICTURE_FAILED && source.total >= PICTURE_READ_MAX)
		result = PICTURE_TOO_LARGE;
	input_close(&in);
	if (source.fd >= 0)
		close(source.fd);
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

/* Scaling */

void picture_fit(const struct picture *p, unsigned width, unsigned *fit_width, unsigned *height)
{
	double w = width < p->width ? width : p->width, h = w * p->height / p->width;

	if (h > HEIGHT_MAX) {
		w *= HEIGHT_MAX / h;
		h = HEIGHT_MAX;
	}
	*fit_width = (unsigned)fmax(w, SIDE_MIN) & ~1u;
	*height = (unsigned)fmax(h + 0.5, 2) & ~1u;
}

/* libswscale wants the range apart from the format. */
static enum AVPixelFormat plain_format(const AVFrame *f, bool *full)
{
	*full = f->color_range == AVCOL_RANGE_JPEG;
	switch (f->format) {
	case AV_PIX_FMT_YUVJ420P:
		*full = true;
		return AV_PIX_FMT_YUV420P;
	case AV_PIX_FMT_YUVJ422P:
		*full = true;
		return AV_PIX_FMT_YUV422P;
	case AV_PIX_FMT_YUVJ444P:
		*full = true;
		return AV_PIX_FMT_YUV444P;
	}
	return f->format;
}

static int matrix_of(const AVFrame *f)
{
	static const struct {
		enum AVColorSpace space;
		int matrix;
	} matrices[] = {
		{AVCOL_SPC_BT709, SWS_CS_ITU709},
		{AVCOL_SPC_BT2020_NCL, SWS_CS_BT2020},
		{AVCOL_SPC_BT2020_CL, SWS_CS_BT2020},
		{AVCOL_SPC_SMPTE240M, SWS_CS_SMPTE240M},
		{AVCOL_SPC_FCC, SWS_CS_FCC},
	};

	for (size_t i = 0; i < sizeof(matrices) / sizeof(matrices[0]); i++) {
		if (matrices[i].space == f->colorspace)
			return matrices[i].matrix;
	}
	return f->colorspace == AVCOL_SPC_UNSPECIFIED && f->height >= HD_HEIGHT ? SWS_CS_ITU709
										: SWS_CS_ITU601;
}

/* The ranges must be known from the start: where nothing is scaled a way is chosen by them. */
static struct SwsContext *scaler(const AVFrame *from, const AVFrame *to)
{
	struct SwsContext *sws = sws_alloc_context();
	bool full;
	enum AVPixelFormat format = plain_format(from, &full);

	if (!sws)
		return NULL;
	av_opt_set_int(sws, "srcw", from->width, 0);
	av_opt_set_int(sws, "srch", from->height, 0);
	av_opt_set_int(sws, "src_format", format, 0);
	av_opt_set_int(sws, "src_range", full, 0);
	av_opt_set_int(sws, "dstw", to->width, 0);
	av_opt_set_int(sws, "dsth", to->height, 0);
	av_opt_set_int(sws, "dst_format", to->format, 0);
	av_opt_set_int(sws, "dst_range", 1, 0);
	av_opt_set_int(sws, "sws_flags", SWS_AREA | SWS_ACCURATE_RND, 0);
	if (sws_init_context(sws, NULL, NULL) < 0) {
		sws_freeContext(sws);
		return NULL;
	}
	sws_setColorspaceDetails(sws, sws_getCoefficients(matrix_of(from)), full,
		sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
	return sws;
}

/* Fills `to` (YUV420P) in JPEG's colours: BT.601, full range (JFIF 1.02). */
static bool scale_to(const struct picture *p, AVFrame *to)
{
	const AVFrame *from = p->frame;
	struct SwsContext *sws = scaler(from, to);
	bool ok;

	if (!sws)
		return false;
	ok = sws_scale(sws, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
		     to->data, to->linesize) == to->height;
	sws_freeContext(sws);
	return ok;
}

static AVFrame *frame_create(unsigned width, unsigned height)
{
	AVFrame *f = av_frame_alloc();

	if (!f)
		return NULL;
	f->width = (int)width;
	f->height = (int)height;
	f->format = AV_PIX_FMT_YUV420P;
	f->color_range = AVCOL_RANGE_JPEG;
	if (av_frame_get_buffer(f, 0) < 0)
		av_frame_free(&f);
	return f;
}

static AVFrame *scaled(const struct picture *p, unsigned width)
{
	unsigned w, h;
	AVFrame *to;

	picture_fit(p, width, &w, &h);
	to = frame_create(w, h);
	if (to && !scale_to(p, to))
		av_frame_free(&to);
	return to;
}

double picture_contrast(const struct picture *p)
{
	AVFrame *f = scaled(p, CONTRAST_WIDTH);
	double sum = 0, squares = 0, n;

	if (!f)
		return 0;
	for (int y = 0; y < f->height; y++) {
		for (int x = 0; x < f->width; x++) {
			double luma = f->data[0][y * f->linesize[0] + x];
			sum += luma;
			squares += luma * luma;
		}
	}
	n = (double)f->width * f->height;
	av_frame_free(&f);
	return sqrt(fmax(squares / n - sum / n * (sum / n), 0));
}

/* JPEG */

static AVCodecContext *encoder_open(const AVFrame *f)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
	AVCodecContext *ctx = codec ? avcodec_alloc_context3(codec) : NULL;

	if (!ctx)
		return NULL;
	ctx->width = f->width;
	ctx->height = f->height;
	ctx->pix_fmt = f->format;
	ctx->color_range = AVCOL_RANGE_JPEG;
	ctx->time_base = (AVRational){1, 1};
	ctx->thread_count = 1;
	ctx->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
	ctx->global_quality = FF_QP2LAMBDA * QUALITY;
	if (avcodec_open2(ctx, codec, NULL) < 0)
		avcodec_free_context(&ctx);
	return ctx;
}

static enum picture_result encode(AVFrame *f, struct rcbuf **out)
{
	AVCodecContext *ctx = encoder_open(f);
	AVPacket *packet = av_packet_alloc();
	bool ok;

	f->quality = FF_QP2LAMBDA * QUALITY;
	f->pts = 0;
	ok = ctx && packet && avcodec_send_frame(ctx, f) >= 0 &&
		avcodec_receive_packet(ctx, packet) >= 0;
	if (ok)
		*out = rcbuf_from(packet->data, (size_t)packet->size);
	av_packet_free(&packet);
	avcodec_free_context(&ctx);
	return ok ? PICTURE_OK : PICTURE_FAILED;
}

enum picture_result picture_jpeg(const struct picture *p, unsigned width, struct rcbuf **out)
{
	AVFrame *f = scaled(p, width);
	enum picture_result result = f ? encode(f, out) : PICTURE_FAILED;

	av_frame_free(&f);
	return result;
}

/* Sprites */

/* A grid begins black, and what is left of its last row stays so. */
static void blacken(AVFrame *f)
{
	for (int plane = 0; plane < 3; plane++)
		memset(f->data[plane], plane ? 128 : 0,
			(size_t)f->linesize[plane] * (size_t)(f->height >> (plane > 0)));
}

struct sprite *sprite_create(unsigned columns, unsigned rows, unsigned width, unsigned height)
{
	struct sprite *s = mem_new(struct sprite);

	s->columns = columns;
	s->rows = rows;
	/* Beside the grid: libswscale may write a little further than a line. */
	s->tile = frame_create(width, height);
	s->grid = frame_create(columns * width, rows * height);
	if (!s->tile || !s->grid)
		sprite_destroy(&s);
	else
		blacken(s->grid);
	return s;
}

void sprite_destroy(struct sprite **s)
{
	if (!*s)
		return;
	av_frame_free(&(*s)->tile);
	av_frame_free(&(*s)->grid);
	free(*s);
	*s = NULL;
}

enum picture_result sprite_put(struct sprite *s, unsigned index, const struct picture *p)
{
	int x = (int)(index % s->columns) * s->tile->width;
	int y = (int)(index / s->columns) * s->tile->height;

	must(index < s->columns * s->rows);
	if (!scale_to(p, s->tile))
		return PICTURE_FAILED;
	for (int plane = 0; plane < 3; plane++) {
		int shift = plane > 0, stride = s->grid->linesize[plane];
		av_image_copy_plane(
			s->grid->data[plane] + (ptrdiff_t)(y >> shift) * stride + (x >> shift),
			stride, s->tile->data[plane], s->tile->linesize[plane],
			s->tile->width >> shift, s->tile->height >> shift);
	}
	return PICTURE_OK;
}

enum picture_result sprite_jpeg(const struct sprite *s, unsigned tiles, struct rcbuf **out)
{
	int full = s->grid->height;
	unsigned rows = (tiles + s->columns - 1) / s->columns;
	enum picture_result result;

	s->grid->height = (int)(rows < s->rows ? rows : s->rows) * s->tile->height;
	result = encode(s->grid, out);
	s->grid->height = full;
	if (result == PICTURE_OK)
		blacken(s->grid);
	return result;
}
