#include <stdlib.h>
#include <string.h>

#include "engine_rig.h"

/* The life of a stream: what is missing, late, interrupted, changed or on another clock. */

#define SYNC_US 33367
#define WRAP 0xffffffffu

static const struct rig_play usual = {.fps = 30, .gop = 60, .rate = 44100, .seconds = 5};

static unsigned discontinuities(const struct rig *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n_segments; i++)
		n += r->segments[i].discontinuity;
	return n;
}

static struct media_stats stats(const struct rig *r)
{
	struct media_stats s;

	media_engine_stats(r->engine, &s);
	return s;
}

static void play_at(struct rig *r, uint32_t start_ms, double seconds)
{
	struct rig_play play = usual;

	play.start_ms = start_ms;
	play.seconds = seconds;
	rig_play(r, &play);
}

static void a_clock_may_start_anywhere_and_wrap(void **state)
{
	static const uint32_t starts[] = {
		0, 1, 123456789, (1u << 24) - 3000, (1u << 31) - 3000, WRAP - 3000, WRAP};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		struct rig r;
		rig_init(&r);
		play_at(&r, starts[i], 10);
		assert_int_equal(r.segments[0].start_us, 0);
		rig_verify(&r, 0, SYNC_US);
		assert_int_equal(discontinuities(&r), 0);
		assert_int_equal(r.n_inits, 1);
		rig_finish(&r);
	}
}

static void an_encoder_comes_back_again_and_again(void **state)
{
	static const struct {
		uint32_t start_ms;
		double seconds;
	} sessions[] = {
		{0, 5.03}, {0, 3.71}, {900000, 0.42}, {WRAP - 1000, 4.1}, {17, 0.05}, {5000, 6.33}};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < 6; i++) {
		play_at(&r, sessions[i].start_ms, sessions[i].seconds);
		rig_interrupt(&r);
		rig_compare(&r, 0, SYNC_US);
		clock_manual_advance(&r.clock, 7000000);
	}
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(discontinuities(&r), 5);
	assert_int_equal(r.n_inits, 1); /* it was always the same encoder */
	rig_finish(&r);
}

static void dates_tell_of_the_time_that_passed(void **state)
{
	struct rig r;
	size_t n;

	rig_init(&r);
	play_at(&r, 0, 4);
	rig_interrupt(&r);
	n = r.n_segments;
	clock_manual_advance(&r.clock, 20000000);
	play_at(&r, 0, 4);
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(
		r.segments[n].start_us, r.segments[n - 1].start_us + r.segments[n - 1].duration_us);
	assert_in_range(r.segments[n].wall_ms - r.segments[n - 1].wall_ms, 20000, 23000);
	rig_finish(&r);
}

static void an_interruption_without_media_leaves_no_trace(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_interrupt(&r);
	rig_configure_video(&r, 640, 360);
	rig_interrupt(&r);
	play_at(&r, 0, 5);
	rig_interrupt(&r);
	rig_interrupt(&r);
	rig_configure_audio(&r, 44100);
	rig_interrupt(&r);
	play_at(&r, 0, 5);
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(discontinuities(&r), 1);
	rig_finish(&r);
}

static void late_audio(void **state)
{
	static const double from[] = {0.5, 3.1, 8.7};

	for (size_t i = 0; i < 3; i++) {
		struct rig_play play = usual;
		struct rig r;
		rig_init(&r);
		play.audio_from = from[i];
		play.seconds = 14;
		rig_play(&r, &play);
		rig_verify(&r, 0, SYNC_US);
		rig_finish(&r);
	}
}

static void late_video(void **state)
{
	static const double from[] = {0.4, 2, 6};

	for (size_t i = 0; i < 3; i++) {
		struct rig_play play = usual;
		struct rig r;
		rig_init(&r);
		play.video_from = from[i];
		play.seconds = 14;
		rig_play(&r, &play);
		/* Frames before the first keyframe cannot be shown. */
		rig_verify(&r, i == 0 ? 48 : 0, SYNC_US);
		rig_finish(&r);
	}
}

static void audio_that_was_announced_but_never_comes(void **state)
{
	struct rig r;

	rig_init(&r);
	media_engine_expect(r.engine, true, true);
	rig_play(&r, &(struct rig_play){.fps = 30, .gop = 60, .seconds = 8});
	rig_verify(&r, 0, SYNC_US);
	rig_finish(&r);
}

