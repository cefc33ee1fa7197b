#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "fixture.h"
#include "model/outbox.h"
#include "model/people.h"
#include "support/repo_contract_inner.h"

static const uint8_t key[STREAM_KEY_HASH_SIZE] = {7};

/* The notifications of a go-live's outcome. */
struct told {
	int calls;
	enum repo_result result;
	uint32_t notifications;
	enum stream_status status;
};

static void hear_told(void *user, const struct repo_outcome *outcome)
{
	struct told *t = user;
	t->calls++;
	t->result = outcome->result;
	t->notifications = outcome->notifications;
	t->status = outcome->stream != NULL ? outcome->stream->status : STREAM_CANCELLED;
}

static sqlite3 *open_file(struct fixture *f)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 20000);
	return db;
}

static void run_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db = open_file(f);
	char *error = NULL;
	sqlite3_exec(db, sql, NULL, NULL, &error);
	if (error != NULL) {
		fail_msg("%s", error);
	}
	sqlite3_close(db);
}

static int ask_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db = open_file(f);
	sqlite3_stmt *s = NULL;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static struct uuid make_telling(
	struct fixture *f, enum stream_audience audience, bool followers, bool neighborhood)
{
	struct repo_heard h;
	struct stream_record s = make_stream(&f->backend, "shop", "Sale \"50%\"");
	s.audience = audience;
	s.notify_followers = followers;
	s.notify_neighborhood = neighborhood;
	WRITE(&f->backend, &h, stream_create, &s, NULL, 0);
	assert_int_equal(h.result, REPO_OK);
	return s.id;
}

static void start_going_live(struct fixture *f, struct uuid id, repo_done done, void *user)
{
	static uint8_t n;
	uint8_t hash[STREAM_KEY_HASH_SIZE] = {++n, 1};
	f->backend.repo.ops->stream_go_live(f->backend.repo.impl, id, 1, hash, false, done, user);
}

/*
 * A seller in the middle, one neighbourhood within two kilometres, one beyond; in each a user who
 * follows and one who does not, and a follower without a neighbourhood.
 */
static const char town[] =
	"INSERT INTO neighborhoods (id, lat, lon, created_at, updated_at) VALUES"
	" ('mid', 52.5, 13.4, 1, 1), ('near', 52.517, 13.4, 1, 1), ('far', 52.519, 13.4, 1, 1);"
	"INSERT INTO neighborhood_places SELECT place, lat, lat, lon, lon FROM neighborhoods;"
	"INSERT INTO users (id, neighborhood, created_at, updated_at) VALUES"
	" ('shop', 'mid', 1, 1), ('mid-fan', 'mid', 1, 1), ('mid-other', 'mid', 1, 1),"
	" ('near-fan', 'near', 1, 1), ('near-other', 'near', 1, 1), ('near-third', 'near', 1, 1),"
	" ('far-fan', 'far', 1, 1), ('far-other', 'far', 1, 1), ('fan', NULL, 1, 1);"
	"INSERT INTO follows SELECT id, 'shop', 1 FROM users WHERE id LIKE '%fan';";

static void assert_told(struct fixture *f, enum stream_audience audience, bool followers,
	bool neighborhood, const char *want)
{
	struct told t = {0};
	struct uuid id = make_telling(f, audience, followers, neighborhood);
	run_sql(f, "DELETE FROM notifications");
	start_going_live(f, id, hear_told, &t);
	f->backend.drain(&f->backend);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.result, REPO_OK);
	assert_int_equal(t.status, STREAM_LIVE);
	char *sql = mem_printf("SELECT (SELECT coalesce(group_concat(user_id, ' '), '') FROM"
			       " (SELECT user_id FROM notifications ORDER BY user_id)) = '%s'",
		want);
	assert_int_equal(ask_sql(f, sql), 1);
	assert_int_equal(t.notifications, ask_sql(f, "SELECT count(*) FROM notifications"));
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM fanouts"), 0);
	free(sql);
}

