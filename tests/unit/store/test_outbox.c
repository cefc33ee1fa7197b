#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "fixture.h"
#include "model/outbox.h"

/* The outbox as model/outbox.h orders it. */
#define CALL(f, op, ...) ((f)->backend.repo.outbox->op((f)->backend.repo.impl, __VA_ARGS__))
#define REPO(f, op, ...) ((f)->backend.repo.ops->op((f)->backend.repo.impl, __VA_ARGS__))

static uint64_t now(struct fixture *f)
{
	return clock_wall_ms(&f->backend.clock.clock);
}

static void pass(struct fixture *f, uint64_t ms)
{
	clock_manual_advance(&f->backend.clock, ms * 1000);
}

static void wait(struct fixture *f, struct repo_heard *h)
{
	f->backend.drain(&f->backend);
	assert_int_equal(h->calls, 1);
	assert_int_equal(h->result, REPO_OK);
	*h = (struct repo_heard){0};
}

static struct uuid create_stream(struct fixture *f, const char *title)
{
	struct repo_heard h = {0};
	struct user_record seller = {.id = (char *)"seller"};
	struct stream_record r = {
		.id = uuid_new(&f->backend.clock.clock),
		.seller_id = (char *)"seller",
		.title = (char *)title,
		.enable_chat = true,
		.record_stream = true,
		.created_at = now(f),
		.updated_at = now(f),
	};
	REPO(f, user_put, &seller, repo_hear, &h);
	wait(f, &h);
	REPO(f, stream_create, &r, NULL, 0, repo_hear, &h);
	wait(f, &h);
	return r.id;
}

static void go_live(struct fixture *f, struct uuid id)
{
	struct repo_heard h = {0};
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	clock_random(&f->backend.clock.clock, hash, sizeof(hash));
	REPO(f, stream_go_live, id, now(f), hash, false, repo_hear, &h);
	wait(f, &h);
}

static struct outbox_list due(struct fixture *f, enum outbox_kind kind, uint64_t *next_at)
{
	struct outbox_list l;
	uint64_t next;
	assert_int_equal(
		CALL(f, outbox_due, kind, now(f), 100, &l, next_at ? next_at : &next), REPO_OK);
	return l;
}

static void expect_due(struct fixture *f, const char *const *events, size_t n)
{
	struct outbox_list l = due(f, OUTBOX_WEBHOOK, NULL);
	assert_int_equal(l.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(l.rows[i].event, events[i]);
	}
	outbox_list_finish(&l);
}

static void expect_counts(struct fixture *f, uint32_t waiting, uint32_t given_up)
{
	uint32_t w, g;
	assert_int_equal(CALL(f, outbox_counts, &w, &g), REPO_OK);
	assert_int_equal(w, waiting);
	assert_int_equal(g, given_up);
}

static void count(void *user)
{
	++*(int *)user;
}

static void test_nothing_is_written_unless_wanted(void **state)
{
	struct fixture *f = *state;
	int told = 0;
	CALL(f, outbox_watch, count, &told);
	create_stream(f, "quiet");
	CALL(f, outbox_enable, false, true);
	create_stream(f, "push only");
	expect_counts(f, 0, 0);
	assert_int_equal(told, 0);
}

static void test_stream_tells_of_its_life(void **state)
{
	static const char *const all[] = {
		"stream.scheduled", "stream.live", "stream.interrupted", "stream.ended"};
	struct fixture *f = *state;
	struct repo_heard h = {0};
	int told = 0;
	CALL(f, outbox_enable, true, false);
	CALL(f, outbox_watch, count, &told);
	struct uuid id = create_stream(f, "Lamps");
	assert_int_equal(told, 1);
	pass(f, 1000);
	go_live(f, id);
	pass(f, 1000);
	CALL(f, outbox_event, "stream.interrupted", id, repo_hear, &h);
	wait(f, &h);
	pass(f, 4000);
	REPO(f, stream_end, id, now(f), "requested",
		&(struct repo_stats){.peak_viewers = 7, .total_likes = 3}, repo_hear, &h);
	wait(f, &h);
	expect_due(f, all, 4);
	assert_int_equal(told, 4);
	CALL(f, outbox_watch, NULL, NULL);
}