static void a_track_that_stops_in_mid_session(void **state)
{
	for (int kind = 0; kind < 2; kind++) {
		struct rig r;
		rig_init(&r);
		play_at(&r, 0, 6);
		if (kind == 0)
			rig_play(&r,
				&(struct rig_play){.rate = 44100, .seconds = 10, .start_ms = 6000});
		else
			rig_play(&r,
				&(struct rig_play){
					.fps = 30, .gop = 60, .seconds = 10, .start_ms = 6000});
		play_at(&r, 16000, 6);
		rig_verify(&r, 0, SYNC_US);
		assert_int_equal(discontinuities(&r), 0);
		rig_finish(&r);
	}
}

static void another_picture_size(void **state)
{
	struct rig r;
	uint32_t ms = 6000;

	rig_init(&r);
	play_at(&r, 0, 6);
	rig_configure_video(&r, 1280, 720);
	for (unsigned i = 0; i < 120; i++, ms += 33)
		rig_video(&r, ms, 0, i % 60 == 0);
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(r.n_inits, 2);
	assert_int_equal(discontinuities(&r), 1);
	assert_int_equal(stats(&r).width, 1280);
	rig_finish(&r);
}

static void frames_before_the_new_ones_keyframe_are_dropped(void **state)
{
	struct rig r;

	rig_init(&r);
	play_at(&r, 0, 6);
	rig_configure_video(&r, 1280, 720);
	for (uint32_t i = 0; i < 90; i++) {
		rig_video(&r, 6000 + i * 33, 0, i == 10);
		for (uint32_t k = i * 33 * 441 / 10240; k < (i + 1) * 33 * 441 / 10240; k++)
			rig_audio(&r, 6000 + k * 10240 / 441);
	}
	rig_verify(&r, 10, SYNC_US);
	rig_finish(&r);
}

static void another_sound(void **state)
{
	struct rig r;

	rig_init(&r);
	play_at(&r, 0, 6);
	rig_play(&r,
		&(struct rig_play){
			.fps = 30, .gop = 60, .rate = 48000, .seconds = 6, .start_ms = 6000});
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(r.n_inits, 2);
	assert_int_equal(discontinuities(&r), 1);
	rig_finish(&r);
}

static void the_same_configuration_again_changes_nothing(void **state)
{
	struct rig r;

	rig_init(&r);
	for (uint32_t i = 0; i < 5; i++)
		play_at(&r, i * 2000, 2);
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(r.n_inits, 1);
	assert_int_equal(discontinuities(&r), 0);
	rig_finish(&r);
}

static void a_broken_configuration_is_refused_and_the_old_one_goes_on(void **state)
{
	struct rig r;

	rig_init(&r);
	play_at(&r, 0, 4);
	assert_int_equal(media_engine_configure(
				 r.engine, MEDIA_VIDEO, 0, MEDIA_CODEC_H264, (uint8_t *)"\1\2", 2),
		MEDIA_BAD_CONFIG);
	play_at(&r, 4000, 4);
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(discontinuities(&r), 0);
	rig_finish(&r);
}

static void samples_without_configuration_are_refused(void **state)
{
	struct rig r;
	struct media_sample empty = {.kind = MEDIA_AUDIO, .data = (const uint8_t *)""};

	rig_init(&r);
	assert_int_equal(rig_video(&r, 0, 0, true), MEDIA_BAD_SAMPLE);
	assert_int_equal(rig_audio(&r, 0), MEDIA_BAD_SAMPLE);
	rig_configure_audio(&r, 44100);
	assert_int_equal(media_engine_write(r.engine, &empty), MEDIA_BAD_SAMPLE);
	assert_int_equal(stats(&r).dropped_samples, 3);
	rig_finish(&r);
}

/* The encoder's clock was set: both tracks go on from another number at once. */
static void a_jump_of_both_tracks(void **state)
{
	static const uint32_t to[] = {0, 60000, 4000000000u, 9100};

	for (size_t i = 0; i < 4; i++) {
		struct rig r;
		rig_init(&r);
		play_at(&r, 10000, 6);
		rig_new_session(&r);
		play_at(&r, to[i], 6);
		rig_verify(&r, 0, SYNC_US);
		assert_int_equal(discontinuities(&r), 1);
		assert_int_equal(r.n_inits, 1);
		rig_finish(&r);
	}
}

