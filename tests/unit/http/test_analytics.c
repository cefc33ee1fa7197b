#include <stdlib.h>
#include <string.h>

#include "api_support.h"
#include "audience_feed.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/sales.h"

/* A live stream with an audience that does what viewers do. */
struct show {
	struct world *w;
	struct audience_feed *feed;
	char *id; /* of the stream */
	struct uuid stream_id;
	struct audience_seat *seats[4];
};

static struct show show;

static int setup(void **state)
{
	struct world *w;

	if (world_setup_on_store(state) != 0)
		return -1;
	w = *state;
	show = (struct show){.w = w};
	show.feed = audience_feed_create(w->audience, w->registry, w->chat, w->repo);
	show.id = make_live(w);
	assert_true(uuid_parse(show.id, &show.stream_id));
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 4; i++)
		audience_leave(&show.seats[i], AUDIENCE_LOST);
	audience_feed_destroy(&show.feed);
	free(show.id);
	return world_teardown(state);
}

static struct audience_seat *join(const char *id, const char *name, const char *neighborhood)
{
	const struct audience_who who = {id, name, neighborhood};
	struct audience_seat *seat = audience_join(show.w->audience, show.stream_id, &who);

	assert_non_null(seat);
	return seat;
}

static void pass(unsigned seconds)
{
	clock_manual_advance(&show.w->fixture.clock, seconds * 1000000ull);
}

/* Two users and a guest come, one of them by two sockets; 10 s each but one of 30 s. */
static void watch(void)
{
	show.seats[0] = join("u1", "Ann", "souq");
	show.seats[1] = join("u1", "Ann", "souq");
	show.seats[2] = join("u2", "Bob", "souq");
	show.seats[3] = join("guest:7", NULL, NULL);
	pass(10);
	audience_leave(&show.seats[2], AUDIENCE_LEFT);
	audience_leave(&show.seats[3], AUDIENCE_LEFT);
	pass(20);
}

static void react(const char *emoji, int times)
{
	while (times-- > 0)
		assert_true(audience_react(
			show.w->audience, show.stream_id, audience_emoji(emoji), NULL));
}

static void say(int times)
{
	while (times-- > 0)
		assert_int_equal(on_stream(show.w, "POST", show.id, "/chat", show.w->buyer,
					 "{'message': 'How much?'}"),
			201);
}

static void on_sold(void *user, const struct repo_sale_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
	++*(int *)user;
}

static void sell(const char *order_id, int64_t amount, const char *currency)
{
	struct world *w = show.w;
	struct order_record order = {
		.order_id = (char *)order_id, .amount = amount, .currency = (char *)currency};
	struct stream_product_record *rows;
	size_t n;
	int sold = 0;

	assert_int_equal(
		w->repo.ops->stream_products(w->repo.impl, show.stream_id, &rows, &n), REPO_OK);
	assert_int_equal(n, 1);
	w->repo.sales->product_event(w->repo.impl, show.stream_id, rows[0].product.id,
		PRODUCT_PURCHASE, &order, on_sold, &sold);
	stream_product_record_finish(&rows[0]);
	free(rows);
	while (!sold)
		fixture_turn(&w->fixture);
}

static int analytics(const char *token)
{
	return on_stream(show.w, "GET", show.id, "/analytics", token, NULL);
}

static double real_at(const char *path)
{
	assert_true(json_is_number(world_at(show.w, path)));
	return json_number_value(world_at(show.w, path));
}

