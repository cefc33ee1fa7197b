#include <string.h>

#include "live/health.h"
#include "support/test.h"

/* An encoder and the network between it and us. */
struct sender {
	struct live_health health;
	uint64_t now_us;
	uint32_t video_ms, audio_ms;
	unsigned frame;
	unsigned gop; /* frames between keyframes */
	uint32_t frame_ms, skew_ms;
};

static const struct live_health_frame frame = {.announced_frame_rate = 25,
	.segment_target_s = 2,
	.max_bitrate = 20000000,
	.expects_video = true,
	.expects_audio = true};

static struct sender sender(void)
{
	return (struct sender){.now_us = 5000000, .gop = 50, .frame_ms = 40};
}

static void send(struct sender *s, enum media_kind kind, bool key, uint32_t ms, size_t len)
{
	const struct media_sample sample = {
		.kind = kind, .key = key, .timestamp_ms = ms, .len = len};

	live_health_sample(&s->health, &sample, s->now_us);
}

/* One video frame and the sound beside it, on time. */
static void step(struct sender *s)
{
	send(s, MEDIA_VIDEO, s->frame % s->gop == 0, s->video_ms, 10000);
	send(s, MEDIA_AUDIO, true, s->video_ms + s->skew_ms, 400);
	s->frame++;
	s->video_ms += s->frame_ms;
	s->now_us += s->frame_ms * 1000;
}

static void play(struct sender *s, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 1000 / s->frame_ms; i++)
		step(s);
}

static struct live_health_figures figures(const struct sender *s)
{
	struct live_health_figures f;

	live_health_read(&s->health, s->now_us, &f);
	return f;
}

static struct live_health_verdict verdict(const struct sender *s)
{
	struct live_health_figures f = figures(s);

	return live_health_judge(&f, &frame);
}

static void assert_advice(const struct sender *s, enum live_health_status status, unsigned advice)
{
	struct live_health_verdict v = verdict(s);

	assert_int_equal(v.advice, advice);
	assert_int_equal(v.status, status);
}

#define BIT(name) (1u << LIVE_ADVICE_##name)

static void a_good_ingest_is_good(void **state)
{
	struct sender s = sender();
	struct live_health_figures f;

	assert_int_equal(verdict(&s).status, LIVE_HEALTH_UNKNOWN);
	play(&s, 2);
	assert_int_equal(verdict(&s).status, LIVE_HEALTH_UNKNOWN);
	play(&s, 60);
	f = figures(&s);
	assert_int_equal(f.bitrate, 25 * 10400 * 8);
	assert_true(f.frame_rate == 25.0);
	assert_true(f.keyframe_interval == 2.0);
	assert_int_equal(f.skew_ms, 0);
	assert_int_equal(f.jitter_ms, 0);
	assert_in_range(f.late_ms, 0, 40);
	assert_int_equal(f.missing_frames, 0);
	assert_true(f.has_video && f.has_audio);
	assert_advice(&s, LIVE_HEALTH_GOOD, 0);
}

static void long_gops_are_named(void **state)
{
	struct sender s = sender();
	struct live_health_figures f;
	char text[160];

	s.gop = 208;
	play(&s, 20);
	assert_advice(&s, LIVE_HEALTH_FAIR, BIT(KEYFRAMES));
	f = figures(&s);
	live_advice_text(LIVE_ADVICE_KEYFRAMES, &f, &frame, text, sizeof(text));
	assert_string_equal(text, "Keyframe interval is 8.3 s: set 2 s in Output settings.");
	/* An encoder that was set right is forgiven. */
	s.gop = 50;
	play(&s, 20);
	assert_advice(&s, LIVE_HEALTH_GOOD, 0);
	/* One that sends none any more is noticed before the next. */
	s.gop = 100000;
	play(&s, 10);
	assert_advice(&s, LIVE_HEALTH_FAIR, BIT(KEYFRAMES));
}

static void a_slow_upload_is_late(void **state)
{
	struct sender s = sender();

	play(&s, 10);
	/* Half of real time. */
	for (unsigned i = 0; i < 100; i++) {
		step(&s);
		s.now_us += s.frame_ms * 1000;
	}
	assert_true(verdict(&s).advice & BIT(UPLOAD));
	assert_int_equal(verdict(&s).status, LIVE_HEALTH_POOR);
	/* It catches up. */
	for (unsigned i = 0; i < 200; i++) {
		step(&s);
		s.now_us -= s.frame_ms * 500;
	}
	play(&s, 12);
	assert_advice(&s, LIVE_HEALTH_GOOD, 0);
}

