#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/test.h"
#include "ws/hub.h"

/* Rooms that are served in slices: order, fairness, who comes and goes meanwhile. */
#define MEMBERS 12
#define SLICE 3

/* A client that writes down what it hears. */
struct client {
	struct hub_member member; /* first */
	struct rig *rig;
	char heard[8192];
	unsigned sends, refused;
	bool full; /* its line takes nothing */
	size_t queued;
	struct client *takes_along; /* leaves with it at the next frame */
};

struct rig {
	struct clock_manual clock;
	struct hub *hub;
	struct client clients[MEMBERS];
};

static struct rcbuf *encode(void *user, enum hub_framing framing, const struct hub_event *e)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%s%.*s ", framing == HUB_JSON ? "j" : "", (int)e->len,
		e->data);

	return rcbuf_from(text, (size_t)n);
}

static void hear(struct client *c, const struct rcbuf *frames)
{
	size_t at = strlen(c->heard);

	assert_true(at + rcbuf_len(frames) < sizeof(c->heard));
	memcpy(c->heard + at, rcbuf_data(frames), rcbuf_len(frames));
	c->sends++;
}

static bool client_send(struct hub_member *m, struct rcbuf *frames)
{
	struct client *c = (struct client *)m;

	if (c->full) {
		c->refused++;
		return false;
	}
	hear(c, frames);
	if (c->takes_along) {
		hub_leave_all(c->rig->hub, &c->takes_along->member);
		hub_leave_all(c->rig->hub, m);
	}
	return true;
}

static size_t client_queued(const struct hub_member *m)
{
	return ((const struct client *)m)->queued;
}

static const struct hub_member_ops ops = {.send = client_send, .queued = client_queued};

static bool line_write(void *impl, struct rcbuf *frames)
{
	struct client *c = impl;

	if (!c->full)
		hear(c, frames);
	return !c->full;
}

static const struct ws_link_ops line_ops = {.write = line_write};

static struct client *client(struct rig *r, unsigned i)
{
	return &r->clients[i];
}

static void start(struct rig *r, uint64_t pace_us)
{
	r->hub = hub_create(&(struct hub_config){.clock = &r->clock.clock,
		.encode = encode,
		.user = r,
		.history = 5,
		.slice = SLICE,
		.pace_us = pace_us});
}

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);

	clock_manual_init(&r->clock, 1000000);
	start(r, 0);
	for (unsigned i = 0; i < MEMBERS; i++) {
		client(r, i)->rig = r;
		hub_member_init(&client(r, i)->member, &ops, HUB_SOCKET_IO);
	}
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < MEMBERS; i++)
		hub_leave_all(r->hub, &client(r, i)->member);
	hub_destroy(&r->hub);
	free(r);
	return 0;
}

static void join(struct rig *r, const char *room, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		assert_true(hub_join(r->hub, &client(r, i)->member, room));
}

static void say(struct rig *r, const char *room, const char *data)
{
	hub_emit(r->hub, room, "e", data, strlen(data), HUB_MUST, NULL);
}

/* Those of [from, to) have heard this since the last call. */
static void check(struct rig *r, unsigned from, unsigned to, const char *heard)
{
	for (unsigned i = from; i < to; i++) {
		assert_string_equal(client(r, i)->heard, heard);
		memset(client(r, i)->heard, 0, sizeof(client(r, i)->heard));
	}
}

/* Slices until nothing is left. */
static unsigned flush(struct rig *r)
{
	unsigned n = 1;

	while (hub_flush(r->hub))
		n++;
	return n;
}

static void test_a_slice_is_a_slice(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 7);
	say(r, "a", "1");
	assert_true(hub_flush(r->hub));
	check(r, 0, 3, "1 ");
	check(r, 3, 7, "");
	assert_true(hub_flush(r->hub));
	check(r, 0, 3, "");
	check(r, 3, 6, "1 ");
	assert_false(hub_flush(r->hub));
	check(r, 6, 7, "1 ");
	assert_false(hub_flush(r->hub));
	check(r, 0, 7, "");
}

/* Those whose slice comes later get it in one buffer; nobody gets anything twice. */
static void test_what_is_said_meanwhile(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 8);
	say(r, "a", "1");
	assert_true(hub_flush(r->hub));
	say(r, "a", "2");
	assert_true(hub_flush(r->hub));
	check(r, 0, 3, "1 ");
	check(r, 3, 6, "1 2 ");
	check(r, 6, 8, "");
	say(r, "a", "3");
	assert_true(hub_flush(r->hub));
	check(r, 6, 8, "1 2 3 ");
	check(r, 0, 1, "2 3 ");
	flush(r);
	check(r, 1, 3, "2 3 ");
	check(r, 3, 6, "3 ");
	for (unsigned i = 3; i < 6; i++)
		assert_int_equal(client(r, i)->sends, 2);
	assert_int_equal(client(r, 7)->sends, 1);
}

