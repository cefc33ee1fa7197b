#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/test.h"
#include "ws/hub.h"

#define MEMBERS 8

/* A client that writes down what it hears. */
struct client {
	struct hub_member member; /* first */
	struct rig *rig;
	char heard[4096];
	unsigned sends;
	size_t queued;
	bool leaves; /* at the next frame */
};

struct rig {
	struct clock_manual clock;
	struct hub *hub;
	struct client clients[MEMBERS];
	unsigned encoded;
};

/* "name:data " is all that a frame says here. */
static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	struct rig *r = user;
	char text[256];
	r->encoded++;
	if (framing == HUB_REALTIME) {
		return NULL;
	}
	int n = snprintf(text, sizeof(text), "%s%s:%.*s ", framing == HUB_JSON ? "j" : "", e->name,
		(int)e->len, e->data);
	return rcbuf_from(text, (size_t)n);
}

static bool client_send(struct hub_member *m, struct rcbuf *frames)
{
	struct client *c = (struct client *)m;
	size_t at = strlen(c->heard);
	assert_true(at + rcbuf_len(frames) < sizeof(c->heard));
	memcpy(c->heard + at, rcbuf_data(frames), rcbuf_len(frames));
	c->sends++;
	if (c->leaves) {
		hub_leave_all(c->rig->hub, m);
	}
	return !c->leaves;
}

static size_t client_queued(const struct hub_member *m)
{
	return ((const struct client *)m)->queued;
}

static const struct hub_member_ops ops = {.send = client_send, .queued = client_queued};

static void check(struct client *c, const char *heard)
{
	assert_string_equal(c->heard, heard);
	memset(c->heard, 0, sizeof(c->heard));
}

static void start(struct rig *r)
{
	r->hub = hub_create(&(struct hub_config){
		.clock = &r->clock.clock, .encode = encode, .user = r, .history = 5});
	for (size_t i = 0; i < MEMBERS; i++) {
		r->clients[i] = (struct client){.rig = r};
		hub_member_init(&r->clients[i].member, &ops,
			i == MEMBERS - 1	   ? HUB_REALTIME
				: i == MEMBERS - 2 ? HUB_JSON
						   : HUB_SOCKET_IO);
	}
}

static void stop(struct rig *r)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		hub_leave_all(r->hub, &r->clients[i].member);
	}
	hub_destroy(&r->hub);
}

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);
	clock_manual_init(&r->clock, 1000000);
	clock_manual_advance(&r->clock, 1000000000);
	start(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	stop(r);
	free(r);
	return 0;
}

static bool join(struct rig *r, unsigned i, const char *room)
{
	return hub_join(r->hub, &r->clients[i].member, room);
}

static void say(struct rig *r, const char *room, const char *data)
{
	hub_emit(r->hub, room, "e", data, strlen(data), HUB_MUST, NULL);
}

static void test_members_hear_in_order_and_in_one_buffer(void **state)
{
	struct rig *r = *state;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(join(r, i, "a"));
	}
	assert_true(join(r, 0, "a"));
	assert_int_equal(hub_room_members(r->hub, "a"), 3);
	say(r, "a", "1");
	say(r, "a", "2");
	say(r, "a", "3");
	check(&r->clients[0], "");
	hub_flush(r->hub);
	for (unsigned i = 0; i < 3; i++) {
		check(&r->clients[i], "e:1 e:2 e:3 ");
		assert_int_equal(r->clients[i].sends, 1);
	}
	assert_int_equal(r->encoded, 3);
	check(&r->clients[3], "");
}

static void test_framings_are_encoded_once_each(void **state)
{
	struct rig *r = *state;
	for (unsigned i = 0; i < MEMBERS; i++) {
		join(r, i, "a");
	}
	say(r, "a", "1");
	hub_flush(r->hub);
	assert_int_equal(r->encoded, 3);
	check(&r->clients[5], "e:1 ");
	check(&r->clients[6], "je:1 ");
	check(&r->clients[7], "");
}

static void test_who_comes_and_goes_within_a_turn(void **state)
{
	struct rig *r = *state;
	join(r, 0, "a");
	join(r, 1, "a");
	say(r, "a", "1");
	join(r, 2, "a");
	hub_leave(r->hub, &r->clients[1].member, "a");
	say(r, "a", "2");
	hub_flush(r->hub);
	check(&r->clients[0], "e:1 e:2 ");
	check(&r->clients[1], "");
	check(&r->clients[2], "e:2 ");
	assert_false(hub_leave(r->hub, &r->clients[1].member, "a"));
	assert_false(hub_is_in(r->hub, &r->clients[1].member, "a"));
}

static void test_all_but_one(void **state)
{
	struct rig *r = *state;
	for (unsigned i = 0; i < 3; i++) {
		join(r, i, "a");
	}
	hub_emit(r->hub, "a", "joined", "1", 1, HUB_MUST, &r->clients[1].member);
	say(r, "a", "2");
	hub_flush(r->hub);
	check(&r->clients[0], "joined:1 e:2 ");
	check(&r->clients[1], "e:2 ");
	check(&r->clients[2], "joined:1 e:2 ");
}

