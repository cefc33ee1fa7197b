#include <stdlib.h>
#include <string.h>

#include "../store/fixture.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "hand.h"
#include "state/inbox.h"

/* Over a real store in memory, whose notifications are written by streams that go live. */
struct rig {
	struct hand hand;
	struct fixture *fixture;
	struct repo repo;
	struct inbox *inbox;
	struct signal_listener arrived, read;
	struct buf told;
	bool answered, ok;
	uint32_t unread;
};

static void on_arrived(struct signal_listener *l, void *data)
{
	struct rig *r = container_of(l, struct rig, arrived);
	const struct notification_news *news = data;
	for (size_t i = 0; i < news->n; i++)
		buf_printf(&r->told, "%s ", news->rows[i].user_id);
}

static void on_was_read(struct signal_listener *l, void *data)
{
	struct rig *r = container_of(l, struct rig, read);
	const struct inbox_reading *reading = data;
	if (reading->ids)
		buf_printf(&r->told, "%s:%zu", reading->user_id, reading->n);
	else
		buf_printf(&r->told, "%s:all", reading->user_id);
	buf_printf(&r->told, "=%u%s ", reading->unread, reading->by == r ? "r" : "");
}

static void turn(struct rig *r)
{
	for (int i = 0; i < 3; i++) {
		r->fixture->backend.drain(&r->fixture->backend);
		hand_turn(&r->hand);
	}
}

static void ignore(void *user, const struct repo_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
}

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);
	static const char *const users[] = {"seller", "ann", "bob"};
	hand_init(&r->hand, 0);
	fixture_setup_in_memory((void **)&r->fixture);
	r->repo = r->fixture->backend.repo;
	for (int i = 0; i < 3; i++)
		r->repo.ops->user_put(
			r->repo.impl, &(struct user_record){.id = (char *)users[i]}, ignore, NULL);
	r->repo.people->follow(r->repo.impl, "ann", "seller", ignore, NULL);
	r->repo.people->follow(r->repo.impl, "bob", "seller", ignore, NULL);
	r->inbox = inbox_create(&(struct inbox_config){
		.clock = &r->hand.clock.clock, .state = r->hand.backend.state, .repo = r->repo});
	signal_listener_init(&r->arrived, on_arrived);
	signal_listener_init(&r->read, on_was_read);
	signal_add(inbox_arrived(r->inbox), &r->arrived);
	signal_add(inbox_was_read(r->inbox), &r->read);
	turn(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	inbox_destroy(&r->inbox);
	fixture_teardown((void **)&r->fixture);
	hand_finish(&r->hand);
	buf_finish(&r->told);
	free(r);
	return 0;
}

static const char *told(struct rig *r)
{
	static char text[256];
	turn(r);
	text_copy(text, sizeof(text), buf_text(&r->told));
	buf_reset(&r->told);
	return text;
}

static void go_live(struct rig *r)
{
	struct stream_record s = {.id = uuid_new(&r->hand.clock.clock),
		.seller_id = "seller",
		.title = "T",
		.status = STREAM_SCHEDULED,
		.notify_followers = true};
	memcpy(s.key_hash, s.id.bytes, sizeof(s.id.bytes));
	clock_manual_advance(&r->hand.clock, 1000);
	r->repo.ops->stream_create(r->repo.impl, &s, NULL, 0, ignore, NULL);
	r->repo.ops->stream_go_live(r->repo.impl, s.id, clock_wall_ms(&r->hand.clock.clock),
		s.key_hash, false, ignore, NULL);
	turn(r);
}

static void on_done(void *user, bool ok, uint32_t unread)
{
	struct rig *r = user;
	r->answered = true;
	r->ok = ok;
	r->unread = unread;
}

static uint32_t unread(struct rig *r, const char *user)
{
	r->answered = false;
	inbox_unread(r->inbox, user, on_done, r);
	assert_false(r->answered);
	turn(r);
	assert_true(r->answered && r->ok);
	return r->unread;
}

static void on_number(void *user, const struct state_reply *replies, size_t n)
{
	*(int64_t *)user = replies[0].result == STATE_OK ? replies[0].number : -1;
}

/* What the state keeps; -1: nothing. */
static int64_t cached(struct rig *r, const char *key)
{
	const struct state_op op = state_get(key);
	int64_t number = 0;
	state_run(r->hand.backend.state, &op, 1, on_number, &number);
	turn(r);
	return number;
}

static void test_counts_are_kept(void **state)
{
	struct rig *r = *state;
	assert_int_equal(unread(r, "ann"), 0);
	assert_int_equal(cached(r, "notifications:unread:ann"), 0);
	go_live(r);
	assert_int_equal(cached(r, "notifications:unread:ann"), -1);
	assert_string_equal(told(r), "ann bob ");
	go_live(r);
	assert_int_equal(unread(r, "ann"), 2);
	assert_int_equal(unread(r, "ann"), 2);
	assert_int_equal(cached(r, "notifications:unread:ann"), 2);
	assert_int_equal(cached(r, "notifications:unread:bob"), -1);
	clock_manual_advance(&r->hand.clock, INBOX_TTL_MS * 1000ull + 1000);
	assert_int_equal(cached(r, "notifications:unread:ann"), -1);
	assert_int_equal(unread(r, "nobody"), 0);
}

static uint32_t mark(struct rig *r, const char *user, const struct uuid *ids, size_t n)
{
	const struct inbox_reading what = {.user_id = user, .ids = ids, .n = n, .by = r};
	r->answered = false;
	inbox_read(r->inbox, &what, on_done, r);
	turn(r);
	assert_true(r->answered && r->ok);
	return r->unread;
}

static void test_marks_as_read(void **state)
{
	struct rig *r = *state;
	struct repo_notification_page page;
	go_live(r);
	go_live(r);
	go_live(r);
	told(r);
	assert_int_equal(unread(r, "ann"), 3);
	assert_int_equal(
		r->repo.people->notification_list(r->repo.impl, "ann", true, 9, NULL, &page),
		REPO_OK);
	assert_int_equal(mark(r, "ann", &page.rows[0].id, 1), 2);
	assert_string_equal(told(r), "ann:1=2r ");
	/* Another's. */
	assert_int_equal(mark(r, "bob", &page.rows[1].id, 1), 3);
	assert_int_equal(unread(r, "ann"), 2);
	told(r);
	assert_int_equal(mark(r, "ann", NULL, 0), 0);
	assert_string_equal(told(r), "ann:all=0r ");
	assert_int_equal(cached(r, "notifications:unread:ann"), 0);
	repo_notification_page_finish(&page);
}

static void test_ends_in_the_middle(void **state)
{
	struct rig *r = *state;
	const struct inbox_reading what = {.user_id = "ann"};
	r->answered = false;
	inbox_unread(r->inbox, "ann", on_done, r);
	inbox_forget(r->inbox, r);
	turn(r);
	assert_false(r->answered);
	inbox_read(r->inbox, &what, on_done, r);
	inbox_destroy(&r->inbox);
	assert_true(r->answered);
	assert_false(r->ok);
	r->answered = false;
	turn(r);
	assert_false(r->answered);
	go_live(r);
	assert_string_equal(told(r), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks_as_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_in_the_middle, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
