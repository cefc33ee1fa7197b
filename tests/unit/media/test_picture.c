#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avio_mem.h"
#include "base/buf.h"
#include "media/picture.h"
#include "support/test.h"

/* Real video of every codec that is taken: its picture is a JPEG of the right size and colours. */

#define PIXELS (4096u * 2304u)
#define LEFT_LUMA 60
#define RIGHT_LUMA 200

/* x265 3.5 forgets to free what its encoder was set to. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libx265";
}

struct clip_kind {
	const char *encoder;
	int width, height;
	AVRational shape;
	bool full_range;
};

/* Left half dark and bluish, right half bright and reddish. */
static void draw(AVFrame *f)
{
	for (int plane = 0; plane < 3; plane++) {
		int width = plane ? f->width / 2 : f->width;
		int height = plane ? f->height / 2 : f->height;
		const uint8_t left[] = {LEFT_LUMA, 180, 110}, right[] = {RIGHT_LUMA, 100, 160};
		for (int y = 0; y < height; y++) {
			memset(f->data[plane] + y * f->linesize[plane], left[plane],
				(size_t)width / 2);
			memset(f->data[plane] + y * f->linesize[plane] + width / 2, right[plane],
				(size_t)(width - width / 2));
		}
	}
}

static void mux(AVFormatContext *out, AVCodecContext *ctx, AVFrame *frame)
{
	AVPacket *packet = av_packet_alloc();

	assert_true(avcodec_send_frame(ctx, frame) >= 0);
	while (avcodec_receive_packet(ctx, packet) >= 0) {
		av_packet_rescale_ts(packet, ctx->time_base, out->streams[0]->time_base);
		packet->stream_index = 0;
		packet->duration = out->streams[0]->time_base.den / 25;
		assert_true(av_write_frame(out, packet) >= 0);
		av_packet_unref(packet);
	}
	av_packet_free(&packet);
}

static AVCodecContext *open_encoder(const struct clip_kind *kind)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(kind->encoder);
	AVCodecContext *ctx = codec ? avcodec_alloc_context3(codec) : NULL;

	if (!ctx)
		return NULL;
	ctx->width = kind->width;
	ctx->height = kind->height;
	ctx->sample_aspect_ratio = kind->shape;
	ctx->pix_fmt = AV_PIX_FMT_YUV420P;
	ctx->color_range = kind->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	ctx->colorspace = AVCOL_SPC_SMPTE170M;
	ctx->time_base = (AVRational){1, 25};
	ctx->gop_size = 5;
	ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	ctx->bit_rate = 1000000;
	ctx->thread_count = 1;
	av_opt_set(ctx->priv_data, "preset", strstr(kind->encoder, "svt") ? "12" : "ultrafast", 0);
	av_opt_set(ctx->priv_data, "x265-params", "log-level=0:pools=none", 0);
	av_opt_set(ctx->priv_data, "cpu-used", "8", 0);
	assert_int_equal(avcodec_open2(ctx, codec, NULL), 0);
	return ctx;
}

/* A fragmented MP4 of ten frames, whole; false: no such encoder here. */
static bool make_clip(const struct clip_kind *kind, struct rcbuf **out)
{
	AVCodecContext *ctx = open_encoder(kind);
	AVFrame *frame = av_frame_alloc();
	AVFormatContext *file = NULL;
	AVDictionary *options = NULL;
	struct buf bytes = {0};

	if (!ctx) {
		av_frame_free(&frame);
		return false;
	}
	assert_true(avformat_alloc_output_context2(&file, NULL, "mp4", NULL) >= 0);
	file->pb = avio_mem_create(&bytes);
	AVStream *track = avformat_new_stream(file, NULL);
	assert_true(avcodec_parameters_from_context(track->codecpar, ctx) >= 0);
	track->sample_aspect_ratio = kind->shape;
	av_dict_set(&options, "movflags", "frag_keyframe+empty_moov+default_base_moof", 0);
	assert_true(avformat_write_header(file, &options) >= 0);
	av_dict_free(&options);
	frame->width = kind->width;
	frame->height = kind->height;
	frame->format = AV_PIX_FMT_YUV420P;
	assert_true(av_frame_get_buffer(frame, 0) >= 0);
	for (int i = 0; i < 10; i++) {
		assert_true(av_frame_make_writable(frame) >= 0);
		draw(frame);
		frame->pts = i;
		mux(file, ctx, frame);
	}
	mux(file, ctx, NULL);
	assert_true(av_write_trailer(file) >= 0);
	avio_flush(file->pb);
	avio_mem_destroy(&file->pb);
	avformat_free_context(file);
	avcodec_free_context(&ctx);
	av_frame_free(&frame);
	*out = rcbuf_from(bytes.data, bytes.len);
	buf_finish(&bytes);
	return true;
}