/* The jump's two sides overlap: one track's new clock comes before the other's last old samples. */
static void a_jump_of_one_track_first(void **state)
{
	for (int video_first = 0; video_first < 2; video_first++) {
		struct rig r;
		uint32_t v = 0, a = 0;
		rig_init(&r);
		rig_configure_video(&r, 640, 360);
		rig_configure_audio(&r, 48000);
		for (uint32_t ms = 0; ms < 12000; ms += 5) {
			uint32_t v_add = ms > (video_first ? 5900u : 6100u) ? 100000 : 0;
			uint32_t a_add = ms > (video_first ? 6100u : 5900u) ? 100000 : 0;
			if (ms >= v * 100 / 3) {
				r.session = v_add > 0;
				rig_video(&r, v * 100 / 3 + v_add, 0, v % 60 == 0);
				v++;
			}
			if (ms >= a * 64 / 3) {
				r.session = a_add > 0;
				rig_audio(&r, a * 64 / 3 + a_add);
				a++;
			}
		}
		rig_verify(&r, 0, SYNC_US);
		assert_in_range(discontinuities(&r), 1, 2);
		rig_finish(&r);
	}
}

static void one_sample_with_a_wild_stamp(void **state)
{
	static const uint32_t wild[] = {0, 0x7fffffff, 500000, 6000 - 2000};

	for (size_t i = 0; i < 4; i++) {
		for (int kind = 0; kind < 2; kind++) {
			struct rig r;
			rig_init(&r);
			play_at(&r, 10000, 6);
			r.session = 1;
			if (kind == 0)
				rig_video(&r, wild[i], 0, false);
			else
				rig_audio(&r, wild[i]);
			r.session = 0;
			play_at(&r, 16000, 6);
			media_engine_end(r.engine);
			rig_playlist(&r);
			assert_in_range(discontinuities(&r), 0, 2);
			/* A second of it may go missing, not the stream. */
			assert_in_range(stats(&r).dropped_samples, 0, 100);
			assert_in_range(r.segments[r.n_segments - 1].start_us +
					r.segments[r.n_segments - 1].duration_us,
				11000000, 13500000);
			rig_assert_no_faults(&r);
			rig_finish(&r);
		}
	}
}

static void a_gap_below_the_limit_stays(void **state)
{
	struct rig r;

	rig_init(&r);
	play_at(&r, 0, 6);
	play_at(&r, 6150, 6);
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(discontinuities(&r), 0);
	rig_finish(&r);
}

static void duplicate_and_backward_stamps(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_configure_video(&r, 640, 360);
	rig_configure_audio(&r, 44100);
	for (uint32_t i = 0; i < 600; i++) {
		uint32_t ms = i * 33;
		if (i % 7 == 3)
			ms -= 33; /* once more */
		if (i % 50 == 20)
			ms -= 90; /* back */
		rig_video(&r, ms, 0, i % 60 == 0);
		for (uint32_t k = i * 33 * 441 / 10240; k < (i + 1) * 33 * 441 / 10240; k++)
			rig_audio(&r, k * 10240 / 441 / 2 * 2);
	}
	rig_verify(&r, 0, 130000);
	assert_int_equal(discontinuities(&r), 0);
	assert_true(stats(&r).repaired_timestamps > 0);
	rig_finish(&r);
}

static void negative_composition(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_configure_video(&r, 640, 360);
	rig_configure_audio(&r, 44100);
	for (uint32_t i = 0; i < 300; i++) {
		static const int32_t offsets[] = {0, 66, -33};
		rig_video(&r, 100 + i * 33, offsets[i % 3], i % 60 == 0);
		for (uint32_t k = i * 33 * 441 / 10240; k < (i + 1) * 33 * 441 / 10240; k++)
			rig_audio(&r, 100 + k * 10240 / 441);
	}
	rig_verify(&r, 0, SYNC_US);
	rig_finish(&r);
}

static void audio_in_pairs_and_far_from_video(void **state)
{
	static const int32_t skews[] = {-900, -400, 400, 900};

	/* A muxer that interleaves badly: sound comes early or late by its stamps. */
	for (size_t i = 0; i < 4; i++) {
		struct rig r;
		uint32_t k = 0;
		rig_init(&r);
		rig_configure_video(&r, 640, 360);
		rig_configure_audio(&r, 48000);
		for (uint32_t v = 0; v < 300; v++) {
			int64_t upto = (int64_t)v * 33 + skews[i];
			rig_video(&r, 5000 + v * 33, 0, v % 60 == 0);
			for (; (int64_t)k * 64 / 3 < upto; k++)
				rig_audio(&r, 5000 + (k & ~1u) * 64 / 3);
		}
		rig_verify(&r, 0, SYNC_US);
		rig_finish(&r);
	}
}

