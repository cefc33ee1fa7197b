#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_support.h"
#include "base/mem.h"

static void test_create_answers_all_settings(void **state)
{
	struct world *w = *state;
	char *product = make_product(w, w->seller), *body;

	body = mem_printf("{'title': 'Flash sale', 'description': 'Half', 'category': 'sneakers', "
			  "'audience': 'neighborhood', 'estimated_duration': 30, "
			  "'notify_followers': false, 'notify_neighborhood': true, 'enable_chat': "
			  "false, 'enable_comments': false, 'record_stream': false, 'product_ids': "
			  "['%s'], 'scheduled_at': '2030-01-02T03:04:05+01:00'}",
		product);
	assert_int_equal(world_call(w, "POST", "/api/v1/streams", w->seller, body), 201);
	assert_string_equal(text_at(w, "data.streamId"), text_at(w, "data.id"));
	assert_string_equal(text_at(w, "data.status"), "scheduled");
	assert_string_equal(text_at(w, "data.title"), "Flash sale");
	assert_string_equal(text_at(w, "data.description"), "Half");
	assert_string_equal(text_at(w, "data.category"), "sneakers");
	assert_string_equal(text_at(w, "data.audience"), "neighborhood");
	assert_int_equal(number_at(w, "data.estimatedDuration"), 30);
	assert_true(json_is_false(world_at(w, "data.notifyFollowers")));
	assert_true(json_is_true(world_at(w, "data.notifyNeighborhood")));
	assert_true(json_is_false(world_at(w, "data.enableChat")));
	assert_true(json_is_false(world_at(w, "data.enableComments")));
	assert_true(json_is_false(world_at(w, "data.recordStream")));
	assert_string_equal(text_at(w, "data.scheduledAt"), "2030-01-02T02:04:05.000Z");
	assert_int_equal(number_at(w, "data.productCount"), 1);
	assert_string_equal(text_at(w, "data.seller.name"), "seller-1");
	assert_true(json_is_null(world_at(w, "data.hlsUrl")));
	assert_true(json_is_null(world_at(w, "data.state")));
	free(body);
	free(product);
}

static void test_create_defaults(void **state)
{
	struct world *w = *state;

	assert_int_equal(world_call(w, "POST", "/api/v1/streams", w->seller,
				 "{'title': 'Sale', 'scheduled_at': null}"),
		201);
	assert_string_equal(text_at(w, "data.audience"), "everyone");
	assert_true(json_is_null(world_at(w, "data.estimatedDuration")));
	assert_true(json_is_true(world_at(w, "data.notifyFollowers")));
	assert_true(json_is_false(world_at(w, "data.notifyNeighborhood")));
	assert_true(json_is_true(world_at(w, "data.enableChat")));
	assert_true(json_is_true(world_at(w, "data.enableComments")));
	assert_true(json_is_true(world_at(w, "data.recordStream")));
	assert_true(json_is_null(world_at(w, "data.scheduledAt")));
	assert_int_equal(number_at(w, "data.productCount"), 0);
}

static void test_create_refusals(void **state)
{
	struct world *w = *state;
	char *theirs = make_product(w, w->other), *mine = make_product(w, w->seller), *body;

	world_call(w, "POST", "/api/v1/streams", NULL, "{'title': 'Sale'}");
	assert_error(w, 401, "unauthorized");
	assert_non_null(strstr(w->head, "www-authenticate: Bearer"));
	world_call(w, "POST", "/api/v1/streams", w->buyer, "{'title': 'Sale'}");
	assert_error(w, 403, "forbidden");
	world_call(w, "POST", "/api/v1/streams", w->seller, "{'title': 'Sale', 'titel': 1}");
	assert_error(w, 422, "unknown_field");
	world_call(w, "POST", "/api/v1/streams", w->seller,
		"{'title': 'Sale', 'estimated_duration': 4}");
	assert_int_equal(w->status, 422);
	assert_string_equal(text_at(w, "error.field"), "estimated_duration");

	body = mem_printf("{'title': 'Sale', 'product_ids': ['%s']}", theirs);
	world_call(w, "POST", "/api/v1/streams", w->seller, body);
	assert_error(w, 403, "product_not_yours");
	assert_string_equal(text_at(w, "error.field"), "product_ids");
	assert_non_null(strstr(text_at(w, "error.message"), theirs));
	free(body);
	body = mem_printf("{'title': 'Sale', 'product_ids': ['%s', '%s']}", mine, mine);
	world_call(w, "POST", "/api/v1/streams", w->seller, body);
	assert_error(w, 409, "duplicate_product");
	free(body);
	world_call(w, "POST", "/api/v1/streams", w->seller,
		"{'title': 'Sale', 'product_ids': ['" NOWHERE "']}");
	assert_error(w, 422, "unknown_product");
	repo_memory_fail(w->memory, 1);
	world_call(w, "POST", "/api/v1/streams", w->seller, "{'title': 'Sale'}");
	assert_error(w, 503, "unavailable");
	free(theirs);
	free(mine);
}

