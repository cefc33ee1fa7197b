#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hand.h"
#include "model/chat.h"
#include "state/audience.h"
#include "unit/store/fixture.h"

/* An audience over the real store, with one clock for all. */
struct house {
	struct fixture *store;
	struct hand hand;
	struct audience *audience;
	struct repo repo;
	struct repo_insight_ops ops; /* the store's, but for insight_put */
	bool fails, no_encoder;
	unsigned puts;
	uint64_t alive_us; /* of those that died */
	struct uuid id;
};

static struct house *the_house; /* the store's vtable has no place for one */

static void put(void *impl, const struct insight_update *u, repo_done done, void *user)
{
	const struct uuid nowhere = {{1}};
	struct insight_update lost = {.stream_id = nowhere};

	the_house->puts++;
	the_house->store->backend.repo.insight->insight_put(
		impl, the_house->fails ? &lost : u, done, user);
}

struct failure {
	repo_done done;
	void *user;
};

static void failed(void *user, const struct state_reply *replies, size_t n)
{
	struct failure *f = user;

	f->done(f->user, &(struct repo_outcome){.result = REPO_FAILED});
	free(f);
}

static void put_fails(void *impl, const struct insight_update *u, repo_done done, void *user)
{
	struct failure *f = mem_new(struct failure);

	*f = (struct failure){done, user};
	state_run(the_house->hand.backend.state, NULL, 0, failed, f);
}

static void open_stream(struct house *h)
{
	struct stream_record row;

	assert_int_equal(h->repo.ops->stream_get(h->repo.impl, h->id, &row), REPO_OK);
	audience_open(h->audience, &row, "souq");
	stream_record_finish(&row);
}

/* An encoder that came with the process: a thousand bytes a second, if there is one. */
static bool ingest(void *user, struct uuid stream_id, struct ingest_record *out)
{
	const struct house *h = user;

	*out = (struct ingest_record){
		.bytes = (h->hand.clock.wall - 1770000000000000 - h->alive_us) / 1000,
		.interruptions = 1};
	if (h->no_encoder)
		out->bytes = 0;
	else
		out->codecs = mem_strdup("avc1");
	return true;
}

static void start(struct house *h)
{
	hand_init(&h->hand, 0);
	h->hand.clock.wall += h->alive_us;
	h->hand.clock.mono += h->alive_us;
	h->audience = audience_create(&(struct audience_config){
		.clock = &h->hand.clock.clock,
		.state = h->hand.backend.state,
		.repo = h->repo,
		.ingest = ingest,
		.ingest_user = h,
	});
	open_stream(h);
}

/* As a process that dies: what was not stored is lost. */
static void crash(struct house *h)
{
	audience_destroy(&h->audience);
	h->alive_us = h->hand.clock.wall - 1770000000000000;
	hand_finish(&h->hand);
}

/* Until neither the state nor the store has anything more to say. */
static void settle(struct house *h)
{
	for (int i = 0; i < 8; i++) {
		hand_turn(&h->hand);
		h->store->backend.drain(&h->store->backend);
	}
}

static int setup(void **state)
{
	struct house *h = mem_new(struct house);
	void *fixture;

	if (fixture_setup_in_memory(&fixture) != 0)
		return -1;
	the_house = h;
	h->store = fixture;
	h->repo = h->store->backend.repo;
	h->ops = *h->repo.insight;
	h->ops.insight_put = put;
	h->repo.insight = &h->ops;
	repo_sample_user(&h->store->backend, "s1", NULL);
	h->id = repo_sample_stream(&h->store->backend, "s1", "watched");
	start(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct house *h = *state;
	void *fixture = h->store;

	if (h->audience)
		crash(h);
	fixture_teardown(&fixture);
	free(h);
	return 0;
}

static void pass(struct house *h, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		clock_manual_advance(&h->hand.clock, 1000000);
		if ((i + 1) % 5 == 0)
			audience_tick(h->audience);
		settle(h);
	}
}

static struct audience_seat *join(struct house *h, const char *id, const char *neighborhood)
{
	const struct audience_who who = {.id = id, .name = id, .neighborhood = neighborhood};
	struct audience_seat *seat = audience_join(h->audience, h->id, &who);

