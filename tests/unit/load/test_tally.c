#include "support/test.h"
#include "tally.h"

static void test_each_message_once(void **state)
{
	struct tally t;
	tally_init(&t, 3, 20, 1);
	for (uint32_t n = 0; n < 20; n++)
		assert_true(tally_add(&t, 2, n, 0));
	assert_false(tally_add(&t, 2, 7, 0));
	assert_true(tally_add(&t, 1, 7, 0));
	assert_int_equal(t.received, 21);
	assert_int_equal(t.duplicated, 1);
	assert_int_equal(t.disordered, 0);
	tally_finish(&t);
}

static void test_another_order_than_the_others(void **state)
{
	struct tally t;
	tally_init(&t, 2, 4, 2);
	/* Two senders' messages may pass each other, the same way for all. */
	tally_add(&t, 0, 1, 1);
	tally_add(&t, 0, 0, 0);
	tally_add(&t, 1, 1, 1);
	tally_add(&t, 1, 0, 0);
	assert_int_equal(t.disordered, 0);
	tally_add(&t, 0, 2, 0);
	tally_add(&t, 0, 3, 1);
	tally_add(&t, 1, 3, 1);
	tally_add(&t, 1, 2, 0);
	assert_int_equal(t.disordered, 1);
	tally_finish(&t);
}

static void test_one_senders_order(void **state)
{
	struct tally t;
	tally_init(&t, 1, 4, 1);
	tally_add(&t, 0, 3, 0);
	tally_add(&t, 0, 2, 0);
	assert_int_equal(t.disordered, 1);
	tally_finish(&t);
}

static void test_numbers_that_were_never_sent(void **state)
{
	struct tally t;
	tally_init(&t, 1, 4, 1);
	assert_false(tally_add(&t, 0, 4, 0));
	assert_false(tally_add(&t, 1, 0, 0));
	assert_false(tally_add(&t, 0, 0, 1));
	assert_int_equal(t.unknown, 3);
	assert_int_equal(t.received, 0);
	tally_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_message_once),
		cmocka_unit_test(test_another_order_than_the_others),
		cmocka_unit_test(test_one_senders_order),
		cmocka_unit_test(test_numbers_that_were_never_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
