#include <errno.h>
#include <fcntl.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec.h"
#include "compat.h"
#include "ts_payload.h"
#include "ts_reader.h"
#include "vod_files.h"

/*
 * The progressive file is remuxed run by run: a run is a row of segments that continue each other
 * under one init segment, read as one fragmented MP4 through run_read. Its packets are moved to
 * where the run plays in the VOD. Segments in MPEG-TS are read by ts_reader.c instead, and only the
 * tracks are taken from the init segment. When the codec configuration changes between runs:
 *
 *   H.264  the new parameter sets go in front of the run's keyframes, as avc1 decoders accept them
 *   other  a further track of its own (MP4 tracks cannot change their AudioSpecificConfig in place)
 */
#define READ_SIZE 65536

struct run {
	const char *dir;
	const struct vod_segment *segments;
	size_t n;
	size_t next; /* 0: the init segment, then the segments */
	size_t end; /* the last of these that libavformat is to read */
	int fd;
};

#define TRACKS_MAX 16

struct output {
	AVFormatContext *ctx;
	/* By track, in the output's time: the newest packet, and how long the one before it was. */
	int64_t last_dts[TRACKS_MAX], step[TRACKS_MAX];
	bool mixed; /* H.264 of several configurations in one track */
	bool failed; /* the disk, not the input */
};

static bool run_open_next(struct run *r)
{
	const struct recording_entry *e = &r->segments[r->next ? r->next - 1 : 0].entry;
	char *path;

	if (r->next > r->n)
		return false;
	path = r->next == 0 ? mem_printf("%s/init_%u_%u.mp4", r->dir, e->rendition, e->init)
			    : journal_segment_path(r->dir, e);
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	r->next++;
	free(path);
	return r->fd >= 0;
}

static int run_read(void *user, uint8_t *data, int size)
{
	struct run *r = user;

	for (;;) {
		if (r->fd < 0 && (r->next > r->end || !run_open_next(r)))
			return AVERROR_EOF;
		ssize_t n = read(r->fd, data, (size_t)size);
		if (n > 0)
			return (int)n;
		if (n < 0 && errno != EINTR)
			return AVERROR(errno);
		if (n == 0) {
			close(r->fd);
			r->fd = -1;
		}
	}
}

static void input_close(AVFormatContext **ctx)
{
	AVIOContext *io = *ctx ? (*ctx)->pb : NULL;

	avformat_close_input(ctx);
	if (io)
		av_freep(&io->buffer);
	avio_context_free(&io);
}

static AVFormatContext *input_open(struct run *r)
{
	AVFormatContext *ctx = avformat_alloc_context();
	uint8_t *buffer = av_malloc(READ_SIZE);
	AVIOContext *io;

	if (!ctx || !buffer)
		goto error;
	io = avio_alloc_context(buffer, READ_SIZE, 0, r, run_read, NULL, NULL);
	if (!io)
		goto error;
	ctx->pb = io;
	/* Packets as they were stored: nothing in them needs a look by a parser. */
	ctx->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
	if (avformat_open_input(&ctx, NULL, av_find_input_format("mp4"), NULL) < 0) {
		/* It has freed ctx, but not what is ours. */
		av_freep(&io->buffer);
		avio_context_free(&io);
		return NULL;
	}
	return ctx;
error:
	av_free(buffer);
	avformat_free_context(ctx);
	return NULL;
}

static bool is_ts(const struct run *r)
{
	return r->segments[0].entry.container == MEDIA_CONTAINER_MPEGTS;
}

/* The run that begins with segment i. */
static struct run run_at(const struct vod_files *v, size_t i, const char *dir)
{
	const struct vod_segment *s = &v->segments[i];
	struct run r = {.dir = dir, .segments = s, .n = 1, .fd = -1};

	while (i + r.n < v->n && !s[r.n].jump && s[r.n].entry.init == s[0].entry.init)
		r.n++;
	r.end = is_ts(&r) ? 0 : r.n;
	return r;
}

static bool same_config(const AVCodecParameters *a, const AVCodecParameters *b)
{
	return a->codec_id == b->codec_id && a->width == b->width && a->height == b->height &&
		a->sample_rate == b->sample_rate && a->extradata_size == b->extradata_size &&
		(a->extradata_size == 0 ||
			memcmp(a->extradata, b->extradata, (size_t)a->extradata_size) == 0);
}

