#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "fixture.h"

struct backup_heard {
	int calls;
	char error[256];
};

static void hear(void *user, const char *error)
{
	struct backup_heard *h = user;
	h->calls++;
	snprintf(h->error, sizeof(h->error), "%s", error != NULL ? error : "");
}

/* Turns the loop until the backup has called back; its thread needs some time of its own. */
static void wait_for(struct fixture *f, const struct backup_heard *h)
{
	while (h->calls == 0) {
		usleep(1000);
		fixture_turn(f);
	}
}

static bool file_exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

static void assert_copy_has_user(struct fixture *f, const char *path, const char *id, bool has)
{
	char *url = mem_printf("sqlite:%s", path), *error = NULL;
	char *kept = f->url;
	struct user_record got;
	assert_true(store_check(url, &error));
	fixture_close(f);
	f->url = url;
	fixture_open(f, 0);
	assert_int_equal(f->backend.repo.ops->user_get(f->backend.repo.impl, id, &got),
		has ? REPO_OK : REPO_NOT_FOUND);
	user_record_finish(&got);
	fixture_close(f);
	f->url = kept;
	free(url);
	fixture_open(f, 0);
}

static void test_online(void **state)
{
	struct fixture *f = *state;
	struct backup_heard h = {0};
	char *copy = mem_printf("%s/copy.db", f->dir), *partial = mem_printf("%s.partial", copy);
	repo_sample_user(&f->backend, "before", NULL);
	store_backup(f->store, copy, hear, &h);
	assert_int_equal(h.calls, 0);
	wait_for(f, &h);
	assert_string_equal(h.error, "");
	repo_sample_user(&f->backend, "after", NULL);
	assert_false(file_exists(partial));
	assert_copy_has_user(f, copy, "before", true);
	assert_copy_has_user(f, copy, "after", false);
	free(copy);
	free(partial);
}

static void test_keeps_what_is_there(void **state)
{
	struct fixture *f = *state;
	struct backup_heard h = {0};
	char *copy = mem_printf("%s/copy.db", f->dir), *error = NULL;
	assert_true(store_backup_file(f->url, copy, &error));
	repo_sample_user(&f->backend, "later", NULL);
	assert_false(store_backup_file(f->url, copy, &error));
	assert_non_null(strstr(error, "is there already"));
	free(error);
	store_backup(f->store, copy, hear, &h);
	wait_for(f, &h);
	assert_non_null(strstr(h.error, "is there already"));
	assert_copy_has_user(f, copy, "later", false);
	free(copy);
}

static void test_keeps_a_link_that_leads_nowhere(void **state)
{
	struct fixture *f = *state;
	char *copy = mem_printf("%s/copy.db", f->dir), *error = NULL;
	assert_int_equal(symlink("elsewhere.db", copy), 0);
	assert_false(store_backup_file(f->url, copy, &error));
	free(error);
	free(copy);
}

static void test_says_what_went_wrong(void **state)
{
	struct fixture *f = *state;
	struct backup_heard h = {0};
	store_backup(f->store, "/proc/nowhere/copy.db", hear, &h);
	wait_for(f, &h);
	assert_non_null(strstr(h.error, "/proc/nowhere"));
}

static void test_closing_ends_it(void **state)
{
	struct fixture *f = *state;
	struct backup_heard h = {0};
	char *copy = mem_printf("%s/copy.db", f->dir);
	store_backup(f->store, copy, hear, &h);
	fixture_close(f);
	assert_int_equal(h.calls, 1);
	free(copy);
}

static void test_check_finds_faults(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;
	sqlite3 *db;
	assert_true(store_check(f->url, &error));
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	/* A connection without foreign keys may leave an orphan behind. */
	assert_int_equal(sqlite3_exec(db,
				 "INSERT INTO products (id, seller_id, name, price, currency,"
				 " created_at, updated_at)"
				 " VALUES (zeroblob(16), 'nobody', 'n', 1, 'EUR', 1, 1)",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	assert_false(store_check(f->url, &error));
	assert_non_null(strstr(error, "foreign_key_check: products"));
	free(error);
	assert_false(store_check("sqlite:/proc/nowhere.db", &error));
	assert_non_null(strstr(error, "/proc/nowhere.db"));
	free(error);
}

static void test_migrate_from_the_command_line(void **state)
{
	struct fixture *f = *state;
	char *path = mem_printf("%s/new/souk.db", f->dir), *error = NULL;
	char *url = mem_printf("sqlite:%s", path);
	int from, to, version;
	assert_false(store_schema_version(url, &version, &error));
	free(error);
	assert_true(store_migrate(url, &from, &to, &error));
	assert_int_equal(from, 0);
	assert_int_equal(to, store_schema_newest());
	assert_true(store_schema_version(url, &version, &error));
	assert_int_equal(version, to);
	assert_true(store_migrate(url, &from, &to, &error));
	assert_int_equal(from, to);
	free(path);
	free(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_online, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_keeps_what_is_there, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_keeps_a_link_that_leads_nowhere, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_says_what_went_wrong, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_closing_ends_it, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_check_finds_faults, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_migrate_from_the_command_line, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
