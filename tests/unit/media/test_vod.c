#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "encoded.h"
#include "media/log.h"
#include "media/recorder.h"
#include "media/storyboard.h"
#include "media/vod.h"
#include "support/hls_check.h"
#include "support/test.h"

/* Recordings of real media, from samples to the files that are left: decoded to the last frame.
 * Built a second time with RIG_MPEGTS, for recordings in transport streams. */
#ifdef RIG_MPEGTS
#define CONTAINER MEDIA_CONTAINER_MPEGTS
#else
#define CONTAINER MEDIA_CONTAINER_CMAF
#endif

struct studio {
	struct media_window *window;
	struct media_engine *engine;
	struct recorder *recorder;
	char dir[64];
	uint32_t ms; /* where the encoder's clock is */
	struct encoded small, large, sound, other_sound;
};

static void on_update(void *user, struct media_window *window)
{
}

static void on_init(void *user, const struct media_init *init)
{
	struct studio *s = user;
	const struct recorder_init copy = {.rendition = init->rendition,
		.number = init->number,
		.data = rcbuf_data(init->bytes),
		.len = rcbuf_len(init->bytes),
		.description = *init->description};

	assert_int_equal(recorder_init_segment(s->recorder, &copy), RECORDER_OK);
}

static void on_segment(void *user, struct media_segment *segment)
{
	struct studio *s = user;
	struct rcbuf *pieces[64];
	struct recorder_segment r = {
		.sequence = segment->sequence,
		.start_us = segment->start_us,
		.duration_us = segment->duration_us,
		.wall_ms = segment->wall_ms,
		.container = segment->container,
		.init = segment->init,
		.discontinuity = segment->discontinuity,
		.independent = segment->independent,
		.keep = true,
		.pieces = pieces,
		.n_pieces = segment->n_parts,
	};

	assert_true(segment->n_parts <= 64);
	for (size_t i = 0; i < segment->n_parts; i++)
		pieces[i] = segment->parts[i].bytes;
	assert_int_equal(recorder_append(s->recorder, &r, 0), RECORDER_OK);
}

static void open_engine(struct studio *s, uint64_t first_time_us)
{
	const struct media_config config = {.part_target_us = 200000,
		.segment_target_us = 1000000,
		.max_jump_us = 3000000,
		.window = 6,
		.memory_segments = 2,
		.container = CONTAINER,
		.first_time_us = first_time_us};
	static const struct media_events events = {
		.updated = on_update, .init = on_init, .segment = on_segment};

	s->window = media_window_create(&config, &events, s);
	s->engine = media_engine_create(
		&config, &clock_system, s->window, &media_window_output, s->window);
}

static void studio_open(struct studio *s)
{

	*s = (struct studio){.dir = "/tmp/souk-vod-XXXXXX"};
	if (!encoded_video(&s->small, 320, 240, 100) || !encoded_video(&s->large, 640, 360, 75) ||
		!encoded_audio(&s->sound, 48000, 187) ||
		!encoded_audio(&s->other_sound, 44100, 172))
		skip(); /* a libavcodec without encoders */
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(recorder_open(s->dir, &s->recorder), RECORDER_OK);
	open_engine(s, 0);
}

static void studio_close(struct studio *s)
{
	media_engine_destroy(s->engine);
	media_window_destroy(s->window);
	recorder_close(s->recorder);
	vod_delete(s->dir);
	encoded_finish(&s->small);
	encoded_finish(&s->large);
	encoded_finish(&s->sound);
	encoded_finish(&s->other_sound);
}

static void configure(struct studio *s, const struct encoded *e)
{
	enum media_codec codec = e->kind == MEDIA_VIDEO ? MEDIA_CODEC_H264 : MEDIA_CODEC_AAC;

	assert_int_equal(
		media_engine_configure(s->engine, e->kind, 0, codec, e->config, e->config_len),
		MEDIA_OK);
}

static void send(struct studio *s, const struct encoded *e, const struct encoded_packet *p)
{
	struct media_sample sample = {
		.kind = e->kind,
		.key = p->key,
		.timestamp_ms = s->ms + (uint32_t)(p->dts_us / 1000),
		.composition_ms = (int32_t)((p->pts_us - p->dts_us) / 1000),
		.data = p->data,
		.len = p->len,
	};

	assert_int_equal(media_engine_write(s->engine, &sample), MEDIA_OK);
}

