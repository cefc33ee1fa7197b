#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <string.h>

#include "base/mem.h"
#include "fragment.h"
#include "support/test.h"

/* libavformat's mov muxer beside ours: the same samples must give the same bytes. */
struct reference {
	AVFormatContext *ctx;
	AVPacket *packet;
};

static const uint8_t avcc[] = {1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1e, 1, 0,
	4, 0x68, 0xce, 0x3c, 0x80};

static void add_stream(
	struct reference *r, enum AVMediaType type, enum AVCodecID codec, int timescale)
{
	AVStream *s = avformat_new_stream(r->ctx, NULL);
	assert_non_null(s);
	s->codecpar->codec_type = type;
	s->codecpar->codec_id = codec;
	s->codecpar->width = s->codecpar->height = type == AVMEDIA_TYPE_VIDEO ? 64 : 0;
	s->codecpar->sample_rate = type == AVMEDIA_TYPE_AUDIO ? timescale : 0;
	s->codecpar->frame_size = type == AVMEDIA_TYPE_AUDIO ? 1024 : 0;
	s->codecpar->extradata = av_mallocz(sizeof(avcc) + AV_INPUT_BUFFER_PADDING_SIZE);
	memcpy(s->codecpar->extradata, avcc, sizeof(avcc));
	s->codecpar->extradata_size = type == AVMEDIA_TYPE_VIDEO ? sizeof(avcc) : 2;
	s->time_base = (AVRational){1, timescale};
}

static void reference_init(struct reference *r)
{
	AVDictionary *options = NULL;
	uint8_t *init;

	assert_true(avformat_alloc_output_context2(&r->ctx, NULL, "mp4", NULL) >= 0);
	add_stream(r, AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264, 90000);
	add_stream(r, AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, 48000);
	av_dict_set(&options, "movflags",
		"+frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer", 0);
	av_dict_set(&options, "use_editlist", "0", 0);
	av_dict_set(&options, "video_track_timescale", "90000", 0);
	r->ctx->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	r->ctx->flags |= AVFMT_FLAG_BITEXACT;
	assert_true(avio_open_dyn_buf(&r->ctx->pb) >= 0);
	assert_true(avformat_write_header(r->ctx, &options) >= 0);
	av_dict_free(&options);
	avio_close_dyn_buf(r->ctx->pb, &init);
	av_free(init);
	assert_true(avio_open_dyn_buf(&r->ctx->pb) >= 0);
	r->packet = av_packet_alloc();
}

static void reference_finish(struct reference *r)
{
	uint8_t *rest;

	av_write_trailer(r->ctx);
	avio_close_dyn_buf(r->ctx->pb, &rest);
	av_free(rest);
	av_packet_free(&r->packet);
	avformat_free_context(r->ctx);
}

struct sample {
	unsigned track;
	int64_t dts, pts, duration;
	bool sync;
	size_t len;
};

static void add(struct reference *r, struct fragment *f, const struct sample *s)
{
	uint8_t data[256];

	for (size_t i = 0; i < s->len; i++)
		data[i] = (uint8_t)(s->dts + (int64_t)i * 7);
	r->packet->data = data;
	r->packet->size = (int)s->len;
	r->packet->stream_index = (int)s->track;
	r->packet->dts = s->dts;
	r->packet->pts = s->pts;
	r->packet->duration = s->duration;
	r->packet->flags = s->sync ? AV_PKT_FLAG_KEY : 0;
	assert_true(av_write_frame(r->ctx, r->packet) >= 0);
	fragment_add(f, s->track, s->dts, s->pts, s->duration, s->sync, data, s->len);
}

/* All but the fragment's number, of which only the order counts. */
static void compare(struct reference *r, struct fragment *f)
{
	uint8_t *theirs;
	struct rcbuf *ours;

	assert_true(av_write_frame(r->ctx, NULL) >= 0);
	av_opt_set(r->ctx->priv_data, "movflags", "+frag_discont", 0);
	int len = avio_close_dyn_buf(r->ctx->pb, &theirs);
	assert_true(avio_open_dyn_buf(&r->ctx->pb) >= 0);
	ours = fragment_take(f);
	assert_non_null(ours);
	assert_int_equal(rcbuf_len(ours), len);
	memcpy(theirs + 20, rcbuf_data(ours) + 20, 4);
	assert_memory_equal(rcbuf_data(ours), theirs, len);
	av_free(theirs);
	rcbuf_unref(&ours);
}

static void start(struct reference *r, struct fragment *f)
{
	*f = (struct fragment){0};
	reference_init(r);
	fragment_add_track(f, true);
	fragment_add_track(f, false);
}

static void finish(struct reference *r, struct fragment *f)
{
	reference_finish(r);
	fragment_finish(f);
}

static void test_same_bytes_as_libavformat(void **state)
{
	struct reference r;
	struct fragment f;
	uint32_t seed = 1;
	int64_t video = 900000, audio = 480000;

	start(&r, &f);
	for (int part = 0; part < 60; part++) {
		for (int i = 0; i < 6; i++) {
			seed = seed * 1664525u + 1013904223u;
			int64_t step = part % 3 ? 3000 : 2970 + (i & 1) * 90;
			int64_t shown = part < 20 ? 0 : (int64_t)(seed >> 30) * 3000;
			add(&r, &f,
				&(struct sample){0, video, video + shown, step,
					i == 0 && part % 5 == 0,
					part % 7 ? 20 + (seed >> 25) : 50});
			video += step;
		}
		for (int i = 0; i < 9; i++, audio += 1024) {
			seed = seed * 1664525u + 1013904223u;
			add(&r, &f,
				&(struct sample){1, audio, audio, 1024, true, 10 + (seed >> 28)});
		}
		compare(&r, &f);
	}
	finish(&r, &f);
}

static void test_one_track_alone_and_gaps(void **state)
{
	struct reference r;
	struct fragment f;

	start(&r, &f);
	add(&r, &f, &(struct sample){0, 0, 0, 3000, true, 100});
	compare(&r, &f);
	add(&r, &f, &(struct sample){1, 48000, 48000, 1024, true, 30});
	add(&r, &f, &(struct sample){1, 49024, 49024, 1024, true, 30});
	compare(&r, &f);
	add(&r, &f, &(struct sample){0, 1ll << 34, (1ll << 34) + 6000, 3000, false, 100});
	compare(&r, &f);
	finish(&r, &f);
}

static void test_keyframe_in_the_middle(void **state)
{
	struct reference r;
	struct fragment f;

	start(&r, &f);
	add(&r, &f, &(struct sample){0, 0, 0, 3000, false, 100});
	add(&r, &f, &(struct sample){0, 3000, 3000, 3000, true, 100});
	add(&r, &f, &(struct sample){0, 6000, 6000, 1500, false, 100});
	compare(&r, &f);
	finish(&r, &f);
}

static void test_nothing_gives_nothing(void **state)
{
	struct fragment f = {0};

	fragment_add_track(&f, true);
	assert_null(fragment_take(&f));
	fragment_finish(&f);
	fragment_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes_as_libavformat),
		cmocka_unit_test(test_one_track_alone_and_gaps),
		cmocka_unit_test(test_keyframe_in_the_middle),
		cmocka_unit_test(test_nothing_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