	assert_non_null(seat);
	return seat;
}

static void say(struct house *h, const char *user_id)
{
	struct chat_record m = {.id = uuid_new(&h->hand.clock.clock),
		.stream_id = h->id,
		.user_id = (char *)user_id,
		.message = (char *)"hello",
		.created_at = 5000};

	repo_sample_user(&h->store->backend, user_id, NULL);
	h->repo.chat->chat_add(h->repo.impl, &m, true, NULL, NULL);
	settle(h);
	audience_chat(h->audience, h->id, user_id, "{}");
}

static struct audience_figures figures(struct house *h)
{
	struct audience_figures f;
	struct repo_stats exact;

	assert_true(audience_stats(h->audience, h->id, &exact));
	assert_true(audience_figures(h->audience, h->id, &f));
	return f;
}

static struct viewer_record viewer_row(struct house *h, const char *id)
{
	struct viewer_record *rows, found = {0};
	size_t n;

	assert_int_equal(
		h->repo.insight->viewer_list(h->repo.impl, h->id, 100, NULL, &rows, &n), REPO_OK);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].viewer, id) != 0)
			continue;
		found = rows[i];
		found.viewer = found.name = found.neighborhood = (char *)"";
	}
	viewer_records_free(rows, n);
	return found;
}

static void check_row(struct house *h)
{
	struct stream_record row;

	assert_int_equal(h->repo.ops->stream_get(h->repo.impl, h->id, &row), REPO_OK);
	assert_int_equal(row.peak_viewers, 3);
	assert_int_equal(row.unique_viewers, 3);
	assert_int_equal(row.total_likes, 3);
	assert_int_equal(row.chat_messages_count, 2);
	assert_int_equal(row.average_watch_time, 20); /* (10 + 20 + 30) / 3 */
	stream_record_finish(&row);
}

static void check_sums(struct house *h)
{
	struct reaction_record *reactions;
	struct geography_record *places;
	uint32_t viewers, chatters;
	uint64_t watch_ms;
	size_t n;

	h->repo.insight->viewer_totals(h->repo.impl, h->id, &viewers, &watch_ms, &chatters);
	assert_int_equal(viewers, 3);
	assert_int_equal(watch_ms, 60000);
	assert_int_equal(chatters, 1);
	h->repo.insight->reactions(h->repo.impl, h->id, &reactions, &n);
	assert_int_equal(n, 2);
	assert_string_equal(reactions[0].emoji, "🔥");
	assert_int_equal(reactions[0].count, 2);
	assert_string_equal(reactions[1].emoji, "❤️");
	free(reactions);
	h->repo.insight->geography(h->repo.impl, h->id, &places, &n);
	assert_int_equal(n, 2);
	assert_string_equal(places[0].neighborhood, "souq");
	assert_int_equal(places[0].viewers, 2);
	geography_records_free(places, n);
}

static void check_timeline(struct house *h)
{
	struct timeline_record *rows;
	uint32_t chat = 0, reactions = 0, most = 0;
	size_t n;

	h->repo.insight->timeline(h->repo.impl, h->id, 0, 100, &rows, &n);
	assert_int_equal(n, 7); /* 30 s, and the second at the end */
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].at, rows[0].at + i * TIMELINE_BUCKET_MS);
		chat += rows[i].chat;
		reactions += rows[i].reactions;
		most = rows[i].viewers > most ? rows[i].viewers : most;
	}
	assert_int_equal(chat, 2);
	assert_int_equal(reactions, 3);
	assert_int_equal(most, 3);
	free(rows);
}