static bool changes_in_place(const AVCodecParameters *a, const AVCodecParameters *b)
{
	return a->codec_id == AV_CODEC_ID_H264 && b->codec_id == AV_CODEC_ID_H264;
}

/* The output track for a codec configuration; -1: there is none yet. */
static int find_track(const struct output *o, const AVCodecParameters *par)
{
	for (unsigned i = 0; i < o->ctx->nb_streams; i++) {
		const AVCodecParameters *have = o->ctx->streams[i]->codecpar;
		if (changes_in_place(have, par) || same_config(have, par))
			return (int)i;
	}
	return -1;
}

/* The demuxer does not tell how long an audio packet is, and the muxer wants to know. */
static void set_frame_size(AVCodecParameters *par)
{
	struct codec_info c;

	if (par->codec_id != AV_CODEC_ID_AAC ||
		!codec_info_init(&c, MEDIA_CODEC_AAC, par->extradata, (size_t)par->extradata_size))
		return;
	par->frame_size = (int)c.frame_samples;
	codec_info_finish(&c);
}

/* Parameter sets of HEVC stay in the sample entry; other codecs have one name only. */
static void keep_tag(AVCodecParameters *par)
{
	par->codec_tag = par->codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
}

static bool is_vp9(const AVFormatContext *in)
{
	for (unsigned i = 0; i < in->nb_streams; i++) {
		if (in->streams[i]->codecpar->codec_id == AV_CODEC_ID_VP9)
			return true;
	}
	return false;
}

static bool add_tracks(struct output *o, AVFormatContext *in)
{
	/* The muxer makes VP9's sample entry out of the pixel format, which only a frame tells. */
	if (is_vp9(in) && avformat_find_stream_info(in, NULL) < 0)
		return false;
	for (unsigned i = 0; i < in->nb_streams; i++) {
		const AVCodecParameters *par = in->streams[i]->codecpar;
		AVStream *track;
		int found = find_track(o, par);
		if (found >= 0) {
			o->mixed |= !same_config(o->ctx->streams[found]->codecpar, par);
			continue;
		}
		track = avformat_new_stream(o->ctx, NULL);
		if (!track || track->index >= TRACKS_MAX ||
			avcodec_parameters_copy(track->codecpar, par) < 0 ||
			!compat_copy_side_data(track, in->streams[i]))
			return false;
		keep_tag(track->codecpar);
		set_frame_size(track->codecpar);
		track->time_base = in->streams[i]->time_base;
	}
	return true;
}

/* All tracks must be there before the header: looks at the init segment of each run. */
static bool collect_tracks(struct output *o, const struct vod_files *v, const char *dir)
{
	for (size_t i = 0; i < v->n;) {
		struct run r = run_at(v, i, dir);
		bool seen = i > 0 && v->segments[i].entry.init == v->segments[i - 1].entry.init;
		i += r.n;
		if (seen)
			continue;
		AVFormatContext *in = input_open(&r);
		bool ok = in && add_tracks(o, in);
		input_close(&in);
		if (r.fd >= 0)
			close(r.fd);
		if (!ok)
			return false;
	}
	return o->ctx->nb_streams > 0;
}

/* avcC (ISO/IEC 14496-15 5.3.3.1): its parameter sets, each behind a 4-byte length. */
static void avcc_to_sets(const AVCodecParameters *par, struct buf *out)
{
	struct buf_reader r = buf_reader(par->extradata, (size_t)par->extradata_size);

	buf_skip(&r, 5);
	for (int group = 0; group < 2 && !r.failed; group++) {
		unsigned n = buf_read_u8(&r) & (group == 0 ? 31 : 255);
		for (; n > 0; n--) {
			size_t len = buf_read_u16(&r);
			const uint8_t *set = buf_read_bytes(&r, len);
			if (!set)
				return;
			buf_put_u32(out, (uint32_t)len);
			buf_put(out, set, len);
		}
	}
}

