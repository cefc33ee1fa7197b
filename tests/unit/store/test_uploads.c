#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "model/uploads.h"

/* Uploads as model/uploads.h orders them. */
#define CALL(f, op, ...) ((f)->backend.repo.uploads->op((f)->backend.repo.impl, __VA_ARGS__))
#define REPO(f, op, ...) ((f)->backend.repo.ops->op((f)->backend.repo.impl, __VA_ARGS__))

static uint64_t now(struct fixture *f)
{
	return clock_wall_ms(&f->backend.clock.clock);
}

static void wait(struct fixture *f, struct repo_heard *h, enum repo_result result)
{
	f->backend.drain(&f->backend);
	assert_int_equal(h->calls, 1);
	assert_int_equal(h->result, result);
	*h = (struct repo_heard){0};
}

/* One that ended, with a recording in this state. */
static struct uuid create(
	struct fixture *f, enum stream_audience audience, enum recording_state state)
{
	struct repo_heard h = {0};
	struct user_record seller = {.id = (char *)"seller"};
	struct stream_record r = {
		.id = uuid_new(&f->backend.clock.clock),
		.seller_id = (char *)"seller",
		.title = (char *)"Market",
		.audience = audience,
		.record_stream = true,
		.created_at = now(f),
	};
	struct recording_record recording = {.stream_id = r.id,
		.path = (char *)"x",
		.state = state,
		.has_poster = true,
		.finished_at = now(f)};
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	char url[80], id[UUID_TEXT_SIZE];
	clock_manual_advance(&f->backend.clock, 1000);
	clock_random(&f->backend.clock.clock, hash, sizeof(hash));
	REPO(f, user_put, &seller, NULL, NULL);
	REPO(f, stream_create, &r, NULL, 0, NULL, NULL);
	REPO(f, stream_go_live, r.id, now(f), hash, false, NULL, NULL);
	f->backend.drain(&f->backend);
	REPO(f, recording_open, &recording, repo_hear, &h);
	wait(f, &h, REPO_OK);
	REPO(f, stream_end, r.id, now(f), "ended", NULL, repo_hear, &h);
	wait(f, &h, REPO_OK);
	uuid_text(id, r.id);
	snprintf(url, sizeof(url), "/vod/%s/index.m3u8", id);
	if (state != RECORDING_OPEN) {
		REPO(f, recording_finish, &recording, url, NULL, 0, repo_hear, &h);
		wait(f, &h, REPO_OK);
	}
	return r.id;
}

static void want(struct fixture *f, struct uuid id, enum repo_result result)
{
	struct repo_heard h = {0};
	CALL(f, upload_want, id, repo_hear, &h);
	wait(f, &h, result);
}

static void store(struct fixture *f, struct uuid id, enum repo_result result)
{
	struct repo_heard h = {0};
	CALL(f, upload_stored, id, "https://cdn.example/a", 7, 700, repo_hear, &h);
	wait(f, &h, result);
}

static void place(struct fixture *f, struct uuid id, enum repo_result result)
{
	struct repo_heard h = {0};
	CALL(f, upload_place, id, "bucket", "a/", repo_hear, &h);
	wait(f, &h, result);
}

static void expect(struct fixture *f, struct uuid id, enum upload_state state, bool is_local)
{
	struct upload_record row;
	assert_int_equal(CALL(f, upload_get, id, &row), REPO_OK);
	assert_int_equal(row.state, state);
	assert_int_equal(row.is_local, is_local);
	upload_record_finish(&row);
}

static void expect_none(struct fixture *f, struct uuid id)
{
	struct upload_record row;
	assert_int_equal(CALL(f, upload_get, id, &row), REPO_NOT_FOUND);
}

static void expect_urls(struct fixture *f, struct uuid id, const char *vod, const char *thumbnail)
{
	struct stream_record row;
	assert_int_equal(REPO(f, stream_get, id, &row), REPO_OK);
	if (vod) {
		assert_string_equal(row.vod_url, vod);
		assert_string_equal(row.thumbnail_url, thumbnail);
	} else {
		assert_null(row.vod_url);
		assert_null(row.thumbnail_url);
	}
	stream_record_finish(&row);
}

