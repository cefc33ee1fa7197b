#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "picture_private.h"

/* JPEG's quantiser, 2 (finest) to 31. */
#define QUALITY 4
/* A picture many times as high as it is wide is nobody's; nor is its JPEG to be. */
#define HEIGHT_MAX 4096
/* What does not say which matrix it is in has BT.709 from this height on, as players guess. */
#define HD_HEIGHT 720
#define CONTRAST_WIDTH 64

struct sprite {
	AVFrame *grid, *tile;
	unsigned columns, rows;
};

void picture_fit(const struct picture *p, unsigned width, unsigned *fit_width, unsigned *height)
{
	double w = width < p->width ? width : p->width, h = w * p->height / p->width;

	if (h > HEIGHT_MAX) {
		w *= HEIGHT_MAX / h;
		h = HEIGHT_MAX;
	}
	*fit_width = (unsigned)fmax(w, PICTURE_SIDE_MIN) & ~1u;
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
