#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "fixture.h"
#include "store_private.h"

#define MANY 200

static void put_user(struct fixture *f, const char *id, struct repo_heard *heard)
{
	struct user_record u = {.id = (char *)id, .name = "n"};
	f->backend.repo.ops->user_put(f->backend.repo.impl, &u, repo_hear, heard);
}

static bool has_user(struct fixture *f, const char *id)
{
	struct user_record got;
	enum repo_result result = f->backend.repo.ops->user_get(f->backend.repo.impl, id, &got);
	user_record_finish(&got);
	return result == REPO_OK;
}

/* While the writer is held up by another's lock, writes gather; they then share a commit. */
static void test_group_commit(void **state)
{
	struct fixture *f = *state;
	struct repo_heard heard[MANY] = {0};
	char id[16];
	long before = fixture_metric(f, "souk_store_commit_seconds_count");
	struct sqlite3 *lock = fixture_lock(f);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "u%d", i);
		put_user(f, id, &heard[i]);
	}
	assert_false(has_user(f, "u0"));
	fixture_unlock(lock);
	f->backend.drain(&f->backend);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(heard[i].calls, 1);
		assert_int_equal(heard[i].result, REPO_OK);
	}
	/* What the writer took before it met the lock, and all the rest. */
	assert_in_range(fixture_metric(f, "souk_store_commit_seconds_count") - before, 1, 2);
	assert_int_equal(fixture_metric(f, "souk_store_writes_total"), MANY);
	assert_int_equal(fixture_metric(f, "souk_store_queue_depth"), 0);
	assert_true(has_user(f, "u199"));
}

static void note_user(struct fixture *f, const char *id, const char *name, struct repo_heard *heard)
{
	struct user_record u = {.id = (char *)id, .name = (char *)name};
	f->backend.repo.ops->user_note(f->backend.repo.impl, &u, USER_NAME, repo_hear, heard);
}

static void expect_name(struct fixture *f, const char *id, const char *name)
{
	struct user_record got;
	assert_int_equal(f->backend.repo.ops->user_get(f->backend.repo.impl, id, &got), REPO_OK);
	assert_string_equal(got.name, name);
	user_record_finish(&got);
}

/* What nobody waits for is written all the same: alone after a while, with a write that somebody
 * waits for and before it, and when the store closes. */
static void test_patient_writes(void **state)
{
	struct fixture *f = *state;
	struct repo_heard heard[4] = {0};
	note_user(f, "alone", "n", &heard[0]);
	while (heard[0].calls == 0) {
		usleep(1000);
		fixture_turn(f);
	}
	assert_true(has_user(f, "alone"));
	note_user(f, "a", "noted", &heard[1]);
	put_user(f, "a", &heard[2]);
	while (heard[2].calls == 0) {
		usleep(1000);
		fixture_turn(f);
	}
	assert_int_equal(heard[1].calls, 1);
	expect_name(f, "a", "n");
	note_user(f, "last", "n", &heard[3]);
	fixture_close(f);
	assert_int_equal(heard[3].result, REPO_OK);
	fixture_open(f, 0);
	assert_true(has_user(f, "last"));
}

static void test_refused_write_amid_others(void **state)
{
	struct fixture *f = *state;
	struct repo_heard heard[4] = {0};
	struct uuid unknown = uuid_new(&f->backend.clock.clock);
	struct sqlite3 *lock = fixture_lock(f);
	put_user(f, "first", &heard[0]);
	put_user(f, "a", &heard[1]);
	f->backend.repo.ops->stream_cancel(f->backend.repo.impl, unknown, repo_hear, &heard[2]);
	put_user(f, "b", &heard[3]);
	fixture_unlock(lock);
	f->backend.drain(&f->backend);
	assert_int_equal(heard[0].result, REPO_OK);
	assert_int_equal(heard[1].result, REPO_OK);
	assert_int_equal(heard[2].result, REPO_NOT_FOUND);
	assert_int_equal(heard[3].result, REPO_OK);
	assert_true(has_user(f, "a") && has_user(f, "b"));
	assert_int_equal(fixture_metric(f, "souk_store_write_failures_total"), 0);
}

/* A write that breaks off in the middle (here by a trigger) fails alone and leaves no trace. */
static void test_failing_write_amid_others(void **state)
{
	struct fixture *f = *state;
	struct repo_heard heard[4] = {0};
	sqlite3 *db;
	repo_sample_user(&f->backend, "s1", NULL);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "CREATE TRIGGER t BEFORE INSERT ON users WHEN new.id = 'bad'"
				 " BEGIN SELECT RAISE(ABORT, 'no'); END;"
				 "CREATE TRIGGER r BEFORE INSERT ON users WHEN new.id = 'worse'"
				 " BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	struct sqlite3 *lock = fixture_lock(f);
	put_user(f, "a", &heard[0]);
	put_user(f, "bad", &heard[1]);
	put_user(f, "worse", &heard[2]); /* takes the whole transaction down */
	put_user(f, "b", &heard[3]);
	fixture_unlock(lock);
	f->backend.drain(&f->backend);
	assert_int_equal(heard[0].result, REPO_OK);
	assert_int_equal(heard[1].result, REPO_FAILED);
	assert_int_equal(heard[2].result, REPO_FAILED);
	assert_int_equal(heard[3].result, REPO_OK);
	assert_true(has_user(f, "a") && has_user(f, "b"));
	assert_false(has_user(f, "bad") || has_user(f, "worse"));
	assert_int_equal(fixture_metric(f, "souk_store_write_failures_total"), 2);
}

