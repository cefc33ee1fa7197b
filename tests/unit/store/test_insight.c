#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "model/chat.h"
#include "model/insight.h"

static const struct repo_insight_ops *ops(struct fixture *f)
{
	return f->backend.repo.insight;
}

static enum repo_result put(struct fixture *f, const struct insight_update *u)
{
	struct repo_heard heard = {0};
	ops(f)->insight_put(f->backend.repo.impl, u, repo_hear, &heard);
	assert_int_equal(heard.calls, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(heard.calls, 1);
	return heard.result;
}

static struct uuid make_stream(struct fixture *f)
{
	repo_sample_user(&f->backend, "s1", NULL);
	return repo_sample_stream(&f->backend, "s1", "watched");
}

static const struct viewer_record viewers[] = {
	{.viewer = "u1",
		.name = "Ann",
		.neighborhood = "souq",
		.joined_at = 1000,
		.watch_ms = 500,
		.joins = 1},
	{.viewer = "u2",
		.neighborhood = "souq",
		.joined_at = 2000,
		.left_at = 9000,
		.watch_ms = 7000,
		.joins = 2},
	{.viewer = "guest:1", .joined_at = 3000, .left_at = 4000, .watch_ms = 1000, .joins = 1},
};

static void add_chat(struct fixture *f, struct uuid stream_id, const char *user_id)
{
	struct chat_record m = {
		.id = uuid_new(&f->backend.clock.clock),
		.stream_id = stream_id,
		.user_id = (char *)user_id,
		.message = "hello",
		.created_at = 5000,
	};
	repo_sample_user(&f->backend, user_id, NULL);
	f->backend.repo.chat->chat_add(f->backend.repo.impl, &m, true, NULL, NULL);
	f->backend.drain(&f->backend);
}

static void test_viewers(void **state)
{
	struct fixture *f = *state;
	struct uuid id = make_stream(f);
	struct viewer_record later = viewers[0], *rows;
	size_t n;
	add_chat(f, id, "u1");
	add_chat(f, id, "u1");
	assert_int_equal(put(f,
				 &(struct insight_update){
					 .stream_id = id, .viewers = viewers, .n_viewers = 3}),
		REPO_OK);
	later.left_at = 8000;
	later.watch_ms = 7000;
	assert_int_equal(put(f,
				 &(struct insight_update){
					 .stream_id = id, .viewers = &later, .n_viewers = 1}),
		REPO_OK);
	assert_int_equal(
		ops(f)->viewer_list(f->backend.repo.impl, id, 2, NULL, &rows, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].viewer, "guest:1");
	assert_null(rows[0].name);
	assert_null(rows[0].neighborhood);
	assert_string_equal(rows[1].viewer, "u1");
	assert_string_equal(rows[1].name, "Ann");
	assert_string_equal(rows[1].neighborhood, "souq");
	assert_int_equal(rows[1].joined_at, 1000);
	assert_int_equal(rows[1].left_at, 8000);
	assert_int_equal(rows[1].watch_ms, 7000);
	assert_int_equal(rows[1].joins, 1);
	viewer_records_free(rows, n);
	assert_int_equal(
		ops(f)->viewer_list(f->backend.repo.impl, id, 2, "u1", &rows, &n), REPO_OK);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].viewer, "u2");
	viewer_records_free(rows, n);
}