static AVFrame *read_jpeg(const struct rcbuf *jpeg)
{
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
	AVCodecContext *ctx = avcodec_alloc_context3(codec);
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();

	assert_int_equal(avcodec_open2(ctx, codec, NULL), 0);
	assert_int_equal(av_new_packet(packet, (int)rcbuf_len(jpeg)), 0);
	memcpy(packet->data, rcbuf_data(jpeg), rcbuf_len(jpeg));
	assert_int_equal(avcodec_send_packet(ctx, packet), 0);
	assert_int_equal(avcodec_receive_frame(ctx, frame), 0);
	av_packet_free(&packet);
	avcodec_free_context(&ctx);
	return frame;
}

static void assert_near(int have, int want)
{
	if (abs(have - want) > 6)
		fail_msg("%d is not near %d", have, want);
}

static void assert_luma(const AVFrame *f, int x, int y, int want)
{
	assert_near(f->data[0][y * f->linesize[0] + x], want);
}

/* Studio range to full range. */
static int full(int luma)
{
	return (luma - 16) * 255 / 219;
}

static enum picture_result decode(struct rcbuf *clip, uint64_t max_pixels, struct picture **out)
{
	const struct picture_input in = {.pieces = &clip, .n_pieces = 1};

	return picture_decode(&in, max_pixels, out);
}

static bool check_picture(const struct clip_kind *kind, unsigned width, int w, int h)
{
	struct rcbuf *clip = NULL, *jpeg = NULL;
	struct picture *p = NULL;

	if (!make_clip(kind, &clip))
		return false;
	assert_int_equal(decode(clip, PIXELS, &p), PICTURE_OK);
	assert_true(picture_contrast(p) > 40);
	assert_int_equal(picture_jpeg(p, width, &jpeg), PICTURE_OK);
	AVFrame *f = read_jpeg(jpeg);
	assert_int_equal(f->width, w);
	assert_int_equal(f->height, h);
	assert_luma(f, w / 4, h / 2, kind->full_range ? LEFT_LUMA : full(LEFT_LUMA));
	assert_luma(f, w * 3 / 4, h / 2, kind->full_range ? RIGHT_LUMA : full(RIGHT_LUMA));
	assert_true(f->data[1][h / 4 * f->linesize[1] + w / 8] > 150);
	assert_true(f->data[2][h / 4 * f->linesize[2] + w * 3 / 8] > 140);
	av_frame_free(&f);
	picture_destroy(&p);
	rcbuf_unref(&clip);
	rcbuf_unref(&jpeg);
	return true;
}

static void every_codec_has_its_picture(void **state)
{
	static const struct clip_kind kinds[] = {
		{.encoder = "libx264", .width = 320, .height = 180},
		{.encoder = "libx265", .width = 320, .height = 180},
		{.encoder = "libsvtav1", .width = 320, .height = 180},
		{.encoder = "libvpx-vp9", .width = 320, .height = 180},
	};
	unsigned seen = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		seen += check_picture(&kinds[i], 160, 160, 90);
	if (!seen)
		skip();
}

static void shape_and_range_are_kept(void **state)
{
	static const struct clip_kind full_range = {
		.encoder = "libx264", .width = 320, .height = 180, .full_range = true};
	static const struct clip_kind wide = {
		.encoder = "libx264", .width = 240, .height = 180, .shape = {4, 3}};
	static const struct clip_kind upright = {.encoder = "libx264", .width = 180, .height = 320};

	if (!check_picture(&full_range, 160, 160, 90))
		skip();
	/* Pixels that are not square. */
	check_picture(&wide, 160, 160, 90);
	check_picture(&upright, 90, 90, 160);
	/* Never larger than it is. */
	check_picture(&upright, 640, 180, 320);
}

