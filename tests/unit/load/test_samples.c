#include "samples.h"
#include "support/test.h"

static struct samples samples;

static void test_quantiles_within_two_percent(void **state)
{
	samples = (struct samples){0};
	assert_int_equal(samples_quantile(&samples, 0.5), 0);
	for (uint64_t v = 1; v <= 1000; v++)
		samples_add(&samples, v * 1000);
	assert_in_range(samples_quantile(&samples, 0.5), 490000, 500000);
	assert_in_range(samples_quantile(&samples, 0.95), 931000, 950000);
	assert_int_equal(samples.max, 1000000);
	assert_int_equal(samples.count, 1000);
}

static void test_ends_of_the_range(void **state)
{
	samples = (struct samples){0};
	samples_add(&samples, 0);
	assert_int_equal(samples_quantile(&samples, 1), 0);
	samples_add(&samples, 63);
	assert_int_equal(samples_quantile(&samples, 1), 63);
	samples_add(&samples, 64);
	assert_int_equal(samples_quantile(&samples, 1), 64);
	samples_add(&samples, UINT64_MAX);
	assert_true(samples_quantile(&samples, 1) > UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles_within_two_percent),
		cmocka_unit_test(test_ends_of_the_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
