#include <libavformat/avformat.h>
#include <libavutil/mastering_display_metadata.h>
#include <math.h>
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
#define FLAC_HEAD 8
#define FLAC_STREAMINFO 34

struct mux {
	AVFormatContext *ctx; /* until the init segment is made */
	struct buf out;
	struct rcbuf *init;
	AVRational time_bases[FRAGMENT_TRACKS];
	struct fragment fragment;
};

static const enum AVCodecID codec_ids[] = {
	[MEDIA_CODEC_NONE] = AV_CODEC_ID_NONE,
	[MEDIA_CODEC_H264] = AV_CODEC_ID_H264,
	[MEDIA_CODEC_HEVC] = AV_CODEC_ID_HEVC,
	[MEDIA_CODEC_AV1] = AV_CODEC_ID_AV1,
	[MEDIA_CODEC_VP9] = AV_CODEC_ID_VP9,
	[MEDIA_CODEC_AAC] = AV_CODEC_ID_AAC,
	[MEDIA_CODEC_MP3] = AV_CODEC_ID_MP3,
	[MEDIA_CODEC_OPUS] = AV_CODEC_ID_OPUS,
	[MEDIA_CODEC_FLAC] = AV_CODEC_ID_FLAC,
	[MEDIA_CODEC_AC3] = AV_CODEC_ID_AC3,
	[MEDIA_CODEC_EAC3] = AV_CODEC_ID_EAC3,
};

/* libavformat makes VP9's sample entry out of the pixel format. */
static enum AVPixelFormat vp9_format(const struct codec_info *c)
{
	static const enum AVPixelFormat formats[3][3] = {
		{AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P},
		{AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10},
		{AV_PIX_FMT_YUV420P12, AV_PIX_FMT_YUV422P12, AV_PIX_FMT_YUV444P12},
	};

	return formats[(c->bit_depth - 8) / 2][c->chroma - 1];
}

static void set_point(AVRational out[2], const double point[2])
{
	/* The unit of ISO/IEC 14496-12's mdcv. */
	for (int i = 0; i < 2; i++)
		out[i] = (AVRational){(int)lround(point[i] * 50000), 50000};
}

static void describe_mastering(AVStream *track, const struct media_color *color)
{
	AVMasteringDisplayMetadata *m =
		compat_add_side_data(track, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, sizeof(*m));

	if (!m)
		return;
	*m = (AVMasteringDisplayMetadata){
		.has_primaries = 1,
		.has_luminance = 1,
		.max_luminance = {(int)lround(color->max_luminance * 10000), 10000},
		.min_luminance = {(int)lround(color->min_luminance * 10000), 10000},
	};
	set_point(m->display_primaries[0], color->red);
	set_point(m->display_primaries[1], color->green);
	set_point(m->display_primaries[2], color->blue);
	set_point(m->white_point, color->white);
}

static void describe_light(AVStream *track, const struct media_color *color)
{
	AVContentLightMetadata *m =
		compat_add_side_data(track, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, sizeof(*m));

	if (m)
		*m = (AVContentLightMetadata){.MaxCLL = (unsigned)lround(color->max_cll),
			.MaxFALL = (unsigned)lround(color->max_fall)};
}

/* libavformat writes colr, mdcv and clli out of these. */
static void describe_color(AVStream *track, const struct media_color *color)
{
	AVCodecParameters *par = track->codecpar;

	if (color->primaries)
		par->color_primaries = (enum AVColorPrimaries)color->primaries;
	if (color->transfer)
		par->color_trc = (enum AVColorTransferCharacteristic)color->transfer;
	if (color->matrix)
		par->color_space = (enum AVColorSpace)color->matrix;
	if (color->max_luminance > 0 && color->white[0] > 0)
		describe_mastering(track, color);
	if (color->max_cll > 0)
		describe_light(track, color);
}

static void describe_video(AVStream *track, const struct codec_info *c)
{
	AVCodecParameters *par = track->codecpar;

	par->codec_type = AVMEDIA_TYPE_VIDEO;
	par->width = (int)c->width;
	par->height = (int)c->height;
	track->time_base = (AVRational){1, VIDEO_TIMESCALE};
	/* Parameter sets stand in the sample entry alone, as HLS wants it. */
	if (c->codec == MEDIA_CODEC_HEVC)
		par->codec_tag = MKTAG('h', 'v', 'c', '1');
	describe_color(track, &c->color);
	if (c->codec == MEDIA_CODEC_VP9) {
		par->format = vp9_format(c);
		par->profile = (int)c->profile;
		par->level = (int)c->level;
	}
}