static void what_is_too_large_or_damaged_is_refused(void **state)
{
	static const struct clip_kind kind = {.encoder = "libx264", .width = 320, .height = 180};
	struct rcbuf *clip = NULL, *bytes;
	struct picture *p = NULL;

	if (!make_clip(&kind, &clip))
		skip();
	assert_int_equal(decode(clip, 320 * 180 - 1, &p), PICTURE_TOO_LARGE);
	assert_int_equal(decode(clip, 320 * 180, &p), PICTURE_OK);
	picture_destroy(&p);
	/* Cut anywhere, it gives an answer: mostly none, a picture once the keyframe is whole. */
	for (size_t len = 0; len < rcbuf_len(clip); len += 37) {
		bytes = rcbuf_from(rcbuf_data(clip), len);
		enum picture_result result = decode(bytes, PIXELS, &p);
		assert_true(result == PICTURE_OK ? p != NULL : p == NULL);
		picture_destroy(&p);
		rcbuf_unref(&bytes);
	}
	rcbuf_unref(&clip);
}

static void lying_sizes_do_not_get_past_the_bound(void **state)
{
	static const struct clip_kind kind = {.encoder = "libx264", .width = 640, .height = 360};
	struct rcbuf *clip = NULL, *bytes;
	struct picture *p = NULL;
	size_t at = 0;

	if (!make_clip(&kind, &clip))
		skip();
	/* The sample entry says 64 x 36; the parameter sets know better. */
	bytes = rcbuf_from(rcbuf_data(clip), rcbuf_len(clip));
	uint8_t *data = rcbuf_writable(bytes);
	while (memcmp(data + at, "avc1", 4) != 0 || data[at + 28] != 2 || data[at + 29] != 128)
		assert_true(++at + 40 < rcbuf_len(bytes));
	memcpy(data + at + 28, (uint8_t[]){0, 64, 0, 36}, 4);
	assert_int_equal(decode(bytes, 640 * 360 - 1, &p), PICTURE_FAILED);
	rcbuf_unref(&bytes);
	rcbuf_unref(&clip);
}

static void a_sprite_has_its_tiles_where_they_belong(void **state)
{
	static const struct clip_kind kind = {.encoder = "libx264", .width = 320, .height = 180};
	struct sprite *s = sprite_create(3, 4, 32, 18);
	struct rcbuf *clip = NULL, *jpeg = NULL;
	struct picture *p = NULL;

	if (!make_clip(&kind, &clip))
		skip();
	assert_non_null(s);
	assert_int_equal(decode(clip, PIXELS, &p), PICTURE_OK);
	assert_int_equal(sprite_put(s, 0, p), PICTURE_OK);
	assert_int_equal(sprite_put(s, 4, p), PICTURE_OK);
	assert_int_equal(sprite_jpeg(s, 5, &jpeg), PICTURE_OK);
	AVFrame *f = read_jpeg(jpeg);
	assert_int_equal(f->width, 96);
	assert_int_equal(f->height, 36);
	assert_luma(f, 8, 9, full(LEFT_LUMA));
	assert_luma(f, 24, 9, full(RIGHT_LUMA));
	assert_luma(f, 48, 9, 0);
	assert_luma(f, 40, 27, full(LEFT_LUMA));
	assert_luma(f, 56, 27, full(RIGHT_LUMA));
	assert_luma(f, 80, 27, 0);
	av_frame_free(&f);
	rcbuf_unref(&jpeg);
	/* Used again, it begins black. */
	assert_int_equal(sprite_jpeg(s, 12, &jpeg), PICTURE_OK);
	f = read_jpeg(jpeg);
	assert_int_equal(f->height, 72);
	assert_luma(f, 24, 9, 0);
	av_frame_free(&f);
	rcbuf_unref(&jpeg);
	picture_destroy(&p);
	sprite_destroy(&s);
	rcbuf_unref(&clip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec_has_its_picture),
		cmocka_unit_test(shape_and_range_are_kept),
		cmocka_unit_test(what_is_too_large_or_damaged_is_refused),
		cmocka_unit_test(lying_sizes_do_not_get_past_the_bound),
		cmocka_unit_test(a_sprite_has_its_tiles_where_they_belong),
	};

	av_log_set_level(AV_LOG_QUIET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
