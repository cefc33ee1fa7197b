#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "mux.h"
#include "support/h264_make.h"
#include "support/test.h"
#include "ts_payload.h"
#include "ts_reader.h"

/* The container by itself: what the bytes are. That they are what libavformat's demuxer gives back
 * is for the tests of the engine, which run in this container as well. */

#define CONFIG_MAX 256
static const uint8_t aac_config[] = {0x12, 0x10};

struct video {
	uint8_t config[CONFIG_MAX];
	size_t config_len;
	struct ts_payload payload;
};

static void video_open(struct video *v)
{
	v->config_len = h264_make_config(v->config, sizeof(v->config), 320, 240);
	assert_true(ts_payload_init(&v->payload, MEDIA_CODEC_H264, v->config, v->config_len));
}

static void assert_bytes(const struct buf *b, const void *bytes, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, bytes, len);
}

/* --- payloads --- */

static void a_frame_has_a_delimiter(void **state)
{
	static const uint8_t sample[] = {0, 0, 0, 3, 0x41, 0x9a, 7, 0, 0, 0, 2, 0x41, 5};
	static const uint8_t payload[] = {
		0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x41, 0x9a, 7, 0, 0, 0, 1, 0x41, 5};
	struct buf out = {0}, back = {0};
	struct video v;
	bool key;

	video_open(&v);
	ts_payload_put(&v.payload, false, sample, sizeof(sample), &out);
	assert_bytes(&out, payload, sizeof(payload));
	assert_true(ts_payload_take(&v.payload, out.data, out.len, &back, &key));
	assert_bytes(&back, sample, sizeof(sample));
	assert_false(key);
	ts_payload_finish(&v.payload);
	buf_finish(&out);
	buf_finish(&back);
}

static void a_keyframe_has_its_parameter_sets(void **state)
{
	static const uint8_t sample[] = {0, 0, 0, 3, 0x65, 0x88, 7};
	struct buf out = {0}, back = {0};
	struct video v;
	bool key;

	video_open(&v);
	ts_payload_put(&v.payload, true, sample, sizeof(sample), &out);
	assert_memory_equal(out.data, "\0\0\0\1\x09\xf0\0\0\0\1\x67", 11);
	assert_non_null(memmem(out.data, out.len, "\0\0\0\1\x68", 5));
	assert_memory_equal(out.data + out.len - 7, "\0\0\0\1\x65\x88\x07", 7);
	assert_true(ts_payload_take(&v.payload, out.data, out.len, &back, &key));
	assert_bytes(&back, sample, sizeof(sample));
	assert_true(key);
	ts_payload_finish(&v.payload);
	buf_finish(&out);
	buf_finish(&back);
}

/* An encoder's own delimiter and sets are not doubled; sets that the configuration has not stay. */
static void what_is_in_band_is_kept(void **state)
{
	static const uint8_t sample[] = {
		0, 0, 0, 2, 9, 0x10, 0, 0, 0, 3, 0x67, 1, 2, 0, 0, 0, 2, 0x65, 0x88};
	static const uint8_t payload[] = {
		0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x65, 0x88};
	struct buf out = {0}, back = {0};
	struct video v;
	bool key;

	video_open(&v);
	ts_payload_put(&v.payload, true, sample, sizeof(sample), &out);
	assert_bytes(&out, payload, sizeof(payload));
	assert_true(ts_payload_take(&v.payload, out.data, out.len, &back, &key));
	assert_bytes(&back, sample + 6, sizeof(sample) - 6);
	assert_true(key);
	ts_payload_finish(&v.payload);
	buf_finish(&out);
	buf_finish(&back);
}

/* A NAL unit that ends in a zero, one that is cut off, one of nothing. */
static void edges_of_units(void **state)
{
	static const uint8_t sample[] = {
		0, 0, 0, 2, 0x41, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x41, 0x9a, 7};
	static const uint8_t back_sample[] = {0, 0, 0, 2, 0x41, 0, 0, 0, 0, 3, 0x41, 0x9a, 7};
	static const uint8_t bad[] = {0, 0, 1, 0x41, 1};
	struct buf out = {0}, back = {0};
	struct video v;
	bool key;

	video_open(&v);
	ts_payload_put(&v.payload, false, sample, sizeof(sample), &out);
	assert_true(ts_payload_take(&v.payload, out.data, out.len, &back, &key));
	assert_bytes(&back, back_sample, sizeof(back_sample));
	assert_false(ts_payload_take(&v.payload, bad, sizeof(bad), &back, &key));
	assert_false(ts_payload_take(&v.payload, bad, 0, &back, &key));
	ts_payload_finish(&v.payload);
	buf_finish(&out);
	buf_finish(&back);
}

