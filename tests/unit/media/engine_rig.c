#include "engine_rig.h"

#include <inttypes.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/h264_make.h"

#define START_WALL_US 1700000000000000
#define VIDEO_HEADER 9 /* length, NAL header, number */
#define AUDIO_HEADER 4

static void rig_updated(void *user, struct media_window *window)
{
	struct rig *r = user;

	r->updates++;
	if (media_window_memory(window) > r->peak_memory)
		r->peak_memory = media_window_memory(window);
	if (media_window_playable(window) && !r->unwatched)
		rig_playlist(r);
}

static void rig_init_segment(void *user, const struct media_init *init)
{
	struct rig *r = user;

	assert_int_equal(init->number, r->n_inits);
	r->inits = mem_realloc(r->inits, (r->n_inits + 1) * sizeof(*r->inits));
	r->inits[r->n_inits++] = rcbuf_ref(init->bytes);
}

static struct rcbuf *joined(const struct media_segment *s)
{
	struct rcbuf *all = rcbuf_create(s->bytes);
	size_t n = 0;

	for (size_t i = 0; i < s->n_parts; i++) {
		memcpy(rcbuf_writable(all) + n, rcbuf_data(s->parts[i].bytes), s->parts[i].len);
		n += s->parts[i].len;
	}
	assert_int_equal(n, s->bytes);
	return all;
}

static void rig_segment_done(void *user, struct media_segment *s)
{
	struct rig *r = user;
	char path[64];

	if (r->n_segments > 0) {
		const struct rig_segment *last = &r->segments[r->n_segments - 1];
		assert_int_equal(s->sequence, last->sequence + 1);
		assert_int_equal(s->start_us, last->start_us + last->duration_us);
	}
	assert_true(s->n_parts > 0);
	r->segments = mem_realloc(r->segments, (r->n_segments + 1) * sizeof(*r->segments));
	r->segments[r->n_segments++] = (struct rig_segment){
		.sequence = s->sequence,
		.start_us = s->start_us,
		.duration_us = s->duration_us,
		.wall_ms = s->wall_ms,
		.init = s->init,
		.discontinuity = s->discontinuity,
		.independent = s->independent,
		.hide_parts = s->hide_parts,
		.n_parts = s->n_parts,
		.bytes = joined(s),
	};
	snprintf(path, sizeof(path), "/nowhere/seg_0_%" PRIu64 ".m4s", s->sequence);
	if (!r->never_stored)
		media_segment_stored(s, path);
}

void rig_init(struct rig *r)
{
	rig_init_config(r, &(struct media_config){0});
}

void rig_init_config(struct rig *r, const struct media_config *config)
{
	rig_init_restored(r, config, NULL, NULL);
}

void rig_init_restored(struct rig *r, const struct media_config *config,
	const struct recording_index *index, const char *dir)
{
	static const struct media_events events = {
		.updated = rig_updated, .init = rig_init_segment, .segment = rig_segment_done};

	*r = (struct rig){.config = *config};
#ifdef RIG_MPEGTS
	r->config.container = MEDIA_CONTAINER_MPEGTS;
#endif
	r->config.part_target_us = config->part_target_us ? config->part_target_us : 200000;
	r->config.segment_target_us =
		config->segment_target_us ? config->segment_target_us : 2000000;
	r->config.max_jump_us = config->max_jump_us ? config->max_jump_us : 3000000;
	r->config.window = config->window ? config->window : 12;
	r->config.memory_segments = config->memory_segments ? config->memory_segments : 3;
	clock_manual_init(&r->clock, START_WALL_US);
	r->window = media_window_create(&r->config, &events, r);
	if (index)
		media_window_restore(r->window, index, dir);
	r->engine = media_engine_create(
		&r->config, &r->clock.clock, r->window, &media_window_output, r->window);
}

void rig_finish(struct rig *r)
{
	media_engine_destroy(r->engine);
	media_window_destroy(r->window);
	for (size_t i = 0; i < r->n_segments; i++)
		rcbuf_unref(&r->segments[i].bytes);
	for (size_t i = 0; i < r->n_inits; i++)
		rcbuf_unref(&r->inits[i]);
	free(r->segments);
	free(r->inits);
	free(r->sent);
	hls_playlist_finish(&r->last);
	buf_finish(&r->faults);
}

