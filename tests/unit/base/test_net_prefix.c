#include "base/net_prefix.h"
#include "support/test.h"

static void check(const char *text, const char *canonical)
{
	struct net_prefix p;
	char out[NET_PREFIX_TEXT_SIZE];
	assert_true(net_prefix_parse(text, &p));
	net_prefix_text(&p, out);
	assert_string_equal(out, canonical);
}

static void test_is_canonical(void **state)
{
	check("192.0.2.1", "192.0.2.1");
	check("192.0.2.129/24", "192.0.2.0/24");
	check("0.0.0.0/0", "0.0.0.0/0");
	check("2001:DB8:0::1", "2001:db8::1");
	check("2001:db8:ffff::/33", "2001:db8:8000::/33");
	check("::ffff:192.0.2.1", "192.0.2.1");
	check("::ffff:192.0.2.1/120", "192.0.2.0/24");
	check("::/0", "::/0");
}

static void test_refuses_what_is_none(void **state)
{
	static const char *const bad[] = {"", "/", "192.0.2", "192.0.2.1/", "192.0.2.1/33",
		"192.0.2.1/-1", "192.0.2.1/8x", "2001:db8::/129", "host.example", "1.2.3.4 ",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1"};
	struct net_prefix p;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(net_prefix_parse(bad[i], &p));
	}
}

static bool has(const char *network, const char *address)
{
	struct net_prefix n, a;
	assert_true(net_prefix_parse(network, &n) && net_prefix_parse(address, &a));
	return net_prefix_has(&n, &a);
}

static void test_holds_its_addresses(void **state)
{
	assert_true(has("192.0.2.0/24", "192.0.2.255"));
	assert_false(has("192.0.2.0/24", "192.0.3.0"));
	assert_true(has("192.0.2.0/25", "192.0.2.127"));
	assert_false(has("192.0.2.0/25", "192.0.2.128"));
	assert_true(has("192.0.2.7", "192.0.2.7"));
	assert_true(has("0.0.0.0/0", "203.0.113.9"));
	assert_false(has("0.0.0.0/0", "2001:db8::1"));
	assert_true(has("2001:db8::/32", "2001:db8:1::5"));
	assert_true(has("192.0.2.0/24", "::ffff:192.0.2.9"));
	/* A network is no address of a narrower one. */
	assert_false(has("192.0.2.0/24", "192.0.0.0/16"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_canonical),
		cmocka_unit_test(test_refuses_what_is_none),
		cmocka_unit_test(test_holds_its_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