static void describe_audio(AVStream *track, const struct codec_info *c)
{
	AVCodecParameters *par = track->codecpar;

	par->codec_type = AVMEDIA_TYPE_AUDIO;
	par->sample_rate = (int)c->sample_rate;
	par->frame_size = (int)c->frame_samples;
	/* FLAC's sample entry has to agree with its STREAMINFO, or Chromium refuses it. */
	par->bits_per_raw_sample = (int)c->bit_depth;
	compat_set_channels(par, c->channels);
	track->time_base = (AVRational){1, (int)c->sample_rate};
}

/* What libavformat calls extradata: of FLAC the block without what stands before it; VP9 has none.
 */
static bool set_extradata(AVCodecParameters *par, const struct codec_info *c)
{
	const uint8_t *config = c->config;
	size_t len = c->codec == MEDIA_CODEC_VP9 ? 0 : c->config_len;

	if (c->codec == MEDIA_CODEC_FLAC && len >= FLAC_HEAD + FLAC_STREAMINFO) {
		config += FLAC_HEAD;
		len = FLAC_STREAMINFO;
	}
	if (len == 0)
		return true;
	par->extradata = av_mallocz(len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return false;
	memcpy(par->extradata, config, len);
	par->extradata_size = (int)len;
	return true;
}

static bool add_track(struct mux *m, const struct codec_info *c)
{
	AVStream *track = avformat_new_stream(m->ctx, NULL);

	if (!track)
		return false;
	track->codecpar->codec_id = codec_ids[c->codec];
	if (codec_is_video(c->codec))
		describe_video(track, c);
	else
		describe_audio(track, c);
	return set_extradata(track->codecpar, c);
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

/* AC-3's sample entries are made out of a frame: the init segment is written behind the first one.
 */
static bool needs_frame(const struct codec_info *const *tracks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (tracks[i]->frame)
			return true;
	}
	return false;
}

static bool write_header(struct mux *m, bool delayed)
{
	AVDictionary *options = NULL;
	int error;

	av_dict_set(&options, "movflags", delayed ? MOVFLAGS "+delay_moov" : MOVFLAGS, 0);
	av_dict_set(&options, "use_editlist", "0", 0);
	av_dict_set_int(&options, "video_track_timescale", VIDEO_TIMESCALE, 0);
	m->ctx->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	m->ctx->flags |= AVFMT_FLAG_BITEXACT;
	m->ctx->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
	error = avformat_write_header(m->ctx, &options);
	av_dict_free(&options);
	return error >= 0;
}

static bool write_first(struct mux *m, unsigned track, const struct codec_info *c)
{
	AVPacket *p = av_packet_alloc();
	bool ok = p && av_new_packet(p, (int)c->frame_len) >= 0;

	if (ok) {
		memcpy(p->data, c->frame, c->frame_len);
		p->stream_index = (int)track;
		p->dts = p->pts = 0;
		p->duration = c->frame_samples;
		ok = av_write_frame(m->ctx, p) >= 0;
	}
	av_packet_free(&p);
	return ok;
}

/* Keeps what is up to the end of the moov box. */
static void cut_behind_moov(struct buf *b)
{
	size_t at = 0;

	while (at + 8 <= b->len) {
		struct buf_reader head = buf_reader(b->data + at, 8);
		size_t size = buf_read_u32(&head);
		bool is_moov = memcmp(b->data + at + 4, "moov", 4) == 0;

		if (size < 8 || size > b->len - at)
			return;
		at += size;
		if (is_moov)
			b->len = at;
	}
}

static bool write_init(struct mux *m, const struct codec_info *const *tracks, size_t n)
{
	bool delayed = needs_frame(tracks, n);

	if (!write_header(m, delayed))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (tracks[i]->frame && !write_first(m, i, tracks[i]))
			return false;
	}
	if (delayed && av_write_frame(m->ctx, NULL) < 0)
		return false;
	avio_flush(m->ctx->pb);
	cut_behind_moov(&m->out);
	return true;
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
		fragment_add_track(&m->fragment, codec_is_video(tracks[i]->codec));
	}
	if (!write_init(m, tracks, n))
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

static bool cmaf_takes(const struct codec_info *c)
{
	return true;
}

const struct mux_ops mux_cmaf = {
	.takes = cmaf_takes,
	.create = cmaf_create,
	.destroy = cmaf_destroy,
	.init = cmaf_init,
	.write = cmaf_write,
	.flush = cmaf_flush,
};