static void test_audience_and_flags(void **state)
{
	struct fixture *f = *state;
	run_sql(f, town);
	assert_told(f, AUDIENCE_EVERYONE, false, false, "");
	assert_told(f, AUDIENCE_EVERYONE, true, false, "fan far-fan mid-fan near-fan");
	assert_told(f, AUDIENCE_EVERYONE, false, true,
		"mid-fan mid-other near-fan near-other near-third");
	assert_told(f, AUDIENCE_EVERYONE, true, true,
		"fan far-fan mid-fan mid-other near-fan near-other near-third");
	assert_told(f, AUDIENCE_FOLLOWERS, false, false, "");
	assert_told(f, AUDIENCE_FOLLOWERS, true, false, "fan far-fan mid-fan near-fan");
	assert_told(f, AUDIENCE_FOLLOWERS, false, true, "mid-fan near-fan");
	assert_told(f, AUDIENCE_FOLLOWERS, true, true, "fan far-fan mid-fan near-fan");
	assert_told(f, AUDIENCE_NEIGHBORHOOD, false, false, "");
	assert_told(f, AUDIENCE_NEIGHBORHOOD, true, false, "mid-fan near-fan");
	assert_told(f, AUDIENCE_NEIGHBORHOOD, false, true,
		"mid-fan mid-other near-fan near-other near-third");
	assert_told(f, AUDIENCE_NEIGHBORHOOD, true, true,
		"mid-fan mid-other near-fan near-other near-third");
}

static void test_words_without_a_place(void **state)
{
	struct fixture *f = *state;
	run_sql(f, town);
	run_sql(f, "DELETE FROM neighborhood_places; DELETE FROM neighborhoods");
	assert_told(f, AUDIENCE_EVERYONE, false, true, "mid-fan mid-other");
	run_sql(f, "UPDATE users SET neighborhood = NULL WHERE id = 'shop'");
	assert_told(f, AUDIENCE_EVERYONE, false, true, "");
	assert_told(f, AUDIENCE_NEIGHBORHOOD, true, true, "");
}

/* By the R*Tree: over the meridian of 180 degrees and around the poles. */
static void test_places_at_the_edges(void **state)
{
	struct fixture *f = *state;
	static const struct {
		double lat, lon, lat_there, lon_there;
		const char *want;
	} cases[] = {
		{0, 180, 0, -180, "there"},
		{10, -179.995, 10, 179.995, "there"},
		{10, 179.995, 10, -179.995, "there"},
		{0, 179.98, 0, -179.98, ""},
		{89.99, 100, 89.995, -80, "there"},
		{89.97, 100, 89.97, 101, "there"},
		{89.97, 100, 89.97, -80, ""},
		{-89.99, -170, -89.995, 10, "there"},
		{89.98201, 10, 89.98201, 49, "there"},
		{90, 0, 89.983, 77, "there"},
	};
	run_sql(f,
		"INSERT INTO users (id, neighborhood, created_at, updated_at) VALUES"
		" ('shop', 'a', 1, 1), ('there', 'b', 1, 1)");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct repo_heard h;
		struct neighborhood_record a = {
			.id = "a", .lat = cases[i].lat, .lon = cases[i].lon};
		struct neighborhood_record b = {
			.id = "b", .lat = cases[i].lat_there, .lon = cases[i].lon_there};
		f->backend.repo.people->neighborhood_put(f->backend.repo.impl, &a, repo_hear, &h);
		f->backend.repo.people->neighborhood_put(f->backend.repo.impl, &b, repo_hear, &h);
		assert_told(f, AUDIENCE_EVERYONE, false, true, cases[i].want);
		assert_int_equal(
			f->backend.repo.people->are_near(f->backend.repo.impl, "a", "b") == REPO_OK,
			*cases[i].want != '\0');
	}
}