static void test_it_waits_then_leads_there_then_goes(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct uuid id = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	struct upload_record row;
	want(f, id, REPO_OK);
	expect(f, id, UPLOAD_WAITING, true);
	place(f, id, REPO_OK);
	store(f, id, REPO_OK);
	expect_urls(f, id, "https://cdn.example/a/index.m3u8", "https://cdn.example/a/poster.jpg");
	CALL(f, upload_away, id, repo_hear, &h);
	wait(f, &h, REPO_OK);
	expect(f, id, UPLOAD_STORED, false);
	assert_int_equal(CALL(f, upload_get, id, &row), REPO_OK);
	assert_string_equal(row.bucket, "bucket");
	assert_string_equal(row.prefix, "a/");
	assert_int_equal(row.objects, 7);
	assert_int_equal(row.bytes, 700);
	upload_record_finish(&row);
	/* Nothing can be added where no files are. */
	want(f, id, REPO_OK);
	expect(f, id, UPLOAD_STORED, false);

	REPO(f, recording_delete, id, repo_hear, &h);
	wait(f, &h, REPO_OK);
	expect_urls(f, id, NULL, NULL);
	expect(f, id, UPLOAD_REMOVING, false);
	REPO(f, stream_delete, id, repo_hear, &h);
	wait(f, &h, REPO_OK);
	expect(f, id, UPLOAD_REMOVING, false);
	CALL(f, upload_removed, id, repo_hear, &h);
	wait(f, &h, REPO_OK);
	expect_none(f, id);
}

static void test_only_what_is_complete_is_wanted(void **state)
{
	struct fixture *f = *state;
	struct uuid open = create(f, AUDIENCE_EVERYONE, RECORDING_OPEN);
	struct uuid failed = create(f, AUDIENCE_EVERYONE, RECORDING_FAILED);
	want(f, open, REPO_WRONG_STATE);
	want(f, failed, REPO_WRONG_STATE);
	want(f, uuid_new(&f->backend.clock.clock), REPO_NOT_FOUND);
	expect_none(f, open);
}

static void test_what_is_not_for_everyone_is_kept(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct uuid a = create(f, AUDIENCE_FOLLOWERS, RECORDING_READY);
	struct uuid b = create(f, AUDIENCE_NEIGHBORHOOD, RECORDING_READY);
	want(f, a, REPO_OK);
	want(f, b, REPO_OK);
	expect(f, a, UPLOAD_KEPT, true);
	expect(f, b, UPLOAD_KEPT, true);
	place(f, a, REPO_WRONG_STATE);
	store(f, a, REPO_WRONG_STATE);
	REPO(f, recording_delete, a, repo_hear, &h);
	wait(f, &h, REPO_OK);
	expect_none(f, a);
}

static void test_a_file_that_is_added_is_sent_and_the_url_stays(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct uuid id = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	struct recording_record again = {.stream_id = id,
		.path = (char *)"x",
		.state = RECORDING_READY,
		.has_mp4 = true,
		.has_poster = true,
		.finished_at = now(f)};
	want(f, id, REPO_OK);
	place(f, id, REPO_OK);
	store(f, id, REPO_OK);
	REPO(f, recording_finish, &again, "/vod/x/index.m3u8", NULL, 0, repo_hear, &h);
	wait(f, &h, REPO_OK);
	expect_urls(f, id, "https://cdn.example/a/index.m3u8", "https://cdn.example/a/poster.jpg");
	want(f, id, REPO_OK);
	expect(f, id, UPLOAD_WAITING, true);
	store(f, id, REPO_OK);
	expect(f, id, UPLOAD_STORED, true);
}

