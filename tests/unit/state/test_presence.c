#include <stdlib.h>
#include <string.h>

#include "../store/fixture.h"
#include "base/mem.h"
#include "base/text.h"
#include "hand.h"
#include "model/people.h"
#include "state/presence.h"

struct rig {
	struct hand hand;
	struct presence *presence;
	struct signal_listener changed;
	struct buf news; /* "user status " of each change; '!' behind what was said */
	bool answered, ok;
	struct presence_row rows[4];
	size_t n;
	int64_t online;
};

static void note(struct signal_listener *l, void *data)
{
	struct rig *r = container_of(l, struct rig, changed);
	const struct presence_news *news = data;
	buf_printf(&r->news, "%s %s%s%s ", news->user_id, presence_status_text(news->now.status),
		news->said ? "!" : "", news->by == r ? "r" : "");
}

static void begin(struct rig *r, struct repo repo)
{
	r->presence = presence_create(&(struct presence_config){
		.clock = &r->hand.clock.clock, .state = r->hand.backend.state, .repo = repo});
	signal_listener_init(&r->changed, note);
	signal_add(presence_changed(r->presence), &r->changed);
}

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);
	hand_init(&r->hand, 0);
	begin(r, (struct repo){0});
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	presence_destroy(&r->presence);
	hand_finish(&r->hand);
	buf_finish(&r->news);
	free(r);
	return 0;
}

static const char *news(struct rig *r)
{
	static char text[256];
	hand_turn(&r->hand);
	text_copy(text, sizeof(text), buf_text(&r->news));
	buf_reset(&r->news);
	return text;
}

static void on_set(void *user, const struct presence_row *now)
{
	struct rig *r = user;
	r->answered = true;
	r->ok = now != NULL;
}

static void say(struct rig *r, const char *id, enum presence_status status, const char *device)
{
	const struct presence_saying what = {id, status, device, r};
	r->answered = false;
	presence_set(r->presence, &what, on_set, r);
	assert_false(r->answered);
	hand_turn(&r->hand);
	assert_true(r->answered && r->ok);
}

/* Whether it was news. */
static bool set(struct rig *r, const char *id, enum presence_status status)
{
	buf_reset(&r->news);
	say(r, id, status, NULL);
	bool changed = r->news.len > 0;
	buf_reset(&r->news);
	return changed;
}

static void on_got(void *user, const struct presence_row *rows, size_t n)
{
	struct rig *r = user;
	assert_non_null(rows);
	r->n = n;
	for (size_t i = 0; i < n; i++) {
		r->rows[i] = rows[i];
		assert_true(!rows[i].device || strlen(rows[i].device) < 10);
	}
}

static struct presence_row row(struct rig *r, const char *id)
{
	r->n = 0;
	presence_get(r->presence, &id, 1, on_got, r);
	hand_turn(&r->hand);
	assert_int_equal(r->n, 1);
	return r->rows[0];
}

static enum presence_status get(struct rig *r, const char *id)
{
	return row(r, id).status;
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
	assert_false(set(r, "u1", PRESENCE_ONLINE));
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
	assert_string_equal(news(r), "old offline ");
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
	assert_int_equal(r->rows[0].status, PRESENCE_OFFLINE);
	assert_int_equal(r->rows[1].status, PRESENCE_AWAY);
	assert_int_equal(r->rows[2].status, PRESENCE_ONLINE);
	assert_int_equal(r->rows[3].status, PRESENCE_AWAY);
}

static void on_lost(void *user, const struct presence_row *rows, size_t n)
{
	struct rig *r = user;
	assert_null(rows);
	assert_int_equal(n, 0);
	r->online--;
}

/* Calls of the layers above hold what they were asked until they are answered. */
static void test_the_end_answers_who_waits(void **state)
{
	struct rig *r = *state;
	r->answered = r->ok = false;
	r->online = 1;
	presence_set(r->presence, &(struct presence_saying){"u1", PRESENCE_ONLINE}, on_set, r);
	presence_get(r->presence, (const char *const[]){"u1"}, 1, on_lost, r);
	presence_sweep(r->presence);
	presence_destroy(&r->presence);
	assert_true(r->answered && !r->ok);
	assert_int_equal(r->online, 0);
	r->answered = false;
	hand_turn(&r->hand);
	assert_false(r->answered);
	assert_int_equal(r->online, 0);
}

/* Lets so many seconds go by, each with its tick and a sign of life of `alive`. */
static void live(struct rig *r, unsigned seconds, const char *alive)
{
	while (seconds--) {
		advance(r, 1);
		if (alive) {
			presence_seen(r->presence, alive);
		}
		presence_tick(r->presence);
		hand_turn(&r->hand);
	}
}

static void test_sockets_make_online(void **state)
{
	struct rig *r = *state;
	presence_here(r->presence, "u1");
	assert_string_equal(news(r), "u1 online ");
	presence_here(r->presence, "u1");
	presence_gone(r->presence, "u1");
	live(r, 60, "u1");
	assert_string_equal(news(r), "");
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	/* A page is loaded again. */
	presence_gone(r->presence, "u1");
	live(r, 9, NULL);
	presence_here(r->presence, "u1");
	live(r, 30, NULL);
	assert_string_equal(news(r), "");
	presence_gone(r->presence, "u1");
	live(r, 9, NULL);
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	live(r, 1, NULL);
	assert_string_equal(news(r), "u1 offline ");
	assert_int_equal(get(r, "u1"), PRESENCE_OFFLINE);
	assert_int_equal(online(r), 0);
	presence_gone(r->presence, "u1");
	presence_gone(r->presence, "nobody");
	presence_seen(r->presence, "nobody");
	assert_string_equal(news(r), "");
}