static void test_details(void **state)
{
	struct world *w = *state;
	char *id = make_stream(w, true);

	assert_int_equal(on_stream(w, "GET", id, "", NULL, NULL), 200);
	assert_string_equal(text_at(w, "data.id"), id);
	assert_int_equal(number_at(w, "data.productCount"), 1);
	assert_string_equal(text_at(w, "data.products.0.name"), "Shoe");
	assert_int_equal(number_at(w, "data.products.0.price"), 1999);
	assert_string_equal(text_at(w, "data.products.0.currency"), "EUR");
	assert_true(json_is_null(world_at(w, "data.products.0.position")));
	assert_int_equal(number_at(w, "data.products.0.clicks"), 0);
	assert_int_equal(number_at(w, "data.currentViewers"), 0);
	assert_true(json_is_null(world_at(w, "data.duration")));
	on_stream(w, "GET", NOWHERE, "", NULL, NULL);
	assert_error(w, 404, "stream_not_found");
	on_stream(w, "GET", "x", "", NULL, NULL);
	assert_error(w, 404, "not_found");
	on_stream(w, "GET", id, "", "x.y.z", NULL);
	assert_error(w, 401, "token_invalid");
	free(id);
}

static void test_list(void **state)
{
	struct world *w = *state;
	char *first = make_stream(w, false), *live = make_live(w), *last = make_stream(w, false);
	char *path;

	assert_int_equal(world_call(w, "GET", "/api/v1/streams?limit=2", NULL, NULL), 200);
	assert_int_equal(json_array_size(world_at(w, "data")), 2);
	assert_string_equal(text_at(w, "data.0.id"), live);
	assert_string_equal(text_at(w, "data.0.state"), "waiting");
	assert_string_equal(text_at(w, "data.1.id"), last);
	path = mem_printf("/api/v1/streams?limit=2&cursor=%s", text_at(w, "nextCursor"));
	assert_int_equal(world_call(w, "GET", path, NULL, NULL), 200);
	assert_int_equal(json_array_size(world_at(w, "data")), 1);
	assert_string_equal(text_at(w, "data.0.id"), first);
	assert_true(json_is_null(world_at(w, "nextCursor")));
	free(path);

	world_call(w, "GET", "/api/v1/streams?status=live", NULL, NULL);
	assert_int_equal(json_array_size(world_at(w, "data")), 1);
	world_call(w, "GET", "/api/v1/streams?seller=seller-2", NULL, NULL);
	assert_int_equal(json_array_size(world_at(w, "data")), 0);
	world_call(w, "GET", "/api/v1/streams?q=sALE&seller=seller-1", NULL, NULL);
	assert_int_equal(json_array_size(world_at(w, "data")), 3);
	assert_int_equal(world_call(w, "GET", "/api/v1/streams?status=gone", NULL, NULL), 422);
	assert_int_equal(world_call(w, "GET", "/api/v1/streams?limit=101", NULL, NULL), 422);
	world_call(w, "GET", "/api/v1/streams?cursor=x", NULL, NULL);
	assert_error(w, 422, "invalid_cursor");
	world_call(w, "GET", "/api/v1/streams?stat=live", NULL, NULL);
	assert_error(w, 422, "unknown_field");
	free(first);
	free(live);
	free(last);
}

static void test_attach(void **state)
{
	struct world *w = *state;
	char *id = make_stream(w, true), *product = make_product(w, w->seller);
	char *body = mem_printf("{'product_ids': ['%s']}", product);

	on_stream(w, "POST", id, "/products", w->other, body);
	assert_error(w, 403, "forbidden");
	assert_int_equal(on_stream(w, "POST", id, "/products", w->seller, body), 200);
	assert_int_equal(number_at(w, "data.productCount"), 2);
	assert_string_equal(text_at(w, "data.products.1.id"), product);
	on_stream(w, "POST", id, "/products", w->seller, body);
	assert_error(w, 409, "duplicate_product");
	assert_int_equal(on_stream(w, "POST", id, "/products", w->seller, "{}"), 422);
	assert_int_equal(on_stream(w, "GET", id, "/products", NULL, NULL), 200);
	assert_int_equal(json_array_size(world_at(w, "data")), 2);
	on_stream(w, "GET", NOWHERE, "/products", NULL, NULL);
	assert_error(w, 404, "stream_not_found");
	on_stream(w, "POST", NOWHERE, "/products", w->seller, body);
	assert_error(w, 404, "stream_not_found");
	on_stream(w, "POST", id, "/go-live", w->seller, READY);
	on_stream(w, "POST", id, "/products", w->seller, body);
	assert_error(w, 409, "stream_not_scheduled");
	free(id);
	free(product);
	free(body);
}