void rig_configure_video(struct rig *r, unsigned width, unsigned height)
{
	uint8_t config[256];
	size_t n = h264_make_config(config, sizeof(config), width, height);

	assert_int_equal(
		media_engine_configure(r->engine, MEDIA_VIDEO, 0, MEDIA_CODEC_H264, config, n),
		MEDIA_OK);
}

void rig_configure_audio(struct rig *r, unsigned rate)
{
	const uint8_t config[2][2] = {{0x12, 0x10}, {0x11, 0x90}};

	assert_int_equal(media_engine_configure(r->engine, MEDIA_AUDIO, 0, MEDIA_CODEC_AAC,
				 config[rate == 48000], 2),
		MEDIA_OK);
}

static void put_u32(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* No byte is 0: as in real NAL units, nothing may look like a start code. */
static void put_number(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (21 - 7 * i) | 0x80);
}

static uint32_t get_number(const uint8_t *in)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 7 | (in[i] & 0x7fu);
	return v;
}

/* The payload of a number: what the demuxer must give back. */
static void make_payload(uint8_t *out, const struct rig_sent *s, uint32_t number)
{
	size_t at = AUDIO_HEADER;

	if (s->kind == MEDIA_VIDEO) {
		put_u32(out, (uint32_t)s->len - 4);
		out[4] = s->key ? 0x65 : 0x41;
		put_number(out + 5, number);
		at = VIDEO_HEADER;
	} else {
		put_number(out, number);
	}
	for (; at < s->len; at++)
		out[at] = (uint8_t)(number * 31 + at * 7);
}

static enum media_result rig_send(struct rig *r, const struct rig_sent *s)
{
	uint8_t *payload = mem_alloc(s->len);
	struct media_sample sample = {
		.kind = s->kind,
		.key = s->kind == MEDIA_VIDEO && s->key,
		.timestamp_ms = s->timestamp_ms,
		.composition_ms = s->composition_ms,
		.data = payload,
		.len = s->len,
	};
	enum media_result result;

	if ((r->n_sent & (r->n_sent - 1)) == 0)
		r->sent = mem_realloc(r->sent, (r->n_sent ? r->n_sent * 2 : 1) * sizeof(*r->sent));
	r->sent[r->n_sent++] = *s;
	make_payload(payload, s, (uint32_t)r->n_sent - 1);
	result = media_engine_write(r->engine, &sample);
	free(payload);
	return result;
}

enum media_result rig_video(struct rig *r, uint32_t ms, int32_t composition_ms, bool key)
{
	return rig_send(r,
		&(struct rig_sent){
			.kind = MEDIA_VIDEO,
			.key = key,
			.session = r->session,
			.timestamp_ms = ms,
			.composition_ms = composition_ms,
			.len = VIDEO_HEADER + (key ? 900 : 200) + r->n_sent * 37 % 101,
		});
}

enum media_result rig_audio(struct rig *r, uint32_t ms)
{
	return rig_send(r,
		&(struct rig_sent){
			.kind = MEDIA_AUDIO,
			.key = true,
			.session = r->session,
			.timestamp_ms = ms,
			.len = AUDIO_HEADER + 100 + r->n_sent * 13 % 51,
		});
}

void rig_new_session(struct rig *r)
{
	r->session++;
}

void rig_interrupt(struct rig *r)
{
	media_engine_interrupt(r->engine);
	rig_new_session(r);
}

/* As OBS counts: nanoseconds a frame cut off, then milliseconds cut off. 30/s: 0, 33, … 1999. */
static uint32_t frame_ms(double fps, unsigned i)
{
	return (uint32_t)((uint64_t)(1e9 / fps) * i / 1000000);
}

/* I P B B P B B in decode order, one frame of delay. */
static int32_t frame_composition(const struct rig_play *p, unsigned i)
{
	unsigned frames = i == 0 ? 1 : i % 3 == 1 ? 3 : 0;

	if (!p->b_frames)
		return 0;
	return (int32_t)(frame_ms(p->fps, i + frames) - frame_ms(p->fps, i));
}