static void aac_has_a_head(void **state)
{
	/* ADTS: AAC-LC, 44100 Hz, stereo, 7 + 3 bytes. */
	static const uint8_t payload[] = {0xff, 0xf1, 0x50, 0x80, 0x01, 0x5f, 0xfc, 1, 2, 3};
	struct ts_payload p;
	struct buf out = {0}, back = {0};
	uint8_t large[9000] = {0};
	bool key;

	assert_true(ts_payload_init(&p, MEDIA_CODEC_AAC, aac_config, sizeof(aac_config)));
	ts_payload_put(&p, true, payload + 7, 3, &out);
	assert_bytes(&out, payload, sizeof(payload));
	assert_true(ts_payload_take(&p, out.data, out.len, &back, &key));
	assert_bytes(&back, payload + 7, 3);
	assert_false(ts_payload_take(&p, payload, 7, &back, &key));
	/* 13 bits of length. */
	buf_reset(&out);
	ts_payload_put(&p, true, large, sizeof(large), &out);
	assert_int_equal(out.len, 8191);
	ts_payload_finish(&p);
	buf_finish(&out);
	buf_finish(&back);
}

static void what_the_container_takes(void **state)
{
	static const struct {
		enum media_codec codec;
		uint8_t config[8];
		size_t len;
		bool ok;
	} cases[] = {
		{MEDIA_CODEC_AAC, {0x12, 0x10}, 2, true},
		{MEDIA_CODEC_AAC, {0x11, 0x90}, 2, true},
		{MEDIA_CODEC_AAC, {0x2b, 0x92, 0x08, 0}, 4, true}, /* HE-AAC, its core is LC */
		{MEDIA_CODEC_AAC, {0x12, 0x00}, 2, false}, /* channels in the stream */
		{MEDIA_CODEC_AAC, {0x12, 0x14}, 2, false}, /* 960 samples a frame */
		{MEDIA_CODEC_AAC, {0x17, 0x80, 0x5d, 0xc0, 0x10}, 5, false}, /* a rate by number */
		{MEDIA_CODEC_AAC, {0xf9, 0x46, 0x40}, 3, false}, /* xHE-AAC */
		{MEDIA_CODEC_AAC, {0x12}, 1, false},
		{MEDIA_CODEC_MP3, {0}, 0, true},
		{MEDIA_CODEC_AC3, {0}, 0, true},
		{MEDIA_CODEC_EAC3, {0}, 0, true},
		{MEDIA_CODEC_OPUS, {0}, 0, true},
		{MEDIA_CODEC_FLAC, {0}, 0, false},
		{MEDIA_CODEC_AV1, {0}, 0, false},
		{MEDIA_CODEC_VP9, {0}, 0, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct codec_info c = {.codec = cases[i].codec,
			.config = (uint8_t *)cases[i].config,
			.config_len = cases[i].len};
		if (mux_ts.takes(&c) != cases[i].ok)
			fail_msg("case %zu", i);
		assert_true(mux_cmaf.takes(&c));
	}
}

/* --- the muxer --- */

struct rig {
	struct video v;
	struct codec_info video, audio;
	struct mux *mux;
	uint8_t counters[8192]; /* by PID: the next one, with 0x80 */
	struct ts_reader reader;
};

static void rig_open(struct rig *r)
{
	const struct codec_info *tracks[] = {&r->video, &r->audio};

	*r = (struct rig){0};
	video_open(&r->v);
	assert_true(codec_info_init(&r->video, MEDIA_CODEC_H264, r->v.config, r->v.config_len));
	assert_true(codec_info_init(&r->audio, MEDIA_CODEC_AAC, aac_config, sizeof(aac_config)));
	r->mux = mux_ts.create(tracks, 2);
	assert_non_null(r->mux);
}

static void rig_close(struct rig *r)
{
	mux_ts.destroy(r->mux);
	ts_reader_finish(&r->reader);
	ts_payload_finish(&r->v.payload);
	codec_info_finish(&r->video);
	codec_info_finish(&r->audio);
}

static void write_video(struct rig *r, int64_t us, bool key)
{
	uint8_t data[700];

	memset(data, 0x5a, sizeof(data));
	memcpy(data, key ? "\0\0\2\xb8\x65" : "\0\0\2\xb8\x41", 5);
	assert_true(mux_ts.write(r->mux,
		&(struct mux_sample){.key = key,
			.dts_us = us,
			.pts_us = us + 40000,
			.duration_us = 40000,
			.data = data,
			.len = sizeof(data)}));
}

static void write_audio(struct rig *r, int64_t us, size_t len)
{
	uint8_t data[400];

	memset(data, 0x21, sizeof(data));
	assert_true(mux_ts.write(r->mux,
		&(struct mux_sample){.track = 1,
			.key = true,
			.dts_us = us,
			.pts_us = us,
			.duration_us = 23220,
			.data = data,
			.len = len}));
}

static unsigned pid_of(const uint8_t *p)
{
	return (p[1] & 0x1fu) << 8 | p[2];
}

/* ISO/IEC 13818-1 2.4.3.3: the counter of a PID goes on with each packet that has a payload. */
static void check_counter(struct rig *r, const uint8_t *p)
{
	uint8_t *next = &r->counters[pid_of(p)];

	if (pid_of(p) == 0x1fff || !(p[3] & 0x10))
		return;
	if (*next)
		assert_int_equal(p[3] & 15, *next & 15);
	*next = (uint8_t)(0x80 | ((p[3] + 1) & 15));
}

/* The part begins with PAT and PMT, and has no other table; *frames: what is in it, by track. */
static void check_part(struct rig *r, unsigned frames[2], bool *has_clock)
{
	struct rcbuf *part = mux_ts.flush(r->mux);
	const uint8_t *p = rcbuf_data(part), *end = p + rcbuf_len(part);
	struct ts_frame frame;

	assert_int_equal(rcbuf_len(part) % TS_PACKET, 0);
	assert_true(rcbuf_len(part) >= 3 * TS_PACKET);
	assert_int_equal(pid_of(p), 0);
	assert_int_equal(pid_of(p + TS_PACKET), 0x1000);
	frames[0] = frames[1] = 0;
	*has_clock = false;
	for (; p < end; p += TS_PACKET) {
		assert_int_equal(p[0], TS_SYNC);
		assert_int_not_equal(pid_of(p), 0x11);
		check_counter(r, p);
		*has_clock |= (p[3] & 0x20) && p[4] > 0 && (p[5] & 0x10);
		if (ts_reader_put(&r->reader, p, &frame))
			frames[frame.track]++;
	}
	/* No frame reaches beyond its part. */
	while (ts_reader_end(&r->reader, &frame))
		frames[frame.track]++;
	rcbuf_unref(&part);
}

static void every_part_can_be_read_alone(void **state)
{
	struct rig r;
	unsigned frames[2];
	bool has_clock;

	rig_open(&r);
	for (int64_t i = 0; i < 500; i++) {
		write_video(&r, i * 40000, i % 25 == 0);
		/* Small ones would share a packet with what follows. */
		write_audio(&r, i * 40000, i % 2 ? 12 : 380);
		write_audio(&r, i * 40000 + 20000, 200);
		if (i % 5 < 4)
			continue;
		check_part(&r, frames, &has_clock);
		assert_int_equal(frames[0], 5);
		assert_int_equal(frames[1], 10);
		assert_true(has_clock);
	}
	assert_null(mux_ts.flush(r.mux));
	rig_close(&r);
}

static void times_go_on_behind_the_wrap(void **state)
{
	const int64_t wrap_us = ((INT64_C(1) << 33) - TS_DELAY) / 9 * 100;
	int64_t near = (wrap_us - 1000000) / 100 * 9 + TS_DELAY;
	struct ts_reader reader = {0};
	struct ts_frame frame;
	struct rig r;
	unsigned n = 0;

	rig_open(&r);
	for (int64_t i = 0; i < 50; i++)
		write_video(&r, wrap_us - 1000000 + i * 40000, i == 0);
	struct rcbuf *part = mux_ts.flush(r.mux);
	for (size_t at = 0; at < rcbuf_len(part); at += TS_PACKET) {
		if (!ts_reader_put(&reader, rcbuf_data(part) + at, &frame))
			continue;
		near = ts_unwrap(frame.dts, near);
		assert_true(frame.dts < INT64_C(1) << 33);
		assert_in_range(near - TS_DELAY,
			(uint64_t)(wrap_us - 1000000 + n * 40000) * 9 / 100 - 1,
			(uint64_t)(wrap_us - 1000000 + n * 40000) * 9 / 100 + 1);
		assert_int_equal(ts_unwrap(frame.pts, near) - near, 3600);
		n++;
	}
	assert_int_equal(n, 49);
	ts_reader_finish(&reader);
	rcbuf_unref(&part);
	rig_close(&r);
}

static void the_nearest_time(void **state)
{
	const int64_t wrap = INT64_C(1) << 33;

	assert_int_equal(ts_unwrap(5, 0), 5);
	assert_int_equal(ts_unwrap(wrap - 5, 0), -5);
	assert_int_equal(ts_unwrap(5, wrap - 5), wrap + 5);
	assert_int_equal(ts_unwrap(5, 7 * wrap + 100), 7 * wrap + 5);
	assert_int_equal(ts_unwrap(wrap - 1, 7 * wrap + 100), 7 * wrap - 1);
}

/* libavformat refuses Opus of one byte; the part is there all the same. */
static void a_part_of_what_has_no_place(void **state)
{
	static const uint8_t head[] = {
		'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0};
	static const uint8_t frame[] = {0xfc};
	struct codec_info opus;
	const struct codec_info *tracks[] = {&opus};

	assert_true(codec_info_init(&opus, MEDIA_CODEC_OPUS, head, sizeof(head)));
	assert_true(codec_info_frame(&opus, frame, sizeof(frame)));
	struct mux *m = mux_ts.create(tracks, 1);
	assert_non_null(m);
	assert_true(mux_ts.write(m,
		&(struct mux_sample){
			.key = true, .duration_us = 20000, .data = frame, .len = sizeof(frame)}));
	struct rcbuf *part = mux_ts.flush(m);
	assert_int_equal(rcbuf_len(part), TS_PACKET);
	assert_int_equal(pid_of(rcbuf_data(part)), 0x1fff);
	rcbuf_unref(&part);
	mux_ts.destroy(m);
	codec_info_finish(&opus);
}

static void damage_is_passed_over(void **state)
{
	struct ts_reader reader = {0};
	struct ts_frame frame;
	struct rig r;
	unsigned n = 0;

	rig_open(&r);
	for (int64_t i = 0; i < 40; i++)
		write_video(&r, i * 40000, i == 0);
	struct rcbuf *part = mux_ts.flush(r.mux);
	uint8_t *bytes = rcbuf_writable(part);
	for (size_t at = 3 * TS_PACKET; at < rcbuf_len(part); at += 7 * TS_PACKET)
		memset(bytes + at, (int)at, 20);
	for (size_t at = 0; at < rcbuf_len(part); at += TS_PACKET)
		n += ts_reader_put(&reader, bytes + at, &frame);
	assert_in_range(n, 10, 39);
	ts_reader_finish(&reader);
	rcbuf_unref(&part);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_has_a_delimiter),
		cmocka_unit_test(a_keyframe_has_its_parameter_sets),
		cmocka_unit_test(what_is_in_band_is_kept),
		cmocka_unit_test(edges_of_units),
		cmocka_unit_test(aac_has_a_head),
		cmocka_unit_test(what_the_container_takes),
		cmocka_unit_test(every_part_can_be_read_alone),
		cmocka_unit_test(times_go_on_behind_the_wrap),
		cmocka_unit_test(the_nearest_time),
		cmocka_unit_test(a_part_of_what_has_no_place),
		cmocka_unit_test(damage_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