static void test_go_live(void **state)
{
	struct world *w = *state;
	char *bare = make_stream(w, false), *id = make_stream(w, true), *url;

	on_stream(w, "POST", bare, "/go-live", w->seller, READY);
	assert_error(w, 422, "no_products");
	on_stream(w, "POST", id, "/go-live", w->seller, "{}");
	assert_error(w, 422, "checklist_incomplete");
	on_stream(w, "POST", id, "/go-live", w->seller, "{'camera_ready': true}");
	assert_error(w, 422, "checklist_incomplete");
	on_stream(w, "POST", id, "/go-live", w->other, READY);
	assert_error(w, 403, "forbidden");
	assert_int_equal(on_stream(w, "POST", id, "/go-live", w->seller, READY), 200);
	assert_string_equal(text_at(w, "data.streamId"), id);
	assert_string_equal(text_at(w, "data.status"), "live");
	assert_string_equal(text_at(w, "data.rtmpUrl"), "rtmp://shop.test/live");
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	assert_int_equal(strlen(text_at(w, "data.startedAt")), 24);
	assert_int_equal(number_at(w, "data.notificationsSent"), 0);
	url = mem_printf("http://shop.test:8080/hls/%s/index.m3u8", id);
	assert_string_equal(text_at(w, "data.hlsUrl"), url);
	on_stream(w, "POST", id, "/go-live", w->seller, READY);
	assert_error(w, 409, "stream_not_scheduled");
	on_stream(w, "GET", id, "", NULL, NULL);
	assert_string_equal(text_at(w, "data.hlsUrl"), url);
	assert_string_equal(text_at(w, "data.state"), "waiting");
	assert_int_equal(number_at(w, "data.ingest.interruptions"), 0);
	assert_null(world_at(w, "data.streamKey"));
	assert_null(world_at(w, "data.publisher"));
	free(url);
	free(bare);
	free(id);
}

static void test_rotate_and_end(void **state)
{
	struct world *w = *state;
	char *id = make_live(w), *key = mem_strdup(text_at(w, "data.streamKey"));

	on_stream(w, "POST", id, "/rotate-key", w->other, NULL);
	assert_error(w, 403, "forbidden");
	assert_int_equal(on_stream(w, "POST", id, "/rotate-key", w->seller, NULL), 200);
	assert_string_not_equal(text_at(w, "data.streamKey"), key);
	assert_string_equal(text_at(w, "data.rtmpUrl"), "rtmp://shop.test/live");
	on_stream(w, "DELETE", id, "", w->seller, NULL);
	assert_error(w, 409, "stream_is_live");
	clock_manual_advance(&w->fixture.clock, 5000000);
	assert_int_equal(on_stream(w, "POST", id, "/end", w->seller, NULL), 200);
	assert_string_equal(text_at(w, "data.status"), "ended");
	assert_true(json_number_value(world_at(w, "data.duration")) >= 5);
	assert_true(json_is_null(world_at(w, "data.vodUrl")));
	assert_int_equal(number_at(w, "data.stats.peakViewers"), 0);
	assert_int_equal(number_at(w, "data.stats.uniqueViewers"), 0);
	assert_int_equal(number_at(w, "data.stats.totalLikes"), 0);
	assert_int_equal(number_at(w, "data.stats.chatMessages"), 0);
	assert_int_equal(number_at(w, "data.stats.averageWatchTime"), 0);
	on_stream(w, "POST", id, "/end", w->seller, NULL);
	assert_error(w, 409, "stream_not_live");
	on_stream(w, "POST", id, "/rotate-key", w->seller, NULL);
	assert_error(w, 409, "stream_not_live");
	on_stream(w, "GET", id, "", NULL, NULL);
	assert_string_equal(text_at(w, "data.endReason"), "ended");
	free(id);
	free(key);
}