static void test_a_deleted_one_is_not_stored(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct uuid sent = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	struct uuid unsent = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	want(f, sent, REPO_OK);
	want(f, unsent, REPO_OK);
	place(f, sent, REPO_OK);
	REPO(f, recording_delete, sent, repo_hear, &h);
	wait(f, &h, REPO_OK);
	REPO(f, recording_delete, unsent, repo_hear, &h);
	wait(f, &h, REPO_OK);
	store(f, sent, REPO_WRONG_STATE);
	expect(f, sent, UPLOAD_REMOVING, false);
	expect_urls(f, sent, NULL, NULL);
	expect_none(f, unsent);
	want(f, sent, REPO_WRONG_STATE);
}

static void test_the_longest_due_comes_first(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct uuid a = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	struct uuid b = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	struct upload_record row;
	struct upload_counts n;
	uint64_t next;
	assert_int_equal(CALL(f, upload_next, UPLOAD_WAITING, now(f), &row, &next), REPO_NOT_FOUND);
	assert_int_equal(next, 0);
	want(f, a, REPO_OK);
	clock_manual_advance(&f->backend.clock, 5000);
	want(f, b, REPO_OK);
	CALL(f, upload_failed, a, "SlowDown", 3, now(f) + 9000, repo_hear, &h);
	wait(f, &h, REPO_OK);
	assert_int_equal(CALL(f, upload_next, UPLOAD_WAITING, now(f), &row, &next), REPO_OK);
	assert_true(uuid_eq(row.stream_id, b));
	upload_record_finish(&row);
	CALL(f, upload_failed, b, "SlowDown", 1, now(f) + 20000, repo_hear, &h);
	wait(f, &h, REPO_OK);
	assert_int_equal(CALL(f, upload_next, UPLOAD_WAITING, now(f), &row, &next), REPO_NOT_FOUND);
	assert_int_equal(next, now(f) + 9000);
	assert_int_equal(CALL(f, upload_counts, &n), REPO_OK);
	assert_int_equal(n.waiting, 2);
	assert_int_equal(n.failing, 2);
	CALL(f, upload_hurry, repo_hear, &h);
	wait(f, &h, REPO_OK);
	assert_int_equal(CALL(f, upload_next, UPLOAD_WAITING, now(f), &row, &next), REPO_OK);
	assert_int_equal(row.attempts, 0);
	assert_string_equal(row.last_error, "SlowDown");
	upload_record_finish(&row);
	store(f, a, REPO_OK);
	assert_int_equal(CALL(f, upload_counts, &n), REPO_OK);
	assert_int_equal(n.stored, 1);
	assert_int_equal(n.failing, 1);
}

static void test_those_without_a_row_are_found_in_pages(void **state)
{
	struct fixture *f = *state;
	struct uuid ids[3], none = {0}, *found;
	size_t n;
	create(f, AUDIENCE_EVERYONE, RECORDING_OPEN);
	for (int i = 0; i < 3; i++) {
		ids[i] = create(f, AUDIENCE_EVERYONE, RECORDING_READY);
	}
	assert_int_equal(CALL(f, upload_missing, none, 2, &found, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_true(uuid_eq(found[0], ids[0]) && uuid_eq(found[1], ids[1]));
	free(found);
	want(f, ids[1], REPO_OK);
	assert_int_equal(CALL(f, upload_missing, ids[0], 2, &found, &n), REPO_OK);
	assert_int_equal(n, 1);
	assert_true(uuid_eq(found[0], ids[2]));
	free(found);
	assert_int_equal(CALL(f, upload_local, none, 5, &found, &n), REPO_OK);
	assert_int_equal(n, 0);
	free(found);
	store(f, ids[1], REPO_OK);
	assert_int_equal(CALL(f, upload_local, none, 5, &found, &n), REPO_OK);
	assert_int_equal(n, 1);
	free(found);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_it_waits_then_leads_there_then_goes),
		T(test_only_what_is_complete_is_wanted),
		T(test_what_is_not_for_everyone_is_kept),
		T(test_a_file_that_is_added_is_sent_and_the_url_stays),
		T(test_a_deleted_one_is_not_stored),
		T(test_the_longest_due_comes_first),
		T(test_those_without_a_row_are_found_in_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
