#include <arpa/inet.h>
#include <netinet/in.h>

#include "relay_rules.h"
#include "support/test.h"

static bool admits(const struct relay_rules *r, const char *address)
{
	struct net_prefix p;

	assert_true(net_prefix_parse(address, &p));
	return relay_rules_admit(r, &p);
}

static void only_the_internet_is_relayed_to(void **state)
{
	static const struct {
		const char *address;
		bool good;
	} cases[] = {
		{"1.1.1.1", true},
		{"93.184.216.34", true},
		{"172.15.255.255", true},
		{"172.32.0.1", true},
		{"2606:4700::1111", true},
		{"0.0.0.0", false},
		{"10.1.2.3", false},
		{"100.64.0.1", false},
		{"127.0.0.1", false},
		{"169.254.169.254", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.168.1.1", false},
		{"198.18.0.1", false},
		{"224.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::127.0.0.1", false},
		{"::ffff:127.0.0.1", false},
		{"::ffff:1.1.1.1", true},
		{"64:ff9b::7f00:1", false},
		{"2002:7f00:1::", false},
		{"2001::1", false},
		{"fc00::1", false},
		{"fd12::1", false},
		{"fe80::1", false},
		{"ff02::1", false},
	};
	struct relay_rules r;

	assert_true(relay_rules_init(&r, NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (admits(&r, cases[i].address) != cases[i].good)
			fail_msg("%s", cases[i].address);
	relay_rules_finish(&r);
}

static void what_is_allowed_is_no_more_than_that(void **state)
{
	struct relay_rules r;

	assert_true(relay_rules_init(&r, "127.0.0.0/8, 10.2.0.0/16,fd00::/8"));
	assert_true(admits(&r, "127.3.2.1"));
	assert_true(admits(&r, "10.2.3.4"));
	assert_false(admits(&r, "10.3.0.1"));
	assert_true(admits(&r, "fd00::1"));
	assert_false(admits(&r, "::1"));
	relay_rules_finish(&r);
	assert_true(relay_rules_init(&r, ""));
	assert_int_equal(r.n_allow, 0);
	relay_rules_finish(&r);
	assert_false(relay_rules_init(&r, "127.0.0.0/8,example.com"));
	assert_int_equal(r.n_allow, 0);
}

static void addresses_are_read_off_sockets(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr local = {.sa_family = AF_UNIX};
	struct net_prefix got, want;

	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	assert_true(net_prefix_parse("192.0.2.7", &want));
	assert_true(relay_rules_address((const void *)&in, &got));
	assert_memory_equal(&got, &want, sizeof(got));
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr);
	assert_true(relay_rules_address((const void *)&in6, &got));
	assert_memory_equal(&got, &want, sizeof(got));
	inet_pton(AF_INET6, "2001:db8::7", &in6.sin6_addr);
	assert_true(net_prefix_parse("2001:db8::7", &want));
	assert_true(relay_rules_address((const void *)&in6, &got));
	assert_memory_equal(&got, &want, sizeof(got));
	assert_false(relay_rules_address(&local, &got));
}

static void failures_make_it_later(void **state)
{
	struct relay_backoff low = {0}, high = {0}, steady = {0};
	uint64_t want = 1000000;

	for (unsigned i = 0; i < 20; i++) {
		uint64_t a = relay_backoff_next(&low, 1000000, 60000000, 0);
		uint64_t b = relay_backoff_next(&high, 1000000, 60000000, UINT32_MAX);
		assert_in_range(a, 1000000, want);
		assert_in_range(b, want, 60000000);
		assert_true(a >= want / 4 * 3 && b <= want / 4 * 5);
		want = want * 2 > 60000000 ? 60000000 : want * 2;
	}
	for (unsigned i = 0; i < 5; i++)
		relay_backoff_next(&steady, 1000000, 60000000, 0);
	/* One that lets in and hangs up at once is no better than one that refuses. */
	relay_backoff_lived(&steady, RELAY_STEADY_US - 1);
	assert_int_equal(steady.failures, 5);
	relay_backoff_lived(&steady, RELAY_STEADY_US);
	assert_int_equal(relay_backoff_next(&steady, 1000000, 60000000, 0), 1000000);
	/* However the bounds are set. */
	assert_int_equal(relay_backoff_next(&steady, 5000000, 1000000, 0), 5000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_internet_is_relayed_to),
		cmocka_unit_test(what_is_allowed_is_no_more_than_that),
		cmocka_unit_test(addresses_are_read_off_sockets),
		cmocka_unit_test(failures_make_it_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
