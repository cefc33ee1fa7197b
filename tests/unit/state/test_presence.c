#include <stdlib.h>

#include "base/mem.h"
#include "hand.h"
#include "state/presence.h"

struct rig {
	struct hand hand;
	struct presence *presence;
	bool answered, ok, changed;
	enum presence_status statuses[4];
	size_t n;
	int64_t online;
};

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);
	hand_init(&r->hand, 0);
	r->presence = presence_create(NULL, r->hand.backend.state);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	presence_destroy(&r->presence);
	hand_finish(&r->hand);
	free(r);
	return 0;
}

static void on_set(void *user, bool ok, bool changed)
{
	struct rig *r = user;
	r->answered = true;
	r->ok = ok;
	r->changed = changed;
}

static bool set(struct rig *r, const char *id, enum presence_status status)
{
	r->answered = false;
	presence_set(r->presence, id, status, on_set, r);
	assert_false(r->answered);
	hand_turn(&r->hand);
	assert_true(r->answered && r->ok);
	return r->changed;
}

static void on_got(void *user, const enum presence_status *statuses, size_t n)
{
	struct rig *r = user;
	assert_non_null(statuses);
	r->n = n;
	for (size_t i = 0; i < n; i++) {
		r->statuses[i] = statuses[i];
	}
}

static enum presence_status get(struct rig *r, const char *id)
{
	r->n = 0;
	presence_get(r->presence, &id, 1, on_got, r);
	hand_turn(&r->hand);
	assert_int_equal(r->n, 1);
	return r->statuses[0];
}

static void on_count(void *user, const struct state_reply *replies, size_t n)
{
	((struct rig *)user)->online = replies[0].number;
}

static int64_t online(struct rig *r)
{
	const struct state_op op = state_set_count("users:online");
	r->online = -1;
	state_run(r->hand.backend.state, &op, 1, on_count, r);
	hand_turn(&r->hand);
	return r->online;
}

static void advance(struct rig *r, uint64_t seconds)
{
	clock_manual_advance(&r->hand.clock, seconds * 1000000);
}

static void test_comes_and_goes(void **state)
{
	struct rig *r = *state;
	assert_int_equal(get(r, "u1"), PRESENCE_OFFLINE);
	assert_true(set(r, "u1", PRESENCE_ONLINE));
	assert_false(set(r, "u1", PRESENCE_ONLINE));
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	assert_true(set(r, "u1", PRESENCE_AWAY));
	assert_int_equal(get(r, "u1"), PRESENCE_AWAY);
	assert_int_equal(online(r), 1);
	assert_true(set(r, "u1", PRESENCE_OFFLINE));
	assert_int_equal(get(r, "u1"), PRESENCE_OFFLINE);
	assert_int_equal(online(r), 0);
	assert_false(set(r, "u1", PRESENCE_OFFLINE));
}

static void test_five_minutes(void **state)
{
	struct rig *r = *state;
	set(r, "u1", PRESENCE_ONLINE);
	advance(r, 299);
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	presence_renew(r->presence, "u1");
	presence_renew(r->presence, "nobody");
	hand_turn(&r->hand);
	advance(r, 299);
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	advance(r, 2);
	assert_int_equal(get(r, "u1"), PRESENCE_OFFLINE);
	assert_int_equal(get(r, "nobody"), PRESENCE_OFFLINE);
}

static void test_sweep_takes_out_the_stale(void **state)
{
	struct rig *r = *state;
	set(r, "old", PRESENCE_ONLINE);
	advance(r, 200);
	set(r, "new", PRESENCE_AWAY);
	advance(r, 200);
	assert_int_equal(online(r), 2);
	presence_sweep(r->presence);
	for (int i = 0; i < 3; i++) {
		hand_turn(&r->hand);
	}
	assert_int_equal(online(r), 1);
	assert_int_equal(get(r, "new"), PRESENCE_AWAY);
}

static void test_many_at_once(void **state)
{
	struct rig *r = *state;
	static const char *const ids[] = {"a", "b", "c", "b"};
	set(r, "b", PRESENCE_AWAY);
	set(r, "c", PRESENCE_ONLINE);
	presence_get(r->presence, ids, 4, on_got, r);
	hand_turn(&r->hand);
	assert_int_equal(r->n, 4);
	assert_int_equal(r->statuses[0], PRESENCE_OFFLINE);
	assert_int_equal(r->statuses[1], PRESENCE_AWAY);
	assert_int_equal(r->statuses[2], PRESENCE_ONLINE);
	assert_int_equal(r->statuses[3], PRESENCE_AWAY);
}

static void test_nobody_answers_after_the_end(void **state)
{
	struct rig *r = *state;
	r->answered = false;
	presence_set(r->presence, "u1", PRESENCE_ONLINE, on_set, r);
	presence_sweep(r->presence);
	presence_destroy(&r->presence);
	hand_turn(&r->hand);
	assert_false(r->answered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_five_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep_takes_out_the_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_answers_after_the_end, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