void rig_play(struct rig *r, const struct rig_play *p)
{
	uint64_t start_us = r->clock.wall;
	unsigned v = 0, a = 0;

	if (p->fps > 0)
		rig_configure_video(r, 640, 360);
	if (p->rate)
		rig_configure_audio(r, p->rate);
	for (;;) {
		double vt = p->fps > 0 ? v / p->fps : p->seconds;
		double at = p->rate ? a * 1024.0 / p->rate : p->seconds;
		double t = vt <= at ? vt : at;
		if (t >= p->seconds)
			break;
		clock_manual_advance(&r->clock, start_us + (uint64_t)(t * 1e6) - r->clock.wall);
		if (vt <= at) {
			if (vt >= p->video_from)
				assert_int_equal(rig_video(r, p->start_ms + frame_ms(p->fps, v),
							 frame_composition(p, v), v % p->gop == 0),
					MEDIA_OK);
			v++;
		} else {
			if (at >= p->audio_from)
				assert_int_equal(rig_audio(r, p->start_ms + (uint32_t)(at * 1000)),
					MEDIA_OK);
			a++;
		}
	}
}

static bool get_text(struct rig *r, bool skip, struct buf *out)
{
	struct media_playlist_query query = {.skip = skip};

	return media_window_playlist(r->window, 0, &query, out) == MEDIA_FOUND;
}

static void check_delta(struct rig *r, const struct hls_playlist *full)
{
	struct hls_playlist delta;
	struct buf text = {0};

	assert_true(get_text(r, true, &text));
	hls_playlist_parse(&delta, buf_text(&text), &r->faults);
	hls_check_live(&delta, &r->faults);
	hls_check_delta(full, &delta, &r->faults);
	hls_playlist_finish(&delta);
	buf_finish(&text);
}

static void check_multivariant(struct rig *r)
{
	struct buf text = {0};

	assert_int_equal(media_window_multivariant(r->window, NULL, &text), MEDIA_FOUND);
	hls_check_multivariant(buf_text(&text), &r->faults);
	if ((strstr(buf_text(&text), "INDEPENDENT-SEGMENTS") != NULL) != r->last.independent)
		buf_put_str(&r->faults, "INDEPENDENT-SEGMENTS in one playlist only\n");
	buf_finish(&text);
}

const struct hls_playlist *rig_playlist(struct rig *r)
{
	struct hls_playlist now;
	struct buf text = {0};

	assert_true(get_text(r, false, &text));
	hls_playlist_parse(&now, buf_text(&text), &r->faults);
	hls_check_live(&now, &r->faults);
	if (r->last.text)
		hls_check_change(&r->last, &now, &r->faults);
	check_delta(r, &now);
	hls_playlist_finish(&r->last);
	r->last = now;
	check_multivariant(r);
	if (r->faults.len > 0 && r->faults.len < 2000)
		buf_printf(&r->faults, "in:\n%s", now.text);
	buf_finish(&text);
	rig_assert_no_faults(r);
	return &r->last;
}

void rig_assert_no_faults(struct rig *r)
{
	if (r->faults.len > 0)
		fail_msg("%s", buf_text(&r->faults));
}

/* Bytes of an init segment and a segment behind it, for libavformat to read. */
struct source {
	const struct rcbuf *pieces[2];
	size_t piece, pos;
};

static int source_read(void *user, uint8_t *data, int size)
{
	struct source *s = user;

	while (s->piece < 2 && s->pos == rcbuf_len(s->pieces[s->piece])) {
		s->piece++;
		s->pos = 0;
	}
	if (s->piece == 2)
		return AVERROR_EOF;
	size_t left = rcbuf_len(s->pieces[s->piece]) - s->pos;
	size_t n = left < (size_t)size ? left : (size_t)size;
	memcpy(data, rcbuf_data(s->pieces[s->piece]) + s->pos, n);
	s->pos += n;
	return (int)n;
}

/* What is known of the packets seen so far. */
struct comparison {
	struct rig *rig;
	int64_t last_dts_us[2];
	uint32_t next[2]; /* a track's numbers grow */
	int64_t low[64], high[64]; /* pts minus the encoder's clock, by session */
	bool has_session[64];
	uint32_t first_ms[64];
	uint8_t counters[8192]; /* MPEG-TS, by PID: the next one, with 0x80 */
};