static bool prepend(AVPacket *packet, const struct buf *sets)
{
	int old = packet->size;

	if (av_grow_packet(packet, (int)sets->len) < 0)
		return false;
	memmove(packet->data + sets->len, packet->data, (size_t)old);
	memcpy(packet->data, sets->data, sets->len);
	return true;
}

/* What one run needs to move its packets into the output. */
struct mapping {
	int track[8];
	struct buf sets[8]; /* in front of keyframes; empty: nothing */
	int64_t shift_us;
};

static bool mapping_init(
	struct mapping *m, const struct output *o, const AVFormatContext *in, const struct run *r)
{
	*m = (struct mapping){0};
	m->shift_us = (int64_t)r->segments[0].offset_us - (int64_t)r->segments[0].entry.start_us;
	if (in->nb_streams > 8)
		return false;
	for (unsigned i = 0; i < in->nb_streams; i++) {
		const AVCodecParameters *par = in->streams[i]->codecpar;
		m->track[i] = find_track(o, par);
		if (m->track[i] < 0)
			return false;
		/* Also where the first configuration comes back. */
		if (par->codec_id == AV_CODEC_ID_H264 && o->mixed)
			avcc_to_sets(par, &m->sets[i]);
	}
	return true;
}

static void mapping_finish(struct mapping *m)
{
	for (size_t i = 0; i < 8; i++)
		buf_finish(&m->sets[i]);
}

/* The demuxer does not tell how long packets are. Only for a track's last one it matters: without
 * it the file would end where that one begins. */
static void set_duration(struct output *o, AVPacket *packet)
{
	int64_t *last = &o->last_dts[packet->stream_index], *step = &o->step[packet->stream_index];

	if (packet->dts > *last)
		*step = packet->dts - *last;
	*last = packet->dts;
	if (packet->duration <= 0)
		packet->duration = *step;
}

static bool write_packet(
	struct output *o, const struct mapping *m, AVRational time_base, AVPacket *packet)
{
	const struct buf *sets = &m->sets[packet->stream_index];
	const AVStream *to = o->ctx->streams[m->track[packet->stream_index]];
	int64_t shift = av_rescale_q(m->shift_us, AV_TIME_BASE_Q, time_base);
	int error;

	if (sets->len && (packet->flags & AV_PKT_FLAG_KEY) && !prepend(packet, sets))
		return false;
	packet->pts += shift;
	packet->dts += shift;
	av_packet_rescale_ts(packet, time_base, to->time_base);
	packet->stream_index = to->index;
	set_duration(o, packet);
	packet->pos = -1;
	error = av_interleaved_write_frame(o->ctx, packet);
	o->failed = error < 0;
	return error >= 0;
}

static bool copy_run(struct output *o, struct run *r)
{
	AVFormatContext *in = input_open(r);
	AVPacket *packet = av_packet_alloc();
	struct mapping m = {0};
	bool ok = in && packet && mapping_init(&m, o, in, r);

	while (ok && av_read_frame(in, packet) >= 0) {
		ok = write_packet(o, &m, in->streams[packet->stream_index]->time_base, packet);
		av_packet_unref(packet);
	}
	mapping_finish(&m);
	av_packet_free(&packet);
	input_close(&in);
	if (r->fd >= 0)
		close(r->fd);
	return ok;
}

/* A run in MPEG-TS. */
struct ts_run {
	struct output *o;
	struct mapping mapping;
	unsigned n_tracks;
	struct ts_payload payloads[TS_TRACKS];
	struct ts_reader reader;
	int64_t near; /* the newest time, all 64 bits of it */
	AVPacket *packet;
	struct buf sample;
};

static enum media_codec ts_codec(enum AVCodecID id)
{
	static const struct {
		enum AVCodecID id;
		enum media_codec codec;
	} codecs[] = {
		{AV_CODEC_ID_H264, MEDIA_CODEC_H264},
		{AV_CODEC_ID_HEVC, MEDIA_CODEC_HEVC},
		{AV_CODEC_ID_AAC, MEDIA_CODEC_AAC},
		{AV_CODEC_ID_MP3, MEDIA_CODEC_MP3},
		{AV_CODEC_ID_OPUS, MEDIA_CODEC_OPUS},
		{AV_CODEC_ID_AC3, MEDIA_CODEC_AC3},
		{AV_CODEC_ID_EAC3, MEDIA_CODEC_EAC3},
	};

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		if (codecs[i].id == id)
			return codecs[i].codec;
	}
	return MEDIA_CODEC_NONE;
}