#define CROWD 100000
#define CROWD_SQL \
	"INSERT INTO users (id, created_at, updated_at) VALUES ('shop', 1, 1);" \
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)" \
	" INSERT INTO users (id, created_at, updated_at)" \
	" SELECT printf('fan-%%06d', i), 1, 1 FROM n;" \
	"INSERT INTO follows SELECT id, 'shop', 1 FROM users WHERE id <> 'shop'"

static void make_crowd(struct fixture *f, int n)
{
	char *sql = mem_printf("BEGIN; " CROWD_SQL "; COMMIT", n);
	run_sql(f, sql);
	free(sql);
}

/* Short writes, one after the other until the long one is done; on the writer's thread. */
struct shorts {
	struct repo repo;
	struct told live;
	int n;
};

static void another_short(void *user, const struct repo_outcome *outcome)
{
	struct shorts *s = user;
	if (outcome != NULL && outcome->result == REPO_OK) {
		s->n++;
	}
	if (s->live.calls == 0) {
		struct user_record u = {.id = "short", .name = "n"};
		s->repo.ops->user_put(s->repo.impl, &u, another_short, s);
	}
}

/* Counts whom the watcher is told of; each has to be one in the tables. */
struct watched {
	struct uuid stream_id;
	size_t n, calls, most;
	bool wrong;
};

static void hear_news(void *user, const struct notification_news *news)
{
	struct watched *w = user;
	w->calls++;
	w->n += news->n;
	w->most = news->n > w->most ? news->n : w->most;
	for (size_t i = 0; i < news->n; i++) {
		w->wrong = w->wrong || strncmp(news->rows[i].user_id, "fan-", 4) != 0 ||
			uuid_is_none(news->rows[i].id) || news->rows[i].created_at == 0;
	}
	w->wrong = w->wrong || strcmp(news->type, "stream_live") != 0 ||
		strcmp(news->title, "shop is live") != 0 || !uuid_eq(news->stream_id, w->stream_id);
}

static void hear_live(void *user, const struct repo_outcome *outcome)
{
	hear_told(&((struct shorts *)user)->live, outcome);
}

static void post_at_once(void *user, void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void test_a_crowd_holds_up_nobody(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;
	struct shorts s = {0};
	make_crowd(f, CROWD);
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, true, true);
	fixture_close(f);
	struct store_config config = {.url = f->url, .post = post_at_once};
	struct store *store = store_open(&config, &error);
	assert_non_null(store);
	s.repo = store_repo(store);
	struct watched watched = {.stream_id = id};
	s.repo.people->notification_watch(s.repo.impl, hear_news, &watched);
	s.repo.ops->stream_go_live(s.repo.impl, id, 1, key, false, hear_live, &s);
	another_short(&s, NULL);
	store_close(store);
	assert_int_equal(s.live.calls, 1);
	assert_int_equal(s.live.result, REPO_OK);
	assert_int_equal(s.live.notifications, CROWD);
	/* One a turn, of those that each found their way between two turns. */
	assert_in_range(s.n, 90, 110);
	assert_int_equal(watched.n, CROWD);
	assert_int_equal(watched.most, 1000);
	assert_in_range(watched.calls, 100, 101);
	assert_false(watched.wrong);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), CROWD);
	assert_int_equal(ask_sql(f, "SELECT count(DISTINCT user_id) FROM notifications"), CROWD);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM fanouts"), 0);
	fixture_open(f, 0);
}