static json_t *payload_of(struct fixture *f, size_t i, struct outbox_record *out)
{
	struct outbox_list l = due(f, OUTBOX_WEBHOOK, NULL);
	assert_true(i < l.n);
	json_t *payload = json_loads(l.rows[i].payload, 0, NULL);
	assert_non_null(payload);
	*out = l.rows[i];
	l.rows[i] = (struct outbox_record){0};
	outbox_list_finish(&l);
	return payload;
}

static const char *text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void test_payload_has_the_fields_of_the_rest_answer(void **state)
{
	struct fixture *f = *state;
	struct outbox_record r;
	char id_text[UUID_TEXT_SIZE], time[TEXT_TIME_SIZE];
	CALL(f, outbox_enable, true, false);
	struct uuid id = create_stream(f, "Say \"hé\"");
	go_live(f, id);
	pass(f, 2500);
	struct repo_heard h = {0};
	text_time(time, now(f));
	REPO(f, stream_end, id, now(f), "requested",
		&(struct repo_stats){.peak_viewers = 7, .total_likes = 3}, repo_hear, &h);
	wait(f, &h);
	json_t *p = payload_of(f, 2, &r);
	uuid_text(id_text, id);
	assert_string_equal(r.target, id_text);
	assert_string_equal(text_of(p, "streamId"), id_text);
	assert_string_equal(text_of(p, "sellerId"), "seller");
	assert_string_equal(text_of(p, "title"), "Say \"hé\"");
	assert_string_equal(text_of(p, "status"), "ended");
	assert_string_equal(text_of(p, "endReason"), "requested");
	assert_string_equal(text_of(p, "endedAt"), time);
	assert_true(json_real_value(json_object_get(p, "duration")) == 2.5);
	assert_true(json_is_null(json_object_get(p, "vodUrl")));
	const json_t *stats = json_object_get(p, "stats");
	assert_int_equal(json_integer_value(json_object_get(stats, "peakViewers")), 7);
	assert_int_equal(json_integer_value(json_object_get(stats, "totalLikes")), 3);
	json_decref(p);
	outbox_record_finish(&r);
}

static void finish_recording(struct fixture *f, struct uuid id, bool mp4)
{
	struct repo_heard h = {0};
	struct recording_record r = {
		.stream_id = id,
		.state = RECORDING_READY,
		.path = (char *)"x",
		.duration_ms = 1000,
		.has_mp4 = mp4,
		.created_at = now(f),
		.finished_at = now(f),
	};
	REPO(f, recording_finish, &r, "/vod/x/index.m3u8", NULL, 0, repo_hear, &h);
	wait(f, &h);
}

static void open_recording(struct fixture *f, struct uuid id)
{
	struct repo_heard h = {0};
	struct recording_record r = {.stream_id = id, .path = (char *)"x", .created_at = now(f)};
	REPO(f, recording_open, &r, repo_hear, &h);
	wait(f, &h);
}

static void test_vod_is_told_of_once(void **state)
{
	static const char *const all[] = {
		"stream.scheduled", "stream.live", "stream.ended", "stream.vod_ready"};
	struct fixture *f = *state;
	struct repo_heard h = {0};
	CALL(f, outbox_enable, true, false);
	struct uuid id = create_stream(f, "Lamps");
	go_live(f, id);
	open_recording(f, id);
	pass(f, 10);
	/* A restart while it is live finishes what there is. */
	finish_recording(f, id, false);
	pass(f, 10);
	REPO(f, stream_end, id, now(f), "requested", NULL, repo_hear, &h);
	wait(f, &h);
	expect_due(f, all, 3);
	pass(f, 10);
	finish_recording(f, id, false);
	expect_due(f, all, 4);
	pass(f, 10);
	finish_recording(f, id, true);
	expect_due(f, all, 4);
	struct outbox_record r;
	json_t *p = payload_of(f, 3, &r);
	assert_string_equal(text_of(p, "vodUrl"), "/vod/x/index.m3u8");
	json_decref(p);
	outbox_record_finish(&r);
}

