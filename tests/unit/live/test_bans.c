#include "live/bans.h"
#include "loop/mailbox.h"
#include "store/store.h"
#include "support/test.h"

/* Bans over the store in memory, on a real loop. */
struct rig {
	struct clock_manual clock;
	struct loop *loop;
	struct mailbox *mailbox;
	struct store *store;
	struct bans *bans;
	enum bans_result result;
	bool answered;
	unsigned changes;
	struct signal_listener listener;
};

static void on_changed(struct signal_listener *listener, void *data)
{
	container_of(listener, struct rig, listener)->changes++;
}

static void open_bans(struct rig *r, unsigned max)
{
	r->bans = bans_create(r->loop, store_repo(r->store), max);
	assert_non_null(r->bans);
	signal_listener_init(&r->listener, on_changed);
	signal_add(bans_changed(r->bans), &r->listener);
}

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));
	char *error = NULL;
	clock_manual_init(&r->clock, 1000000000);
	r->loop = loop_create(&(struct loop_config){.clock = &r->clock.clock});
	r->mailbox = mailbox_create(r->loop);
	r->store = store_open(&(struct store_config){.url = "sqlite::memory:",
				      .clock = &r->clock.clock,
				      .post = mailbox_post_fn,
				      .post_user = r->mailbox},
		&error);
	assert_non_null(r->store);
	open_bans(r, 3);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	bans_destroy(&r->bans);
	store_close(r->store);
	mailbox_destroy(&r->mailbox);
	loop_destroy(r->loop);
	test_free(r);
	return 0;
}

static void on_done(void *user, enum bans_result result, const struct ban_record *ban)
{
	struct rig *r = user;
	r->result = result;
	r->answered = true;
	loop_stop(r->loop);
}

static enum bans_result wait_answer(struct rig *r)
{
	assert_false(r->answered);
	loop_run(r->loop);
	assert_true(r->answered);
	r->answered = false;
	return r->result;
}

static enum bans_result put(struct rig *r, enum ban_kind kind, const char *subject, uint64_t for_ms)
{
	uint64_t now = clock_wall_ms(&r->clock.clock);
	struct ban_record ban = {.kind = kind,
		.subject = (char *)subject,
		.until = for_ms ? now + for_ms : 0,
		.actor = "admin",
		.created_at = now};
	bans_put(r->bans, &ban, on_done, r);
	return wait_answer(r);
}

static enum bans_result removed(struct rig *r, enum ban_kind kind, const char *subject)
{
	bans_remove(r->bans, kind, subject, on_done, r);
	return wait_answer(r);
}

static void test_addresses_and_networks(void **state)
{
	struct rig *r = *state;
	assert_false(bans_address(r->bans, "192.0.2.9"));
	assert_int_equal(put(r, BAN_ADDRESS, "192.0.2.77/24", 0), BANS_OK);
	assert_int_equal(r->changes, 1);
	assert_true(bans_address(r->bans, "192.0.2.9"));
	assert_true(bans_address(r->bans, "::ffff:192.0.2.9"));
	assert_false(bans_address(r->bans, "192.0.3.9"));
	assert_false(bans_address(r->bans, "unix"));
	assert_false(bans_user(r->bans, "192.0.2.0/24"));
	assert_int_equal(removed(r, BAN_ADDRESS, "192.0.2.1/24"), BANS_OK);
	assert_false(bans_address(r->bans, "192.0.2.9"));
	assert_int_equal(removed(r, BAN_ADDRESS, "192.0.2.1/24"), BANS_NOT_FOUND);
	assert_int_equal(put(r, BAN_ADDRESS, "example.com", 0), BANS_INVALID);
}

static void test_users_until_a_time(void **state)
{
	struct rig *r = *state;
	assert_int_equal(put(r, BAN_USER, "mallory", 5000), BANS_OK);
	assert_true(bans_user(r->bans, "mallory"));
	assert_false(bans_user(r->bans, "alice"));
	clock_manual_advance(&r->clock, 5000001);
	assert_false(bans_user(r->bans, "mallory"));
}

static void test_bound(void **state)
{
	struct rig *r = *state;
	assert_int_equal(put(r, BAN_USER, "a", 1000), BANS_OK);
	assert_int_equal(put(r, BAN_USER, "b", 0), BANS_OK);
	assert_int_equal(put(r, BAN_USER, "c", 0), BANS_OK);
	assert_int_equal(put(r, BAN_USER, "d", 0), BANS_FULL);
	assert_int_equal(put(r, BAN_USER, "c", 9000), BANS_OK);
	clock_manual_advance(&r->clock, 1000001);
	assert_int_equal(put(r, BAN_USER, "d", 0), BANS_OK);
	assert_int_equal(bans_count(r->bans), 3);
}

static void test_survive_a_restart(void **state)
{
	struct rig *r = *state;
	put(r, BAN_ADDRESS, "2001:db8::/32", 0);
	put(r, BAN_USER, "mallory", 60000);
	put(r, BAN_USER, "short", 1000);
	clock_manual_advance(&r->clock, 2000000);
	bans_destroy(&r->bans);
	open_bans(r, 3);
	assert_int_equal(bans_count(r->bans), 2);
	assert_true(bans_address(r->bans, "2001:db8:9::1"));
	assert_true(bans_user(r->bans, "mallory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_addresses_and_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_users_until_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survive_a_restart, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