static void test_the_end_is_archived(void **state)
{
	struct house *h = *state;
	struct audience_seat *a = join(h, "u1", "souq"), *b = join(h, "u2", "souq"),
			     *c = join(h, "guest:1", NULL);
	struct ingest_record out;
	struct audience_figures f;

	say(h, "u1");
	say(h, "u1");
	audience_react(h->audience, h->id, 0, NULL);
	audience_react(h->audience, h->id, 1, NULL);
	audience_react(h->audience, h->id, 1, NULL);
	pass(h, 10);
	audience_leave(&a, AUDIENCE_LEFT);
	pass(h, 10);
	audience_leave(&b, AUDIENCE_LEFT);
	pass(h, 10);
	audience_end(h->audience, h->id);
	assert_true(audience_figures(h->audience, h->id, &f)); /* until it is stored */
	settle(h);
	assert_false(audience_figures(h->audience, h->id, &f));
	check_row(h);
	check_sums(h);
	check_timeline(h);
	assert_int_equal(viewer_row(h, "u1").watch_ms, 10000);
	assert_int_equal(viewer_row(h, "guest:1").watch_ms, 30000);
	assert_int_not_equal(viewer_row(h, "guest:1").left_at, 0);
	assert_int_equal(h->repo.insight->ingest(h->repo.impl, h->id, &out), REPO_OK);
	assert_string_equal(out.codecs, "avc1");
	assert_int_equal(out.bytes, 30 * 1000);
	ingest_record_finish(&out);
	audience_leave(&c, AUDIENCE_LOST);
	/* The state has forgotten it. */
	clock_manual_advance(&h->hand.clock, 3602000000ull);
	state_memory_sweep(h->hand.memory);
	assert_int_equal(state_memory_entries(h->hand.memory), 0);
}

static void test_goes_on_after_a_crash(void **state)
{
	struct house *h = *state;
	struct audience_seat *a = join(h, "u1", "souq"), *b = join(h, "u2", NULL), *again;
	struct audience_figures f;
	size_t n;

	say(h, "u1");
	audience_react(h->audience, h->id, 5, NULL);
	audience_react(h->audience, h->id, 5, NULL);
	pass(h, 10);
	audience_leave(&b, AUDIENCE_LEFT);
	pass(h, 5);
	assert_int_equal(viewer_row(h, "u1").watch_ms, 15000);
	assert_int_equal(viewer_row(h, "u1").left_at, 0);
	crash(h);
	audience_leave(&a, AUDIENCE_LOST);
	start(h);
	f = figures(h);
	assert_int_equal(f.current, 0);
	assert_int_equal(f.peak, 2);
	assert_int_equal(f.unique, 2);
	assert_int_equal(f.likes, 2);
	assert_int_equal(f.reactions[5], 2);
	assert_int_equal(f.chat, 1);
	assert_int_equal(f.chatters, 1);
	assert_int_equal(f.watch_ms, 25000);
	assert_true(audience_timeline(h->audience, h->id, &n)[0].reactions == 2);
	assert_int_equal(n, 4);
	/* The same people come back, and one more. */
	again = join(h, "u1", "souq");
	b = join(h, "u3", NULL);
	say(h, "u1");
	say(h, "u3");
	audience_react(h->audience, h->id, 5, NULL);
	pass(h, 10);
	f = figures(h);
	assert_int_equal(f.current, 2);
	assert_int_equal(f.peak, 2);
	assert_int_equal(f.unique, 3);
	assert_int_equal(f.likes, 3);
	assert_int_equal(f.reactions[5], 3);
	assert_int_equal(f.chat, 3);
	assert_int_equal(f.chatters, 2);
	assert_int_equal(f.watch_ms, 45000);
	audience_leave(&again, AUDIENCE_LEFT);
	audience_leave(&b, AUDIENCE_LEFT);
	pass(h, 5);
	assert_int_equal(viewer_row(h, "u1").watch_ms, 25000);
	assert_int_equal(viewer_row(h, "u1").joins, 2);
	assert_int_equal(viewer_row(h, "u3").watch_ms, 10000);
}

