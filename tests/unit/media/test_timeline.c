#include <stdlib.h>

#include "support/test.h"
#include "timeline.h"

#define MAX_JUMP_US 3000000
#define AAC_44100 (1024 * 1e6 / 44100)
#define AAC_48000 (1024 * 1e6 / 48000)

static void make(struct sample *s, enum media_kind kind, uint32_t ms, int32_t composition)
{
	*s = (struct sample){.kind = kind, .timestamp_ms = ms, .composition_ms = composition};
}

static int64_t place_video(struct timeline *t, uint32_t ms)
{
	struct sample s;

	make(&s, MEDIA_VIDEO, ms, 0);

	timeline_place(t, &s, 0);
	return s.dts_us;
}

static int64_t place_audio(struct timeline *t, uint32_t ms, double frame_us)
{
	struct sample s;

	make(&s, MEDIA_AUDIO, ms, 0);

	timeline_place(t, &s, frame_us);
	return s.dts_us;
}

static bool jumps(struct timeline *t, enum media_kind kind, uint32_t ms)
{
	struct sample s;

	make(&s, kind, ms, 0);

	return timeline_jumps(t, &s, MAX_JUMP_US);
}

static void the_anchor_plays_at_the_offset(void **state)
{
	struct timeline t;

	timeline_begin(&t, 123456789, 7000000);
	assert_int_equal(place_video(&t, 123456789), 7000000);
	assert_int_equal(place_video(&t, 123456789 + 40), 7040000);
	assert_int_equal(t.repaired, 0);
}

static void the_clock_wraps(void **state)
{
	struct timeline t;
	uint32_t start = UINT32_MAX - 1000;

	timeline_begin(&t, start, 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_false(jumps(&t, MEDIA_VIDEO, start + i * 40));
		assert_int_equal(place_video(&t, start + i * 40), i * 40000);
	}
	assert_int_equal(t.repaired, 0);
}

static void the_clock_may_cross_24_bits_and_half_of_32(void **state)
{
	static const uint32_t around[] = {1u << 24, 1u << 31};

	for (size_t k = 0; k < 2; k++) {
		struct timeline t;
		uint32_t start = around[k] - 500;
		timeline_begin(&t, start, 0);
		for (uint32_t i = 0; i < 50; i++) {
			assert_false(jumps(&t, MEDIA_VIDEO, start + i * 20));
			assert_int_equal(place_video(&t, start + i * 20), i * 20000);
		}
	}
}

static void a_jump_is_seen_in_both_directions(void **state)
{
	struct timeline t;

	timeline_begin(&t, 10000, 0);
	place_video(&t, 10000);
	assert_false(jumps(&t, MEDIA_VIDEO, 10000 + 3000));
	assert_true(jumps(&t, MEDIA_VIDEO, 10000 + 3001));
	assert_false(jumps(&t, MEDIA_VIDEO, 10000 - 250));
	assert_true(jumps(&t, MEDIA_VIDEO, 10000 - 251));
	assert_true(jumps(&t, MEDIA_VIDEO, 0));
	assert_true(jumps(&t, MEDIA_VIDEO, 4000000000u));
	/* The other track, not yet begun, is held against this one. */
	assert_false(jumps(&t, MEDIA_AUDIO, 10020));
	assert_true(jumps(&t, MEDIA_AUDIO, 20000));
}

static void a_track_that_was_silent_comes_back_on_the_others_clock(void **state)
{
	struct timeline t;

	timeline_begin(&t, 0, 0);
	place_audio(&t, 0, AAC_48000);
	for (uint32_t ms = 0; ms <= 30000; ms += 40)
		place_video(&t, ms);
	assert_false(jumps(&t, MEDIA_AUDIO, 30020));
	assert_int_equal(place_audio(&t, 30020, AAC_48000), 30020000);
	/* Both set back by a little is no silence. */
	assert_true(jumps(&t, MEDIA_VIDEO, 28000));
	assert_true(jumps(&t, MEDIA_AUDIO, 28000));
}

