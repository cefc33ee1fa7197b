#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hand.h"

static int setup(void **state)
{
	struct hand *h = mem_new(struct hand);

	hand_init(h, 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct hand *h = *state;

	hand_finish(h);
	free(h);
	return 0;
}

static void put(struct hand *h, struct state_op op)
{
	state_run(h->backend.state, &op, 1, NULL, NULL);
}

static void test_gives_memory_back(void **state)
{
	struct hand *h = *state;
	char key[64];

	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "stream:s:chat_rate:u%d", i);
		put(h, state_add(key, 1, 60000));
	}
	put(h, state_set("presence:u1", "online", 3600000 * 5));
	assert_int_equal(state_memory_entries(h->memory), 5001);
	/* Nobody asks for them again; whatever comes next turns the wheel. */
	clock_manual_advance(&h->clock, 62000000);
	put(h, state_get("other"));
	assert_int_equal(state_memory_entries(h->memory), 1);
	/* One that lives longer than the wheel is round, in one step and by seconds. */
	for (int i = 0; i < 3000; i++) {
		clock_manual_advance(&h->clock, 1000000);
		state_memory_sweep(h->memory);
	}
	assert_int_equal(state_memory_entries(h->memory), 1);
	clock_manual_advance(&h->clock, 4ull * 3600 * 1000000);
	state_memory_sweep(h->memory);
	assert_int_equal(state_memory_entries(h->memory), 1);
	clock_manual_advance(&h->clock, 3600ull * 1000000);
	state_memory_sweep(h->memory);
	assert_int_equal(state_memory_entries(h->memory), 0);
}

static void test_counts_entries(void **state)
{
	struct hand *h = *state;

	put(h, state_sorted_add("z", "a", 1));
	put(h, state_sorted_add("z", "b", 2));
	put(h, state_hash_set("h", "f", "v"));
	for (int i = 0; i < 10; i++)
		put(h, state_list_push("l", "x", 3));
	put(h, state_set_add("s", "a"));
	assert_int_equal(state_memory_entries(h->memory), 3 + 2 + 4 + 2);
	put(h, state_sorted_cut("z", 2));
	put(h, state_delete("l"));
	put(h, state_set("s", "text", 0)); /* in place of the set */
	assert_int_equal(state_memory_entries(h->memory), 2 + 2 + 1);
	put(h, state_sorted_remove("z", "b"));
	put(h, state_hash_remove("h", "f"));
	put(h, state_delete("s"));
	assert_int_equal(state_memory_entries(h->memory), 0);
}

struct results {
	enum state_result of[4];
};

static void hear(void *user, const struct state_reply *replies, size_t n)
{
	struct results *r = user;

	for (size_t i = 0; i < n; i++)
		r->of[i] = replies[i].result;
}

static void test_is_bounded(void **state)
{
	struct hand h;
	struct results r;
	const struct state_op more[] = {state_set_add("s", "d"), state_set_add("t", "a"),
		state_add("n", 1, 0), state_set_add("s", "a")};

	hand_init(&h, 4);
	put(&h, state_set_add("s", "a"));
	put(&h, state_set_add("s", "b"));
	put(&h, state_set_add("s", "c"));
	state_run(h.backend.state, more, 4, hear, &r);
	hand_turn(&h);
	assert_int_equal(r.of[0], STATE_FULL);
	assert_int_equal(r.of[1], STATE_FULL);
	assert_int_equal(r.of[2], STATE_FULL);
	assert_int_equal(r.of[3], STATE_OK); /* it is there already */
	assert_int_equal(state_memory_entries(h.memory), 4);
	put(&h, state_delete("s"));
	state_run(h.backend.state, more, 4, hear, &r);
	hand_turn(&h);
	assert_int_equal(r.of[0], STATE_OK);
	assert_int_equal(r.of[1], STATE_OK);
	assert_int_equal(r.of[2], STATE_FULL);
	hand_finish(&h);
}

static void count(void *user, const struct state_reply *replies, size_t n)
{
	++*(unsigned *)user;
}

static void destroy(void *user, const struct state_reply *replies, size_t n)
{
	struct hand *h = user;

	state_memory_destroy(&h->memory);
}

static void test_goes_with_answers_under_way(void **state)
{
	struct hand h;
	unsigned calls = 0;
	const struct state_op op = state_set_list("s");

	hand_init(&h, 0);
	put(&h, state_set_add("s", "a"));
	state_run(h.backend.state, &op, 1, count, &calls);
	state_run(h.backend.state, &op, 1, destroy, &h);
	state_run(h.backend.state, &op, 1, count, &calls);
	hand_turn(&h);
	assert_int_equal(calls, 1);
	hand_finish(&h);
	hand_init(&h, 0);
	state_run(h.backend.state, &op, 1, count, &calls);
	hand_finish(&h);
	assert_int_equal(calls, 1);
}

static int run(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest all[64];

	assert_true(n <= sizeof(all) / sizeof(all[0]));
	for (size_t i = 0; i < n; i++) {
		all[i] = tests[i];
		all[i].setup_func = setup;
		all[i].teardown_func = teardown;
	}
	return _cmocka_run_group_tests(name, all, n, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest own[] = {
		cmocka_unit_test_setup_teardown(test_gives_memory_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts_entries, setup, teardown),
		cmocka_unit_test(test_is_bounded),
		cmocka_unit_test(test_goes_with_answers_under_way),
	};
	int failed = run("the contract", state_contract_tests, n_state_contract_tests) +
		run("the keys", state_key_tests, n_state_key_tests);

	return failed + cmocka_run_group_tests_name("in memory", own, NULL, NULL);
}
