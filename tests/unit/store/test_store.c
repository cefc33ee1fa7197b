#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fixture.h"

static void test_survives_reopening(void **state)
{
	struct fixture *f = *state;
	struct stream_record got;
	repo_sample_user(&f->backend, "s1", NULL);
	struct uuid id = repo_sample_stream(&f->backend, "s1", "kept");
	fixture_close(f);
	fixture_open(f, 0);
	assert_int_equal(f->backend.repo.ops->stream_get(f->backend.repo.impl, id, &got), REPO_OK);
	assert_string_equal(got.title, "kept");
	stream_record_finish(&got);
}

static void test_close_carries_out_the_queue(void **state)
{
	struct fixture *f = *state;
	struct repo_heard heard[50] = {0};
	char ids[50][8];
	struct sqlite3 *lock = fixture_lock(f);
	for (int i = 0; i < 50; i++) {
		snprintf(ids[i], sizeof(ids[i]), "u%d", i);
		struct user_record u = {.id = ids[i], .name = "n"};
		f->backend.repo.ops->user_put(f->backend.repo.impl, &u, repo_hear, &heard[i]);
	}
	fixture_unlock(lock);
	fixture_close(f);
	fixture_open(f, 0);
	for (int i = 0; i < 50; i++) {
		struct user_record got;
		assert_int_equal(heard[i].calls, 1);
		assert_int_equal(heard[i].result, REPO_OK);
		assert_int_equal(
			f->backend.repo.ops->user_get(f->backend.repo.impl, ids[i], &got), REPO_OK);
		user_record_finish(&got);
	}
}

static void test_settings_of_the_file(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &s, NULL);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), "wal");
	sqlite3_finalize(s);
	sqlite3_prepare_v2(db,
		"SELECT count(*) FROM sqlite_schema WHERE name IN"
		" ('ix_stream_products_stream', 'ix_stream_products_product')",
		-1, &s, NULL);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(s, 0), 2);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

static void never(void *user, void (*fn)(void *arg), void *arg)
{
	abort();
}

static void expect_refusal(const char *url, const char *words)
{
	char *error = NULL;
	struct store_config config = {.url = url, .post = never};
	assert_null(store_open(&config, &error));
	assert_non_null(error);
	if (strstr(error, words) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", error, words);
	}
	free(error);
}

static void test_refuses_other_urls(void **state)
{
	expect_refusal("postgres://x", "only sqlite:PATH");
	expect_refusal("sqlite:", "only sqlite:PATH");
	expect_refusal("sqlite:/proc/nowhere/x.db", "/proc/nowhere");
}

static void test_refuses_what_is_no_database(void **state)
{
	struct fixture *f = *state;
	fixture_close(f);
	FILE *file = fopen(f->path, "w");
	for (int i = 0; i < 1000; i++) {
		fputs("this is no database ", file);
	}
	fclose(file);
	expect_refusal(f->url, "not a database");
}

static void test_refuses_a_newer_database(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	int version, from, to;
	char *error = NULL;
	fixture_close(f);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version = 4711", NULL, NULL, NULL);
	sqlite3_close(db);
	expect_refusal(f->url, "schema version 4711");
	assert_false(store_migrate(f->url, &from, &to, &error));
	assert_non_null(strstr(error, "4711"));
	free(error);
	assert_true(store_schema_version(f->url, &version, &error));
	assert_int_equal(version, 4711);
}

static void test_list_looks_at_a_bounded_window(void **state)
{
	struct fixture *f = *state;
	struct repo_stream_page page;
	struct repo_stream_filter filter = {.status = -1, .limit = 10, .text = "needle"};
	struct repo_heard h = {0};
	size_t pages = 0, found = 0;
	char *cursor = NULL;
	repo_sample_user(&f->backend, "s1", NULL);
	repo_sample_stream(&f->backend, "s1", "needle");
	for (int i = 0; i < 2500; i++) {
		struct stream_record s = {.id = uuid_new(&f->backend.clock.clock),
			.seller_id = "s1",
			.title = "hay",
			.created_at = 1,
			.updated_at = 1};
		f->backend.repo.ops->stream_create(
			f->backend.repo.impl, &s, NULL, 0, repo_hear, &h);
	}
	f->backend.drain(&f->backend);
	assert_int_equal(h.calls, 2500);
	do {
		filter.cursor = cursor;
		assert_int_equal(
			f->backend.repo.ops->stream_list(f->backend.repo.impl, &filter, &page),
			REPO_OK);
		pages++;
		found += page.n;
		free(cursor);
		cursor = mem_strdup(page.next_cursor);
		repo_stream_page_finish(&page);
	} while (cursor != NULL);
	assert_int_equal(found, 1);
	assert_int_equal(pages, 6);
}

static void test_healthy(void **state)
{
	struct fixture *f = *state;
	assert_true(store_healthy(f->store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_survives_reopening, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_close_carries_out_the_queue, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_settings_of_the_file, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_refuses_other_urls, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_refuses_what_is_no_database, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_refuses_a_newer_database, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_list_looks_at_a_bounded_window, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_healthy, fixture_setup, fixture_teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	failed += repo_contract_run("repo contract: file", fixture_setup, fixture_teardown);
	failed += repo_contract_run(
		"repo contract: in memory", fixture_setup_in_memory, fixture_teardown);
	return failed;
}