static bool ts_run_init(
	struct ts_run *t, struct output *o, const AVFormatContext *in, const struct run *r)
{
	*t = (struct ts_run){.o = o};
	t->packet = av_packet_alloc();
	t->near = av_rescale((int64_t)r->segments[0].entry.start_us, TS_CLOCK, 1000000) + TS_DELAY;
	if (!t->packet || in->nb_streams > TS_TRACKS || !mapping_init(&t->mapping, o, in, r))
		return false;
	for (; t->n_tracks < in->nb_streams; t->n_tracks++) {
		const AVCodecParameters *par = in->streams[t->n_tracks]->codecpar;
		if (!ts_payload_init(&t->payloads[t->n_tracks], ts_codec(par->codec_id),
			    par->extradata, (size_t)par->extradata_size))
			return false;
	}
	return true;
}

static void ts_run_finish(struct ts_run *t)
{
	for (unsigned i = 0; i < t->n_tracks; i++)
		ts_payload_finish(&t->payloads[i]);
	mapping_finish(&t->mapping);
	ts_reader_finish(&t->reader);
	av_packet_free(&t->packet);
	buf_finish(&t->sample);
}

/* A damaged frame is left out. False: it cannot be written. */
static bool copy_frame(struct ts_run *t, const struct ts_frame *f)
{
	AVPacket *p = t->packet;
	bool key, ok;

	buf_reset(&t->sample);
	if (f->track >= t->n_tracks ||
		!ts_payload_take(&t->payloads[f->track], f->data, f->len, &t->sample, &key) ||
		t->sample.len == 0)
		return true;
	if (av_new_packet(p, (int)t->sample.len) < 0)
		return false;
	memcpy(p->data, t->sample.data, t->sample.len);
	t->near = ts_unwrap(f->dts, t->near);
	p->dts = t->near - TS_DELAY;
	p->pts = ts_unwrap(f->pts, t->near) - TS_DELAY;
	p->stream_index = (int)f->track;
	p->flags = key ? AV_PKT_FLAG_KEY : 0;
	ok = write_packet(t->o, &t->mapping, (AVRational){1, TS_CLOCK}, p);
	av_packet_unref(p);
	return ok;
}

/* Whole packets; of what a file has beyond them nothing is known. */
static bool copy_ts_file(struct ts_run *t, FILE *file)
{
	uint8_t packet[TS_PACKET];
	struct ts_frame frame;

	while (fread(packet, sizeof(packet), 1, file) == 1) {
		if (ts_reader_put(&t->reader, packet, &frame) && !copy_frame(t, &frame))
			return false;
	}
	return !ferror(file);
}

static bool copy_ts_segments(struct ts_run *t, const struct run *r)
{
	struct ts_frame frame;
	bool ok = true;

	for (size_t i = 0; ok && i < r->n; i++) {
		char *path = journal_segment_path(r->dir, &r->segments[i].entry);
		FILE *file = fopen(path, "rbe");
		ok = file && copy_ts_file(t, file);
		if (file)
			fclose(file);
		free(path);
	}
	while (ok && ts_reader_end(&t->reader, &frame))
		ok = copy_frame(t, &frame);
	return ok;
}

static bool copy_ts_run(struct output *o, struct run *r)
{
	AVFormatContext *in = input_open(r);
	struct ts_run t = {0};
	bool ok = in && ts_run_init(&t, o, in, r) && copy_ts_segments(&t, r);

	ts_run_finish(&t);
	input_close(&in);
	if (r->fd >= 0)
		close(r->fd);
	return ok;
}

static bool copy_runs(struct output *o, const struct vod_files *v, const char *dir)
{
	for (size_t i = 0; i < v->n;) {
		struct run r = run_at(v, i, dir);
		if (!(is_ts(&r) ? copy_ts_run(o, &r) : copy_run(o, &r)))
			return false;
		i += r.n;
	}
	return true;
}

