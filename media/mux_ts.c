#include "mux_ts.h"

#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#include "avio_mem.h"
#include "base/buf.h"
#include "base/mem.h"
#include "compat.h"
#include "mux.h"
#include "ts_payload.h"
#include "ts_reader.h"

/*
 * MPEG transport streams for HLS (RFC 8216 3.2) by libavformat's mpegts muxer. One muxer lasts as
 * long as its codec configurations, so that continuity counters run on through parts and segments;
 * each of these begins with PAT and PMT. One frame is one PES packet, whatever it costs: a frame
 * keeps its own time, and a part never waits for the rest of a packet.
 */
#define PID_SDT 0x11
#define PID_NULL 0x1fff
/* Longer than any part: tables and counters are asked for where they are wanted. */
#define TABLE_PERIOD "86400"
/* What the muxer moves all times by twice: TS_DELAY. */
#define MAX_DELAY_US 700000

struct ts_track {
	struct ts_payload payload;
	int64_t last_dts;
};

struct mux {
	AVFormatContext *ctx;
	AVPacket *packet;
	struct buf out, payload;
	struct rcbuf *init;
	struct ts_track tracks[TS_TRACKS];
	unsigned n_tracks;
	bool begun; /* the header is written */
	bool given; /* samples since the last flush */
};

static const enum AVCodecID codec_ids[] = {
	[MEDIA_CODEC_NONE] = AV_CODEC_ID_NONE,
	[MEDIA_CODEC_H264] = AV_CODEC_ID_H264,
	[MEDIA_CODEC_HEVC] = AV_CODEC_ID_HEVC,
	[MEDIA_CODEC_AV1] = AV_CODEC_ID_NONE,
	[MEDIA_CODEC_VP9] = AV_CODEC_ID_NONE,
	[MEDIA_CODEC_AAC] = AV_CODEC_ID_AAC,
	[MEDIA_CODEC_MP3] = AV_CODEC_ID_MP3,
	[MEDIA_CODEC_OPUS] = AV_CODEC_ID_OPUS,
	[MEDIA_CODEC_FLAC] = AV_CODEC_ID_NONE,
	[MEDIA_CODEC_AC3] = AV_CODEC_ID_AC3,
	[MEDIA_CODEC_EAC3] = AV_CODEC_ID_EAC3,
};

static bool ts_takes(const struct codec_info *c)
{
	struct ts_payload payload;
	bool ok = ts_payload_init(&payload, c->codec, c->config, c->config_len);

	if (ok)
		ts_payload_finish(&payload);
	return ok;
}

/* The muxer describes Opus' channels out of its head; everything else stands in the frames. */
static bool set_extradata(AVCodecParameters *par, const struct codec_info *c)
{
	if (c->codec != MEDIA_CODEC_OPUS || c->config_len == 0)
		return true;
	par->extradata = av_mallocz(c->config_len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return false;
	memcpy(par->extradata, c->config, c->config_len);
	par->extradata_size = (int)c->config_len;
	return true;
}

static bool add_track(struct mux *m, const struct codec_info *c)
{
	struct ts_track *t = &m->tracks[m->n_tracks];
	AVStream *track = avformat_new_stream(m->ctx, NULL);
	AVCodecParameters *par = track ? track->codecpar : NULL;

	if (!par || !ts_payload_init(&t->payload, c->codec, c->config, c->config_len))
		return false;
	m->n_tracks++;
	t->last_dts = INT64_MIN;
	par->codec_id = codec_ids[c->codec];
	par->codec_type = codec_is_video(c->codec) ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
	par->width = (int)c->width;
	par->height = (int)c->height;
	par->sample_rate = (int)c->sample_rate;
	par->frame_size = (int)c->frame_samples;
	if (!codec_is_video(c->codec))
		compat_set_channels(par, c->channels);
	track->time_base = (AVRational){1, TS_CLOCK};
	return set_extradata(par, c);
}

static bool write_header(struct mux *m)
{
	AVDictionary *options = NULL;
	int error;

	av_dict_set(&options, "mpegts_flags", "initial_discontinuity", 0);
	av_dict_set_int(&options, "mpegts_start_pid", TS_PID, 0);
	av_dict_set(&options, "pes_payload_size", "0", 0);
	av_dict_set(&options, "pat_period", TABLE_PERIOD, 0);
	av_dict_set(&options, "sdt_period", TABLE_PERIOD, 0);
	m->ctx->max_delay = MAX_DELAY_US;
	m->ctx->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	m->ctx->flags |= AVFMT_FLAG_BITEXACT;
	m->ctx->flags &= ~AVFMT_FLAG_AUTO_BSF;
	error = avformat_write_header(m->ctx, &options);
	av_dict_free(&options);
	return error >= 0;
}

/* What says to the recording what the tracks are: no player ever asks for it. */
static bool take_init(struct mux *m, const struct codec_info *const *tracks, size_t n)
{
	struct mux *cmaf = mux_cmaf.create(tracks, n);

	if (cmaf)
		m->init = rcbuf_ref(mux_cmaf.init(cmaf));
	mux_cmaf.destroy(cmaf);
	return m->init != NULL;
}

static bool open_context(struct mux *m, const struct codec_info *const *tracks, size_t n)
{
	if (avformat_alloc_output_context2(&m->ctx, NULL, "mpegts", NULL) < 0)
		return false;
	m->ctx->pb = avio_mem_create(&m->out);
	m->packet = av_packet_alloc();
	if (!m->ctx->pb || !m->packet)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!add_track(m, tracks[i]))
			return false;
	}
	m->begun = write_header(m);
	return m->begun;
}