/* Both, interleaved by decode time, as long as the picture lasts. */
static void publish(struct studio *s, const struct encoded *video, const struct encoded *audio)
{
	size_t v = 0, a = 0, sounds = audio->n;

	configure(s, video);
	configure(s, audio);
	while (sounds > 0 && audio->packets[sounds - 1].dts_us >= (int64_t)video->n * 40000)
		sounds--;
	while (v < video->n || a < sounds) {
		bool is_video = a == sounds ||
			(v < video->n && video->packets[v].dts_us <= audio->packets[a].dts_us);
		if (is_video)
			send(s, video, &video->packets[v++]);
		else
			send(s, audio, &audio->packets[a++]);
	}
	s->ms += (uint32_t)(video->n * 40);
}

static void finish(struct studio *s, const struct vod_chapter *chapters, unsigned n)
{
	struct vod_result vod;

	media_engine_end(s->engine);
	recorder_close(s->recorder);
	s->recorder = NULL;
	assert_int_equal(vod_playlist(s->dir, &vod), RECORDER_OK);
	assert_int_equal(vod_mp4(s->dir, chapters, n, 0, &vod), RECORDER_OK);
	assert_true(vod.has_mp4);
}

/* What a player finds in recording.mp4. */
struct view {
	size_t packets[4], frames[4]; /* by track */
	int widths[400]; /* of the video's frames */
	size_t tracks, chapters;
	double duration, longest_gap; /* seconds; between video frames */
	char titles[4][32];
	double starts[4];
};

static void take_frames(struct view *v, AVCodecContext *ctx, AVFrame *frame, int track)
{
	while (avcodec_receive_frame(ctx, frame) >= 0) {
		assert_false(frame->flags & AV_FRAME_FLAG_CORRUPT);
		assert_int_equal(frame->decode_error_flags, 0);
		if (frame->width && v->frames[track] < 400)
			v->widths[v->frames[track]] = frame->width;
		v->frames[track]++;
		av_frame_unref(frame);
	}
}

static AVCodecContext *open_decoder(const AVStream *stream)
{
	const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
	AVCodecContext *ctx = avcodec_alloc_context3(codec);

	assert_non_null(codec);
	assert_true(avcodec_parameters_to_context(ctx, stream->codecpar) >= 0);
	ctx->err_recognition = AV_EF_EXPLODE;
	ctx->thread_count = 1;
	assert_int_equal(avcodec_open2(ctx, codec, NULL), 0);
	return ctx;
}

static void view_packets(struct view *v, AVFormatContext *file)
{
	AVCodecContext *decoders[4] = {0};
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	double last[4] = {-1, -1, -1, -1};

	for (unsigned i = 0; i < v->tracks; i++)
		decoders[i] = open_decoder(file->streams[i]);
	for (; av_read_frame(file, packet) >= 0; av_packet_unref(packet)) {
		int k = packet->stream_index;
		const AVStream *stream = file->streams[k];
		double dts = (double)packet->dts * av_q2d(stream->time_base);
		if (last[k] >= 0) {
			assert_true(dts > last[k]);
			if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
				dts - last[k] > v->longest_gap)
				v->longest_gap = dts - last[k];
		}
		last[k] = dts;
		v->packets[k]++;
		assert_int_equal(avcodec_send_packet(decoders[k], packet), 0);
		take_frames(v, decoders[k], frame, k);
	}
	for (unsigned i = 0; i < v->tracks; i++) {
		avcodec_send_packet(decoders[i], NULL);
		take_frames(v, decoders[i], frame, (int)i);
		avcodec_free_context(&decoders[i]);
	}
	av_frame_free(&frame);
	av_packet_free(&packet);
}

static void view_chapters(struct view *v, const AVFormatContext *file)
{
	v->chapters = file->nb_chapters;
	for (unsigned i = 0; i < v->chapters && i < 4; i++) {
		const AVChapter *c = file->chapters[i];
		const AVDictionaryEntry *title = av_dict_get(c->metadata, "title", NULL, 0);
		snprintf(v->titles[i], sizeof(v->titles[i]), "%s", title ? title->value : "");
		v->starts[i] = (double)c->start * av_q2d(c->time_base);
	}
}

/* Seconds. What the file says of the whole, FFmpeg 7 does not tell before it has looked at packets.
 */
static double longest_track(const AVFormatContext *file)
{
	double longest = 0;

	for (unsigned i = 0; i < file->nb_streams; i++) {
		const AVStream *s = file->streams[i];
		double length = (double)s->duration * av_q2d(s->time_base);
		longest = length > longest ? length : longest;
	}
	return longest;
}

