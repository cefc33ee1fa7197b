#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#include "avio_mem.h"
#include "base/buf.h"
#include "base/mem.h"
#include "compat.h"
#include "fragment.h"
#include "mux.h"

/*
 * Fragmented MP4 for HLS: the init segment by libavformat's mov muxer, without an edit list, the
 * fragments by fragment.c, decode times as they are. libavformat's flag for CMAF is left out: it
 * announces negative composition offsets, which FFmpeg's own demuxer takes back in a way that
 * shifts video against audio by a frame.
 */
#define MOVFLAGS "+frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer"
#define VIDEO_TIMESCALE 90000

struct mux {
	AVFormatContext *ctx; /* until the init segment is made */
	struct buf out;
	struct rcbuf *init;
	AVRational time_bases[FRAGMENT_TRACKS];
	struct fragment fragment;
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

/* Ends the muxer; what its trailer writes is not used, but writing it frees what it holds. */
static void close_context(struct mux *m, bool begun)
{
	if (!m->ctx)
		return;
	if (begun)
		av_write_trailer(m->ctx);
	avio_mem_destroy(&m->ctx->pb);
	avformat_free_context(m->ctx);
	m->ctx = NULL;
	buf_finish(&m->out);
}

static void cmaf_destroy(struct mux *m)
{
	if (!m)
		return;
	close_context(m, false);
	fragment_finish(&m->fragment);
	rcbuf_unref(&m->init);
	buf_finish(&m->out);
	free(m);
}

static bool make_init(struct mux *m, const struct codec_info *const *tracks, size_t n)
{
	if (avformat_alloc_output_context2(&m->ctx, NULL, "mp4", NULL) < 0)
		return false;
	m->ctx->pb = avio_mem_create(&m->out);
	if (!m->ctx->pb)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!add_track(m, tracks[i]))
			return false;
		fragment_add_track(&m->fragment, tracks[i]->codec == MEDIA_CODEC_H264);
	}
	if (!write_header(m))
		return false;
	for (size_t i = 0; i < n; i++)
		m->time_bases[i] = m->ctx->streams[i]->time_base;
	m->init = take(m);
	close_context(m, true);
	return m->init != NULL;
}

static struct mux *cmaf_create(const struct codec_info *const *tracks, size_t n)
{
	struct mux *m = mem_new(struct mux);

	if (n <= FRAGMENT_TRACKS && make_init(m, tracks, n))
		return m;
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
	AVRational to = m->time_bases[s->track];
	int64_t dts = av_rescale_q(s->dts_us, us, to);
	int64_t end = av_rescale_q(s->dts_us + s->duration_us, us, to);
	bool sync = s->key || !m->fragment.tracks[s->track].video;

	fragment_add(&m->fragment, s->track, dts, av_rescale_q(s->pts_us, us, to), end - dts, sync,
		s->data, s->len);
	return true;
}

static struct rcbuf *cmaf_flush(struct mux *m)
{
	return fragment_take(&m->fragment);
}

const struct mux_ops mux_cmaf = {
	.create = cmaf_create,
	.destroy = cmaf_destroy,
	.init = cmaf_init,
	.write = cmaf_write,
	.flush = cmaf_flush,
};
