#include "encoded.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"
#include "compat.h"

/* The next NAL unit of an Annex B stream, without start code; NULL: no more. */
static const uint8_t *next_nal(const uint8_t **pos, const uint8_t *end, size_t *len)
{
	const uint8_t *p = *pos, *nal, *stop;

	while (p + 3 <= end && !(p[0] == 0 && p[1] == 0 && p[2] == 1))
		p++;
	if (p + 3 > end)
		return NULL;
	nal = stop = p + 3;
	while (stop < end && !(stop + 3 <= end && stop[0] == 0 && stop[1] == 0 && stop[2] <= 1))
		stop++;
	*pos = stop;
	*len = (size_t)(stop - nal);
	return nal;
}

static void make_avcc(struct encoded *e, const uint8_t *extra, size_t size)
{
	const uint8_t *pos = extra, *nal, *sps = NULL, *pps = NULL;
	size_t len, sps_len = 0, pps_len = 0;
	struct buf b = {0};

	while ((nal = next_nal(&pos, extra + size, &len))) {
		if ((nal[0] & 31) == 7) {
			sps = nal;
			sps_len = len;
		} else if ((nal[0] & 31) == 8) {
			pps = nal;
			pps_len = len;
		}
	}
	must(sps && pps);
	buf_put_u8(&b, 1);
	buf_put(&b, sps + 1, 3);
	buf_put_u16(&b, 0xffe1);
	buf_put_u16(&b, (uint16_t)sps_len);
	buf_put(&b, sps, sps_len);
	buf_put_u8(&b, 1);
	buf_put_u16(&b, (uint16_t)pps_len);
	buf_put(&b, pps, pps_len);
	must(b.len <= sizeof(e->config));
	memcpy(e->config, b.data, b.len);
	e->config_len = b.len;
	buf_finish(&b);
}

static void put_packet(struct encoded *e, const AVPacket *p, AVRational base)
{
	const AVRational us = {1, 1000000};
	const uint8_t *pos = p->data, *nal;
	struct encoded_packet *to;
	struct buf b = {0};
	size_t len;

	e->packets = mem_realloc(e->packets, (e->n + 1) * sizeof(*e->packets));
	to = &e->packets[e->n++];
	if (e->kind == MEDIA_VIDEO) {
		while ((nal = next_nal(&pos, p->data + p->size, &len))) {
			buf_put_u32(&b, (uint32_t)len);
			buf_put(&b, nal, len);
		}
	} else {
		buf_put(&b, p->data, (size_t)p->size);
	}
	*to = (struct encoded_packet){
		.data = mem_dup(b.data, b.len),
		.len = b.len,
		.dts_us = av_rescale_q(p->dts, base, us),
		.pts_us = av_rescale_q(p->pts, base, us),
		.key = p->flags & AV_PKT_FLAG_KEY,
	};
	buf_finish(&b);
}

/* frame NULL: what is left. */
static void encode(struct encoded *e, AVCodecContext *ctx, AVFrame *frame, AVPacket *packet)
{
	must(avcodec_send_frame(ctx, frame) >= 0);
	while (avcodec_receive_packet(ctx, packet) >= 0) {
		put_packet(e, packet, ctx->time_base);
		av_packet_unref(packet);
	}
}

/* Decode times from 0, as encoders send them. */
static void shift_times(struct encoded *e)
{
	int64_t first = e->packets[0].dts_us;

	for (size_t i = 0; i < e->n; i++) {
		e->packets[i].dts_us -= first;
		e->packets[i].pts_us -= first;
	}
}

static void draw(AVFrame *f, unsigned number)
{
	for (int plane = 0; plane < 3; plane++) {
		int width = plane ? f->width / 2 : f->width;
		int height = plane ? f->height / 2 : f->height;
		for (int y = 0; y < height; y++) {
			for (int x = 0; x < width; x++)
				f->data[plane][y * f->linesize[plane] + x] =
					(uint8_t)(x + y * (plane + 1) + (int)number * 3);
		}
	}
}

bool encoded_video(struct encoded *out, int width, int height, unsigned frames)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	AVCodecContext *ctx = codec ? avcodec_alloc_context3(codec) : NULL;
	AVFrame *frame = av_frame_alloc();
	AVPacket *packet = av_packet_alloc();

	*out = (struct encoded){.kind = MEDIA_VIDEO};
	av_log_set_level(AV_LOG_ERROR);
	if (ctx) {
		ctx->width = frame->width = width;
		ctx->height = frame->height = height;
		ctx->pix_fmt = AV_PIX_FMT_YUV420P;
		frame->format = AV_PIX_FMT_YUV420P;
		ctx->time_base = (AVRational){1, 25};
		ctx->gop_size = 25;
		ctx->max_b_frames = 2;
		ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
		ctx->thread_count = 1;
		av_opt_set(ctx->priv_data, "preset", "superfast", 0);
		av_opt_set(ctx->priv_data, "x264-params", "scenecut=0", 0);
		must(avcodec_open2(ctx, codec, NULL) >= 0);
		make_avcc(out, ctx->extradata, (size_t)ctx->extradata_size);
		must(av_frame_get_buffer(frame, 0) >= 0);
		for (unsigned i = 0; i < frames; i++) {
			must(av_frame_make_writable(frame) >= 0);
			draw(frame, i);
			frame->pts = i;
			encode(out, ctx, frame, packet);
		}
		encode(out, ctx, NULL, packet);
		shift_times(out);
	}
	av_packet_free(&packet);
	av_frame_free(&frame);
	avcodec_free_context(&ctx);
	return codec != NULL;
}

static void play_tone(AVFrame *f, int rate, int64_t from)
{
	for (int channel = 0; channel < 2; channel++) {
		float *to = (float *)(void *)f->data[channel];
		for (int i = 0; i < f->nb_samples; i++)
			to[i] = (float)(0.3 * sin((double)(from + i) * 440 * 2 * M_PI / rate));
	}
}

bool encoded_audio(struct encoded *out, int rate, unsigned packets)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("aac");
	AVCodecContext *ctx = codec ? avcodec_alloc_context3(codec) : NULL;
	AVFrame *frame = av_frame_alloc();
	AVPacket *packet = av_packet_alloc();

	*out = (struct encoded){.kind = MEDIA_AUDIO};
	av_log_set_level(AV_LOG_ERROR);
	if (ctx) {
		ctx->sample_rate = frame->sample_rate = rate;
		ctx->sample_fmt = AV_SAMPLE_FMT_FLTP;
		frame->format = AV_SAMPLE_FMT_FLTP;
		av_channel_layout_default(&ctx->ch_layout, 2);
		av_channel_layout_default(&frame->ch_layout, 2);
		ctx->time_base = (AVRational){1, rate};
		ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
		must(avcodec_open2(ctx, codec, NULL) >= 0);
		out->config_len = (size_t)ctx->extradata_size;
		must(out->config_len <= sizeof(out->config));
		memcpy(out->config, ctx->extradata, out->config_len);
		frame->nb_samples = ctx->frame_size;
		must(av_frame_get_buffer(frame, 0) >= 0);
		for (unsigned i = 0; out->n < packets; i++) {
			must(av_frame_make_writable(frame) >= 0);
			frame->pts = (int64_t)i * ctx->frame_size;
			play_tone(frame, rate, frame->pts);
			encode(out, ctx, frame, packet);
		}
		shift_times(out);
	}
	av_packet_free(&packet);
	av_frame_free(&frame);
	avcodec_free_context(&ctx);
	return codec != NULL;
}

void encoded_finish(struct encoded *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->packets[i].data);
	free(e->packets);
	*e = (struct encoded){0};
}
