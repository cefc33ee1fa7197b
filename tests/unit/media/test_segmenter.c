#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "engine_rig.h"

/* Where parts and segments end, for every rate and rhythm of keyframes that encoders have. */

static const double rates[] = {24000 / 1001.0, 24, 25, 30000 / 1001.0, 30, 50, 60000 / 1001.0, 60};

#define FRAME_US 33367

static void assert_segments_last(
	const struct rig *r, uint64_t low_us, uint64_t high_us, bool independent)
{
	assert_true(r->n_segments > 2);
	for (size_t i = 0; i + 1 < r->n_segments; i++) {
		assert_in_range(r->segments[i].duration_us, low_us, high_us);
		assert_int_equal(r->segments[i].independent, independent || i == 0);
	}
}

static void parts_keep_their_target_at_every_rate(void **state)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct rig r;
		rig_init(&r);
		rig_play(&r,
			&(struct rig_play){.fps = rates[i],
				.gop = (unsigned)lround(rates[i] * 2),
				.rate = i % 2 ? 44100 : 48000,
				.seconds = 21});
		assert_int_equal(r.last.target_s, 2);
		assert_true(r.last.independent);
		assert_in_range(r.last.part_target_us, 150000, 260000);
		assert_segments_last(&r, 1990000, 2010000, true);
		for (size_t k = 0; k < r.n_segments; k++)
			assert_false(r.segments[k].hide_parts);
		rig_verify(&r, 0, FRAME_US);
		rig_finish(&r);
	}
}

static void parts_keep_their_target_for_other_settings(void **state)
{
	static const uint64_t targets[] = {100000, 333000, 500000, 1000000};

	for (size_t i = 0; i < 4; i++) {
		struct rig r;
		rig_init_config(&r, &(struct media_config){.part_target_us = targets[i]});
		rig_play(
			&r, &(struct rig_play){.fps = 30, .gop = 60, .rate = 48000, .seconds = 15});
		assert_in_range(r.last.part_target_us, targets[i] / 2, targets[i] * 2);
		rig_verify(&r, 0, FRAME_US);
		rig_finish(&r);
	}
}

static void keyframes_of_obs_make_segments_of_two_seconds(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_play(&r, &(struct rig_play){.fps = 30, .gop = 60, .rate = 48000, .seconds = 20});
	assert_int_equal(r.segments[0].duration_us, 1999000);
	assert_int_equal(r.segments[1].duration_us, 2000000);
	assert_int_equal(r.n_segments, 9);
	rig_verify(&r, 0, FRAME_US);
	assert_int_equal(r.n_segments, 10);
	rig_finish(&r);
}

static void short_gops_are_gathered(void **state)
{
	static const unsigned gops[] = {1, 10, 15, 30};

	for (size_t i = 0; i < 4; i++) {
		struct rig r;
		rig_init(&r);
		rig_play(&r,
			&(struct rig_play){
				.fps = 30, .gop = gops[i], .rate = 44100, .seconds = 20});
		assert_segments_last(&r, 1900000, 2100000, true);
		rig_verify(&r, 0, FRAME_US);
		rig_finish(&r);
	}
}

static void the_keyframe_nearest_to_the_target_is_taken(void **state)
{
	struct rig r;

	/* 1.5 s: 1.5 is nearer to 2 than 3. */
	rig_init(&r);
	rig_play(&r, &(struct rig_play){.fps = 30, .gop = 45, .rate = 44100, .seconds = 20});
	assert_true(r.last.independent);
	/* The first GOP is not known yet. */
	for (size_t i = 1; i + 1 < r.n_segments; i++)
		assert_in_range(r.segments[i].duration_us, 1490000, 1510000);
	rig_verify(&r, 0, FRAME_US);
	rig_finish(&r);
}

static void a_gop_of_three_seconds_stays_whole(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_play(&r, &(struct rig_play){.fps = 25, .gop = 75, .rate = 48000, .seconds = 30});
	assert_int_equal(r.last.target_s, 3);
	assert_true(r.last.independent);
	assert_segments_last(&r, 2990000, 3010000, true);
	rig_verify(&r, 0, 40000);
	rig_finish(&r);
}

/* x264's 250 frames at 30/s: longer than any segment may be. */
static void a_gop_that_outlasts_the_target_is_cut_without_a_keyframe(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_play(&r, &(struct rig_play){.fps = 30, .gop = 250, .rate = 48000, .seconds = 40});
	assert_int_equal(r.last.target_s, 4);
	assert_false(r.last.independent);
	for (size_t i = 0; i < r.n_segments; i++)
		assert_true(r.segments[i].duration_us < 4500000);
	rig_verify(&r, 0, FRAME_US);
	rig_finish(&r);
}

