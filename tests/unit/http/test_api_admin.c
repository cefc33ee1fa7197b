#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_support.h"
#include "base/mem.h"

static void test_admin_needs_the_role(void **state)
{
	static const char *const paths[] = {"status", "streams", "recordings", "config", "limits"};
	struct world *w = *state;

	for (size_t i = 0; i < 5; i++) {
		char *path = mem_printf("/api/v1/admin/%s", paths[i]);

		world_call(w, "GET", path, NULL, NULL);
		assert_error(w, 401, "unauthorized");
		world_call(w, "GET", path, w->seller, NULL);
		assert_error(w, 403, "forbidden");
		assert_int_equal(world_call(w, "GET", path, w->admin, NULL), 200);
		free(path);
	}
}

static void test_admin_status(void **state)
{
	struct world *w = *state;
	char *id = make_live(w);

	assert_int_equal(world_call(w, "GET", "/api/v1/admin/status", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.version"), "1.2.3");
	assert_int_equal(number_at(w, "data.pid"), getpid());
	assert_int_equal(number_at(w, "data.streams.live"), 1);
	assert_int_equal(number_at(w, "data.streams.waiting"), 1);
	assert_int_equal(number_at(w, "data.streams.publishing"), 0);
	assert_true(number_at(w, "data.connections.http") >= 1);
	assert_true(json_is_true(world_at(w, "data.store.healthy")));
	assert_true(json_is_true(world_at(w, "data.disk.ok")));
	assert_true(number_at(w, "data.memory.rss") > 1000000);
	assert_true(json_is_false(world_at(w, "data.draining")));
	free(id);
}

static int on_admin_stream(struct world *w, const char *id, const char *action)
{
	char *path = mem_printf("/api/v1/admin/streams/%s/%s", id, action);
	int status = world_call(w, "POST", path, w->admin, NULL);

	free(path);
	return status;
}

static void test_admin_creates_live(void **state)
{
	struct world *w = *state;
	char *id, *path;

	assert_int_equal(world_call(w, "POST", "/api/v1/admin/streams", w->admin,
				 "{'seller_id': 'new-one', 'title': 'Demo', 'live': true, "
				 "'record_stream': false}"),
		201);
	assert_string_equal(text_at(w, "data.status"), "live");
	assert_string_equal(text_at(w, "data.sellerId"), "new-one");
	assert_string_equal(text_at(w, "data.rtmpUrl"), "rtmp://shop.test/live");
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	assert_non_null(strstr(text_at(w, "data.hlsUrl"), "/hls/"));
	assert_non_null(strstr(text_at(w, "data.watchUrl"), "/watch/"));
	assert_true(json_is_false(world_at(w, "data.recordStream")));
	id = mem_strdup(text_at(w, "data.streamId"));
	assert_int_equal(world_call(w, "GET", "/api/v1/admin/streams", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.0.id"), id);
	assert_true(json_is_null(world_at(w, "data.0.publisher")));
	assert_int_equal(number_at(w, "data.0.recording.failures"), 0);
	on_admin_stream(w, id, "kick");
	assert_error(w, 409, "no_publisher");
	assert_int_equal(on_admin_stream(w, id, "rotate-key"), 200);
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	assert_int_equal(on_admin_stream(w, id, "end"), 200);
	on_admin_stream(w, id, "kick");
	assert_int_equal(w->status, 409);
	path = mem_printf("/api/v1/admin/streams/%s", id);
	assert_int_equal(world_call(w, "GET", path, w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.endReason"), "admin");
	free(path);
	free(id);
}

static void test_admin_creates_scheduled(void **state)
{
	struct world *w = *state;
	char *id;

	assert_int_equal(world_call(w, "POST", "/api/v1/admin/streams", w->admin,
				 "{'seller_id': 'seller-1', 'title': 'Demo'}"),
		201);
	assert_string_equal(text_at(w, "data.status"), "scheduled");
	assert_null(world_at(w, "data.streamKey"));
	id = mem_strdup(text_at(w, "data.streamId"));
	assert_int_equal(on_admin_stream(w, id, "go-live"), 200);
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	on_admin_stream(w, id, "go-live");
	assert_error(w, 409, "stream_not_scheduled");
	on_admin_stream(w, NOWHERE, "go-live");
	assert_error(w, 404, "stream_not_found");
	world_call(w, "POST", "/api/v1/admin/streams", w->admin, "{'title': 'Demo'}");
	assert_error(w, 422, "missing_field");
	free(id);
}

static void test_admin_creates_with_products_for_later(void **state)
{
	struct world *w = *state;
	char *product = make_product(w, w->seller), *theirs = make_product(w, w->other);
	char *body = mem_printf("{'seller_id': 'seller-1', 'title': 'Demo', 'product_ids': ['%s'], "
				"'scheduled_at': '2030-01-31T18:00:00Z'}",
		product);

	assert_int_equal(world_call(w, "POST", "/api/v1/admin/streams", w->admin, body), 201);
	assert_int_equal(number_at(w, "data.productCount"), 1);
	assert_string_equal(text_at(w, "data.scheduledAt"), "2030-01-31T18:00:00.000Z");
	free(body);
	body = mem_printf(
		"{'seller_id': 'seller-1', 'title': 'Demo', 'product_ids': ['%s']}", theirs);
	world_call(w, "POST", "/api/v1/admin/streams", w->admin, body);
	assert_error(w, 403, "product_not_yours");
	free(body);
	free(theirs);
	free(product);
}

static void on_stored(void *user, const struct repo_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
}

static void test_admin_recordings(void **state)
{
	struct world *w = *state;
	struct repo repo = repo_memory_repo(w->memory);
	char *id = make_stream(w, false), *path = mem_printf("/api/v1/admin/recordings/%s", id);
	struct recording_record rec = {
		.state = RECORDING_READY,
		.path = "folder",
		.duration_ms = 1500,
		.bytes = 7,
		.segments = 2,
		.has_mp4 = true,
	};

	world_call(w, "GET", path, w->admin, NULL);
	assert_error(w, 404, "recording_not_found");
	assert_true(uuid_parse(id, &rec.stream_id));
	repo.ops->recording_open(repo.impl, &rec, on_stored, NULL);
	repo.ops->recording_finish(repo.impl, &rec, "/vod/x/index.m3u8", NULL, 0, on_stored, NULL);
	repo_memory_run(w->memory);
	assert_int_equal(
		world_call(w, "GET", "/api/v1/admin/recordings?state=ready", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.0.streamId"), id);
	assert_string_equal(text_at(w, "data.0.title"), "Sale");
	assert_true(json_is_null(world_at(w, "nextCursor")));
	world_call(w, "GET", "/api/v1/admin/recordings?state=open", w->admin, NULL);
	assert_int_equal(json_array_size(world_at(w, "data")), 0);
	assert_int_equal(world_call(w, "GET", path, w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.state"), "ready");
	assert_true(json_real_value(world_at(w, "data.duration")) == 1.5);
	assert_string_equal(text_at(w, "data.vodUrl"), "http://shop.test:8080/vod/x/index.m3u8");
	assert_non_null(strstr(text_at(w, "data.mp4Url"), "/recording.mp4"));
	assert_int_equal(world_call(w, "DELETE", path, w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.state"), "deleted");
	world_call(w, "GET", path, w->admin, NULL);
	assert_string_equal(text_at(w, "data.state"), "deleted");
	assert_true(json_is_null(world_at(w, "data.mp4Url")));
	free(path);
	free(id);
}

static void test_admin_operations(void **state)
{
	struct world *w = *state;

	assert_int_equal(world_call(w, "POST", "/api/v1/admin/backup", w->admin,
				 "{'path': '/tmp/souk-nowhere'}"),
		200);
	assert_string_equal(w->backup_path, "/tmp/souk-nowhere");
	free(w->backup_path);
	w->backup_path = NULL;
	world_call(w, "POST", "/api/v1/admin/backup", w->admin, "{'path': 'relative'}");
	assert_error(w, 422, "invalid_value");
	assert_null(w->backup_path);
	world_call(w, "POST", "/api/v1/admin/backup", w->admin, "{'path': '/taken'}");
	assert_error(w, 409, "backup_failed");
	assert_int_equal(world_call(w, "POST", "/api/v1/admin/check", w->admin, NULL), 200);
	assert_true(json_is_true(world_at(w, "data.ok")));
	w->store_healthy = false;
	world_call(w, "POST", "/api/v1/admin/check", w->admin, "{}");
	assert_true(json_is_false(world_at(w, "data.ok")));
	assert_int_equal(json_array_size(world_at(w, "data.problems")), 2);
	world_call(w, "GET", "/api/v1/admin/config", w->admin, NULL);
	assert_string_equal(text_at(w, "data.values.0.value"), "12");
	assert_string_equal(text_at(w, "data.values.1.value"), "***");
	assert_true(json_is_null(world_at(w, "data.values.2.value")));
	world_call(w, "GET", "/api/v1/admin/limits", w->admin, NULL);
	assert_int_equal(number_at(w, "data.limits.0.limit"), 64);
	assert_true(number_at(w, "data.limits.0.used") >= 1);
	assert_true(json_is_null(world_at(w, "data.limits.1.limit")));
	assert_true(json_is_null(world_at(w, "data.limits.1.used")));
	assert_int_equal(world_call(w, "POST", "/api/v1/admin/reload", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.changed.0"), "log.level");
	assert_string_equal(text_at(w, "data.needRestart.0"), "rtmp.listen");
	assert_int_equal(world_call(w, "POST", "/api/v1/admin/drain", w->admin, NULL), 200);
	assert_true(w->draining);
	world_call(w, "POST", "/api/v1/admin/reload", w->admin, NULL);
	assert_error(w, 422, "bad_config");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_admin_needs_the_role),
		TEST(test_admin_status),
		TEST(test_admin_creates_live),
		TEST(test_admin_creates_scheduled),
		TEST(test_admin_creates_with_products_for_later),
		TEST(test_admin_recordings),
		TEST(test_admin_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
