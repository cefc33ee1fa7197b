#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hand.h"
#include "state/audience.h"

struct room {
	struct hand hand;
	struct metrics *metrics;
	struct audience *audience;
	struct uuid id;
	char id_text[UUID_TEXT_SIZE];
	unsigned changes;
	struct signal_listener listener;
};

static void on_change(struct signal_listener *l, void *data)
{
	struct room *r = container_of(l, struct room, listener);
	const struct audience_change *change = data;

	assert_memory_equal(change->stream_id.bytes, r->id.bytes, sizeof(r->id.bytes));
	r->changes++;
}

static int setup(void **state)
{
	struct room *r = mem_new(struct room);
	struct stream_record row = {0};

	hand_init(&r->hand, 0);
	r->metrics = metrics_create();
	r->audience = audience_create(&(struct audience_config){
		.clock = &r->hand.clock.clock,
		.state = r->hand.backend.state,
		.metrics = r->metrics,
		.chat_rate = 10,
	});
	signal_listener_init(&r->listener, on_change);
	signal_add(audience_changed(r->audience), &r->listener);
	row.id = r->id = uuid_new(&r->hand.clock.clock);
	uuid_text(r->id_text, r->id);
	audience_open(r->audience, &row, "souq");
	hand_turn(&r->hand);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct room *r = *state;

	signal_listener_remove(&r->listener);
	audience_destroy(&r->audience);
	hand_finish(&r->hand);
	metrics_destroy(r->metrics);
	free(r);
	return 0;
}

static struct audience_seat *join(struct room *r, const char *id)
{
	const struct audience_who who = {
		.id = id, .name = id, .neighborhood = audience_is_guest(id) ? NULL : "souq"};

	return audience_join(r->audience, r->id, &who);
}

static void pass(struct room *r, unsigned seconds)
{
	clock_manual_advance(&r->hand.clock, seconds * 1000000ull);
}

static struct audience_figures figures(struct room *r)
{
	struct audience_figures f;
	struct repo_stats exact;

	assert_true(audience_stats(r->audience, r->id, &exact)); /* reads watch time afresh */
	assert_true(audience_figures(r->audience, r->id, &f));
	return f;
}

/* What a service that reads the state sees. */
struct heard {
	int64_t number;
	char text[128];
	size_t n;
};

static void hear(void *user, const struct state_reply *replies, size_t n)
{
	struct heard *h = user;

	h->number = replies[0].result == STATE_OK ? replies[0].number : -1;
	h->n = replies[0].n;
	snprintf(h->text, sizeof(h->text), "%s", replies[0].n ? replies[0].texts[0] : "");
}

static struct heard in_state(
	struct room *r, struct state_op (*op)(const char *key), const char *format)
{
	struct heard h;
	char key[128];
	struct state_op one;

	/* "stream:*:peak_viewers": the star is the stream's id. */
	snprintf(key, sizeof(key), "%.*s%s%s", (int)strcspn(format, "*"), format, r->id_text,
		strchr(format, '*') + 1);
	one = op(key);
	state_run(r->hand.backend.state, &one, 1, hear, &h);
	hand_turn(&r->hand);
	return h;
}

static void test_one_viewer(void **state)
{
	struct room *r = *state;
	struct audience_seat *seat = join(r, "u1");
	struct audience_figures f = figures(r);

	assert_int_equal(r->changes, 1);
	assert_int_equal(f.current, 1);
	assert_true(audience_alone(seat));
	pass(r, 90);
	audience_leave(&seat, AUDIENCE_LEFT);
	assert_null(seat);
	f = figures(r);
	assert_int_equal(f.current, 0);
	assert_int_equal(f.peak, 1);
	assert_int_equal(f.unique, 1);
	assert_int_equal(f.watch_ms, 90000);
	assert_int_equal(f.average_watch, 90);
	assert_int_equal(r->changes, 2);
	audience_leave(&seat, AUDIENCE_LEFT);
}