static void small_steps_back_and_duplicates_stay_monotonic(void **state)
{
	static const uint32_t clock[] = {0, 40, 40, 30, 10, 80, 120, 120, 119, 160};
	struct timeline t;
	int64_t last = -1;

	timeline_begin(&t, 0, 0);
	for (size_t i = 0; i < sizeof(clock) / sizeof(*clock); i++) {
		int64_t dts = place_video(&t, clock[i]);
		assert_true(dts > last);
		assert_in_range(dts + 40000 - (int64_t)clock[i] * 1000, 40000, 75000);
		last = dts;
	}
	assert_int_equal(last, 160000);
	assert_true(t.repaired > 0);
}

static void a_gap_stays_a_gap(void **state)
{
	struct timeline t;

	timeline_begin(&t, 0, 0);
	place_video(&t, 0);
	assert_int_equal(place_video(&t, 2500), 2500000);
	place_audio(&t, 0, AAC_48000);
	place_audio(&t, 21, AAC_48000);
	assert_int_equal(place_audio(&t, 2500, AAC_48000), 2500000);
}

static void negative_composition_decodes_earlier_and_shows_in_time(void **state)
{
	static const int32_t offsets[] = {0, 80, -40, 0, 80, -40};
	struct timeline t;
	int64_t last = -1;

	timeline_begin(&t, 0, 1000000);
	for (uint32_t i = 0; i < 60; i++) {
		struct sample s;

		make(&s, MEDIA_VIDEO, i * 40, offsets[i % 6]);
		timeline_place(&t, &s, 0);
		assert_true(s.dts_us > last);
		assert_true(s.dts_us <= s.pts_us);
		/* How early to decode is learned from the first one that needs it. */
		assert_in_range(s.pts_us - (1000000 + ((int64_t)i * 40 + offsets[i % 6]) * 1000), 0,
			i <= 2 ? 1000 : 0);
		last = s.dts_us;
	}
}

static void composition_before_the_very_beginning_is_never_negative(void **state)
{
	struct timeline t;
	int64_t last = -1;

	timeline_begin(&t, 0, 0);
	for (uint32_t i = 0; i < 20; i++) {
		struct sample s;

		make(&s, MEDIA_VIDEO, i * 40, -100);
		timeline_place(&t, &s, 0);
		assert_true(s.dts_us >= 0 && s.dts_us > last && s.pts_us >= s.dts_us);
		last = s.dts_us;
	}
}

/* Audio whose clock is rounded to whole milliseconds plays without a gap or overlap. */
static void check_rounded_audio(double frame_us, bool pairs)
{
	struct timeline t;
	int64_t last = 0;
	uint32_t start = UINT32_MAX - 60000;
	unsigned uneven = 0, n = (unsigned)(600e6 / frame_us);

	timeline_begin(&t, start, 0);
	for (uint32_t i = 0; i < n; i++) {
		unsigned stamped = pairs ? i & ~1u : i;
		uint32_t ms = (uint32_t)(stamped * frame_us / 1000);
		int64_t dts;
		assert_false(jumps(&t, MEDIA_AUDIO, start + ms));
		dts = place_audio(&t, start + ms, frame_us);
		/* Never further from the truth than a frame. */
		assert_true(llabs(dts - (int64_t)(i * frame_us)) < (int64_t)frame_us);
		if (i > 0) {
			assert_true(dts > last);
			uneven += llabs(dts - last - (int64_t)frame_us) > 1;
		}
		last = dts;
	}
	/* Corrections of drift are rare: at most one in ten seconds. */
	assert_true(uneven <= 60);
}

static void rounded_audio_is_even(void **state)
{
	check_rounded_audio(AAC_44100, false);
	check_rounded_audio(AAC_48000, false);
	check_rounded_audio(2048 * 1e6 / 44100, false);
}

static void audio_in_pairs_with_one_stamp_is_even(void **state)
{
	check_rounded_audio(AAC_44100, true);
	check_rounded_audio(AAC_48000, true);
}