static void ts_destroy(struct mux *m)
{
	if (!m)
		return;
	/* It frees what the muxer holds; nothing of it is used. */
	if (m->begun)
		av_write_trailer(m->ctx);
	if (m->ctx)
		avio_mem_destroy(&m->ctx->pb);
	avformat_free_context(m->ctx);
	av_packet_free(&m->packet);
	for (unsigned i = 0; i < m->n_tracks; i++)
		ts_payload_finish(&m->tracks[i].payload);
	rcbuf_unref(&m->init);
	buf_finish(&m->out);
	buf_finish(&m->payload);
	free(m);
}

static struct mux *ts_create(const struct codec_info *const *tracks, size_t n)
{
	struct mux *m = mem_new(struct mux);

	if (n <= TS_TRACKS && take_init(m, tracks, n) && open_context(m, tracks, n))
		return m;
	ts_destroy(m);
	return NULL;
}

static struct rcbuf *ts_init(struct mux *m)
{
	return m->init;
}

static int64_t to_clock(int64_t us)
{
	return av_rescale(us, TS_CLOCK, 1000000);
}

/* libavformat takes growing times only, and 11 µs are one tick. */
static void set_times(struct ts_track *t, const struct mux_sample *s, AVPacket *p)
{
	p->dts = to_clock(s->dts_us);
	if (p->dts <= t->last_dts)
		p->dts = t->last_dts + 1;
	t->last_dts = p->dts;
	p->pts = to_clock(s->pts_us);
	if (p->pts < p->dts)
		p->pts = p->dts;
}

static bool ts_write(struct mux *m, const struct mux_sample *s)
{
	struct ts_track *t = &m->tracks[s->track];
	AVPacket *p = m->packet;
	bool video = t->payload.codec == MEDIA_CODEC_H264 || t->payload.codec == MEDIA_CODEC_HEVC;
	int error;

	buf_reset(&m->payload);
	ts_payload_put(&t->payload, s->key, s->data, s->len, &m->payload);
	memset(buf_reserve(&m->payload, AV_INPUT_BUFFER_PADDING_SIZE), 0,
		AV_INPUT_BUFFER_PADDING_SIZE);
	p->data = m->payload.data;
	p->size = (int)m->payload.len;
	p->stream_index = (int)s->track;
	p->flags = s->key || !video ? AV_PKT_FLAG_KEY : 0;
	set_times(t, s, p);
	error = av_write_frame(m->ctx, p);
	av_packet_unref(p);
	/* Small frames of audio would wait for others to share a packet with. */
	if (error >= 0 && !video)
		error = av_write_frame(m->ctx, NULL);
	m->given = true;
	/* One that the container has no room for (Opus of a single byte) is left out. */
	return error != AVERROR(ENOMEM);
}

static unsigned pid_of(const uint8_t *packet)
{
	return (packet[1] & 0x1fu) << 8 | packet[2];
}

/* Players skip it. */
static void put_null_packet(struct buf *out)
{
	uint8_t packet[TS_PACKET];

	memset(packet, 0xff, sizeof(packet));
	packet[0] = TS_SYNC;
	packet[1] = PID_NULL >> 8;
	packet[2] = PID_NULL & 0xff;
	packet[3] = 0x10;
	buf_put(out, packet, sizeof(packet));
}

static struct rcbuf *ts_flush(struct mux *m)
{
	struct rcbuf *bytes;

	avio_flush(m->ctx->pb);
	/* RFC 8216 3.2: the first two packets are PAT and PMT, and the muxer thinks of television.
	 */
	if (m->out.len >= TS_PACKET && pid_of(m->out.data) == PID_SDT)
		buf_consume(&m->out, TS_PACKET);
	/* All that was given was left out. */
	if (m->given && m->out.len == 0)
		put_null_packet(&m->out);
	m->given = false;
	if (m->out.len == 0)
		return NULL;
	bytes = rcbuf_from(m->out.data, m->out.len);
	buf_reset(&m->out);
	av_opt_set(m->ctx->priv_data, "mpegts_flags", "+resend_headers", 0);
	return bytes;
}

const struct mux_ops mux_ts = {
	.takes = ts_takes,
	.create = ts_create,
	.destroy = ts_destroy,
	.init = ts_init,
	.write = ts_write,
	.flush = ts_flush,
};
