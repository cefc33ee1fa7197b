#include <stdio.h>

#include "conn_limits.h"
#include "support/test.h"

static void test_per_address(void **state)
{
	struct rtmp_limits l;
	rtmp_limits_init(&l);
	l.max_per_address = 2;
	assert_int_equal(rtmp_limits_take(&l, "a"), RTMP_CLOSE_NONE);
	assert_int_equal(rtmp_limits_take(&l, "a"), RTMP_CLOSE_NONE);
	assert_int_equal(rtmp_limits_take(&l, "a"), RTMP_CLOSE_ADDRESS_LIMIT);
	assert_int_equal(rtmp_limits_take(&l, "b"), RTMP_CLOSE_NONE);
	assert_int_equal(l.connections, 3);
	rtmp_limits_release(&l, "a");
	assert_int_equal(rtmp_limits_take(&l, "a"), RTMP_CLOSE_NONE);
	assert_int_equal(rtmp_limits_take(&l, "a"), RTMP_CLOSE_ADDRESS_LIMIT);
	rtmp_limits_finish(&l);
}

static void test_in_all(void **state)
{
	struct rtmp_limits l;
	rtmp_limits_init(&l);
	l.max_connections = 2;
	assert_int_equal(rtmp_limits_take(&l, "a"), RTMP_CLOSE_NONE);
	assert_int_equal(rtmp_limits_take(&l, "b"), RTMP_CLOSE_NONE);
	assert_int_equal(rtmp_limits_take(&l, "c"), RTMP_CLOSE_CONNECTION_LIMIT);
	rtmp_limits_release(&l, "b");
	assert_int_equal(rtmp_limits_take(&l, "c"), RTMP_CLOSE_NONE);
	rtmp_limits_finish(&l);
}

/* Addresses that left are forgotten: strangers cannot make the map grow. */
static void test_addresses_are_forgotten(void **state)
{
	struct rtmp_limits l;
	rtmp_limits_init(&l);
	for (unsigned i = 0; i < 1000; i++) {
		char address[32];
		snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
		assert_int_equal(rtmp_limits_take(&l, address), RTMP_CLOSE_NONE);
		rtmp_limits_release(&l, address);
	}
	assert_int_equal(map_count(l.addresses), 0);
	assert_int_equal(l.connections, 0);
	rtmp_limits_finish(&l);
}

static void test_throttle(void **state)
{
	struct log_throttle t = {0};
	uint64_t skipped = 99;
	assert_true(log_throttle_pass(&t, 5000000, &skipped));
	assert_int_equal(skipped, 0);
	assert_false(log_throttle_pass(&t, 5000001, &skipped));
	assert_false(log_throttle_pass(&t, 5999999, &skipped));
	assert_true(log_throttle_pass(&t, 6000000, &skipped));
	assert_int_equal(skipped, 2);
	assert_true(log_throttle_pass(&t, 9000000, &skipped));
	assert_int_equal(skipped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_per_address),
		cmocka_unit_test(test_in_all),
		cmocka_unit_test(test_addresses_are_forgotten),
		cmocka_unit_test(test_throttle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
