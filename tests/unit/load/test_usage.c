#include <unistd.h>

#include "support/test.h"
#include "usage.h"

static void test_proportional_memory(void **state)
{
	uint64_t pss;
	assert_true(usage_parse_rollup("00400000-7fff [rollup]\nRss:  900 kB\nPss:     512 kB\n"
				       "Pss_Anon: 1 kB\n",
		&pss));
	assert_int_equal(pss, 512 * 1024);
	assert_false(usage_parse_rollup("Rss: 900 kB\n", &pss));
}

static void test_of_a_process(void **state)
{
	struct usage u = {0};
	assert_true(usage_read(getpid(), &u));
	assert_true(u.pss > 0);
	assert_true(u.cpu_us > 0);
	assert_false(usage_read(-1, &u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proportional_memory),
		cmocka_unit_test(test_of_a_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