static void a_gop_that_grows_later_keeps_the_published_target(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_play(&r, &(struct rig_play){.fps = 30, .gop = 60, .rate = 48000, .seconds = 10});
	assert_true(r.last.independent);
	/* The same clock, another rhythm of keyframes. */
	rig_play(&r,
		&(struct rig_play){
			.fps = 30, .gop = 300, .rate = 48000, .seconds = 30, .start_ms = 10000});
	assert_int_equal(r.last.target_s, 2);
	assert_false(r.last.independent);
	for (size_t i = 0; i < r.n_segments; i++)
		assert_true(r.segments[i].duration_us < 2500000);
	rig_verify(&r, 0, FRAME_US);
	rig_finish(&r);
}

static void audio_alone(void **state)
{
	static const unsigned audio_rates[] = {44100, 48000};

	for (size_t i = 0; i < 2; i++) {
		struct rig r;
		rig_init(&r);
		media_engine_expect(r.engine, false, true);
		rig_play(&r, &(struct rig_play){.rate = audio_rates[i], .seconds = 30});
		assert_true(r.last.independent);
		assert_segments_last(&r, 1950000, 2050000, true);
		rig_verify(&r, 0, 23220);
		rig_finish(&r);
	}
}

static void video_alone(void **state)
{
	struct rig r;

	rig_init(&r);
	media_engine_expect(r.engine, true, false);
	rig_play(&r, &(struct rig_play){.fps = 30, .gop = 60, .seconds = 20});
	assert_segments_last(&r, 1990000, 2010000, true);
	rig_verify(&r, 0, 1000);
	rig_finish(&r);
}

static void frames_that_are_shown_out_of_order(void **state)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct rig r;
		rig_init(&r);
		rig_play(&r,
			&(struct rig_play){.fps = rates[i],
				.gop = (unsigned)lround(rates[i] * 2),
				.rate = 44100,
				.seconds = 11,
				.b_frames = true});
		assert_true(r.last.independent);
		rig_verify(&r, 0, FRAME_US);
		rig_finish(&r);
	}
}

/* A rate that changes by itself: a phone in the dark, a screen without movement. */
static void a_varying_frame_rate(void **state)
{
	static const unsigned steps[] = {33, 33, 16, 17, 66, 33, 100, 40, 20, 150, 33, 34};
	struct rig r;
	uint32_t ms = 0, key = 0, audio = 0;

	rig_init(&r);
	rig_configure_video(&r, 640, 360);
	rig_configure_audio(&r, 48000);
	for (unsigned i = 0; ms < 40000; i++) {
		bool is_key = i == 0 || ms - key >= 2000;
		for (; audio * 1024 / 48 < ms; audio++)
			rig_audio(&r, audio * 1024 / 48);
		assert_int_equal(rig_video(&r, ms, 0, is_key), MEDIA_OK);
		if (is_key)
			key = ms;
		ms += steps[i % 12];
	}
	rig_verify(&r, 0, FRAME_US);
	rig_finish(&r);
}

static void a_rate_that_halves(void **state)
{
	struct rig r;

	rig_init(&r);
	rig_play(&r, &(struct rig_play){.fps = 60, .gop = 120, .rate = 48000, .seconds = 10});
	rig_play(&r,
		&(struct rig_play){
			.fps = 30, .gop = 60, .rate = 48000, .seconds = 20, .start_ms = 10000});
	assert_true(r.last.independent);
	rig_verify(&r, 0, FRAME_US);
	rig_finish(&r);
}

static void slow_pictures(void **state)
{
	static const double slow[] = {1, 2, 5, 10};

	for (size_t i = 0; i < 4; i++) {
		struct rig r;
		rig_init(&r);
		rig_play(&r,
			&(struct rig_play){.fps = slow[i],
				.gop = (unsigned)(slow[i] * 2),
				.rate = 48000,
				.seconds = 30});
		rig_verify(&r, 0, 33000);
		rig_finish(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_keep_their_target_at_every_rate),
		cmocka_unit_test(parts_keep_their_target_for_other_settings),
		cmocka_unit_test(keyframes_of_obs_make_segments_of_two_seconds),
		cmocka_unit_test(short_gops_are_gathered),
		cmocka_unit_test(the_keyframe_nearest_to_the_target_is_taken),
		cmocka_unit_test(a_gop_of_three_seconds_stays_whole),
		cmocka_unit_test(a_gop_that_outlasts_the_target_is_cut_without_a_keyframe),
		cmocka_unit_test(a_gop_that_grows_later_keeps_the_published_target),
		cmocka_unit_test(audio_alone),
		cmocka_unit_test(video_alone),
		cmocka_unit_test(frames_that_are_shown_out_of_order),
		cmocka_unit_test(a_varying_frame_rate),
		cmocka_unit_test(a_rate_that_halves),
		cmocka_unit_test(slow_pictures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