static void test_a_slow_member_loses_what_may_be_lost(void **state)
{
	struct rig *r = *state;
	join(r, 0, "a");
	join(r, 1, "a");
	r->clients[1].queued = 100000;
	hub_emit(r->hub, "a", "count", "1", 1, HUB_DROPPABLE, NULL);
	say(r, "a", "2");
	hub_flush(r->hub);
	check(&r->clients[0], "count:1 e:2 ");
	check(&r->clients[1], "e:2 ");
}

static void test_members_may_leave_while_it_is_sent(void **state)
{
	struct rig *r = *state;
	for (unsigned i = 0; i < 6; i++) {
		join(r, i, "a");
		join(r, i, "b");
	}
	r->clients[0].leaves = r->clients[3].leaves = r->clients[5].leaves = true;
	say(r, "a", "1");
	say(r, "b", "2");
	hub_flush(r->hub);
	assert_int_equal(hub_room_members(r->hub, "a"), 3);
	assert_int_equal(hub_room_members(r->hub, "b"), 3);
	check(&r->clients[0], "e:1 e:2 ");
	assert_int_equal(r->clients[1].sends, 1);
	check(&r->clients[1], "e:1 e:2 ");
	say(r, "a", "3");
	hub_flush(r->hub);
	check(&r->clients[0], "");
	check(&r->clients[1], "e:3 ");
	check(&r->clients[4], "e:1 e:2 e:3 ");
}

static void test_coming_back_misses_nothing(void **state)
{
	struct rig *r = *state;
	struct hub_place place;
	join(r, 0, "a");
	say(r, "a", "1");
	hub_flush(r->hub);
	assert_true(hub_room_place(r->hub, "a", &place));
	hub_leave_all(r->hub, &r->clients[0].member);
	memset(r->clients[0].heard, 0, 64);
	say(r, "a", "2");
	hub_flush(r->hub);
	say(r, "a", "3");
	assert_true(hub_resume(r->hub, &r->clients[0].member, "a", place.epoch, place.seq));
	say(r, "a", "4");
	hub_flush(r->hub);
	check(&r->clients[0], "e:2 e:3 e:4 ");
}

static void test_what_is_too_old_has_to_be_loaded_again(void **state)
{
	struct rig *r = *state;
	struct hub_place place;
	struct hub_member *m = &r->clients[0].member;
	join(r, 1, "a");
	say(r, "a", "0");
	hub_flush(r->hub);
	hub_room_place(r->hub, "a", &place);
	for (unsigned i = 0; i < 5; i++) {
		say(r, "a", "x");
	}
	hub_flush(r->hub);
	assert_true(hub_resume(r->hub, m, "a", place.epoch, place.seq));
	hub_leave_all(r->hub, m);
	say(r, "a", "y");
	hub_flush(r->hub);
	assert_false(hub_resume(r->hub, m, "a", place.epoch, place.seq));
	assert_false(hub_resume(r->hub, m, "a", "0123456789abcdef", place.seq + 6));
	assert_false(hub_resume(r->hub, m, "a", place.epoch, place.seq + 7));
	assert_false(hub_resume(r->hub, m, "none", place.epoch, place.seq));
	assert_false(hub_is_in(r->hub, m, "a"));
	/* Two minutes later nothing is known any more, but that nothing more was said is. */
	clock_manual_advance(&r->clock, 121000000);
	hub_sweep(r->hub);
	assert_false(hub_resume(r->hub, m, "a", place.epoch, place.seq + 5));
	assert_true(hub_resume(r->hub, m, "a", place.epoch, place.seq + 6));
}

static void test_a_room_of_the_same_name_is_not_the_room_before(void **state)
{
	struct rig *r = *state;
	struct hub_place place;
	join(r, 0, "a");
	say(r, "a", "1");
	hub_flush(r->hub);
	hub_room_place(r->hub, "a", &place);
	say(r, "a", "2");
	hub_flush(r->hub);
	hub_leave_all(r->hub, &r->clients[0].member);
	clock_manual_advance(&r->clock, 121000000);
	hub_sweep(r->hub);
	assert_false(hub_room_place(r->hub, "a", &place));
	join(r, 1, "a");
	assert_false(hub_resume(r->hub, &r->clients[0].member, "a", place.epoch, place.seq));
}