static void mp3_says_its_rate_in_its_frames(void **state)
{
	struct rig r;
	uint8_t frame[417] = {0xff, 0xfb, 0x90, 0x64};
	struct buf text = {0};

	rig_init(&r);
	media_engine_expect(r.engine, false, true);
	assert_int_equal(media_engine_configure(r.engine, MEDIA_AUDIO, 0, MEDIA_CODEC_MP3, NULL, 0),
		MEDIA_OK);
	assert_int_equal(
		media_engine_write(r.engine,
			&(struct media_sample){
				.kind = MEDIA_AUDIO, .data = (const uint8_t *)"garbage", .len = 7}),
		MEDIA_BAD_SAMPLE);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(media_engine_write(r.engine,
					 &(struct media_sample){.kind = MEDIA_AUDIO,
						 .timestamp_ms = (uint32_t)(i * 1152 / 44.1),
						 .data = frame,
						 .len = sizeof(frame)}),
			MEDIA_OK);
	assert_int_equal(media_window_multivariant(r.window, NULL, &text), MEDIA_FOUND);
	assert_non_null(strstr(buf_text(&text), "CODECS=\"mp4a.40.34\""));
	buf_finish(&text);
	rig_finish(&r);
}

static void nothing_is_taken_after_the_end(void **state)
{
	struct rig r;

	rig_init(&r);
	play_at(&r, 0, 5);
	media_engine_end(r.engine);
	assert_int_equal(rig_audio(&r, 5000), MEDIA_BAD_SAMPLE);
	media_engine_end(r.engine);
	rig_verify(&r, 1, SYNC_US);
	rig_finish(&r);
}

static void a_very_short_stream_can_be_played(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_configure_video(&r, 640, 360);
	rig_video(&r, 0, 0, true);
	media_engine_end(r.engine);
	assert_true(media_window_playable(r.window));
	rig_verify(&r, 0, SYNC_US);
	assert_int_equal(r.n_segments, 1);
	rig_finish(&r);
}

static void what_the_statistics_say(void **state)
{
	struct rig r;
	struct media_stats s;

	rig_init(&r);
	play_at(&r, 0, 10);
	s = stats(&r);
	assert_int_equal(s.width, 640);
	assert_int_equal(s.height, 360);
	assert_true(s.frame_rate > 29.9 && s.frame_rate < 30.1);
	assert_in_range(s.keyframe_interval_us, 1999000, 2001000);
	assert_string_equal(s.audio_codec, "mp4a.40.2");
	assert_int_equal(s.video_samples, 300);
	assert_in_range(s.duration_us, 9700000, 10100000);
	assert_in_range(s.bitrate, 60000, 200000);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_may_start_anywhere_and_wrap),
		cmocka_unit_test(an_encoder_comes_back_again_and_again),
		cmocka_unit_test(dates_tell_of_the_time_that_passed),
		cmocka_unit_test(an_interruption_without_media_leaves_no_trace),
		cmocka_unit_test(late_audio),
		cmocka_unit_test(late_video),
		cmocka_unit_test(audio_that_was_announced_but_never_comes),
		cmocka_unit_test(a_track_that_stops_in_mid_session),
		cmocka_unit_test(another_picture_size),
		cmocka_unit_test(frames_before_the_new_ones_keyframe_are_dropped),
		cmocka_unit_test(another_sound),
		cmocka_unit_test(the_same_configuration_again_changes_nothing),
		cmocka_unit_test(a_broken_configuration_is_refused_and_the_old_one_goes_on),
		cmocka_unit_test(samples_without_configuration_are_refused),
		cmocka_unit_test(a_jump_of_both_tracks),
		cmocka_unit_test(a_jump_of_one_track_first),
		cmocka_unit_test(one_sample_with_a_wild_stamp),
		cmocka_unit_test(a_gap_below_the_limit_stays),
		cmocka_unit_test(duplicate_and_backward_stamps),
		cmocka_unit_test(negative_composition),
		cmocka_unit_test(audio_in_pairs_and_far_from_video),
		cmocka_unit_test(mp3_says_its_rate_in_its_frames),
		cmocka_unit_test(nothing_is_taken_after_the_end),
		cmocka_unit_test(a_very_short_stream_can_be_played),
		cmocka_unit_test(what_the_statistics_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