static void test_chatters(void **state)
{
	struct fixture *f = *state;
	struct uuid id = make_stream(f);
	char **ids;
	size_t n;
	add_chat(f, id, "u2");
	add_chat(f, id, "u1");
	add_chat(f, id, "u2");
	assert_int_equal(
		ops(f)->chatter_list(f->backend.repo.impl, id, 10, NULL, &ids, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_string_equal(ids[0], "u1");
	assert_string_equal(ids[1], "u2");
	free(ids[0]);
	free(ids[1]);
	free(ids);
	assert_int_equal(
		ops(f)->chatter_list(f->backend.repo.impl, id, 10, "u1", &ids, &n), REPO_OK);
	assert_int_equal(n, 1);
	assert_string_equal(ids[0], "u2");
	free(ids[0]);
	free(ids);
}

static void check_sums(struct fixture *f, struct uuid id)
{
	struct geography_record *places;
	uint32_t n_viewers, chatters;
	uint64_t watch_ms;
	size_t n;
	assert_int_equal(
		ops(f)->viewer_totals(f->backend.repo.impl, id, &n_viewers, &watch_ms, &chatters),
		REPO_OK);
	assert_int_equal(n_viewers, 3);
	assert_int_equal(watch_ms, 8500);
	assert_int_equal(chatters, 2);
	assert_int_equal(ops(f)->geography(f->backend.repo.impl, id, &places, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_string_equal(places[0].neighborhood, "souq");
	assert_int_equal(places[0].viewers, 2);
	assert_null(places[1].neighborhood);
	assert_int_equal(places[1].viewers, 1);
	geography_records_free(places, n);
}

/* The sums are the same before and after the last update, which makes them cheap. */
static void test_sums(void **state)
{
	struct fixture *f = *state;
	struct uuid id = make_stream(f);
	add_chat(f, id, "u1");
	add_chat(f, id, "u1");
	add_chat(f, id, "u2");
	struct insight_update u = {.stream_id = id, .viewers = viewers, .n_viewers = 3};
	assert_int_equal(put(f, &u), REPO_OK);
	check_sums(f, id);
	assert_int_equal(put(f, &(struct insight_update){.stream_id = id, .final = true}), REPO_OK);
	check_sums(f, id);
	assert_int_equal(put(f, &(struct insight_update){.stream_id = id, .final = true}), REPO_OK);
	check_sums(f, id);
}

static void test_timeline_and_reactions(void **state)
{
	struct fixture *f = *state;
	struct uuid id = make_stream(f);
	struct timeline_record buckets[] = {
		{5000, 1, 2, 3}, {10000, 4, 5, 6}, {15000, 7, 8, 9}, {10000, 40, 5, 6}};
	struct reaction_record counts[] = {{"🔥", 2}, {"💎", 7}}, *got;
	struct timeline_record *rows;
	size_t n;
	struct insight_update u = {.stream_id = id,
		.timeline = buckets,
		.n_timeline = 4,
		.reactions = counts,
		.n_reactions = 2};
	assert_int_equal(put(f, &u), REPO_OK);
	counts[0].count = 3;
	assert_int_equal(put(f, &u), REPO_OK);
	assert_int_equal(ops(f)->timeline(f->backend.repo.impl, id, 0, 2, &rows, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].at, 10000);
	assert_int_equal(rows[0].viewers, 40);
	assert_int_equal(rows[1].at, 15000);
	assert_int_equal(rows[1].reactions, 9);
	free(rows);
	assert_int_equal(
		ops(f)->timeline(f->backend.repo.impl, id, 15000, 100, &rows, &n), REPO_OK);
	assert_int_equal(n, 1);
	free(rows);
	assert_int_equal(ops(f)->reactions(f->backend.repo.impl, id, &got, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_string_equal(got[0].emoji, "💎");
	assert_int_equal(got[0].count, 7);
	assert_string_equal(got[1].emoji, "🔥");
	assert_int_equal(got[1].count, 3);
	free(got);
}

static void test_ingest_and_stats(void **state)
{
	struct fixture *f = *state;
	struct uuid id = make_stream(f);
	struct ingest_record in = {.bitrate = 2500000,
		.frame_rate = 29.97,
		.width = 1280,
		.height = 720,
		.video_codec = "avc1.64001f",
		.codecs = "avc1.64001f",
		.interruptions = 2,
		.bytes = 12345};
	struct ingest_record out;
	struct stream_record row;
	assert_int_equal(ops(f)->ingest(f->backend.repo.impl, id, &out), REPO_NOT_FOUND);
	add_chat(f, id, "u1");
	add_chat(f, id, "u1");
	const struct repo_stats stats = {4, 3, 2, 1, 60};
	assert_int_equal(
		put(f, &(struct insight_update){.stream_id = id, .ingest = &in, .stats = &stats}),
		REPO_OK);
	assert_int_equal(ops(f)->ingest(f->backend.repo.impl, id, &out), REPO_OK);
	assert_int_equal(out.bitrate, 2500000);
	assert_true(out.frame_rate == 29.97);
	assert_string_equal(out.codecs, "avc1.64001f");
	assert_null(out.audio_codec);
	assert_true(out.keyframe_interval == 0);
	assert_int_equal(out.interruptions, 2);
	ingest_record_finish(&out);
	assert_int_equal(f->backend.repo.ops->stream_get(f->backend.repo.impl, id, &row), REPO_OK);
	assert_int_equal(row.peak_viewers, 4);
	assert_int_equal(row.unique_viewers, 3);
	assert_int_equal(row.total_likes, 2);
	assert_int_equal(row.average_watch_time, 60);
	/* The chat counted two itself. */
	assert_int_equal(row.chat_messages_count, 2);
	stream_record_finish(&row);
}

static void test_without_the_stream(void **state)
{
	struct fixture *f = *state;
	struct uuid id = uuid_new(&f->backend.clock.clock);
	uint32_t n_viewers, chatters;
	uint64_t watch_ms;
	assert_int_equal(put(f,
				 &(struct insight_update){
					 .stream_id = id, .viewers = viewers, .n_viewers = 3}),
		REPO_NOT_FOUND);
	assert_int_equal(
		ops(f)->viewer_totals(f->backend.repo.impl, id, &n_viewers, &watch_ms, &chatters),
		REPO_OK);
	assert_int_equal(n_viewers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_viewers, fixture_setup_in_memory, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_chatters, fixture_setup_in_memory, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_sums, fixture_setup_in_memory, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_timeline_and_reactions, fixture_setup_in_memory, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_ingest_and_stats, fixture_setup_in_memory, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_without_the_stream, fixture_setup_in_memory, fixture_teardown),
	};
	return cmocka_run_group_tests_name("insight", tests, NULL, NULL);
}