static void view(struct view *v, const struct studio *s)
{
	char *path = mem_printf("%s/recording.mp4", s->dir);
	AVFormatContext *file = NULL;

	*v = (struct view){0};
	media_log_setup();
	assert_int_equal(avformat_open_input(&file, path, NULL, NULL), 0);
	/* A text track of chapters is none of the media's. */
	for (unsigned i = 0; i < file->nb_streams; i++) {
		enum AVMediaType type = file->streams[i]->codecpar->codec_type;
		if (type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO)
			v->tracks++;
		else
			file->streams[i]->discard = AVDISCARD_ALL;
	}
	assert_true(v->tracks <= 4);
	v->duration = longest_track(file);
	view_chapters(v, file);
	view_packets(v, file);
	avformat_close_input(&file);
	free(path);
}

static char *read_text(const struct studio *s, const char *name, size_t *len)
{
	char *path = mem_printf("%s/%s", s->dir, name), *text;
	FILE *file = fopen(path, "r");
	size_t size = 4 << 20;

	assert_non_null(file);
	text = mem_zalloc(size);
	*len = fread(text, 1, size - 1, file);
	fclose(file);
	free(path);
	return text;
}

static void check_playlist(const struct studio *s, size_t discontinuities)
{
	struct hls_playlist p;
	struct buf faults = {0};
	size_t len, n = 0;
	char *text = read_text(s, "index.m3u8", &len);

	hls_playlist_parse(&p, text, &faults);
	hls_check_vod(&p, &faults);
	if (faults.len)
		fail_msg("%s", buf_text(&faults));
	for (size_t i = 0; i < p.n; i++)
		n += p.segments[i].discontinuity;
	assert_int_equal(n, discontinuities);
	hls_playlist_finish(&p);
	buf_finish(&faults);
	free(text);
}

static void a_stream_comes_out_to_the_last_frame(void **state)
{
	struct studio s;
	struct view v;
	size_t len;
	char *bytes;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	finish(&s, NULL, 0);
	check_playlist(&s, 0);
	view(&v, &s);
	assert_int_equal(v.tracks, 2);
	assert_int_equal(v.packets[0], 100);
	assert_int_equal(v.frames[0], 100);
	assert_int_equal(v.packets[1], 187);
	assert_int_equal(v.frames[1], 187);
	assert_true(v.duration > 3.9 && v.duration < 4.2);
	/* The index comes before the media: a player need not fetch the end first. */
	bytes = read_text(&s, "recording.mp4", &len);
	assert_true((char *)memmem(bytes, len, "moov", 4) < (char *)memmem(bytes, len, "mdat", 4));
	free(bytes);
	studio_close(&s);
}

static void interruptions_leave_no_gap(void **state)
{
	struct studio s;
	struct view v;

	studio_open(&s);
	for (int i = 0; i < 3; i++) {
		s.ms = (uint32_t)i * 1234567;
		publish(&s, &s.small, &s.sound);
		media_engine_interrupt(s.engine);
	}
	finish(&s, NULL, 0);
	check_playlist(&s, 2);
	view(&v, &s);
	assert_int_equal(v.frames[0], 300);
	assert_int_equal(v.frames[1], 561);
	assert_true(v.longest_gap < 0.11);
	assert_true(v.duration > 11.9 && v.duration < 12.4);
	studio_close(&s);
}

static void another_picture_is_decoded_too(void **state)
{
	struct studio s;
	struct view v;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	publish(&s, &s.large, &s.sound);
	publish(&s, &s.small, &s.sound);
	finish(&s, NULL, 0);
	check_playlist(&s, 2);
	view(&v, &s);
	assert_int_equal(v.tracks, 2);
	assert_int_equal(v.frames[0], 275);
	assert_int_equal(v.widths[0], 320);
	assert_int_equal(v.widths[99], 320);
	assert_int_equal(v.widths[100], 640);
	assert_int_equal(v.widths[174], 640);
	assert_int_equal(v.widths[175], 320);
	studio_close(&s);
}

static void another_sound_has_a_track_of_its_own(void **state)
{
	struct studio s;
	struct view v;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	publish(&s, &s.small, &s.other_sound);
	finish(&s, NULL, 0);
	check_playlist(&s, 1);
	view(&v, &s);
	assert_int_equal(v.tracks, 3);
	assert_int_equal(v.frames[0], 200);
	assert_int_equal(v.packets[1], 187);
	assert_int_equal(v.packets[2], 172);
	studio_close(&s);
}