/* Turns that end within a neighbourhood, and neighbours who follow. */
static void test_neighborhoods_over_turns(void **state)
{
	struct fixture *f = *state;
	struct told t = {0};
	run_sql(f,
		"INSERT INTO neighborhoods (id, lat, lon, created_at, updated_at) VALUES"
		" ('a', 10, 10, 1, 1), ('b', 10.001, 10, 1, 1), ('c', 10, 10.001, 1, 1),"
		" ('d', 10, 10.1, 1, 1);"
		"INSERT INTO neighborhood_places SELECT place, lat, lat, lon, lon"
		" FROM neighborhoods;"
		"INSERT INTO users (id, neighborhood, created_at, updated_at)"
		" VALUES ('shop', 'b', 1, 1);"
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)"
		" INSERT INTO users (id, neighborhood, created_at, updated_at)"
		" SELECT printf('%s-%04d', h.id, i), h.id, 1, 1 FROM n, neighborhoods h;"
		"INSERT INTO follows SELECT id, 'shop', 1 FROM users"
		" WHERE id LIKE '%7' AND neighborhood IN ('a', 'c', 'd')");
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, true, true);
	start_going_live(f, id, hear_told, &t);
	f->backend.drain(&f->backend);
	assert_int_equal(t.result, REPO_OK);
	assert_int_equal(t.notifications, 3 * 700 + 70);
	assert_int_equal(ask_sql(f, "SELECT count(DISTINCT user_id) FROM notifications"), 2170);
	assert_int_equal(ask_sql(f,
				 "SELECT count(*) FROM notifications WHERE user_id LIKE 'd-%'"
				 " AND user_id NOT LIKE '%7'"),
		0);
}

/* What a crowd heard goes by turns as well. */
static void test_deleting_holds_up_nobody(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;
	struct shorts s = {0};
	make_crowd(f, 6000);
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, true, false);
	struct uuid other = make_telling(f, AUDIENCE_EVERYONE, true, false);
	start_going_live(f, id, NULL, NULL);
	start_going_live(f, other, NULL, NULL);
	f->backend.drain(&f->backend);
	end_stream(&f->backend, id);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), 12000);
	fixture_close(f);
	struct store_config config = {.url = f->url, .post = post_at_once};
	struct store *store = store_open(&config, &error);
	assert_non_null(store);
	s.repo = store_repo(store);
	s.repo.ops->stream_delete(s.repo.impl, other, hear_live, &s);
	store_flush(store);
	assert_int_equal(s.live.result, REPO_WRONG_STATE);
	s.live.calls = 0;
	s.repo.ops->stream_delete(s.repo.impl, id, hear_live, &s);
	another_short(&s, NULL);
	store_close(store);
	assert_int_equal(s.live.result, REPO_OK);
	assert_in_range(s.n, 6, 8);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), 6000);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM streams"), 1);
	fixture_open(f, 0);
}

/* In a child: dies with a post of the store's, while there is more to write. */
static void die_after_some(void *user, void (*fn)(void *arg), void *arg)
{
	static int posts;
	fn(arg);
	if (++posts == 5) {
		raise(SIGKILL);
	}
}

static void test_goes_on_after_a_crash(void **state)
{
	struct fixture *f = *state;
	int status;
	make_crowd(f, 20000);
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, true, true);
	fixture_close(f);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char *error;
		struct store_config config = {.url = f->url, .post = die_after_some};
		struct store *store = store_open(&config, &error);
		struct repo repo = store_repo(store);
		repo.ops->stream_go_live(repo.impl, id, 1, key, false, NULL, NULL);
		store_close(store);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	int written = ask_sql(f, "SELECT written FROM fanouts");
	assert_in_range(written, 1000, 19000);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), written);

	fixture_open(f, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(ask_sql(f, "SELECT count(DISTINCT user_id) FROM notifications"), 20000);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM fanouts"), 0);
}

static void test_a_stream_that_is_over_tells_nobody_else(void **state)
{
	struct fixture *f = *state;
	make_crowd(f, 3000);
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, false, false);
	start_going_live(f, id, NULL, NULL);
	f->backend.drain(&f->backend);
	end_stream(&f->backend, id);
	run_sql(f,
		"INSERT INTO fanouts SELECT id, 'followers', '', 'fan-001000', 1000, 1"
		" FROM streams; UPDATE streams SET notify_followers = 1");
	fixture_close(f);
	fixture_open(f, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), 0);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM fanouts"), 0);
}