static void test_sockets_of_one_user(void **state)
{
	struct room *r = *state;
	struct audience_seat *phone = join(r, "u1"), *desk;

	pass(r, 10);
	desk = join(r, "u1");
	assert_false(audience_alone(phone));
	assert_int_equal(r->changes, 1); /* nobody new */
	pass(r, 10);
	audience_leave(&phone, AUDIENCE_LEFT);
	assert_int_equal(figures(r).current, 1);
	pass(r, 10);
	audience_leave(&desk, AUDIENCE_LEFT);
	assert_int_equal(figures(r).current, 0);
	assert_int_equal(figures(r).unique, 1);
	assert_int_equal(figures(r).watch_ms, 30000);
}

/* Lost at 20 s, back at 50 s, given up at 65 s: watched 20 s and from 50 s on. */
static void test_comes_back_before_it_is_given_up(void **state)
{
	struct room *r = *state;
	struct audience_seat *old = join(r, "u1"), *new;

	pass(r, 20);
	audience_seen(old);
	pass(r, 30);
	new = join(r, "u1");
	pass(r, 15);
	audience_leave(&old, AUDIENCE_LOST);
	assert_int_equal(figures(r).watch_ms, 35000);
	pass(r, 10);
	audience_leave(&new, AUDIENCE_LEFT);
	assert_int_equal(figures(r).watch_ms, 45000);
	assert_int_equal(figures(r).peak, 1);
}

static void test_guests(void **state)
{
	struct room *r = *state;
	struct audience_seat *a = join(r, "guest:1"), *b = join(r, "guest:2"), *u = join(r, "u1");

	assert_int_equal(figures(r).current, 3);
	assert_true(audience_is_guest("guest:1"));
	assert_false(audience_is_guest("u1"));
	audience_leave(&a, AUDIENCE_LEFT);
	audience_leave(&b, AUDIENCE_LEFT);
	audience_leave(&u, AUDIENCE_LEFT);
	assert_int_equal(figures(r).unique, 3);
}

/* A thousand sockets of four hundred users, against a model that looks at every second. */
#define SOCKETS 1000
#define USERS 400
#define SECONDS 900

struct socket {
	struct audience_seat *seat;
	unsigned user, silent_since; /* 0: alive */
	unsigned seen;
};

struct crowd {
	struct room *room;
	struct socket sockets[SOCKETS];
	bool came[USERS];
	uint64_t watched[USERS]; /* s */
	unsigned open[USERS], current, peak;
	uint64_t seed;
};

static unsigned dice(struct crowd *c, unsigned sides)
{
	c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(c->seed >> 33) % sides;
}

static void socket_join(struct crowd *c, struct socket *s)
{
	char id[16];

	snprintf(id, sizeof(id), "u%u", s->user);
	s->seat = join(c->room, id);
	s->silent_since = 0;
	c->came[s->user] = true;
	c->current += c->open[s->user]++ == 0;
	c->peak = c->current > c->peak ? c->current : c->peak;
}

static void socket_leave(struct crowd *c, struct socket *s, enum audience_leaving how)
{
	audience_leave(&s->seat, how);
	c->current -= --c->open[s->user] == 0;
}

static void socket_act(struct crowd *c, struct socket *s, unsigned now)
{
	unsigned roll = dice(c, 120);

	if (!s->seat && roll < 3) {
		socket_join(c, s);
		s->seen = now;
	} else if (s->seat && s->silent_since) {
		if (now - s->silent_since >= 45)
			socket_leave(c, s, AUDIENCE_LOST);
	} else if (s->seat && roll == 0) {
		socket_leave(c, s, AUDIENCE_LEFT);
	} else if (s->seat && roll == 1) { /* its last packet, and then nothing */
		audience_seen(s->seat);
		s->silent_since = now;
	} else if (s->seat && now - s->seen >= 25) {
		audience_seen(s->seat);
		s->seen = now;
	}
}