/* What must be the same while live and afterwards. */
static void check_what_happened(void)
{
	struct world *w = show.w;
	json_t *timeline;
	json_int_t chat = 0, reactions = 0, most = 0;
	size_t i;
	json_t *bucket;

	assert_int_equal(number_at(w, "data.basicStats.peakViewers"), 3);
	assert_int_equal(number_at(w, "data.basicStats.uniqueViewers"), 3);
	assert_int_equal(number_at(w, "data.basicStats.averageWatchTime"), 17);
	assert_true(real_at("data.basicStats.totalWatchTime") == 50);
	assert_true(real_at("data.basicStats.duration") == 30);
	assert_int_equal(number_at(w, "data.engagement.totalLikes"), 3);
	assert_int_equal(number_at(w, "data.engagement.reactions.🔥"), 2);
	assert_int_equal(number_at(w, "data.engagement.reactions.💎"), 1);
	assert_int_equal(number_at(w, "data.engagement.reactions.😮"), 0);
	assert_int_equal(json_object_size(world_at(w, "data.engagement.reactions")), 6);
	assert_int_equal(number_at(w, "data.engagement.chatMessages"), 2);
	assert_int_equal(number_at(w, "data.engagement.chatters"), 1);
	assert_int_equal(number_at(w, "data.products.0.purchases"), 3);
	assert_int_equal(number_at(w, "data.products.0.revenue"), 3998);
	assert_string_equal(text_at(w, "data.products.0.name"), "Shoe");
	assert_int_equal(number_at(w, "data.revenue.total"), 3998);
	assert_string_equal(text_at(w, "data.revenue.currency"), "EUR");
	assert_int_equal(number_at(w, "data.revenue.orders"), 3);
	assert_string_equal(text_at(w, "data.revenue.byCurrency.1.currency"), "USD");
	assert_int_equal(number_at(w, "data.revenue.byCurrency.1.total"), 500);
	assert_string_equal(text_at(w, "data.geography.0.neighborhood"), "souq");
	assert_int_equal(number_at(w, "data.geography.0.viewers"), 2);
	assert_true(json_is_null(world_at(w, "data.geography.1.neighborhood")));
	assert_int_equal(number_at(w, "data.ingest.interruptions"), 0);
	assert_true(json_is_null(world_at(w, "data.ingest.bitrate")));
	timeline = world_at(w, "data.timeline");
	json_array_foreach(timeline, i, bucket)
	{
		json_int_t viewers = json_integer_value(json_object_get(bucket, "viewers"));

		most = viewers > most ? viewers : most;
		chat += json_integer_value(json_object_get(bucket, "chat"));
		reactions += json_integer_value(json_object_get(bucket, "reactions"));
	}
	assert_int_equal(most, 3);
	assert_int_equal(chat, 2);
	assert_int_equal(reactions, 3);
}

static void test_live_and_ended(void **state)
{
	struct world *w = *state;

	say(2);
	react("🔥", 2);
	react("💎", 1);
	sell("o1", 1999, "EUR");
	sell("o2", 1999, "EUR");
	sell("o3", 500, "USD");
	watch();
	assert_int_equal(analytics(w->seller), 200);
	assert_int_equal(number_at(w, "data.basicStats.currentViewers"), 1);
	check_what_happened();
	/* The stream object says the same. */
	assert_int_equal(on_stream(w, "GET", show.id, "", NULL, NULL), 200);
	assert_int_equal(number_at(w, "data.currentViewers"), 1);
	assert_int_equal(number_at(w, "data.peakViewers"), 3);
	assert_int_equal(number_at(w, "data.totalLikes"), 3);
	assert_int_equal(number_at(w, "data.chatMessages"), 2);
	assert_int_equal(number_at(w, "data.averageWatchTime"), 17);
	/* So does the end, and the store after it. */
	assert_int_equal(on_stream(w, "POST", show.id, "/end", w->seller, ""), 200);
	assert_int_equal(number_at(w, "data.stats.peakViewers"), 3);
	assert_int_equal(number_at(w, "data.stats.uniqueViewers"), 3);
	assert_int_equal(number_at(w, "data.stats.totalLikes"), 3);
	assert_int_equal(number_at(w, "data.stats.chatMessages"), 2);
	assert_int_equal(number_at(w, "data.stats.averageWatchTime"), 17);
	assert_int_equal(analytics(w->seller), 200);
	check_what_happened();
	for (struct repo_stats stats; audience_stats(w->audience, show.stream_id, &stats);)
		fixture_turn(&w->fixture);
	pass(100);
	assert_int_equal(analytics(w->seller), 200);
	assert_int_equal(number_at(w, "data.basicStats.currentViewers"), 0);
	check_what_happened();
	assert_int_equal(on_stream(w, "GET", show.id, "", NULL, NULL), 200);
	assert_int_equal(number_at(w, "data.currentViewers"), 0);
	assert_int_equal(number_at(w, "data.averageWatchTime"), 17);
}

static void test_who_may_see(void **state)
{
	struct world *w = *state;

	assert_int_equal(analytics(NULL), 401);
	analytics(w->other);
	assert_error(w, 403, "forbidden");
	analytics(w->buyer);
	assert_error(w, 403, "forbidden");
	assert_int_equal(analytics(w->admin), 200);
	on_stream(w, "GET", NOWHERE, "/analytics", w->seller, NULL);
	assert_error(w, 404, "stream_not_found");
	on_stream(w, "GET", "x", "/analytics", w->seller, NULL);
	assert_error(w, 404, "not_found");
}

static void test_scheduled(void **state)
{
	struct world *w = *state;
	char *id = make_stream(w, true);

	assert_int_equal(on_stream(w, "GET", id, "/analytics", w->seller, NULL), 200);
	assert_true(json_is_null(world_at(w, "data.basicStats.duration")));
	assert_int_equal(number_at(w, "data.basicStats.uniqueViewers"), 0);
	assert_int_equal(number_at(w, "data.revenue.total"), 0);
	assert_true(json_is_null(world_at(w, "data.revenue.currency")));
	assert_int_equal(json_array_size(world_at(w, "data.timeline")), 0);
	assert_int_equal(json_array_size(world_at(w, "data.geography")), 0);
	assert_int_equal(json_array_size(world_at(w, "data.products")), 1);
	assert_true(json_is_null(world_at(w, "data.ingest")));
	free(id);
}