static void test_who_talks_without_end_is_heard_in_order(void **state)
{
	struct rig *r = *state;
	char all[2048] = "", word[8];

	join(r, "a", 0, 7);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(word, sizeof(word), "%u", i);
		say(r, "a", word);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", word);
		assert_true(hub_flush(r->hub));
	}
	flush(r);
	check(r, 0, 7, all);
}

static void test_who_comes_in_the_middle(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 4);
	say(r, "a", "1");
	hub_flush(r->hub);
	join(r, "a", 4, 6);
	say(r, "a", "2");
	flush(r);
	check(r, 0, 4, "1 2 ");
	check(r, 4, 6, "2 ");
}

/* Nobody is passed over when somebody before or behind him goes. */
static void test_who_goes_in_the_middle(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 10);
	say(r, "a", "1");
	hub_flush(r->hub);
	hub_leave(r->hub, &client(r, 1)->member, "a");
	hub_leave(r->hub, &client(r, 4)->member, "a");
	hub_leave_all(r->hub, &client(r, 9)->member);
	assert_int_equal(hub_room_members(r->hub, "a"), 7);
	hub_flush(r->hub);
	say(r, "a", "2");
	flush(r);
	check(r, 0, 1, "1 2 ");
	check(r, 1, 2, "1 ");
	check(r, 2, 4, "1 2 ");
	check(r, 4, 5, "");
	check(r, 5, 9, "1 2 ");
	check(r, 9, 10, "");
	say(r, "a", "3");
	flush(r);
	check(r, 0, 1, "3 ");
	check(r, 5, 9, "3 ");
	assert_int_equal(hub_room_members(r->hub, "a"), 7);
}

static void test_who_goes_in_the_middle_of_a_slice(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 8);
	client(r, 0)->takes_along = client(r, 2);
	client(r, 3)->takes_along = client(r, 1);
	say(r, "a", "1");
	hub_flush(r->hub);
	say(r, "a", "2");
	flush(r);
	check(r, 0, 2, "1 ");
	check(r, 2, 3, "");
	check(r, 3, 8, "1 2 ");
	assert_int_equal(hub_room_members(r->hub, "a"), 4);
	say(r, "a", "3");
	flush(r);
	check(r, 3, 4, "");
	check(r, 4, 8, "3 ");
}

static void test_all_go_in_the_middle(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 7);
	say(r, "a", "1");
	hub_flush(r->hub);
	for (unsigned i = 0; i < 7; i++)
		hub_leave_all(r->hub, &client(r, i)->member);
	assert_int_equal(hub_room_members(r->hub, "a"), 0);
	join(r, "a", 8, 9);
	say(r, "a", "2");
	flush(r);
	check(r, 8, 9, "2 ");
	assert_int_equal(hub_room_members(r->hub, "a"), 1);
}

/* A full room does not keep a small one waiting: it is served between two goes. */
static void test_another_room_has_its_turn(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 9);
	join(r, "b", 9, 11);
	say(r, "a", "1");
	assert_true(hub_flush(r->hub));
	say(r, "b", "2");
	assert_true(hub_flush(r->hub));
	assert_true(hub_flush(r->hub));
	check(r, 9, 11, "2 ");
	check(r, 7, 9, "");
	flush(r);
	check(r, 0, 9, "1 ");
}

/* What was said in several rooms reaches one who is in all of them in the order of all. */
static void test_rooms_of_one_member_are_in_step(void **state)
{
	struct rig *r = *state;
	uint64_t before = hub_offset(r->hub);

	join(r, "a", 0, 6);
	join(r, "b", 5, 8);
	say(r, "a", "1");
	hub_flush(r->hub);
	say(r, "b", "2");
	say(r, "a", "3");
	assert_int_equal(hub_offset_sent(r->hub, &client(r, 5)->member), before);
	assert_int_equal(hub_offset_sent(r->hub, &client(r, 0)->member), before + 2);
	assert_int_equal(hub_offset_sent(r->hub, &client(r, 6)->member), before + 1);
	flush(r);
	check(r, 0, 5, "1 3 ");
	check(r, 5, 6, "1 2 3 ");
	check(r, 6, 8, "2 ");
	assert_int_equal(client(r, 5)->sends, 1);
	assert_int_equal(hub_offset_sent(r->hub, &client(r, 5)->member), before + 3);
}

static void test_exceptions_and_droppable_ones(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 6);
	client(r, 4)->queued = client(r, 1)->queued = 100000;
	hub_emit(r->hub, "a", "joined", "1", 1, HUB_MUST, &client(r, 5)->member);
	hub_flush(r->hub);
	hub_emit(r->hub, "a", "count", "2", 1, HUB_DROPPABLE, NULL);
	say(r, "a", "3");
	flush(r);
	check(r, 0, 1, "1 2 3 ");
	check(r, 1, 2, "1 3 ");
	check(r, 2, 4, "1 2 3 ");
	check(r, 4, 5, "1 3 ");
	check(r, 5, 6, "2 3 ");
}