static void test_what_was_said_holds(void **state)
{
	struct rig *r = *state;
	presence_here(r->presence, "u1");
	assert_string_equal(news(r), "u1 online ");
	say(r, "u1", PRESENCE_OFFLINE, NULL);
	assert_string_equal(news(r), "u1 offline!r ");
	uint64_t hidden_at = row(r, "u1").last_seen;
	/* Another socket, a page loaded again, signs of life: still not there. */
	presence_here(r->presence, "u1");
	presence_gone(r->presence, "u1");
	presence_gone(r->presence, "u1");
	live(r, 5, NULL);
	presence_here(r->presence, "u1");
	live(r, 100, "u1");
	assert_string_equal(news(r), "");
	assert_int_equal(get(r, "u1"), PRESENCE_OFFLINE);
	assert_true(row(r, "u1").last_seen == hidden_at);
	say(r, "u1", PRESENCE_AWAY, NULL);
	presence_here(r->presence, "u1");
	assert_string_equal(news(r), "u1 away!r ");
	/* Gone for good, and there again: that is forgotten. */
	presence_gone(r->presence, "u1");
	presence_gone(r->presence, "u1");
	live(r, 11, NULL);
	presence_here(r->presence, "u1");
	assert_string_equal(news(r), "u1 offline u1 online ");
	/* Said before any socket came, it holds as well. */
	say(r, "u2", PRESENCE_AWAY, NULL);
	presence_here(r->presence, "u2");
	assert_string_equal(news(r), "u2 away!r ");
	/* Said in the moment of coming. */
	presence_here(r->presence, "u3");
	say(r, "u3", PRESENCE_OFFLINE, NULL);
	assert_string_equal(news(r), "");
	assert_int_equal(get(r, "u3"), PRESENCE_OFFLINE);
}

static void test_device(void **state)
{
	struct rig *r = *state;
	presence_here(r->presence, "u1");
	news(r);
	assert_null(row(r, "u1").device);
	say(r, "u1", PRESENCE_ONLINE, "phone");
	assert_string_equal(news(r), "u1 online!r ");
	assert_string_equal(row(r, "u1").device, "phone");
	say(r, "u1", PRESENCE_ONLINE, "phone");
	say(r, "u1", PRESENCE_ONLINE, NULL);
	assert_string_equal(news(r), "");
	say(r, "u1", PRESENCE_OFFLINE, "tv");
	assert_string_equal(news(r), "u1 offline!r ");
	assert_null(row(r, "u1").device);
}

static void test_key_that_was_lost_comes_back(void **state)
{
	struct rig *r = *state;
	const struct state_op lose[] = {state_delete("presence:u1")};
	presence_here(r->presence, "u1");
	news(r);
	state_run(r->hand.backend.state, lose, 1, NULL, NULL);
	live(r, 31, "u1");
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	state_run(r->hand.backend.state, lose, 1, NULL, NULL);
	presence_sweep(r->presence);
	hand_turn(&r->hand);
	assert_int_equal(get(r, "u1"), PRESENCE_ONLINE);
	assert_int_equal(online(r), 1);
}

static uint64_t stored(struct fixture *f, const char *id)
{
	struct repo repo = f->backend.repo;
	uint64_t seen = 1;
	f->backend.drain(&f->backend);
	assert_int_equal(repo.people->seen_get(repo.impl, &id, 1, &seen), REPO_OK);
	return seen;
}

static void ignore(void *user, const struct repo_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
}

static void test_last_seen_is_stored(void **state)
{
	struct fixture *f;
	struct rig *r = *state;
	assert_int_equal(fixture_setup_in_memory((void **)&f), 0);
	presence_destroy(&r->presence);
	begin(r, f->backend.repo);
	f->backend.repo.ops->user_put(
		f->backend.repo.impl, &(struct user_record){.id = "u1"}, ignore, NULL);
	f->backend.drain(&f->backend);

	assert_true(row(r, "u1").last_seen == 0);
	uint64_t start = clock_wall_ms(&r->hand.clock.clock);
	presence_here(r->presence, "u1");
	live(r, 10, "u1");
	assert_true(stored(f, "u1") >= start);
	/* Not with every sign of life, but soon enough for a crash. */
	uint64_t first = stored(f, "u1");
	live(r, 200, "u1");
	assert_true(stored(f, "u1") == first);
	assert_true(row(r, "u1").last_seen == start + 210000);
	live(r, 200, "u1");
	assert_true(stored(f, "u1") >= start + 300000);
	uint64_t last = clock_wall_ms(&r->hand.clock.clock);
	presence_gone(r->presence, "u1");
	live(r, 30, NULL);
	assert_true(stored(f, "u1") == last);
	assert_true(row(r, "u1").last_seen == last);
	/* All of it before a shutdown. */
	presence_here(r->presence, "u1");
	live(r, 40, "u1");
	uint64_t end = clock_wall_ms(&r->hand.clock.clock);
	presence_flush(r->presence);
	assert_true(stored(f, "u1") == end);
	presence_destroy(&r->presence);
	fixture_teardown((void **)&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_five_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep_takes_out_the_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_end_answers_who_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sockets_make_online, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_said_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_that_was_lost_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_seen_is_stored, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