static void slow_drift_is_followed(void **state)
{
	static const double rates[] = {1.0005, 0.9995, 1.002, 0.998};

	for (size_t k = 0; k < 4; k++) {
		struct timeline t;
		int64_t last = -1;
		timeline_begin(&t, 0, 0);
		for (uint32_t i = 0; i < 46875; i++) {
			double clock_us = i * AAC_48000 * rates[k];
			int64_t dts = place_audio(&t, (uint32_t)(clock_us / 1000), AAC_48000);
			assert_true(dts > last);
			assert_true(llabs(dts - (int64_t)clock_us) < 33000);
			last = dts;
		}
	}
}

/* A clock that steps back by less than what counts as a jump must not leave audio late for ever. */
static void a_small_step_back_is_made_up_for(void **state)
{
	struct timeline t;
	int64_t last = -1, dts = 0;

	timeline_begin(&t, 0, 0);
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t ms = (uint32_t)(i * AAC_48000 / 1000) - (i >= 100 ? 200 : 0);
		assert_false(jumps(&t, MEDIA_AUDIO, ms));
		dts = place_audio(&t, ms, AAC_48000);
		assert_true(dts > last);
		last = dts;
	}
	assert_true(llabs(dts - (int64_t)(199 * AAC_48000 - 200000)) < 33000);
}

static void frames_shorter_than_they_should_be_stay_in_sync(void **state)
{
	struct timeline t;
	int64_t last = -1;

	timeline_begin(&t, 0, 0);
	for (uint32_t i = 0; i < 5000; i++) {
		int64_t dts = place_audio(&t, i * 20, AAC_48000);
		assert_true(dts > last);
		assert_true(llabs(dts - (int64_t)i * 20000) < 45000);
		last = dts;
	}
}

static void a_late_track_is_placed_by_the_other_ones_clock(void **state)
{
	struct timeline t;

	timeline_begin(&t, UINT32_MAX - 999, 0);
	for (uint32_t ms = 0; ms <= 20000; ms += 40)
		place_video(&t, UINT32_MAX - 999 + ms);
	assert_false(jumps(&t, MEDIA_AUDIO, 19020));
	assert_int_equal(place_audio(&t, 19020, AAC_48000), 20020000);
}

static void both_tracks_share_one_offset(void **state)
{
	struct timeline t;

	timeline_begin(&t, 5000, 60000000);
	for (uint32_t i = 0; i < 2000; i++) {
		int64_t v = place_video(&t, 5000 + i * 33), a;
		a = place_audio(&t, 5000 + (uint32_t)(i * AAC_44100 / 1000), AAC_44100);
		assert_int_equal(v, 60000000 + (int64_t)i * 33000);
		assert_true(llabs(a - 60000000 - (int64_t)(i * AAC_44100)) < 23220);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_anchor_plays_at_the_offset),
		cmocka_unit_test(the_clock_wraps),
		cmocka_unit_test(the_clock_may_cross_24_bits_and_half_of_32),
		cmocka_unit_test(a_jump_is_seen_in_both_directions),
		cmocka_unit_test(a_track_that_was_silent_comes_back_on_the_others_clock),
		cmocka_unit_test(small_steps_back_and_duplicates_stay_monotonic),
		cmocka_unit_test(a_gap_stays_a_gap),
		cmocka_unit_test(negative_composition_decodes_earlier_and_shows_in_time),
		cmocka_unit_test(composition_before_the_very_beginning_is_never_negative),
		cmocka_unit_test(rounded_audio_is_even),
		cmocka_unit_test(audio_in_pairs_with_one_stamp_is_even),
		cmocka_unit_test(slow_drift_is_followed),
		cmocka_unit_test(a_small_step_back_is_made_up_for),
		cmocka_unit_test(frames_shorter_than_they_should_be_stay_in_sync),
		cmocka_unit_test(a_late_track_is_placed_by_the_other_ones_clock),
		cmocka_unit_test(both_tracks_share_one_offset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
