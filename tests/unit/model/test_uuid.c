#include <string.h>

#include "model/uuid.h"
#include "support/test.h"

#define MS 1700000000000

static uint64_t time_of(struct uuid id)
{
	uint64_t ms = 0;
	for (int i = 0; i < 6; i++) {
		ms = ms << 8 | id.bytes[i];
	}
	return ms;
}

static void test_fields_of_version_7(void **state)
{
	struct clock_manual m;
	/* Later than any other test's clock: the sequence belongs to the process. */
	clock_manual_init(&m, (MS + 100000) * 1000);
	for (int i = 0; i < 100; i++) {
		clock_manual_advance(&m, 5000);
		struct uuid id = uuid_new(&m.clock);
		assert_true(time_of(id) == clock_wall_ms(&m.clock));
		assert_int_equal(id.bytes[6] >> 4, 7);
		assert_int_equal(id.bytes[8] >> 6, 2);
	}
}

static void test_rises_within_a_millisecond(void **state)
{
	struct clock_manual m;
	clock_manual_init(&m, (MS + 200000) * 1000);
	struct uuid last = uuid_new(&m.clock);
	/* More than the 12 bits of the counter hold. */
	for (int i = 0; i < 10000; i++) {
		struct uuid id = uuid_new(&m.clock);
		assert_true(memcmp(id.bytes, last.bytes, sizeof(id.bytes)) > 0);
		last = id;
	}
	assert_true(time_of(last) < MS + 200000 + 10);
}

static void test_small_rollback_keeps_rising(void **state)
{
	struct clock_manual m;
	clock_manual_init(&m, (MS + 300000) * 1000);
	struct uuid before = uuid_new(&m.clock);
	m.wall -= 2000000;
	struct uuid after = uuid_new(&m.clock);
	assert_true(memcmp(after.bytes, before.bytes, sizeof(after.bytes)) > 0);
	m.wall -= 60000000;
	assert_true(time_of(uuid_new(&m.clock)) == clock_wall_ms(&m.clock));
}

static void test_text(void **state)
{
	/* RFC 9562 appendix A.6 */
	static const uint8_t bytes[16] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98,
		0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
	struct uuid id;
	char text[UUID_TEXT_SIZE];
	assert_true(uuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", &id));
	assert_memory_equal(id.bytes, bytes, sizeof(bytes));
	uuid_text(text, id);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398ff", "017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
		"017f22e2_79b0_7cc3_98c4_dc0c0c07398f", "017f22e-279b0-7cc3-98c4-dc0c0c07398f"};
	struct uuid id = {{1}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(uuid_parse(bad[i], &id));
	}
	assert_int_equal(id.bytes[0], 1);
}

static void test_none(void **state)
{
	struct uuid a = {{0}}, b = {{0}};
	assert_true(uuid_is_none(a));
	b.bytes[15] = 1;
	assert_false(uuid_is_none(b));
	assert_false(uuid_eq(a, b));
	assert_true(uuid_eq(b, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_of_version_7),
		cmocka_unit_test(test_rises_within_a_millisecond),
		cmocka_unit_test(test_small_rollback_keeps_rising),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
