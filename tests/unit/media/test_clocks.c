#include <stdlib.h>

#include "engine_rig.h"

#define NEVER UINT32_MAX
#define FRAME_MS 40
#define GOP 50
/* A frame of video and the jitter of whole milliseconds. */
#define SYNC_US 45000
/* How long it takes to see that only one track's clock has jumped. */
#define LATE_US 600000

/* What an encoder and its network do to a stream of 25 frames a second and 48 kHz sound. By track,
 * in milliseconds of the time at which things really happened. */
struct script {
	uint32_t length;
	uint32_t lag[2]; /* arrives so much later than it happened */
	uint32_t from[2]; /* nothing before */
	uint32_t gap_from[2], gap_to[2]; /* nothing in between; 0, 0: no gap */
	uint32_t jump_at;
	int32_t jump_by[2]; /* what the clock says more from jump_at on */
};

static bool happens(const struct script *s, enum media_kind kind, uint32_t t)
{
	return t >= s->from[kind] && (t < s->gap_from[kind] || t >= s->gap_to[kind]);
}

static void send(struct rig *r, const struct script *s, enum media_kind kind, uint32_t t, bool key)
{
	uint32_t stamp = t + 100000 + (t >= s->jump_at ? (uint32_t)s->jump_by[kind] : 0);

	if (!happens(s, kind, t))
		return;
	if (kind == MEDIA_VIDEO)
		assert_int_equal(rig_video(r, stamp, 0, key), MEDIA_OK);
	else
		assert_int_equal(rig_audio(r, stamp), MEDIA_OK);
	/* The rig holds the tracks' sync against what it knows of the sample. */
	r->sent[r->n_sent - 1].timestamp_ms = t;
}

static void play(struct rig *r, const struct script *s)
{
	uint32_t v = 0, a = 0, start = 0;

	rig_init(r);
	r->late_us = LATE_US + 1000 * (int64_t)(s->lag[MEDIA_VIDEO] + s->lag[MEDIA_AUDIO]);
	rig_configure_video(r, 640, 360);
	rig_configure_audio(r, 48000);
	while (start < s->from[MEDIA_VIDEO])
		start += FRAME_MS;
	for (;;) {
		uint32_t vt = v * FRAME_MS, at = a * 1024 / 48;
		if (vt >= s->length && at >= s->length)
			break;
		if (vt + s->lag[MEDIA_VIDEO] <= at + s->lag[MEDIA_AUDIO]) {
			if (vt < s->length)
				send(r, s, MEDIA_VIDEO, vt,
					vt >= start && (vt - start) / FRAME_MS % GOP == 0);
			v++;
		} else {
			if (at < s->length)
				send(r, s, MEDIA_AUDIO, at, true);
			a++;
		}
	}
}

static void play_and_verify(const struct script *s, unsigned discontinuities)
{
	struct media_stats stats;
	struct rig r;

	play(&r, s);
	rig_verify(&r, 0, SYNC_US);
	media_engine_stats(r.engine, &stats);
	assert_int_equal(stats.discontinuities, discontinuities);
	rig_finish(&r);
}

static void one_clock_jumps_alone(void **state)
{
	static const int32_t by[] = {70000, -70000, 3500, -3500};

	for (size_t i = 0; i < 4; i++) {
		for (int kind = 0; kind < 2; kind++) {
			struct script s = {.length = 20000, .jump_at = 10000};
			s.jump_by[kind] = by[i];
			play_and_verify(&s, 1);
		}
	}
}

static void both_clocks_jump_far_apart(void **state)
{
	static const uint32_t lags[][2] = {{700, 0}, {0, 700}, {950, 0}};
	static const int32_t by[] = {50000, -50000};

	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 2; k++) {
			struct script s = {
				.length = 20000,
				.lag = {lags[i][0], lags[i][1]},
				.jump_at = 9000,
				.jump_by = {by[k], by[k]},
			};
			play_and_verify(&s, 1);
		}
	}
}