/* One that comes back in the middle is told once, by the replay or by its slice; who is in the room
 * anyway hears by his slice. */
static void test_coming_back_in_the_middle(void **state)
{
	struct rig *r = *state;
	struct hub_place place;

	join(r, "a", 0, 6);
	assert_true(hub_room_place(r->hub, "a", &place));
	say(r, "a", "1");
	say(r, "a", "2");
	hub_flush(r->hub);
	assert_true(hub_resume(r->hub, &client(r, 7)->member, "a", place.epoch, place.seq));
	assert_true(hub_resume(r->hub, &client(r, 5)->member, "a", place.epoch, place.seq + 1));
	say(r, "a", "3");
	flush(r);
	check(r, 0, 5, "1 2 3 ");
	check(r, 5, 6, "1 2 3 ");
	check(r, 7, 8, "1 2 3 ");
}

static void test_framings_of_one_slice(void **state)
{
	struct rig *r = *state;

	client(r, 1)->member.framing = HUB_JSON;
	join(r, "a", 0, 4);
	say(r, "a", "1");
	hub_flush(r->hub);
	say(r, "a", "2");
	flush(r);
	check(r, 0, 1, "1 2 ");
	check(r, 1, 2, "j1 j2 ");
	check(r, 2, 4, "1 2 ");
}

/* A line is written to; only what it refuses comes by send. */
static void test_lines(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 2; i++)
		client(r, i)->member.line = (struct ws_link){&line_ops, client(r, i)};
	client(r, 1)->full = true;
	join(r, "a", 0, 3);
	say(r, "a", "1");
	flush(r);
	check(r, 0, 1, "1 ");
	check(r, 1, 2, "");
	check(r, 2, 3, "1 ");
	assert_int_equal(client(r, 1)->refused, 1);
}

/* A full room waits for more, a small one does not; and nobody is sent to oftener than its pace:
 * 20 ms here, a fifteenth of it after a rest. */
static void test_a_full_room_has_its_pace(void **state)
{
	struct rig *r = *state;

	hub_destroy(&r->hub);
	start(r, 5000000);
	join(r, "a", 0, 4);
	clock_manual_advance(&r->clock, 1000000);
	say(r, "a", "1");
	clock_manual_advance(&r->clock, 1000);
	say(r, "a", "2");
	assert_false(hub_flush(r->hub));
	check(r, 0, 4, "");
	clock_manual_advance(&r->clock, 333);
	assert_true(hub_flush(r->hub));
	say(r, "a", "3");
	assert_false(hub_flush(r->hub));
	check(r, 0, 3, "1 2 ");
	check(r, 3, 4, "1 2 3 ");
	clock_manual_advance(&r->clock, 10000);
	say(r, "a", "4");
	assert_false(hub_flush(r->hub));
	check(r, 0, 4, "");
	clock_manual_advance(&r->clock, 10000);
	assert_true(hub_flush(r->hub));
	check(r, 0, 3, "3 4 ");
	assert_false(hub_flush(r->hub));
	check(r, 3, 4, "4 ");
	/* After the last one nothing is owed; the next waits for its turn all the same. */
	say(r, "a", "5");
	clock_manual_advance(&r->clock, 19000);
	assert_false(hub_flush(r->hub));
	check(r, 0, 4, "");
	clock_manual_advance(&r->clock, 1000);
	while (hub_flush(r->hub))
		;
	check(r, 0, 4, "5 ");
}

static void test_a_small_room_goes_at_once(void **state)
{
	struct rig *r = *state;

	hub_destroy(&r->hub);
	start(r, 75000);
	join(r, "a", 0, 3);
	say(r, "a", "1");
	assert_false(hub_flush(r->hub));
	check(r, 0, 3, "1 ");
}

/* The hub goes while a room is in the middle of it. */
static void test_the_end_in_the_middle(void **state)
{
	struct rig *r = *state;

	join(r, "a", 0, 7);
	say(r, "a", "1");
	assert_true(hub_flush(r->hub));
	say(r, "b", "2");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_slice_is_a_slice),
		CASE(test_what_is_said_meanwhile),
		CASE(test_who_talks_without_end_is_heard_in_order),
		CASE(test_who_comes_in_the_middle),
		CASE(test_who_goes_in_the_middle),
		CASE(test_who_goes_in_the_middle_of_a_slice),
		CASE(test_all_go_in_the_middle),
		CASE(test_another_room_has_its_turn),
		CASE(test_rooms_of_one_member_are_in_step),
		CASE(test_exceptions_and_droppable_ones),
		CASE(test_coming_back_in_the_middle),
		CASE(test_framings_of_one_slice),
		CASE(test_lines),
		CASE(test_a_full_room_has_its_pace),
		CASE(test_a_small_room_goes_at_once),
		CASE(test_the_end_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