static uint32_t packet_number(const AVPacket *p, enum media_kind kind)
{
	size_t header = kind == MEDIA_VIDEO ? VIDEO_HEADER : AUDIO_HEADER;

	assert_true((size_t)p->size >= header);
	return get_number(p->data + header - 4);
}

static void compare_clock(struct comparison *c, const struct rig_sent *s, int64_t pts_us)
{
	unsigned k = s->session;
	int64_t own, delta;

	assert_true(k < 64);
	if (!c->has_session[k]) {
		c->first_ms[k] = s->timestamp_ms;
		c->low[k] = INT64_MAX;
		c->high[k] = INT64_MIN;
	}
	c->has_session[k] = true;
	own = ((int64_t)(int32_t)(s->timestamp_ms - c->first_ms[k]) + s->composition_ms) * 1000;
	delta = pts_us - own;
	if (delta < c->low[k])
		c->low[k] = delta;
	if (delta > c->high[k])
		c->high[k] = delta;
}

static void compare_packet(struct comparison *c, const AVStream *stream, const AVPacket *p,
	const struct rig_segment *segment)
{
	const AVRational us = {1, 1000000};
	enum media_kind kind =
		stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO ? MEDIA_VIDEO : MEDIA_AUDIO;
	int64_t dts = av_rescale_q(p->dts, stream->time_base, us);
	int64_t pts = av_rescale_q(p->pts, stream->time_base, us);
	uint32_t number = packet_number(p, kind);
	struct rig_sent *s;
	uint8_t *expected;

	assert_true(number < c->rig->n_sent);
	s = &c->rig->sent[number];
	assert_int_equal(s->kind, kind);
	assert_false(s->seen);
	s->seen = true;
	assert_true(number >= c->next[kind]);
	c->next[kind] = number + 1;
	assert_int_equal(p->size, s->len);
	expected = mem_alloc(s->len);
	make_payload(expected, s, number);
	assert_memory_equal(p->data, expected, s->len);
	free(expected);
	assert_int_equal(!!(p->flags & AV_PKT_FLAG_KEY), s->key);
	assert_true(dts > c->last_dts_us[kind]);
	assert_true(pts >= dts);
	c->last_dts_us[kind] = dts;
	/* The other track may come late in the interleaving; after a discontinuity both may, by
	 * what the longer one of them reached beyond it. */
	if (kind == MEDIA_VIDEO)
		assert_true(dts + c->rig->late_us + (segment->discontinuity ? 40000 : 1000) >=
			(int64_t)segment->start_us);
	assert_true(dts <= (int64_t)(segment->start_us + segment->duration_us) + 25);
	compare_clock(c, s, pts);
}

/* What MPEG-TS has around a sample goes; its time begins at 1.4 s. */
static void unwrap_ts(AVPacket *p, enum media_kind kind)
{
	static const uint8_t delimiter[] = {0, 0, 0, 1, 9, 0xf0}, sps[] = {0, 0, 0, 1, 0x67};
	uint8_t *end = p->data + p->size, *start = NULL;

	p->pts -= 126000;
	p->dts = (p->dts == AV_NOPTS_VALUE ? p->pts + 126000 : p->dts) - 126000;
	if (kind == MEDIA_AUDIO) {
		assert_memory_equal(p->data, "\xff\xf1", 2);
		assert_int_equal(
			(p->data[3] & 3) << 11 | p->data[4] << 3 | p->data[5] >> 5, p->size);
		p->data += 7;
		p->size -= 7;
		p->flags |= AV_PKT_FLAG_KEY;
		return;
	}
	assert_memory_equal(p->data, delimiter, sizeof(delimiter));
	p->flags = memmem(p->data, (size_t)p->size, sps, sizeof(sps)) ? AV_PKT_FLAG_KEY : 0;
	for (uint8_t *at = p->data; (at = memmem(at, (size_t)(end - at), sps, 4)); at += 4)
		start = at;
	assert_non_null(start);
	put_u32(start, (uint32_t)(end - start) - 4);
	p->data = start;
	p->size = (int)(end - start);
}