static void test_delete(void **state)
{
	struct world *w = *state;
	char *id = make_stream(w, false);

	on_stream(w, "DELETE", id, "", w->other, NULL);
	assert_error(w, 403, "forbidden");
	assert_int_equal(on_stream(w, "DELETE", id, "", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.status"), "cancelled");
	assert_int_equal(on_stream(w, "DELETE", id, "", w->seller, NULL), 200);
	assert_string_equal(text_at(w, "data.status"), "deleted");
	on_stream(w, "DELETE", id, "", w->seller, NULL);
	assert_error(w, 404, "stream_not_found");
	free(id);
}

static void test_products(void **state)
{
	struct world *w = *state;
	char *id, *path;

	world_call(w, "POST", "/api/v1/products", w->buyer,
		"{'name': 'Shoe', 'price': 1, 'currency': 'EUR'}");
	assert_error(w, 403, "forbidden");
	world_call(w, "POST", "/api/v1/products", w->seller,
		"{'name': 'Shoe', 'price': 1, 'currency': 'eur'}");
	assert_error(w, 422, "invalid_value");
	assert_string_equal(text_at(w, "error.field"), "currency");
	world_call(w, "POST", "/api/v1/products", w->seller,
		"{'name': 'Shoe', 'price': 1, 'currency': 'EUR', 'url': 'javascript:1'}");
	assert_string_equal(text_at(w, "error.field"), "url");
	world_call(w, "POST", "/api/v1/products", w->seller,
		"{'name': 'Shoe', 'price': -1, 'currency': 'EUR'}");
	assert_int_equal(w->status, 422);
	assert_int_equal(world_call(w, "POST", "/api/v1/products", w->seller,
				 "{'name': 'Shoe', 'price': 1999, 'currency': 'EUR', 'stock': 3, "
				 "'image_url': 'https://i.test/a.png'}"),
		201);
	id = mem_strdup(text_at(w, "data.productId"));
	path = mem_printf("/api/v1/products/%s", id);
	assert_int_equal(world_call(w, "GET", path, NULL, NULL), 200);
	assert_string_equal(text_at(w, "data.id"), id);
	assert_int_equal(number_at(w, "data.stock"), 3);
	assert_string_equal(text_at(w, "data.imageUrl"), "https://i.test/a.png");
	assert_true(json_is_null(world_at(w, "data.url")));
	world_call(w, "GET", "/api/v1/products/" NOWHERE, NULL, NULL);
	assert_error(w, 404, "product_not_found");
	assert_int_equal(world_call(w, "GET", "/api/v1/products?seller=seller-1", NULL, NULL), 200);
	assert_int_equal(json_array_size(world_at(w, "data")), 1);
	assert_int_equal(world_call(w, "GET", "/api/v1/products", NULL, NULL), 422);
	free(path);
	free(id);
}

static void test_health(void **state)
{
	struct world *w = *state;

	assert_int_equal(world_call(w, "GET", "/healthz", NULL, NULL), 200);
	assert_int_equal(world_call(w, "GET", "/readyz", NULL, NULL), 200);
	assert_string_equal(text_at(w, "status"), "ready");
	assert_true(json_is_true(world_at(w, "checks.disk.writable")));
	w->store_healthy = false;
	assert_int_equal(world_call(w, "GET", "/readyz", NULL, NULL), 503);
	assert_true(json_is_false(world_at(w, "checks.store.ok")));
	w->store_healthy = true;
	w->draining = true;
	assert_int_equal(world_call(w, "GET", "/readyz", NULL, NULL), 503);
	assert_true(json_is_false(world_at(w, "checks.accepting.ok")));
	assert_int_equal(world_call(w, "GET", "/healthz", NULL, NULL), 200);
	assert_int_equal(world_call(w, "GET", "/metrics", NULL, NULL), 200);
	assert_non_null(strstr(w->head, "text/plain; version=0.0.4"));
	assert_int_equal(world_call(w, "GET", "/api/v1/openapi.json", NULL, NULL), 200);
	assert_non_null(json_object_get(world_at(w, "paths"), "/api/v1/streams/{id}/go-live"));
}

/* The answer comes to nobody, and nothing of the request is touched. */
static void test_peer_leaves_before_the_answer(void **state)
{
	struct world *w = *state;
	const char *body = "{\"title\":\"Sale\"}";
	char *request = mem_printf("POST /api/v1/streams HTTP/1.1\r\nHost: h\r\n"
				   "Authorization: Bearer %s\r\n"
				   "Content-Type: application/json\r\n"
				   "Content-Length: %zu\r\n\r\n%s",
		w->seller, strlen(body), body);
	struct client c;

	timer_stop(w->committer);
	client_open(&c, &w->fixture);
	client_send(&c, request);
	/* The request lies in the socket by now: it is read within a few turns. */
	for (int i = 0; i < 100; i++)
		fixture_turn(&w->fixture);
	client_close(&c);
	while (http_server_connections(w->fixture.server) > 0)
		fixture_turn(&w->fixture);
	repo_memory_run(w->memory);
	timer_repeat(w->committer, 1000);
	assert_int_equal(world_call(w, "GET", "/api/v1/streams", NULL, NULL), 200);
	assert_int_equal(json_array_size(world_at(w, "data")), 1);
	free(request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_answers_all_settings),
		TEST(test_create_defaults),
		TEST(test_create_refusals),
		TEST(test_details),
		TEST(test_list),
		TEST(test_attach),
		TEST(test_go_live),
		TEST(test_rotate_and_end),
		TEST(test_delete),
		TEST(test_products),
		TEST(test_health),
		TEST(test_peer_leaves_before_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