static void a_stall_is_noticed_while_it_lasts(void **state)
{
	struct sender s = sender();

	play(&s, 10);
	s.now_us += 2000000;
	assert_true(verdict(&s).advice & BIT(UPLOAD));
	s.now_us += 20000000;
	assert_advice(&s, LIVE_HEALTH_POOR, BIT(UPLOAD) | BIT(NO_VIDEO) | BIT(NO_AUDIO));
}

static void clocks_that_differ_a_little_are_not_late(void **state)
{
	struct sender s = sender();

	for (unsigned i = 0; i < 3600 * 25; i++) {
		step(&s);
		s.now_us += 4; /* 100 ppm */
	}
	assert_in_range(figures(&s).late_ms, 0, 60);
}

static void missing_frames_are_counted(void **state)
{
	struct sender s = sender();

	play(&s, 10);
	for (unsigned i = 0; i < 25; i++) {
		s.video_ms += s.frame_ms;
		s.now_us += s.frame_ms * 1000;
		step(&s);
	}
	s.now_us += 1000000;
	s.video_ms += 1000;
	step(&s);
	assert_in_range(figures(&s).missing_frames, 25, 50);
	assert_true(verdict(&s).advice & BIT(FRAMES));
	play(&s, 12);
	assert_int_equal(figures(&s).missing_frames, 0);
}

static void tracks_that_drift_apart_are_named(void **state)
{
	struct sender s = sender();
	struct live_health_figures f;
	char text[160];

	s.skew_ms = 400;
	play(&s, 20);
	assert_advice(&s, LIVE_HEALTH_POOR, BIT(SKEW));
	f = figures(&s);
	assert_in_range(f.skew_ms, 390, 400);
	live_advice_text(LIVE_ADVICE_SKEW, &f, &frame, text, sizeof(text));
	assert_non_null(strstr(text, "ahead of the picture"));
}

static void uneven_packets_are_named(void **state)
{
	struct sender s = sender();

	/* A second's worth at once, each second. */
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 25; k++) {
			step(&s);
			s.now_us -= s.frame_ms * 1000;
		}
		s.now_us += 1000000;
	}
	assert_in_range(figures(&s).jitter_ms, 20, 400);
}

static void clocks_may_begin_anywhere_and_wrap(void **state)
{
	struct sender s = sender();

	s.video_ms = UINT32_MAX - 5000;
	play(&s, 20);
	assert_advice(&s, LIVE_HEALTH_GOOD, 0);
	s.video_ms = 17;
	play(&s, 20);
	assert_advice(&s, LIVE_HEALTH_GOOD, 0);
}

static void what_was_not_announced_is_not_missed(void **state)
{
	struct live_health_frame silent = frame;
	struct live_health_figures f;
	struct sender s = sender();

	silent.expects_audio = false;
	for (unsigned i = 0; i < 300; i++) {
		send(&s, MEDIA_VIDEO, i % 50 == 0, s.video_ms, 1000);
		s.video_ms += 40;
		s.now_us += 40000;
	}
	f = figures(&s);
	assert_int_equal(live_health_judge(&f, &silent).advice, 0);
	assert_int_equal(live_health_judge(&f, &frame).advice, BIT(NO_AUDIO));
}

static void all_advice_has_words(void **state)
{
	const struct live_health_figures f = {.seconds = 10};
	char text[200];

	for (enum live_advice a = 0; a < LIVE_ADVICES; a++) {
		live_advice_text(a, &f, &frame, text, sizeof(text));
		assert_in_range(strlen(text), 20, sizeof(text) - 2);
		assert_in_range(strlen(live_advice_code(a)), 4, 40);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_ingest_is_good),
		cmocka_unit_test(long_gops_are_named),
		cmocka_unit_test(a_slow_upload_is_late),
		cmocka_unit_test(a_stall_is_noticed_while_it_lasts),
		cmocka_unit_test(clocks_that_differ_a_little_are_not_late),
		cmocka_unit_test(missing_frames_are_counted),
		cmocka_unit_test(tracks_that_drift_apart_are_named),
		cmocka_unit_test(uneven_packets_are_named),
		cmocka_unit_test(clocks_may_begin_anywhere_and_wrap),
		cmocka_unit_test(what_was_not_announced_is_not_missed),
		cmocka_unit_test(all_advice_has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