/* RFC 8216 3.2: PAT and PMT first; counters run on. The first packet of a PID may say that they
 * begin anew. */
static void check_ts(struct comparison *c, const struct rig_segment *s)
{
	const uint8_t *p = rcbuf_data(s->bytes), *end = p + rcbuf_len(s->bytes);

	assert_int_equal(rcbuf_len(s->bytes) % 188, 0);
	assert_int_equal((p[1] & 0x1f) << 8 | p[2], 0);
	assert_int_equal((p[189] & 0x1f) << 8 | p[190], 0x1000);
	if (s->discontinuity)
		memset(c->counters, 0, sizeof(c->counters));
	for (; p < end; p += 188) {
		unsigned pid = (p[1] & 0x1fu) << 8 | p[2], counter = p[3] & 15u;
		uint8_t *next = &c->counters[pid];
		assert_int_equal(p[0], 0x47);
		assert_int_equal(p[3] & 0x10, 0x10);
		assert_int_not_equal(pid, 0x11);
		if (*next & 0x80)
			assert_int_equal(*next & 15, counter);
		*next = (uint8_t)(0x80 | ((counter + 1) & 15));
	}
}

static void compare_segment(struct comparison *c, const struct rig_segment *s)
{
	bool ts = c->rig->config.container == MEDIA_CONTAINER_MPEGTS;
	struct source source = {.pieces = {c->rig->inits[s->init], s->bytes}, .piece = ts ? 1 : 0};
	AVFormatContext *ctx = avformat_alloc_context();
	AVPacket *packet = av_packet_alloc();
	AVIOContext *io;
	size_t n = 0;

	assert_true(s->init < c->rig->n_inits);
	io = avio_alloc_context(av_malloc(4096), 4096, 0, &source, source_read, NULL, NULL);
	ctx->pb = io;
	ctx->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
	if (ts)
		check_ts(c, s);
	assert_int_equal(
		avformat_open_input(&ctx, NULL, av_find_input_format(ts ? "mpegts" : "mp4"), NULL),
		0);
	for (; av_read_frame(ctx, packet) >= 0; n++) {
		if (ts)
			unwrap_ts(packet,
				ctx->streams[packet->stream_index]->codecpar->codec_type ==
						AVMEDIA_TYPE_VIDEO
					? MEDIA_VIDEO
					: MEDIA_AUDIO);
		compare_packet(c, ctx->streams[packet->stream_index], packet, s);
		if (n == 0 && s->independent)
			assert_true(packet->flags & AV_PKT_FLAG_KEY);
		av_packet_unref(packet);
	}
	assert_true(n > 0);
	avformat_close_input(&ctx);
	av_freep(&io->buffer);
	avio_context_free(&io);
	av_packet_free(&packet);
}

void rig_compare(struct rig *r, unsigned dropped, int64_t sync_us)
{
	struct comparison c = {.rig = r, .last_dts_us = {INT64_MIN, INT64_MIN}};
	struct media_stats stats;
	unsigned missing = 0;

	av_log_set_level(AV_LOG_QUIET);
	for (size_t i = 0; i < r->n_sent; i++)
		r->sent[i].seen = false;
	for (size_t i = 0; i < r->n_segments; i++)
		compare_segment(&c, &r->segments[i]);
	for (size_t i = 0; i < r->n_sent; i++)
		missing += !r->sent[i].seen;
	media_engine_stats(r->engine, &stats);
	assert_int_equal(missing, dropped);
	assert_int_equal(stats.dropped_samples, dropped);
	assert_int_equal(stats.video_samples + stats.audio_samples + dropped, r->n_sent);
	for (unsigned k = 0; k < 64; k++) {
		if (c.has_session[k])
			assert_in_range(c.high[k] - c.low[k], 0, sync_us);
	}
	rig_assert_no_faults(r);
}

void rig_verify(struct rig *r, unsigned dropped, int64_t sync_us)
{
	media_engine_end(r->engine);
	if (media_window_playable(r->window))
		assert_true(rig_playlist(r)->ended);
	rig_compare(r, dropped, sync_us);
}