/* The seventh thousandth cannot be stored: the stream is live, and the rest waits. */
static void test_a_failure_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct told t = {0};
	make_crowd(f, 10000);
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, true, false);
	run_sql(f,
		"CREATE TRIGGER breaks BEFORE INSERT ON notifications"
		" WHEN new.user_id = 'fan-007000' BEGIN SELECT raise(ABORT, 'no'); END");
	start_going_live(f, id, hear_told, &t);
	f->backend.drain(&f->backend);
	assert_int_equal(t.result, REPO_OK);
	assert_int_equal(t.status, STREAM_LIVE);
	assert_int_equal(t.notifications, 6000);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), 6000);
	assert_int_equal(ask_sql(f, "SELECT written FROM fanouts"), 6000);
	run_sql(f, "DROP TRIGGER breaks");
	fixture_close(f);
	fixture_open(f, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(ask_sql(f, "SELECT count(DISTINCT user_id) FROM notifications"), 10000);
}

/* One that fails in its first turn leaves no trace. */
static void test_a_failure_at_the_start(void **state)
{
	struct fixture *f = *state;
	struct told t = {0};
	make_crowd(f, 10);
	struct uuid id = make_telling(f, AUDIENCE_EVERYONE, true, false);
	run_sql(f,
		"CREATE TRIGGER breaks BEFORE INSERT ON notifications"
		" WHEN new.user_id = 'fan-000007' BEGIN SELECT raise(ABORT, 'no'); END");
	start_going_live(f, id, hear_told, &t);
	f->backend.drain(&f->backend);
	assert_int_equal(t.result, REPO_FAILED);
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM notifications"), 0);
	assert_int_equal(ask_sql(f, "SELECT status = 'scheduled' FROM streams"), 1);
}

static const char devices[] =
	"INSERT INTO devices (id, user_id, platform, token, created_at, updated_at) VALUES"
	" (zeroblob(16), 'mid-fan', 'ios', 't1', 1, 1),"
	" (randomblob(16), 'mid-fan', 'web', 't2', 1, 1),"
	" (randomblob(16), 'mid-other', 'web', 't3', 1, 1)";

static void test_push_goes_to_every_device_once(void **state)
{
	struct fixture *f = *state;
	run_sql(f, town);
	run_sql(f, devices);
	assert_told(f, AUDIENCE_EVERYONE, true, true,
		"fan far-fan mid-fan mid-other near-fan near-other near-third");
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM outbox"), 0);
	f->backend.repo.outbox->outbox_enable(f->backend.repo.impl, false, true);
	assert_told(f, AUDIENCE_EVERYONE, true, true,
		"fan far-fan mid-fan mid-other near-fan near-other near-third");
	assert_int_equal(ask_sql(f, "SELECT count(*) FROM outbox WHERE kind = 'push'"), 3);
	assert_int_equal(
		ask_sql(f,
			"SELECT count(*) FROM outbox o JOIN notifications n"
			" ON hex(n.id) = upper(replace(o.payload ->> '$.data.notificationId',"
			" '-', '')) JOIN devices d ON d.token = o.target"
			" AND d.user_id = n.user_id WHERE o.event = 'stream_live'"
			" AND o.payload ->> '$.title' = 'shop is live'"
			" AND o.payload ->> '$.body' = 'Sale \"50%\"'"
			" AND o.payload ->> '$.data.type' = 'stream_live'"
			" AND length(o.payload ->> '$.data.streamId') = 36"),
		3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_audience_and_flags),
		TEST(test_words_without_a_place),
		TEST(test_places_at_the_edges),
		TEST(test_a_crowd_holds_up_nobody),
		TEST(test_neighborhoods_over_turns),
		TEST(test_deleting_holds_up_nobody),
		TEST(test_goes_on_after_a_crash),
		TEST(test_a_stream_that_is_over_tells_nobody_else),
		TEST(test_a_failure_in_the_middle),
		TEST(test_a_failure_at_the_start),
		TEST(test_push_goes_to_every_device_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