static void limit_file_size(rlim_t size)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that must not grow stands for a full disk. */
static void test_full_disk_passes(void **state)
{
	struct fixture *f = *state;
	struct repo_heard before = {0}, during = {0}, after = {0};
	struct stat wal;
	char *wal_path = mem_printf("%s-wal", f->path);
	put_user(f, "before", &before);
	f->backend.drain(&f->backend);
	assert_int_equal(stat(wal_path, &wal), 0);

	signal(SIGXFSZ, SIG_IGN);
	limit_file_size((rlim_t)wal.st_size);
	put_user(f, "during", &during);
	f->backend.drain(&f->backend);
	bool healthy_during = store_healthy(f->store);
	limit_file_size(RLIM_INFINITY);

	put_user(f, "after", &after);
	f->backend.drain(&f->backend);
	assert_int_equal(before.result, REPO_OK);
	assert_int_equal(during.result, REPO_FAILED);
	assert_false(healthy_during);
	assert_int_equal(after.result, REPO_OK);
	assert_true(store_healthy(f->store));
	assert_true(has_user(f, "before") && has_user(f, "after"));
	assert_false(has_user(f, "during"));
	free(wal_path);
}

static void test_queue_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct repo_heard heard[20] = {0};
	char id[16];
	int ok = 0, failed = 0;
	fixture_close(f);
	fixture_open(f, 5);
	struct sqlite3 *lock = fixture_lock(f);
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "u%d", i);
		put_user(f, id, &heard[i]);
		assert_int_equal(heard[i].calls, 0); /* not even a refusal comes inside the call */
	}
	fixture_unlock(lock);
	f->backend.drain(&f->backend);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(heard[i].calls, 1);
		ok += heard[i].result == REPO_OK;
		failed += heard[i].result == REPO_FAILED;
	}
	/* The queue, and what the writer may have taken out of it before it met the lock. */
	assert_in_range(ok, 5, 10);
	assert_int_equal(ok + failed, 20);
}

#define TURNS 10

/* What ran, in order: a letter a turn. */
struct run {
	void *impl;
	char text[256];
	size_t len;
	int unfinished;
};

struct lettered_job {
	struct store_job job;
	struct run *run;
	char letter;
	int turns;
};

static enum repo_result apply_letter(struct db *db, struct store_job *job)
{
	struct lettered_job *l = container_of(job, struct lettered_job, job);
	assert_true(l->run->len < sizeof(l->run->text) - 1);
	l->run->text[l->run->len++] = l->letter;
	job->again = --l->turns > 0;
	return REPO_OK;
}

static void complete_long(struct store_job *job)
{
	struct lettered_job *l = container_of(job, struct lettered_job, job);
	l->run->unfinished--;
	free(l);
}

static void submit_letter(
	struct run *run, char letter, int turns, void (*complete)(struct store_job *job))
{
	struct lettered_job *l = mem_new(struct lettered_job);
	l->job = (struct store_job){.name = "test", .apply = apply_letter, .complete = complete};
	l->run = run;
	l->letter = letter;
	l->turns = turns;
	store_submit(run->impl, &l->job);
}

/* Short ones follow each other until the long ones are done. */
static void complete_short(struct store_job *job)
{
	struct lettered_job *l = container_of(job, struct lettered_job, job);
	if (l->run->unfinished > 0) {
		submit_letter(l->run, 's', 1, complete_short);
	}
	free(l);
}

static void post_at_once(void *user, void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void test_short_writes_wait_for_one_turn(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;
	fixture_close(f);
	struct store_config config = {.url = f->url, .post = post_at_once};
	struct store *store = store_open(&config, &error);
	assert_non_null(store);
	struct run run = {.impl = store_repo(store).impl, .unfinished = 2};
	struct sqlite3 *lock = fixture_lock(f);
	submit_letter(&run, 'A', TURNS, complete_long);
	submit_letter(&run, 'B', TURNS, complete_long);
	submit_letter(&run, 's', 1, complete_short);
	fixture_unlock(lock);
	store_close(store);
	assert_int_equal(run.unfinished, 0);
	assert_int_equal(strspn(run.text, "ABs"), run.len);
	for (char *at = strchr(run.text, 's'); at[0] != '\0' && at[1] != '\0'; at++) {
		if (at[0] != 's' && at[1] != 's') {
			fail_msg("%s", run.text);
		}
	}
	assert_true(run.len >= 2 * TURNS + TURNS);
	fixture_open(f, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_short_writes_wait_for_one_turn, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_patient_writes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_group_commit, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_refused_write_amid_others, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_failing_write_amid_others, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_full_disk_passes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_queue_is_bounded, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