static void crowd_check(struct crowd *c)
{
	bool watching[USERS] = {0};
	unsigned unique = 0;
	struct audience_figures f = {0};

	for (unsigned i = 0; i < SOCKETS; i++)
		watching[c->sockets[i].user] |= c->sockets[i].seat && !c->sockets[i].silent_since;
	for (unsigned u = 0; u < USERS; u++) {
		unique += c->came[u];
		c->watched[u] += watching[u]; /* the second that begins now */
	}
	assert_true(audience_figures(c->room->audience, c->room->id, &f));
	assert_int_equal(f.current, c->current);
	assert_int_equal(f.unique, unique);
	assert_int_equal(audience_current(c->room->audience), c->current);
}

static void crowd_second(struct crowd *c, unsigned now)
{
	for (unsigned i = 0; i < SOCKETS; i++)
		socket_act(c, &c->sockets[i], now);
	crowd_check(c);
	if (now % 5 == 0)
		audience_tick(c->room->audience);
	hand_turn(&c->room->hand);
	pass(c->room, 1);
}

static void check_viewer(void *arg, const struct audience_viewer *v)
{
	const struct crowd *c = arg;

	assert_int_equal(v->watch_ms, c->watched[strtoul(v->id + 1, NULL, 10)] * 1000);
}

static void test_a_crowd(void **state)
{
	struct room *r = *state;
	struct crowd *c = mem_new(struct crowd);
	uint64_t watched = 0;
	struct audience_figures f;

	c->room = r;
	c->seed = 4;
	for (unsigned i = 0; i < SOCKETS; i++)
		c->sockets[i].user = i % USERS;
	for (unsigned now = 1; now <= SECONDS; now++)
		crowd_second(c, now);
	/* Those that died in silence are given up; nobody else does anything. */
	for (unsigned i = 0; i < SOCKETS; i++)
		if (c->sockets[i].silent_since && c->sockets[i].seat)
			socket_leave(c, &c->sockets[i], AUDIENCE_LOST);
	audience_viewers(r->audience, r->id, 0, USERS, check_viewer, c);
	audience_end(r->audience, r->id);
	for (unsigned u = 0; u < USERS; u++)
		watched += c->watched[u] * 1000;
	f = figures(r);
	assert_int_equal(f.watch_ms, watched);
	assert_int_equal(f.peak, c->peak);
	assert_int_equal(f.unique, USERS);
	assert_int_equal(f.current, 0);
	assert_int_equal(audience_current(r->audience), 0);
	for (unsigned i = 0; i < SOCKETS; i++)
		audience_leave(&c->sockets[i].seat, AUDIENCE_LEFT);
	free(c);
}

/* At the end one that is quiet between pings watched until then, one that is dead did not. */
static void test_the_end(void **state)
{
	struct room *r = *state;
	struct audience_seat *dead = join(r, "u1"), *quiet;
	struct repo_stats stats;

	pass(r, 61);
	quiet = join(r, "u2");
	pass(r, 20);
	audience_end(r->audience, r->id);
	assert_true(audience_stats(r->audience, r->id, &stats));
	assert_int_equal(stats.average_watch_time, 10);
	assert_int_equal(stats.peak_viewers, 2);
	pass(r, 100);
	assert_true(audience_stats(r->audience, r->id, &stats));
	assert_int_equal(stats.average_watch_time, 10);
	assert_null(join(r, "u3"));
	assert_false(audience_react(r->audience, r->id, 0, NULL));
	assert_false(audience_chat(r->audience, r->id, "u1", NULL));
	hand_turn(&r->hand);
	assert_false(audience_stats(r->audience, r->id, &stats));
	audience_seen(dead);
	assert_false(audience_alone(dead));
	audience_leave(&dead, AUDIENCE_LOST);
	audience_leave(&quiet, AUDIENCE_LEFT);
}