static void a_hole_is_closed(void **state)
{
	struct studio s;
	struct view v;
	struct vod_result vod;
	char *path;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	media_engine_end(s.engine);
	recorder_close(s.recorder);
	s.recorder = NULL;
	path = mem_printf("%s/seg_0_1.%s", s.dir, media_container_suffix(CONTAINER));
	assert_int_equal(unlink(path), 0);
	free(path);
	assert_int_equal(vod_playlist(s.dir, &vod), RECORDER_OK);
	assert_int_equal(vod.segments, 3);
	assert_int_equal(vod_mp4(s.dir, NULL, 0, 0, &vod), RECORDER_OK);
	check_playlist(&s, 1);
	view(&v, &s);
	assert_int_equal(v.frames[0], 75);
	assert_true(v.longest_gap < 0.11);
	assert_true(v.duration > 2.9 && v.duration < 3.2);
	studio_close(&s);
}

/* Longer than a transport stream's clock counts before it begins anew. */
static void a_day_and_more(void **state)
{
	struct studio s;
	struct view v;

	studio_open(&s);
	media_engine_destroy(s.engine);
	media_window_destroy(s.window);
	open_engine(&s, UINT64_C(95443) * 1000000);
	for (int i = 0; i < 2; i++)
		publish(&s, &s.small, &s.sound);
	finish(&s, NULL, 0);
	view(&v, &s);
	assert_int_equal(v.frames[0], 200);
	assert_int_equal(v.frames[1], 374);
	assert_true(v.longest_gap < 0.11);
	assert_true(v.duration > 7.9 && v.duration < 8.2);
	studio_close(&s);
}

static void its_pictures(void **state)
{
	struct studio s;
	struct storyboard *board;
	atomic_bool stop = false;
	bool more = true;
	size_t len;
	char *text;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	finish(&s, NULL, 0);
	assert_int_equal(vod_poster(s.dir, 160, 320 * 240 - 1), PICTURE_TOO_LARGE);
	assert_int_equal(vod_poster(s.dir, 160, 320 * 240), PICTURE_OK);
	free(read_text(&s, "poster.jpg", &len));
	assert_true(len > 500);
	assert_int_equal(storyboard_open(s.dir, 320 * 240, &stop, &board), PICTURE_OK);
	while (more)
		assert_int_equal(storyboard_step(board, &more), PICTURE_OK);
	storyboard_close(&board);
	text = read_text(&s, STORYBOARD_INDEX, &len);
	assert_non_null(strstr(text, "storyboard_0.jpg#xywh=0,0,"));
	free(text);
	studio_close(&s);
}

/* Readers take a file's first chapter for its beginning. */
static void what_is_before_the_first_chapter_is_one(void **state)
{
	static const struct vod_chapter chapters[] = {{1500, "A lamp"}};
	struct studio s;
	struct view v;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	finish(&s, chapters, 1);
	view(&v, &s);
	assert_int_equal(v.chapters, 2);
	assert_string_equal(v.titles[0], "Start");
	assert_string_equal(v.titles[1], "A lamp");
	assert_true(v.starts[0] < 0.002 && v.starts[1] > 1.498 && v.starts[1] < 1.502);
	studio_close(&s);
}

static void chapters_are_named(void **state)
{
	static const struct vod_chapter chapters[] = {
		{0, "Welcome"}, {1500, "A \"lamp\""}, {2750, "Ende \xe2\x82\xac"}};
	struct studio s;
	struct view v;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	finish(&s, chapters, 3);
	view(&v, &s);
	assert_int_equal(v.chapters, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(v.titles[i], chapters[i].title);
		assert_true(v.starts[i] * 1000 > (double)chapters[i].offset_ms - 2 &&
			v.starts[i] * 1000 < (double)chapters[i].offset_ms + 2);
	}
	assert_int_equal(v.frames[0], 100);
	studio_close(&s);
}

static void no_room_leaves_no_file(void **state)
{
	struct studio s;
	struct vod_result vod;
	char *path;

	studio_open(&s);
	publish(&s, &s.small, &s.sound);
	finish(&s, NULL, 0);
	path = mem_printf("%s/recording.mp4", s.dir);
	unlink(path);
	assert_int_equal(vod_mp4(s.dir, NULL, 0, UINT64_MAX / 2, &vod), RECORDER_NO_SPACE);
	assert_false(vod.has_mp4);
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
	studio_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_comes_out_to_the_last_frame),
		cmocka_unit_test(interruptions_leave_no_gap),
		cmocka_unit_test(another_picture_is_decoded_too),
		cmocka_unit_test(another_sound_has_a_track_of_its_own),
		cmocka_unit_test(a_hole_is_closed),
		cmocka_unit_test(a_day_and_more),
		cmocka_unit_test(its_pictures),
		cmocka_unit_test(chapters_are_named),
		cmocka_unit_test(what_is_before_the_first_chapter_is_one),
		cmocka_unit_test(no_room_leaves_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