static void add_chapter(AVFormatContext *ctx, uint64_t start, uint64_t end, const char *title)
{
	AVChapter *c = av_mallocz(sizeof(*c));
	int count = (int)ctx->nb_chapters;

	if (!c)
		return;
	c->id = count + 1;
	c->time_base = (AVRational){1, 1000};
	c->start = (int64_t)start;
	c->end = (int64_t)end;
	av_dict_set(&c->metadata, "title", title, 0);
	av_dynarray_add(&ctx->chapters, &count, c);
	ctx->nb_chapters = (unsigned)count;
}

static void add_chapters(
	AVFormatContext *ctx, const struct vod_chapter *chapters, unsigned n, uint64_t duration_us)
{
	/* The first of a file is read as its beginning, whatever its time. */
	if (n && chapters[0].offset_ms)
		add_chapter(ctx, 0, chapters[0].offset_ms, "Start");
	for (unsigned i = 0; i < n; i++)
		add_chapter(ctx, chapters[i].offset_ms,
			i + 1 < n ? chapters[i + 1].offset_ms : duration_us / 1000,
			chapters[i].title);
}

static bool write_file(struct output *o, const struct vod_files *v, const char *dir,
	const char *path, const struct vod_chapter *chapters, unsigned n_chapters)
{
	AVDictionary *options = NULL;
	bool ok;

	if (!collect_tracks(o, v, dir))
		return false;
	add_chapters(o->ctx, chapters, n_chapters, v->duration_us);
	o->failed = avio_open(&o->ctx->pb, path, AVIO_FLAG_WRITE) < 0;
	if (o->failed)
		return false;
	av_dict_set(&options, "movflags", "+faststart", 0);
	/* FLAC in MP4 counts as an experiment in FFmpeg 5. */
	o->ctx->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
	ok = avformat_write_header(o->ctx, &options) >= 0;
	av_dict_free(&options);
	if (!ok)
		return false;
	ok = copy_runs(o, v, dir);
	/* Also after a failure: the trailer frees what the muxer holds. */
	if (av_write_trailer(o->ctx) < 0 || o->ctx->pb->error < 0) {
		o->failed = true;
		ok = false;
	}
	return ok;
}

static bool has_room(const char *dir, uint64_t bytes, uint64_t min_free)
{
	struct statvfs fs;

	return statvfs(dir, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes + min_free;
}

static enum recorder_result make_mp4(const struct vod_files *v, const char *dir,
	const struct vod_chapter *chapters, unsigned n_chapters)
{
	char *path = mem_printf("%s/recording.mp4", dir), *temporary = mem_printf("%s.tmp", path);
	struct output o = {0};
	bool ok = avformat_alloc_output_context2(&o.ctx, NULL, "mp4", temporary) >= 0 &&
		write_file(&o, v, dir, temporary, chapters, n_chapters);

	if (o.ctx && o.ctx->pb && avio_closep(&o.ctx->pb) < 0)
		ok = false;
	avformat_free_context(o.ctx);
	if (!ok || rename(temporary, path) < 0) {
		unlink(temporary);
		ok = false;
	}
	free(path);
	free(temporary);
	if (ok)
		return RECORDER_OK;
	return o.failed && !has_room(dir, 65536, 0) ? RECORDER_NO_SPACE : RECORDER_IO;
}

enum recorder_result vod_mp4(const char *dir, const struct vod_chapter *chapters,
	unsigned n_chapters, uint64_t min_free, struct vod_result *out)
{
	struct vod_files v;
	enum recorder_result result;

	*out = (struct vod_result){0};
	if (!vod_files_load(&v, dir, 0))
		return RECORDER_IO;
	if (v.n == 0)
		result = RECORDER_OK;
	else if (!has_room(dir, v.bytes, min_free))
		result = RECORDER_NO_SPACE;
	else
		result = make_mp4(&v, dir, chapters, n_chapters);
	out->duration_ms = v.duration_us / 1000;
	out->segments = (uint32_t)v.n;
	out->has_mp4 = result == RECORDER_OK && v.n > 0;
	out->bytes = vod_size(dir);
	vod_files_finish(&v);
	return result;
}