static void test_keys(void **state)
{
	struct room *r = *state;
	struct audience_seat *a = join(r, "u1"), *b = join(r, "u2");
	char json[16];
	struct heard h;

	audience_leave(&b, AUDIENCE_LEFT);
	for (int i = 1; i <= 102; i++) {
		snprintf(json, sizeof(json), "{\"n\":%d}", i);
		assert_true(audience_chat(r->audience, r->id, "u1", json));
	}
	audience_react(r->audience, r->id, audience_emoji("🔥"), NULL);
	audience_react(r->audience, r->id, audience_emoji("🔥"), NULL);
	audience_react(r->audience, r->id, audience_emoji("❤️"), NULL);
	h = in_state(r, state_sorted_count, "live:stream:*:viewers");
	assert_int_equal(h.number, 1);
	assert_int_equal(in_state(r, state_set_count, "stream:*:unique_viewers").number, 2);
	assert_int_equal(in_state(r, state_get, "stream:*:current_viewers").number, 1);
	assert_int_equal(in_state(r, state_get, "stream:*:peak_viewers").number, 2);
	assert_int_equal(in_state(r, state_get, "stream:*:total_likes").number, 3);
	assert_int_equal(in_state(r, state_get, "stream:*:chat_count").number, 102);
	assert_int_equal(in_state(r, state_get, "stream:*:reactions:🔥").number, 2);
	assert_int_equal(in_state(r, state_get, "stream:*:reactions:❤️").number, 1);
	assert_int_equal(in_state(r, state_get, "stream:*:reactions:👏").number, 0);
	audience_active(r->audience, "souq", hear, &h);
	hand_turn(&r->hand);
	assert_string_equal(h.text, r->id_text);
	/* An ended stream leaves nothing behind but what goes by itself. */
	audience_end(r->audience, r->id);
	hand_turn(&r->hand);
	assert_int_equal(in_state(r, state_sorted_count, "live:stream:*:viewers").number, 0);
	assert_int_equal(in_state(r, state_get, "stream:*:peak_viewers").number, -1);
	pass(r, 3602);
	state_memory_sweep(r->hand.memory);
	assert_int_equal(state_memory_entries(r->hand.memory), 0);
	audience_leave(&a, AUDIENCE_LEFT);
}

static void test_chat_list(void **state)
{
	struct room *r = *state;
	char key[96];
	struct state_op op;
	struct heard h;

	for (int i = 1; i <= 102; i++)
		audience_chat(r->audience, r->id, "u1", i < 102 ? "{\"n\":1}" : "{\"n\":102}");
	snprintf(key, sizeof(key), "stream:%s:chat", r->id_text);
	op = state_list_list(key, 1000);
	state_run(r->hand.backend.state, &op, 1, hear, &h);
	hand_turn(&r->hand);
	assert_int_equal(h.n, 100);
	assert_string_equal(h.text, "{\"n\":102}");
}

static void test_reactions(void **state)
{
	struct room *r = *state;
	const char *const six[] = {"❤️", "🔥", "👏", "😂", "😮", "💎"};
	const char *const others[] = {"", "❤", "🔥🔥", "👍", "x", "❤️ "};
	uint32_t count = 0;

	for (int i = 0; i < 6; i++) {
		assert_int_equal(audience_emoji(six[i]), i);
		assert_int_equal(audience_emoji(others[i]), -1);
		for (int k = 0; k <= i; k++)
			assert_true(audience_react(r->audience, r->id, i, &count));
		assert_int_equal(count, i + 1);
	}
	assert_false(audience_react(r->audience, r->id, -1, &count));
	assert_false(audience_react(r->audience, r->id, 6, &count));
	hand_turn(&r->hand);
	assert_int_equal(figures(r).likes, 21);
	assert_int_equal(figures(r).reactions[5], 6);
	assert_int_equal(metric_count(metrics_find(r->metrics, "souk_reactions_total", NULL)), 21);
}

struct asked {
	unsigned permitted, refused, retry_after;
};

static void on_permit(void *user, bool permitted, unsigned retry_after)
{
	struct asked *a = user;

	a->permitted += permitted;
	a->refused += !permitted;
	a->retry_after = retry_after;
}

static void ask(struct room *r, const char *user_id, struct asked *a)
{
	unsigned before = a->permitted + a->refused;

	audience_chat_permit(r->audience, r->id, user_id, on_permit, a);
	assert_int_equal(a->permitted + a->refused, before);
	hand_turn(&r->hand);
	assert_int_equal(a->permitted + a->refused, before + 1);
}