static void test_ingest_goes_on_after_a_crash(void **state)
{
	struct house *h = *state;
	struct ingest_record in;

	pass(h, 20);
	crash(h);
	h->no_encoder = true;
	start(h);
	assert_true(audience_ingest(h->audience, h->id, &in));
	assert_int_equal(in.bytes, 20000);
	assert_int_equal(in.interruptions, 2);
	assert_string_equal(in.codecs, "avc1"); /* the last one seen */
	ingest_record_finish(&in);
	h->no_encoder = false;
	pass(h, 10);
	audience_end(h->audience, h->id);
	assert_true(audience_ingest(h->audience, h->id, &in));
	assert_int_equal(in.bytes, 30000);
	ingest_record_finish(&in);
	settle(h);
	assert_int_equal(h->repo.insight->ingest(h->repo.impl, h->id, &in), REPO_OK);
	assert_int_equal(in.bytes, 30000);
	assert_int_equal(in.interruptions, 2);
	ingest_record_finish(&in);
}

static void test_a_store_that_fails(void **state)
{
	struct house *h = *state;
	struct audience_seat *a = join(h, "u1", "souq");
	struct audience_figures f;

	h->ops.insight_put = put_fails;
	audience_react(h->audience, h->id, 2, NULL);
	pass(h, 10);
	audience_end(h->audience, h->id);
	settle(h);
	assert_true(audience_figures(h->audience, h->id, &f));
	assert_int_equal(f.watch_ms, 10000);
	assert_int_equal(viewer_row(h, "u1").watch_ms, 0);
	/* It is well again: nothing was lost. */
	h->ops.insight_put = put;
	audience_tick(h->audience);
	settle(h);
	assert_false(audience_figures(h->audience, h->id, &f));
	assert_int_equal(viewer_row(h, "u1").watch_ms, 10000);
	audience_leave(&a, AUDIENCE_LEFT);
}

static void test_a_stream_that_was_deleted(void **state)
{
	struct house *h = *state;
	struct audience_seat *a = join(h, "u1", "souq");
	struct audience_figures f;

	h->fails = true; /* updates are about no stream */
	audience_end(h->audience, h->id);
	settle(h);
	assert_false(audience_figures(h->audience, h->id, &f));
	audience_leave(&a, AUDIENCE_LEFT);
}

static void count(void *user)
{
	++*(unsigned *)user;
}

static void test_flushes(void **state)
{
	struct house *h = *state;
	struct audience_seat *a = join(h, "u1", "souq");
	unsigned flushed = 0;

	clock_manual_advance(&h->hand.clock, 3000000);
	audience_flush(h->audience, count, &flushed);
	assert_int_equal(flushed, 0);
	settle(h);
	assert_int_equal(flushed, 1);
	assert_int_equal(viewer_row(h, "u1").watch_ms, 3000);
	/* With nothing to write it comes as well, and not inside the call. */
	audience_leave(&a, AUDIENCE_LEFT);
	pass(h, 5);
	audience_flush(h->audience, count, &flushed);
	assert_int_equal(flushed, 1);
	settle(h);
	assert_int_equal(flushed, 2);
}

/* More than fit into one update: several, one after the other. */
#define CROWD 5000

static void test_a_crowd(void **state)
{
	struct house *h = *state;
	struct audience_seat **seats = mem_zalloc(CROWD * sizeof(struct audience_seat *));
	uint32_t viewers, chatters;
	uint64_t watch_ms;
	char id[16];

	for (unsigned i = 0; i < CROWD; i++) {
		snprintf(id, sizeof(id), "u%u", i);
		seats[i] = join(h, id, i % 2 ? "souq" : "bab");
		if (i % 500 == 0)
			hand_turn(&h->hand);
	}
	clock_manual_advance(&h->hand.clock, 7000000);
	audience_end(h->audience, h->id);
	settle(h);
	assert_int_equal(h->puts, 3);
	h->repo.insight->viewer_totals(h->repo.impl, h->id, &viewers, &watch_ms, &chatters);
	assert_int_equal(viewers, CROWD);
	assert_int_equal(watch_ms, CROWD * 7000);
	for (unsigned i = 0; i < CROWD; i++)
		audience_leave(&seats[i], AUDIENCE_LEFT);
	free(seats);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_is_archived),
		TEST(goes_on_after_a_crash),
		TEST(ingest_goes_on_after_a_crash),
		TEST(a_store_that_fails),
		TEST(a_stream_that_was_deleted),
		TEST(flushes),
		TEST(a_crowd),
	};

	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