static void test_refused_write_tells_nothing(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	CALL(f, outbox_enable, true, false);
	struct uuid id = create_stream(f, "Lamps");
	expect_counts(f, 1, 0);
	REPO(f, stream_end, id, now(f), "requested", NULL, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	h = (struct repo_heard){0};
	CALL(f, outbox_event, "stream.interrupted", uuid_new(&f->backend.clock.clock), repo_hear,
		&h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	expect_counts(f, 1, 0);
}

static struct uuid first_due(struct fixture *f)
{
	struct outbox_list l = due(f, OUTBOX_WEBHOOK, NULL);
	assert_true(l.n > 0);
	struct uuid id = l.rows[0].id;
	outbox_list_finish(&l);
	return id;
}

static void test_delivered_is_gone(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	CALL(f, outbox_enable, true, false);
	create_stream(f, "Lamps");
	struct uuid id = first_due(f);
	CALL(f, outbox_delivered, id, repo_hear, &h);
	wait(f, &h);
	expect_counts(f, 0, 0);
	CALL(f, outbox_delivered, id, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static void test_failed_comes_again_with_its_id(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	uint64_t next_at;
	CALL(f, outbox_enable, true, false);
	create_stream(f, "Lamps");
	struct uuid id = first_due(f);
	uint64_t created = now(f);
	CALL(f, outbox_failed, id, "refused", now(f) + 1000, repo_hear, &h);
	wait(f, &h);
	struct outbox_list l = due(f, OUTBOX_WEBHOOK, &next_at);
	assert_int_equal(l.n, 0);
	assert_true(next_at == now(f) + 1000);
	outbox_list_finish(&l);
	pass(f, 1000);
	l = due(f, OUTBOX_WEBHOOK, &next_at);
	assert_int_equal(l.n, 1);
	assert_true(next_at == 0);
	assert_true(uuid_eq(l.rows[0].id, id));
	assert_int_equal(l.rows[0].attempts, 1);
	assert_string_equal(l.rows[0].last_error, "refused");
	assert_true(l.rows[0].created_at == created && l.rows[0].since == created);
	outbox_list_finish(&l);
}

/* 16 bytes that are older than any UUIDv7 of these days. */
static void id_of_number(sqlite3_context *c, int argc, sqlite3_value **argv)
{
	uint8_t id[16] = {0};
	sqlite3_int64 n = sqlite3_value_int64(argv[0]);
	memcpy(id + 8, &n, sizeof(n));
	sqlite3_result_blob(c, id, sizeof(id), SQLITE_TRANSIENT);
}

struct retried {
	int calls;
	uint32_t n;
};

static void hear_retried(void *user, enum repo_result result, uint32_t n)
{
	struct retried *r = user;
	assert_int_equal(result, REPO_OK);
	r->calls++;
	r->n = n;
}

static void test_given_up_waits_for_the_operator(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct retried retried = {0};
	uint64_t next_at;
	int told = 0;
	CALL(f, outbox_enable, true, false);
	create_stream(f, "one");
	create_stream(f, "two");
	CALL(f, outbox_failed, first_due(f), "no", 0, repo_hear, &h);
	wait(f, &h);
	expect_counts(f, 1, 1);
	struct outbox_list l = due(f, OUTBOX_WEBHOOK, &next_at);
	assert_int_equal(l.n, 1);
	outbox_list_finish(&l);
	assert_int_equal(CALL(f, outbox_list, 10, &l), REPO_OK);
	assert_int_equal(l.n, 2);
	assert_true(l.rows[1].next_at == 0 && l.rows[0].next_at != 0);
	outbox_list_finish(&l);
	pass(f, 5000);
	CALL(f, outbox_watch, count, &told);
	CALL(f, outbox_retry, hear_retried, &retried);
	f->backend.drain(&f->backend);
	assert_int_equal(retried.calls, 1);
	assert_int_equal(retried.n, 1);
	assert_int_equal(told, 1);
	expect_counts(f, 2, 0);
	l = due(f, OUTBOX_WEBHOOK, &next_at);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.rows[1].attempts, 0);
	assert_true(l.rows[1].since == now(f));
	outbox_list_finish(&l);
}

static void test_given_up_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	CALL(f, outbox_enable, true, false);
	sqlite3 *db = fixture_lock(f);
	char *sql = mem_printf("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
			       " WHERE i < %d) INSERT INTO outbox (id, kind, event, payload,"
			       " created_at, since) SELECT"
			       " id_of_number(i), 'webhook', 'old', '{}', 1, 1 FROM n; COMMIT",
		OUTBOX_GIVEN_UP_MAX);
	assert_int_equal(sqlite3_create_function(db, "id_of_number", 1, SQLITE_UTF8, NULL,
				 id_of_number, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	free(sql);
	sqlite3_close(db);
	create_stream(f, "one");
	expect_counts(f, 1, OUTBOX_GIVEN_UP_MAX);
	CALL(f, outbox_failed, first_due(f), "no", 0, repo_hear, &h);
	wait(f, &h);
	expect_counts(f, 0, OUTBOX_GIVEN_UP_MAX);
	struct outbox_list l;
	assert_int_equal(CALL(f, outbox_list, 1, &l), REPO_OK);
	assert_string_equal(l.rows[0].event, "stream.scheduled");
	outbox_list_finish(&l);
}

static void test_limit_takes_the_longest_due(void **state)
{
	struct fixture *f = *state;
	struct outbox_list l;
	uint64_t next_at;
	CALL(f, outbox_enable, true, true);
	for (int i = 0; i < 5; i++) {
		create_stream(f, "x");
		pass(f, 1);
	}
	assert_int_equal(CALL(f, outbox_due, OUTBOX_WEBHOOK, now(f), 2, &l, &next_at), REPO_OK);
	assert_int_equal(l.n, 2);
	assert_true(l.rows[0].created_at < l.rows[1].created_at);
	assert_true(l.rows[1].created_at == now(f) - 4);
	outbox_list_finish(&l);
	l = due(f, OUTBOX_PUSH, &next_at);
	assert_int_equal(l.n, 0);
	outbox_list_finish(&l);
}

static void test_watch_outlives_nothing(void **state)
{
	struct fixture *f = *state;
	int told = 0;
	struct user_record seller = {.id = (char *)"seller"};
	struct stream_record r = {.id = uuid_new(&f->backend.clock.clock),
		.seller_id = (char *)"seller",
		.title = (char *)"x"};
	CALL(f, outbox_enable, true, false);
	CALL(f, outbox_watch, count, &told);
	REPO(f, user_put, &seller, NULL, NULL);
	REPO(f, stream_create, &r, NULL, 0, NULL, NULL);
	/* The store is gone by the time that the loop would be told. */
	fixture_close(f);
	assert_int_equal(told, 0);
	fixture_open(f, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_nothing_is_written_unless_wanted),
		T(test_stream_tells_of_its_life),
		T(test_payload_has_the_fields_of_the_rest_answer),
		T(test_vod_is_told_of_once),
		T(test_refused_write_tells_nothing),
		T(test_delivered_is_gone),
		T(test_failed_comes_again_with_its_id),
		T(test_given_up_waits_for_the_operator),
		T(test_given_up_are_bounded),
		T(test_limit_takes_the_longest_due),
		T(test_watch_outlives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