static void test_ten_a_minute(void **state)
{
	struct room *r = *state;
	struct asked mine = {0}, other = {0}, gone = {0};

	for (int i = 0; i < 10; i++) {
		ask(r, "u1", &mine);
		pass(r, 1);
	}
	assert_int_equal(mine.permitted, 10);
	ask(r, "u1", &mine); /* 10 s after the first */
	assert_int_equal(mine.refused, 1);
	assert_int_equal(mine.retry_after, 50);
	ask(r, "u2", &other);
	assert_int_equal(other.permitted, 1);
	pass(r, 49);
	ask(r, "u1", &mine);
	assert_int_equal(mine.refused, 2);
	assert_int_equal(mine.retry_after, 1);
	pass(r, 1);
	ask(r, "u1", &mine);
	assert_int_equal(mine.permitted, 11);
	/* A socket that went away hears nothing. */
	audience_chat_permit(r->audience, r->id, "u3", on_permit, &gone);
	audience_chat_forget(r->audience, &gone);
	hand_turn(&r->hand);
	assert_int_equal(gone.permitted + gone.refused, 0);
}

static void test_timeline(void **state)
{
	struct room *r = *state;
	const struct timeline_record *t;
	struct audience_seat *a = join(r, "u1"), *b = join(r, "u2");
	size_t n;

	audience_chat(r->audience, r->id, "u1", NULL);
	audience_react(r->audience, r->id, 0, NULL);
	audience_react(r->audience, r->id, 1, NULL);
	audience_leave(&b, AUDIENCE_LEFT);
	pass(r, 12);
	audience_chat(r->audience, r->id, "u2", NULL);
	t = audience_timeline(r->audience, r->id, &n);
	assert_int_equal(n, 3);
	assert_int_equal(t[0].at % 5000, 0);
	assert_int_equal(t[1].at, t[0].at + 5000);
	assert_int_equal(t[2].at, t[0].at + 10000);
	assert_int_equal(t[0].viewers, 2);
	assert_int_equal(t[0].chat, 1);
	assert_int_equal(t[0].reactions, 2);
	assert_int_equal(t[1].viewers, 1);
	assert_int_equal(t[1].chat, 0);
	assert_int_equal(t[2].chat, 1);
	/* The process slept for an hour: no thousand empty buckets. */
	pass(r, 3600);
	audience_tick(r->audience);
	t = audience_timeline(r->audience, r->id, &n);
	assert_int_equal(n, 4);
	/* The clock was set back: time does not. */
	r->hand.clock.wall -= 30000000;
	audience_tick(r->audience);
	audience_timeline(r->audience, r->id, &n);
	assert_int_equal(n, 4);
	audience_leave(&a, AUDIENCE_LEFT);
}

static void note_place(void *arg, const struct geography_record *g)
{
	size_t at = strlen(arg);

	snprintf((char *)arg + at, 64 - at, "%s%s %u", at ? ", " : "",
		g->neighborhood ? g->neighborhood : "-", g->viewers);
}

static void note_viewer(void *arg, const struct audience_viewer *v)
{
	size_t at = strlen(arg);

	snprintf((char *)arg + at, 64 - at, "%s%s@%llu", at ? ", " : "", v->id,
		(unsigned long long)v->place);
}

static void test_who_is_where(void **state)
{
	struct room *r = *state;
	const struct audience_who far = {.id = "u9", .neighborhood = "bab"};
	struct audience_seat *seats[] = {join(r, "u1"), join(r, "u2"), join(r, "guest:1"),
		audience_join(r->audience, r->id, &far)};
	char text[64] = "";

	audience_leave(&seats[0], AUDIENCE_LEFT);
	audience_geography(r->audience, r->id, note_place, text);
	assert_string_equal(text, "souq 2, bab 1, - 1");
	text[0] = '\0';
	audience_viewers(r->audience, r->id, 0, 2, note_viewer, text);
	assert_string_equal(text, "u2@2, guest:1@3");
	text[0] = '\0';
	audience_viewers(r->audience, r->id, 3, 2, note_viewer, text);
	assert_string_equal(text, "u9@4");
	for (int i = 1; i < 4; i++)
		audience_leave(&seats[i], AUDIENCE_LEFT);
}