static int viewers(const char *query, const char *token)
{
	char *rest = mem_printf("/viewers%s", query);
	int status = on_stream(show.w, "GET", show.id, rest, token, NULL);

	free(rest);
	return status;
}

static void test_viewers(void **state)
{
	struct world *w = *state;
	char *path = mem_printf("/api/streams/%s/viewers", show.id);

	show.seats[0] = join("u1", "Ann", "souq");
	pass(5);
	show.seats[1] = join("u1", "Ann", "souq");
	show.seats[2] = join("u2", NULL, NULL);
	show.seats[3] = join("guest:7", NULL, NULL);
	assert_int_equal(viewers("", NULL), 200);
	assert_int_equal(number_at(w, "data.count"), 3);
	assert_int_equal(json_object_size(world_at(w, "data")), 1);
	assert_int_equal(viewers("", w->buyer), 200);
	assert_int_equal(json_object_size(world_at(w, "data")), 1);
	assert_int_equal(world_call(w, "GET", path, NULL, NULL), 200);
	assert_int_equal(number_at(w, "data.count"), 3);
	assert_int_equal(world_call(w, "GET", path, w->admin, NULL), 200);
	assert_int_equal(json_array_size(world_at(w, "data.viewers")), 3);
	assert_string_equal(text_at(w, "data.viewers.0.userId"), "u1");
	assert_string_equal(text_at(w, "data.viewers.0.username"), "Ann");
	assert_string_equal(text_at(w, "data.viewers.0.neighborhood"), "souq");
	assert_true(real_at("data.viewers.0.watchTime") == 5);
	assert_true(json_is_false(world_at(w, "data.viewers.0.guest")));
	assert_int_equal(strlen(text_at(w, "data.viewers.0.joinedAt")), 24);
	assert_true(json_is_null(world_at(w, "data.viewers.2.userId")));
	assert_true(json_is_true(world_at(w, "data.viewers.2.guest")));
	assert_true(json_is_null(world_at(w, "data.nextCursor")));
	free(path);
}

static void test_pages_of_viewers(void **state)
{
	struct world *w = *state;
	char *next;

	show.seats[0] = join("u1", "Ann", "souq");
	show.seats[1] = join("u2", NULL, NULL);
	show.seats[2] = join("u3", NULL, NULL);
	assert_int_equal(viewers("?limit=2", w->seller), 200);
	assert_int_equal(json_array_size(world_at(w, "data.viewers")), 2);
	next = mem_printf("?limit=2&cursor=%s", text_at(w, "data.nextCursor"));
	assert_int_equal(viewers(next, w->seller), 200);
	assert_int_equal(json_array_size(world_at(w, "data.viewers")), 1);
	assert_string_equal(text_at(w, "data.viewers.0.userId"), "u3");
	assert_true(json_is_null(world_at(w, "data.nextCursor")));
	free(next);
	viewers("?cursor=x", w->seller);
	assert_error(w, 422, "invalid_cursor");
	viewers("?limit=0", w->seller);
	assert_int_equal(w->status, 422);
	/* Once it is over: who watched. */
	assert_int_equal(on_stream(w, "POST", show.id, "/end", w->seller, ""), 200);
	for (struct repo_stats stats; audience_stats(w->audience, show.stream_id, &stats);)
		fixture_turn(&w->fixture);
	assert_int_equal(viewers("?limit=2", w->seller), 200);
	assert_int_equal(number_at(w, "data.count"), 0);
	assert_int_equal(json_array_size(world_at(w, "data.viewers")), 2);
	assert_string_equal(text_at(w, "data.nextCursor"), "u2");
	assert_int_equal(viewers("?limit=2&cursor=u2", w->seller), 200);
	assert_string_equal(text_at(w, "data.viewers.0.userId"), "u3");
	on_stream(w, "GET", NOWHERE, "/viewers", NULL, NULL);
	assert_error(w, 404, "stream_not_found");
}

static void test_ten_messages_a_minute(void **state)
{
	struct world *w = *state;

	say(10);
	on_stream(w, "POST", show.id, "/chat", w->buyer, "{'message': 'One more'}");
	assert_error(w, 429, "rate_limited");
	assert_non_null(strstr(w->head, "etry-"));
	pass(60);
	say(1);
	assert_int_equal(analytics(w->seller), 200);
	assert_int_equal(number_at(w, "data.engagement.chatMessages"), 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(live_and_ended),
		TEST(who_may_see),
		TEST(scheduled),
		TEST(viewers),
		TEST(pages_of_viewers),
		TEST(ten_messages_a_minute),
	};

	return cmocka_run_group_tests_name("analytics", tests, NULL, NULL);
}