static void a_track_pauses_for_long(void **state)
{
	for (int kind = 0; kind < 2; kind++) {
		struct script s = {.length = 25000, .jump_at = NEVER};
		s.gap_from[kind] = 7000;
		s.gap_to[kind] = 15000;
		play_and_verify(&s, 0);
	}
}

static void both_tracks_pause(void **state)
{
	static const uint32_t to[] = {7300, 8000, 8900};

	for (size_t i = 0; i < 3; i++) {
		struct script s = {
			.length = 15000,
			.gap_from = {7000, 7000},
			.gap_to = {to[i], to[i]},
			.jump_at = NEVER,
		};
		play_and_verify(&s, 0);
	}
}

/* Audio comes back first, and alone: parts cannot fill the stretch before it. */
static void one_pause_within_another(void **state)
{
	static const struct script scripts[] = {
		{.length = 15000,
			.gap_from = {7000, 8200},
			.gap_to = {13000, 9900},
			.jump_at = NEVER},
		{.length = 12000,
			.from = {0, 2514},
			.gap_from = {556, 0},
			.gap_to = {6162, 0},
			.jump_at = NEVER},
	};

	for (size_t i = 0; i < 2; i++) {
		struct rig r;
		play(&r, &scripts[i]);
		rig_verify(&r, 0, SYNC_US);
		rig_finish(&r);
	}
}

/* The second track's first samples are older than what the first one's parts already hold. */
static void a_track_that_lags_from_the_beginning(void **state)
{
	static const uint32_t lags[][2] = {{300, 0}, {1310, 0}, {0, 300}, {0, 1310}};

	for (size_t i = 0; i < 4; i++) {
		struct script s = {
			.length = 15000,
			.lag = {lags[i][0], lags[i][1]},
			.jump_at = NEVER,
		};
		struct rig r;
		play(&r, &s);
		rig_verify(&r, 0, SYNC_US);
		rig_finish(&r);
	}
}

/* The publisher leaves when the last part is closed and audio of before still comes. */
static void late_audio_at_the_end_is_kept(void **state)
{
	struct rig r;

	for (uint32_t late = 1; late < 60; late++) {
		rig_init(&r);
		rig_play(&r, &(struct rig_play){.fps = 25, .gop = 50, .rate = 48000, .seconds = 4});
		for (uint32_t i = 1; i < 10; i++)
			rig_video(&r, 4000 + i * FRAME_MS, 0, false);
		for (uint32_t i = 0; i < late % 8; i++)
			rig_audio(&r, 4000 + i * 21);
		rig_interrupt(&r);
		rig_verify(&r, 0, SYNC_US);
		rig_finish(&r);
	}
}

static void nonsensical_composition_is_left_out(void **state)
{
	static const int32_t offsets[] = {INT32_MIN, INT32_MAX, -8000000, 8000000};

	for (size_t k = 0; k < 4; k++) {
		struct media_stats stats;
		struct rig r;
		rig_init(&r);
		rig_configure_video(&r, 640, 360);
		media_engine_expect(r.engine, true, false);
		for (uint32_t i = 0; i < 250; i++) {
			rig_video(&r, i * FRAME_MS, i == 100 ? offsets[k] : 0, i % GOP == 0);
			r.sent[r.n_sent - 1].composition_ms = 0;
		}
		rig_verify(&r, 0, SYNC_US);
		media_engine_stats(r.engine, &stats);
		assert_int_equal(stats.repaired_timestamps, 1);
		assert_in_range(stats.duration_us, 9990000, 10010000);
		rig_finish(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_clock_jumps_alone),
		cmocka_unit_test(both_clocks_jump_far_apart),
		cmocka_unit_test(a_track_pauses_for_long),
		cmocka_unit_test(both_tracks_pause),
		cmocka_unit_test(one_pause_within_another),
		cmocka_unit_test(a_track_that_lags_from_the_beginning),
		cmocka_unit_test(late_audio_at_the_end_is_kept),
		cmocka_unit_test(nonsensical_composition_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
