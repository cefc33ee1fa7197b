#include "pace.h"
#include "support/test.h"

#define FRAME_US 33333

/* A stream of equal frames for so long; the mark at its end. */
static unsigned stream(struct rtmp_pace *p, uint64_t *now, uint64_t us, size_t frame)
{
	unsigned mark = 1;
	for (uint64_t end = *now + us; *now < end; *now += FRAME_US) {
		mark = rtmp_pace_received(p, frame, *now);
	}
	return mark;
}

static void test_mark_follows_the_bit_rate(void **state)
{
	struct rtmp_pace p = {0};
	uint64_t now = 1;
	assert_int_equal(rtmp_pace_received(&p, 100000, now), 1);
	assert_in_range(stream(&p, &now, 2000000, 10000), 11000, 13000);
	assert_in_range(stream(&p, &now, 2000000, 5000), 5500, 6500);
}

static void test_mark_is_bounded(void **state)
{
	struct rtmp_pace p = {0};
	uint64_t now = 1;
	assert_int_equal(stream(&p, &now, 2000000, 1000000), 32768);
	assert_int_equal(stream(&p, &now, 2000000, 100), 1);
}

static void test_a_pause_lowers_what_is_expected(void **state)
{
	struct rtmp_pace p = {0};
	uint64_t now = 1;
	stream(&p, &now, 1000000, 10000);
	now += 10000000;
	assert_int_equal(rtmp_pace_received(&p, 10000, now), 1);
}

static void test_quiet_since_asked_last(void **state)
{
	struct rtmp_pace p = {0};
	assert_true(rtmp_pace_quiet(&p));
	rtmp_pace_received(&p, 1, 1);
	assert_false(rtmp_pace_quiet(&p));
	assert_true(rtmp_pace_quiet(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mark_follows_the_bit_rate),
		cmocka_unit_test(test_mark_is_bounded),
		cmocka_unit_test(test_a_pause_lowers_what_is_expected),
		cmocka_unit_test(test_quiet_since_asked_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
