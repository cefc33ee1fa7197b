#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <string.h>

#include "avio_mem.h"
#include "base/buf.h"
#include "base/mem.h"
#include "compat.h"
#include "mux.h"

/*
 * Fragmented MP4 for HLS by libavformat's mov muxer: a fragment at each flush, no edit list, and
 * decode times as they are (frag_discont: the first fragment's tfdt is the first sample's dts,
 * whatever it is, because a muxer may begin in the middle of the stream's timeline). Its flag for
 * CMAF is left out: that moves decode times so that composition offsets turn negative, which
 * FFmpeg's own demuxer takes back in a way that shifts video against audio by a frame.
 */
#define MOVFLAGS "+frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer"
#define VIDEO_TIMESCALE 90000

struct mux {
	AVFormatContext *ctx;
	struct buf out;
	struct rcbuf *init;
	AVPacket *packet;
	bool written; /* since the last flush */
};

static bool add_track(struct mux *m, const struct codec_info *c)
{
	AVStream *track = avformat_new_stream(m->ctx, NULL);
	AVCodecParameters *par = track ? track->codecpar : NULL;

	if (!par)
		return false;
	par->codec_type = c->codec == MEDIA_CODEC_H264 ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
	switch (c->codec) {
	case MEDIA_CODEC_H264:
		par->codec_id = AV_CODEC_ID_H264;
		break;
	case MEDIA_CODEC_AAC:
		par->codec_id = AV_CODEC_ID_AAC;
		break;
	case MEDIA_CODEC_MP3:
		par->codec_id = AV_CODEC_ID_MP3;
		break;
	case MEDIA_CODEC_NONE:
		return false;
	}
	par->width = (int)c->width;
	par->height = (int)c->height;
	if (par->codec_type == AVMEDIA_TYPE_AUDIO) {
		par->sample_rate = (int)c->sample_rate;
		par->frame_size = (int)c->frame_samples;
		compat_set_channels(par, c->channels);
		track->time_base = (AVRational){1, (int)c->sample_rate};
	} else {
		track->time_base = (AVRational){1, VIDEO_TIMESCALE};
	}
	if (!c->config_len)
		return true;
	par->extradata = av_mallocz(c->config_len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return false;
	memcpy(par->extradata, c->config, c->config_len);
	par->extradata_size = (int)c->config_len;
	return true;
}

static struct rcbuf *take(struct mux *m)
{
	struct rcbuf *bytes;

	avio_flush(m->ctx->pb);
	if (m->out.len == 0)
		return NULL;
	bytes = rcbuf_from(m->out.data, m->out.len);
	buf_reset(&m->out);
	return bytes;
}

static bool write_header(struct mux *m)
{
	AVDictionary *options = NULL;
	int error;

	av_dict_set(&options, "movflags", MOVFLAGS, 0);
	av_dict_set(&options, "use_editlist", "0", 0);
	av_dict_set_int(&options, "video_track_timescale", VIDEO_TIMESCALE, 0);
	m->ctx->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	m->ctx->flags |= AVFMT_FLAG_BITEXACT;
	error = avformat_write_header(m->ctx, &options);
	av_dict_free(&options);
	return error >= 0;
}

static void cmaf_destroy(struct mux *m)
{
	if (!m)
		return;
	if (m->ctx) {
		if (m->init)
			av_write_trailer(
				m->ctx); /* frees what the muxer holds; its bytes are not used */
		avio_mem_destroy(&m->ctx->pb);
		avformat_free_context(m->ctx);
	}
	av_packet_free(&m->packet);
	rcbuf_unref(&m->init);
	buf_finish(&m->out);
	free(m);
}

static struct mux *cmaf_create(const struct codec_info *const *tracks, size_t n)
{
	struct mux *m = mem_new(struct mux);

	m->packet = av_packet_alloc();
	if (!m->packet || avformat_alloc_output_context2(&m->ctx, NULL, "mp4", NULL) < 0)
		goto error;
	m->ctx->pb = avio_mem_create(&m->out);
	if (!m->ctx->pb)
		goto error;
	for (size_t i = 0; i < n; i++) {
		if (!add_track(m, tracks[i]))
			goto error;
	}
	if (!write_header(m))
		goto error;
	m->init = take(m);
	if (!m->init)
		goto error;
	return m;
error:
	cmaf_destroy(m);
	return NULL;
}

static struct rcbuf *cmaf_init(struct mux *m)
{
	return m->init;
}

static bool cmaf_write(struct mux *m, const struct mux_sample *s)
{
	const AVRational us = {1, 1000000};
	AVRational to = m->ctx->streams[s->track]->time_base;
	AVPacket *p = m->packet;

	/* Borrowed bytes: the mov muxer copies them into its fragment before it returns. */
	p->data = (uint8_t *)s->data;
	p->size = (int)s->len;
	p->stream_index = (int)s->track;
	p->dts = av_rescale_q(s->dts_us, us, to);
	p->pts = av_rescale_q(s->pts_us, us, to);
	p->duration = av_rescale_q(s->dts_us + s->duration_us, us, to) - p->dts;
	p->flags = s->key ? AV_PKT_FLAG_KEY : 0;
	m->written = true;
	return av_write_frame(m->ctx, p) >= 0;
}

static struct rcbuf *cmaf_flush(struct mux *m)
{
	if (!m->written)
		return NULL;
	m->written = false;
	if (av_write_frame(m->ctx, NULL) < 0)
		return NULL;
	/* Else the muxer moves each fragment's first sample to where the last one seemed to end,
	 * which is wrong after a gap. */
	av_opt_set(m->ctx->priv_data, "movflags", "+frag_discont", 0);
	return take(m);
}

const struct mux_ops mux_cmaf = {
	.create = cmaf_create,
	.destroy = cmaf_destroy,
	.init = cmaf_init,
	.write = cmaf_write,
	.flush = cmaf_flush,
};
