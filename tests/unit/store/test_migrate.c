#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "fixture.h"
#include "migrate.h"

static const struct migration steps[] = {
	{"001_a", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"},
	{"002_b", "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = 'old';"},
	{"003_c", "CREATE TABLE c (z INTEGER) STRICT;"},
};
static const struct migration broken[] = {
	{"001_a", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"},
	{"002_bad", "INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1);"},
};

static int setup(void **state)
{
	struct db *db = mem_new(struct db);
	struct db_place place;
	char *error;
	assert_true(db_locate("sqlite::memory:", &place, &error));
	assert_true(db_open(db, &place, DB_CREATE, &error));
	db_place_finish(&place);
	*state = db;
	return 0;
}

static int teardown(void **state)
{
	db_close(*state);
	free(*state);
	return 0;
}

static int version_of(struct db *db)
{
	int version = -1;
	assert_true(db_user_version(db, &version));
	return version;
}

static void test_each_version_leads_to_the_newest(void **state)
{
	struct db *db = *state;
	char *error = NULL;
	assert_true(migrate_run(db, steps, 0, &error));
	assert_int_equal(version_of(db), 0);
	for (size_t n = 1; n <= 3; n++) {
		assert_true(migrate_run(db, steps, n, &error));
		assert_int_equal(version_of(db), n);
	}
	assert_true(migrate_run(db, steps, 3, &error));
	/* The row of version 1 went through the later steps. */
	assert_true(db_try(db, "INSERT INTO c SELECT x FROM a WHERE x = 1 AND y = 'old'"));
	assert_int_equal(sqlite3_changes(db->handle), 1);
}

static void test_failing_step_leaves_no_trace(void **state)
{
	struct db *db = *state;
	char *error = NULL;
	assert_false(migrate_run(db, broken, 2, &error));
	assert_non_null(strstr(error, "002_bad"));
	assert_non_null(strstr(error, "nowhere"));
	free(error);
	assert_int_equal(version_of(db), 1);
	assert_true(db_try(db, "DELETE FROM a WHERE x = 1"));
	assert_true(db_try(db, "DELETE FROM a"));
	assert_int_equal(sqlite3_changes(db->handle), 0);
	/* And can be tried again once it is right. */
	assert_true(migrate_run(db, steps, 3, &error));
	assert_int_equal(version_of(db), 3);
}

static void test_newer_is_refused(void **state)
{
	struct db *db = *state;
	char *error = NULL;
	assert_true(migrate_run(db, steps, 3, &error));
	assert_false(migrate_run(db, steps, 2, &error));
	assert_non_null(strstr(error, "schema version 3, newer than the 2"));
	free(error);
	assert_int_equal(version_of(db), 3);
}

static void test_released_steps(void **state)
{
	struct db *db = *state;
	char *error = NULL;
	assert_int_equal(store_schema_newest(), n_migrations);
	for (size_t n = 1; n <= n_migrations; n++) {
		assert_true(migrate_run(db, migrations, n, &error));
		assert_int_equal(version_of(db), n);
	}
	assert_true(db_try(db, "SELECT id, is_live FROM streams"));
}

int main(void)
{
	log_set_levels("off");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_each_version_leads_to_the_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failing_step_leaves_no_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_released_steps, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
