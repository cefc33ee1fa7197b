#include <string.h>

#include "base/clock.h"
#include "support/test.h"

static void test_manual_stands_until_moved(void **state)
{
	struct clock_manual m;
	clock_manual_init(&m, 1700000000000000);
	assert_true(clock_wall_us(&m.clock) == 1700000000000000);
	assert_true(clock_mono_us(&m.clock) == clock_mono_us(&m.clock));
	uint64_t before = clock_mono_us(&m.clock);
	clock_manual_advance(&m, 1500);
	assert_true(clock_mono_us(&m.clock) == before + 1500);
	assert_true(clock_wall_ms(&m.clock) == 1700000000001);
}

static void test_manual_random_repeats(void **state)
{
	struct clock_manual a, b;
	uint8_t x[13], y[13], z[13];
	clock_manual_init(&a, 0);
	clock_manual_init(&b, 0);
	clock_random(&a.clock, x, sizeof(x));
	clock_random(&b.clock, y, sizeof(y));
	assert_memory_equal(x, y, sizeof(x));
	clock_random(&a.clock, z, sizeof(z));
	assert_memory_not_equal(x, z, sizeof(x));
}

static void test_system(void **state)
{
	uint8_t x[32] = {0}, zero[32] = {0};
	uint64_t first = clock_mono_us(&clock_system);
	assert_true(clock_mono_us(&clock_system) >= first);
	assert_true(clock_wall_ms(&clock_system) > 1700000000000);
	clock_random(&clock_system, x, sizeof(x));
	assert_memory_not_equal(x, zero, sizeof(x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual_stands_until_moved),
		cmocka_unit_test(test_manual_random_repeats),
		cmocka_unit_test(test_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