static void note_numbers(void *user, const struct state_reply *replies, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(user);

		snprintf((char *)user + at, 64 - at, "%d ",
			replies[i].result == STATE_OK ? (int)replies[i].number : -1);
	}
}

static void test_pulse(void **state)
{
	struct room *r = *state;
	struct audience_seat *seats[] = {join(r, "u1"), join(r, "u2")};
	uint64_t then = clock_wall_ms(&r->hand.clock.clock);
	char text[64] = "", now[64] = "", late[64] = "";

	audience_chat(r->audience, r->id, "u1", NULL);
	for (int i = 0; i < 3; i++)
		audience_react(r->audience, r->id, i, NULL);
	pass(r, 3590);
	audience_pulse(r->audience, then, note_numbers, text);
	audience_pulse(r->audience, then + 3590000, note_numbers, now);
	hand_turn(&r->hand);
	assert_string_equal(text, "2 1 3 ");
	assert_string_equal(now, "-1 -1 -1 ");
	pass(r, 11);
	audience_pulse(r->audience, then, note_numbers, late);
	hand_turn(&r->hand);
	assert_string_equal(late, "-1 -1 -1 ");
	for (int i = 0; i < 2; i++)
		audience_leave(&seats[i], AUDIENCE_LOST);
}

/* Another node's viewers stand in the same state. */
static void test_other_nodes(void **state)
{
	struct room *r = *state;
	struct audience_seat *seat = join(r, "u1");
	char key[96];
	struct state_op op;

	snprintf(key, sizeof(key), "live:stream:%s:viewers", r->id_text);
	op = state_sorted_add(key, "u2", (int64_t)clock_wall_ms(&r->hand.clock.clock));
	state_run(r->hand.backend.state, &op, 1, NULL, NULL);
	audience_tick(r->audience);
	hand_turn(&r->hand);
	assert_int_equal(figures(r).current, 2);
	/* That node died: nobody renews its viewers. Ours is seen. */
	for (int i = 0; i < 6; i++) {
		pass(r, 25);
		audience_seen(seat);
		audience_tick(r->audience);
		hand_turn(&r->hand);
	}
	assert_int_equal(figures(r).current, 1);
	assert_int_equal(figures(r).peak, 2);
	audience_leave(&seat, AUDIENCE_LEFT);
}

static void test_unknown_stream(void **state)
{
	struct room *r = *state;
	const struct audience_who who = {.id = "u1"};
	const struct uuid other = uuid_new(&r->hand.clock.clock);
	struct audience_figures f;
	size_t n;

	assert_null(audience_join(r->audience, other, &who));
	assert_false(audience_figures(r->audience, other, &f));
	assert_false(audience_react(r->audience, other, 0, NULL));
	assert_false(audience_chat(r->audience, other, "u1", NULL));
	assert_null(audience_timeline(r->audience, other, &n));
	assert_int_equal(n, 0);
	audience_end(r->audience, other);
}

/* Seats may outlive the audience. */
static void test_left_late(void **state)
{
	struct room *r = *state;
	struct audience_seat *seat = join(r, "u1");

	audience_destroy(&r->audience);
	audience_seen(seat);
	audience_leave(&seat, AUDIENCE_LEFT);
	list_init(&r->listener.link);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_viewer),
		TEST(sockets_of_one_user),
		TEST(comes_back_before_it_is_given_up),
		TEST(guests),
		TEST(a_crowd),
		TEST(the_end),
		TEST(keys),
		TEST(chat_list),
		TEST(reactions),
		TEST(ten_a_minute),
		TEST(timeline),
		TEST(who_is_where),
		TEST(pulse),
		TEST(other_nodes),
		TEST(unknown_stream),
		TEST(left_late),
	};

	return cmocka_run_group_tests_name("audience", tests, NULL, NULL);
}