static void test_recovery_of_many_rooms_keeps_the_order_of_all(void **state)
{
	struct rig *r = *state;
	static const char *const rooms[] = {"b", "a"};
	uint64_t offset;
	join(r, 1, "a");
	join(r, 1, "b");
	say(r, "a", "0");
	hub_flush(r->hub);
	offset = hub_offset(r->hub);
	say(r, "a", "1");
	say(r, "b", "2");
	hub_emit(r->hub, "b", "count", "9", 1, HUB_DROPPABLE, NULL);
	hub_flush(r->hub);
	say(r, "a", "3");
	assert_true(
		hub_recover(r->hub, &r->clients[0].member, rooms, 2, hub_epoch(r->hub), offset));
	hub_flush(r->hub);
	check(&r->clients[0], "e:1 e:2 e:3 ");
	assert_true(hub_is_in(r->hub, &r->clients[0].member, "b"));
	static const char *const gone[] = {"a", "gone"};
	assert_false(
		hub_recover(r->hub, &r->clients[2].member, gone, 2, hub_epoch(r->hub), offset));
	assert_int_equal(r->clients[2].member.n_rooms, 0);
}

static void test_rooms_of_one_member_are_bounded(void **state)
{
	struct rig *r = *state;
	char name[16];
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_true(join(r, 0, name));
	}
	assert_false(join(r, 0, "one more"));
	assert_int_equal(hub_room_members(r->hub, "one more"), 0);
}

static void test_rooms_of_the_server_count_for_no_bound(void **state)
{
	struct rig *r = *state;
	struct hub_member *m = &r->clients[0].member;
	static const char *const rooms[] = {"user:u", "r0"};
	char name[16];
	hub_join_own(r->hub, m, "user:u");
	hub_join_own(r->hub, m, "user:u");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_true(join(r, 0, name));
	}
	assert_false(join(r, 0, "one more"));
	assert_int_equal(m->n_rooms, 101);
	assert_true(hub_can_recover(r->hub, m, rooms, 2, hub_epoch(r->hub), hub_offset(r->hub)));
	assert_true(hub_leave(r->hub, m, "user:u"));
	assert_false(join(r, 0, "one more"));
	assert_true(hub_leave(r->hub, m, "r7"));
	assert_true(join(r, 0, "one more"));
}

/* A room that nobody else was in is there as long as he may come back; he is in it already. */
static void test_comes_back_to_a_room_of_his_own(void **state)
{
	struct rig *r = *state;
	struct hub_member *m = &r->clients[0].member;
	static const char *const rooms[] = {"user:u"};
	struct hub_place place;
	uint64_t offset = hub_offset(r->hub);
	hub_join_own(r->hub, m, "user:u");
	hub_leave_all(r->hub, m);
	assert_true(hub_room_place(r->hub, "user:u", &place));
	say(r, "user:u", "1");
	hub_flush(r->hub);
	hub_join_own(r->hub, m, "user:u");
	assert_true(hub_recover(r->hub, m, rooms, 1, hub_epoch(r->hub), offset));
	hub_flush(r->hub);
	check(&r->clients[0], "e:1 ");
	hub_leave_all(r->hub, m);
	say(r, "user:u", "2");
	hub_flush(r->hub);
	hub_join_own(r->hub, m, "user:u");
	say(r, "user:u", "3");
	/* What was said since he is in it comes by itself. */
	assert_true(hub_resume(r->hub, m, "user:u", place.epoch, place.seq));
	hub_flush(r->hub);
	check(&r->clients[0], "e:1 e:2 e:3 ");
	hub_leave_all(r->hub, m);
	clock_manual_advance(&r->clock, 121000000);
	hub_sweep(r->hub);
	assert_false(hub_room_place(r->hub, "user:u", &place));
	/* One that nobody ever was in goes with what was said there. */
	hub_emit(r->hub, "b", "count", "9", 1, HUB_DROPPABLE, NULL);
	hub_flush(r->hub);
	assert_false(hub_room_place(r->hub, "b", &place));
}

static void test_words_to_some(void **state)
{
	struct rig *r = *state;
	struct hub_word w;
	r->clients[1].queued = 1000000;
	hub_word_init(&w, r->hub, "p", "1", 1);
	for (unsigned i = 0; i < MEMBERS; i++) {
		hub_word_tell(&w, &r->clients[i].member);
	}
	hub_word_finish(&w);
	assert_int_equal(r->encoded, 3);
	check(&r->clients[0], "p:1 ");
	check(&r->clients[1], "");
	check(&r->clients[2], "p:1 ");
	check(&r->clients[MEMBERS - 2], "jp:1 ");
	check(&r->clients[MEMBERS - 1], "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_members_hear_in_order_and_in_one_buffer),
		CASE(test_framings_are_encoded_once_each),
		CASE(test_who_comes_and_goes_within_a_turn),
		CASE(test_all_but_one),
		CASE(test_a_slow_member_loses_what_may_be_lost),
		CASE(test_members_may_leave_while_it_is_sent),
		CASE(test_coming_back_misses_nothing),
		CASE(test_what_is_too_old_has_to_be_loaded_again),
		CASE(test_a_room_of_the_same_name_is_not_the_room_before),
		CASE(test_recovery_of_many_rooms_keeps_the_order_of_all),
		CASE(test_rooms_of_one_member_are_bounded),
		CASE(test_rooms_of_the_server_count_for_no_bound),
		CASE(test_comes_back_to_a_room_of_his_own),
		CASE(test_words_to_some),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
