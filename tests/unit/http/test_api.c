#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/api.h"
#include "http/router.h"
#include "loop/timer.h"
#include "model/repo_memory.h"
#include "server_support.h"

/*
 * The whole API over a real server and router, the rules of live/, and a repo in memory. Bodies are
 * written with ' for ", and answers are asked by paths such as "data.seller.name".
 */
#define NOWHERE "0190b5a0-7c3e-7abc-8def-0123456789ab"

struct world {
	struct fixture fixture;
	struct repo_memory *memory;
	struct timer *committer;
	struct live_registry *registry;
	struct studio *studio;
	struct auth *auth;
	struct router *router;
	struct api *api;
	char media_root[32];
	char *secret_file;
	char *seller, *other, *buyer, *admin; /* tokens */
	bool draining, store_healthy;
	char *backup_path;
	int status; /* of the last answer */
	json_t *answer;
	char head[4096];
};

static void commit(void *user)
{
	struct world *w = user;

	repo_memory_run(w->memory);
}

static void handle(void *user, struct http_request *r)
{
	struct world *w = user;

	router_handle(w->router, r);
}

static bool is_draining(void *user)
{
	return ((struct world *)user)->draining;
}

static void drain(void *user)
{
	((struct world *)user)->draining = true;
}

static bool is_store_healthy(void *user)
{
	return ((struct world *)user)->store_healthy;
}

static bool reload(void *user, void (*changed)(void *arg, const char *key, bool in_force),
	void *arg, struct buf *errors)
{
	struct world *w = user;

	if (w->draining) {
		buf_put_str(errors, "line 3: no such key");
		return false;
	}
	changed(arg, "log.level", true);
	changed(arg, "rtmp.listen", false);
	return true;
}

struct later {
	void (*done)(void *arg, const char *text);
	void *arg;
	const char *text;
};

static void call_later(void *arg)
{
	struct later *l = arg;

	l->done(l->arg, l->text);
	free(l);
}

static void answer_later(
	struct world *w, void (*done)(void *arg, const char *text), void *arg, const char *text)
{
	struct later *l = mem_new(struct later);

	*l = (struct later){done, arg, text};
	loop_defer(w->fixture.loop, call_later, l);
}

static void backup(
	void *user, const char *path, void (*done)(void *arg, const char *error), void *arg)
{
	struct world *w = user;

	w->backup_path = mem_strdup(path);
	answer_later(w, done, arg, strstr(path, "taken") ? "the file exists" : NULL);
}

static void check(void *user, void (*done)(void *arg, const char *problems), void *arg)
{
	struct world *w = user;

	answer_later(w, done, arg, w->store_healthy ? NULL : "row 1 missing\nrow 2 missing\n");
}

static void config_values(
	void *user, void (*each)(void *arg, const struct api_value *value), void *arg)
{
	each(arg, &(struct api_value){"hls", "window", "12", "default", false, false});
	each(arg, &(struct api_value){"redis", "url", "redis://:pw@h", "--set", true, false});
	each(arg, &(struct api_value){"http", "cert", NULL, "default", false, true});
}

static void limit_values(
	void *user, void (*each)(void *arg, const struct api_limit *limit), void *arg)
{
	each(arg, &(struct api_limit){"http.max_connections", 64, "souk_http_connections"});
	each(arg, &(struct api_limit){"media.max_bytes", 0, NULL});
}

static char *mint(struct world *w, const char *sub, unsigned roles)
{
	const struct jwt_mint m = {.sub = sub, .name = sub, .roles = roles, .ttl_ms = 3600000};

	return auth_mint(w->auth, &m);
}

static void create_auth(struct world *w, struct repo repo)
{
	char error[256];
	const struct auth_config config = {
		.secret_file = w->secret_file,
		.clock = &w->fixture.clock.clock,
		.repo = repo,
	};

	w->auth = auth_create(&config, error, sizeof(error));
	assert_non_null(w->auth);
	w->seller = mint(w, "seller-1", ROLE_SELLER);
	w->other = mint(w, "seller-2", ROLE_SELLER);
	w->buyer = mint(w, "buyer-1", ROLE_BUYER);
	w->admin = mint(w, "admin-1", ROLE_ADMIN);
}

static void create_live(struct world *w, struct repo repo)
{
	const struct live_config config = {
		.media = {.part_target_us = 200000,
			.segment_target_us = 2000000,
			.max_jump_us = 3000000,
			.window = 12,
			.memory_segments = 2},
		.grace_us = 60000000,
		.unpublished_us = 600000000,
		.max_publishers = 4,
		.media_root = w->media_root,
		.mp4 = LIVE_MP4_OFF,
	};

	w->registry = live_registry_create(w->fixture.loop, repo, &config);
	w->studio = studio_create(w->fixture.loop, repo, w->registry);
}

static void create_api(struct world *w, struct repo repo)
{
	const struct router_config router = {
		.loop = w->fixture.loop,
		.title = "Test",
		.version = "1",
		.identify = router_identify,
		.user = w->auth,
	};
	const struct api_config api = {
		.loop = w->fixture.loop,
		.router = w->router = router_create(&router),
		.repo = repo,
		.registry = w->registry,
		.studio = w->studio,
		.auth = w->auth,
		.rtmp_port = 1935,
		.rtmp_app = "live",
		.media_root = w->media_root,
		.min_free = 1,
		.version = "1.2.3",
		.host = {.user = w,
			.draining = is_draining,
			.drain = drain,
			.reload = reload,
			.store_healthy = is_store_healthy,
			.backup = backup,
			.check = check,
			.config = config_values,
			.limits = limit_values},
	};

	w->api = api_create(&api);
}

static int setup(void **state)
{
	struct world *w = mem_new(struct world);
	struct repo repo;

	memcpy(w->media_root, "/tmp/souk-api-XXXXXX", sizeof("/tmp/souk-api-XXXXXX"));
	if (!mkdtemp(w->media_root))
		return -1;
	w->secret_file = mem_printf("%s/secret", w->media_root);
	w->store_healthy = true;
	fixture_start(&w->fixture, handle, w);
	w->memory = repo_memory_create(&w->fixture.clock.clock);
	repo = repo_memory_repo(w->memory);
	w->committer = loop_timer_create(w->fixture.loop, "commit", commit, w);
	timer_repeat(w->committer, 1000);
	create_live(w, repo);
	create_auth(w, repo);
	create_api(w, repo);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *command;

	http_server_destroy(&w->fixture.server);
	api_destroy(&w->api);
	router_destroy(&w->router);
	auth_destroy(&w->auth);
	studio_destroy(&w->studio);
	repo_memory_run(w->memory);
	timer_destroy(&w->committer);
	live_registry_destroy(&w->registry);
	fixture_stop(&w->fixture);
	repo_memory_destroy(w->memory);
	json_decref(w->answer);
	command = mem_printf("rm -r %s", w->media_root);
	if (system(command) != 0)
		return -1;
	free(command);
	free(w->secret_file);
	free(w->backup_path);
	free(w->seller);
	free(w->other);
	free(w->buyer);
	free(w->admin);
	free(w);
	return 0;
}

static void put_json(struct buf *b, const char *quoted)
{
	for (const char *c = quoted; *c; c++)
		buf_put_u8(b, *c == '\'' ? '"' : (uint8_t)*c);
}

static int call(
	struct world *w, const char *method, const char *path, const char *token, const char *body)
{
	struct buf request = {0}, json = {0};
	struct client c;
	struct answer a;

	put_json(&json, body ? body : "");
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: shop.test:8080\r\n", method, path);
	if (token)
		buf_printf(&request, "Authorization: Bearer %s\r\n", token);
	if (body)
		buf_put_str(&request, "Content-Type: application/json\r\n");
	if (strcmp(method, "POST") == 0)
		buf_printf(&request, "Content-Length: %zu\r\n", json.len);
	buf_printf(&request, "\r\n%s", buf_text(&json));
	client_open(&c, &w->fixture);
	client_send(&c, buf_text(&request));
	client_read(&c, &a, true);
	json_decref(w->answer);
	w->answer = json_loadb((const char *)a.body.data, a.body.len, 0, NULL);
	w->status = a.status;
	memcpy(w->head, a.head, sizeof(w->head));
	answer_finish(&a);
	client_close(&c);
	buf_finish(&request);
	buf_finish(&json);
	return w->status;
}

/* "data.seller.name", "data.0.id"; NULL if there is no such thing. */
static json_t *at(struct world *w, const char *path)
{
	char copy[128], *rest = copy, *step;
	json_t *v = w->answer;
	uint64_t index;

	text_copy(copy, sizeof(copy), path);
	while (v && (step = strsep(&rest, ".")))
		v = text_u64(step, 0, 1000, &index) ? json_array_get(v, (size_t)index)
						    : json_object_get(v, step);
	return v;
}

static const char *text_at(struct world *w, const char *path)
{
	const char *text = json_string_value(at(w, path));

	return text ? text : "";
}

static json_int_t number_at(struct world *w, const char *path)
{
	assert_true(json_is_integer(at(w, path)));
	return json_integer_value(at(w, path));
}

static void assert_error(struct world *w, int status, const char *code)
{
	assert_string_equal(text_at(w, "error.code"), code);
	assert_int_equal(w->status, status);
	assert_true(strlen(text_at(w, "error.message")) > 5);
}

static char *make_product(struct world *w, const char *token)
{
	assert_int_equal(call(w, "POST", "/api/v1/products", token,
				 "{'name': 'Shoe', 'price': 1999, 'currency': 'EUR'}"),
		201);
	return mem_strdup(text_at(w, "data.productId"));
}

static char *make_stream(struct world *w, bool with_product)
{
	char *product = with_product ? make_product(w, w->seller) : NULL;
	char *body = product ? mem_printf("{'title': 'Sale', 'product_ids': ['%s']}", product)
			     : mem_strdup("{'title': 'Sale'}");
	char *id;

	assert_int_equal(call(w, "POST", "/api/v1/streams", w->seller, body), 201);
	id = mem_strdup(text_at(w, "data.streamId"));
	free(body);
	free(product);
	return id;
}

static int on_stream(struct world *w, const char *method, const char *id, const char *rest,
	const char *token, const char *body)
{
	char *path = mem_printf("/api/v1/streams/%s%s", id, rest);
	int status = call(w, method, path, token, body);

	free(path);
	return status;
}

#define READY "{'camera_ready': true, 'checklist_complete': true}"

static char *make_live(struct world *w)
{
	char *id = make_stream(w, true);

	assert_int_equal(on_stream(w, "POST", id, "/go-live", w->seller, READY), 200);
	return id;
}

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
	assert_int_equal(call(w, "POST", "/api/v1/streams", w->seller, body), 201);
	assert_string_equal(text_at(w, "data.streamId"), text_at(w, "data.id"));
	assert_string_equal(text_at(w, "data.status"), "scheduled");
	assert_string_equal(text_at(w, "data.title"), "Flash sale");
	assert_string_equal(text_at(w, "data.description"), "Half");
	assert_string_equal(text_at(w, "data.category"), "sneakers");
	assert_string_equal(text_at(w, "data.audience"), "neighborhood");
	assert_int_equal(number_at(w, "data.estimatedDuration"), 30);
	assert_true(json_is_false(at(w, "data.notifyFollowers")));
	assert_true(json_is_true(at(w, "data.notifyNeighborhood")));
	assert_true(json_is_false(at(w, "data.enableChat")));
	assert_true(json_is_false(at(w, "data.enableComments")));
	assert_true(json_is_false(at(w, "data.recordStream")));
	assert_string_equal(text_at(w, "data.scheduledAt"), "2030-01-02T02:04:05.000Z");
	assert_int_equal(number_at(w, "data.productCount"), 1);
	assert_string_equal(text_at(w, "data.seller.name"), "seller-1");
	assert_true(json_is_null(at(w, "data.hlsUrl")));
	assert_true(json_is_null(at(w, "data.state")));
	free(body);
	free(product);
}

static void test_create_defaults(void **state)
{
	struct world *w = *state;

	assert_int_equal(call(w, "POST", "/api/v1/streams", w->seller,
				 "{'title': 'Sale', 'scheduled_at': null}"),
		201);
	assert_string_equal(text_at(w, "data.audience"), "everyone");
	assert_true(json_is_null(at(w, "data.estimatedDuration")));
	assert_true(json_is_true(at(w, "data.notifyFollowers")));
	assert_true(json_is_false(at(w, "data.notifyNeighborhood")));
	assert_true(json_is_true(at(w, "data.enableChat")));
	assert_true(json_is_true(at(w, "data.enableComments")));
	assert_true(json_is_true(at(w, "data.recordStream")));
	assert_true(json_is_null(at(w, "data.scheduledAt")));
	assert_int_equal(number_at(w, "data.productCount"), 0);
}

static void test_create_refusals(void **state)
{
	struct world *w = *state;
	char *theirs = make_product(w, w->other), *mine = make_product(w, w->seller), *body;

	call(w, "POST", "/api/v1/streams", NULL, "{'title': 'Sale'}");
	assert_error(w, 401, "unauthorized");
	assert_non_null(strstr(w->head, "www-authenticate: Bearer"));
	call(w, "POST", "/api/v1/streams", w->buyer, "{'title': 'Sale'}");
	assert_error(w, 403, "forbidden");
	call(w, "POST", "/api/v1/streams", w->seller, "{'title': 'Sale', 'titel': 1}");
	assert_error(w, 422, "unknown_field");
	call(w, "POST", "/api/v1/streams", w->seller, "{'title': 'Sale', 'estimated_duration': 4}");
	assert_int_equal(w->status, 422);
	assert_string_equal(text_at(w, "error.field"), "estimated_duration");

	body = mem_printf("{'title': 'Sale', 'product_ids': ['%s']}", theirs);
	call(w, "POST", "/api/v1/streams", w->seller, body);
	assert_error(w, 403, "product_not_yours");
	assert_string_equal(text_at(w, "error.field"), "product_ids");
	assert_non_null(strstr(text_at(w, "error.message"), theirs));
	free(body);
	body = mem_printf("{'title': 'Sale', 'product_ids': ['%s', '%s']}", mine, mine);
	call(w, "POST", "/api/v1/streams", w->seller, body);
	assert_error(w, 409, "duplicate_product");
	free(body);
	call(w, "POST", "/api/v1/streams", w->seller,
		"{'title': 'Sale', 'product_ids': ['" NOWHERE "']}");
	assert_error(w, 422, "unknown_product");
	repo_memory_fail(w->memory, 1);
	call(w, "POST", "/api/v1/streams", w->seller, "{'title': 'Sale'}");
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
	assert_true(json_is_null(at(w, "data.products.0.position")));
	assert_int_equal(number_at(w, "data.products.0.clicks"), 0);
	assert_int_equal(number_at(w, "data.currentViewers"), 0);
	assert_true(json_is_null(at(w, "data.duration")));
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

	assert_int_equal(call(w, "GET", "/api/v1/streams?limit=2", NULL, NULL), 200);
	assert_int_equal(json_array_size(at(w, "data")), 2);
	assert_string_equal(text_at(w, "data.0.id"), live);
	assert_string_equal(text_at(w, "data.0.state"), "waiting");
	assert_string_equal(text_at(w, "data.1.id"), last);
	path = mem_printf("/api/v1/streams?limit=2&cursor=%s", text_at(w, "nextCursor"));
	assert_int_equal(call(w, "GET", path, NULL, NULL), 200);
	assert_int_equal(json_array_size(at(w, "data")), 1);
	assert_string_equal(text_at(w, "data.0.id"), first);
	assert_true(json_is_null(at(w, "nextCursor")));
	free(path);

	call(w, "GET", "/api/v1/streams?status=live", NULL, NULL);
	assert_int_equal(json_array_size(at(w, "data")), 1);
	call(w, "GET", "/api/v1/streams?seller=seller-2", NULL, NULL);
	assert_int_equal(json_array_size(at(w, "data")), 0);
	call(w, "GET", "/api/v1/streams?q=sALE&seller=seller-1", NULL, NULL);
	assert_int_equal(json_array_size(at(w, "data")), 3);
	assert_int_equal(call(w, "GET", "/api/v1/streams?status=gone", NULL, NULL), 422);
	assert_int_equal(call(w, "GET", "/api/v1/streams?limit=101", NULL, NULL), 422);
	call(w, "GET", "/api/v1/streams?cursor=x", NULL, NULL);
	assert_error(w, 422, "invalid_cursor");
	call(w, "GET", "/api/v1/streams?stat=live", NULL, NULL);
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
	assert_int_equal(json_array_size(at(w, "data")), 2);
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
	assert_null(at(w, "data.streamKey"));
	assert_null(at(w, "data.publisher"));
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
	assert_true(json_number_value(at(w, "data.duration")) >= 5);
	assert_true(json_is_null(at(w, "data.vodUrl")));
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

	call(w, "POST", "/api/v1/products", w->buyer,
		"{'name': 'Shoe', 'price': 1, 'currency': 'EUR'}");
	assert_error(w, 403, "forbidden");
	call(w, "POST", "/api/v1/products", w->seller,
		"{'name': 'Shoe', 'price': 1, 'currency': 'eur'}");
	assert_error(w, 422, "invalid_value");
	assert_string_equal(text_at(w, "error.field"), "currency");
	call(w, "POST", "/api/v1/products", w->seller,
		"{'name': 'Shoe', 'price': 1, 'currency': 'EUR', 'url': 'javascript:1'}");
	assert_string_equal(text_at(w, "error.field"), "url");
	call(w, "POST", "/api/v1/products", w->seller,
		"{'name': 'Shoe', 'price': -1, 'currency': 'EUR'}");
	assert_int_equal(w->status, 422);
	assert_int_equal(call(w, "POST", "/api/v1/products", w->seller,
				 "{'name': 'Shoe', 'price': 1999, 'currency': 'EUR', 'stock': 3, "
				 "'image_url': 'https://i.test/a.png'}"),
		201);
	id = mem_strdup(text_at(w, "data.productId"));
	path = mem_printf("/api/v1/products/%s", id);
	assert_int_equal(call(w, "GET", path, NULL, NULL), 200);
	assert_string_equal(text_at(w, "data.id"), id);
	assert_int_equal(number_at(w, "data.stock"), 3);
	assert_string_equal(text_at(w, "data.imageUrl"), "https://i.test/a.png");
	assert_true(json_is_null(at(w, "data.url")));
	call(w, "GET", "/api/v1/products/" NOWHERE, NULL, NULL);
	assert_error(w, 404, "product_not_found");
	assert_int_equal(call(w, "GET", "/api/v1/products?seller=seller-1", NULL, NULL), 200);
	assert_int_equal(json_array_size(at(w, "data")), 1);
	assert_int_equal(call(w, "GET", "/api/v1/products", NULL, NULL), 422);
	free(path);
	free(id);
}

static void test_health(void **state)
{
	struct world *w = *state;

	assert_int_equal(call(w, "GET", "/healthz", NULL, NULL), 200);
	assert_int_equal(call(w, "GET", "/readyz", NULL, NULL), 200);
	assert_string_equal(text_at(w, "status"), "ready");
	assert_true(json_is_true(at(w, "checks.disk.writable")));
	w->store_healthy = false;
	assert_int_equal(call(w, "GET", "/readyz", NULL, NULL), 503);
	assert_true(json_is_false(at(w, "checks.store.ok")));
	w->store_healthy = true;
	w->draining = true;
	assert_int_equal(call(w, "GET", "/readyz", NULL, NULL), 503);
	assert_true(json_is_false(at(w, "checks.accepting.ok")));
	assert_int_equal(call(w, "GET", "/healthz", NULL, NULL), 200);
	assert_int_equal(call(w, "GET", "/metrics", NULL, NULL), 200);
	assert_non_null(strstr(w->head, "text/plain; version=0.0.4"));
	assert_int_equal(call(w, "GET", "/api/v1/openapi.json", NULL, NULL), 200);
	assert_non_null(json_object_get(at(w, "paths"), "/api/v1/streams/{id}/go-live"));
}

static void test_admin_needs_the_role(void **state)
{
	static const char *const paths[] = {"status", "streams", "recordings", "config", "limits"};
	struct world *w = *state;

	for (size_t i = 0; i < 5; i++) {
		char *path = mem_printf("/api/v1/admin/%s", paths[i]);

		call(w, "GET", path, NULL, NULL);
		assert_error(w, 401, "unauthorized");
		call(w, "GET", path, w->seller, NULL);
		assert_error(w, 403, "forbidden");
		assert_int_equal(call(w, "GET", path, w->admin, NULL), 200);
		free(path);
	}
}

static void test_admin_status(void **state)
{
	struct world *w = *state;
	char *id = make_live(w);

	assert_int_equal(call(w, "GET", "/api/v1/admin/status", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.version"), "1.2.3");
	assert_int_equal(number_at(w, "data.pid"), getpid());
	assert_int_equal(number_at(w, "data.streams.live"), 1);
	assert_int_equal(number_at(w, "data.streams.waiting"), 1);
	assert_int_equal(number_at(w, "data.streams.publishing"), 0);
	assert_true(number_at(w, "data.connections.http") >= 1);
	assert_true(json_is_true(at(w, "data.store.healthy")));
	assert_true(json_is_true(at(w, "data.disk.ok")));
	assert_true(number_at(w, "data.memory.rss") > 1000000);
	assert_true(json_is_false(at(w, "data.draining")));
	free(id);
}

static int on_admin_stream(struct world *w, const char *id, const char *action)
{
	char *path = mem_printf("/api/v1/admin/streams/%s/%s", id, action);
	int status = call(w, "POST", path, w->admin, NULL);

	free(path);
	return status;
}

static void test_admin_creates_live(void **state)
{
	struct world *w = *state;
	char *id, *path;

	assert_int_equal(call(w, "POST", "/api/v1/admin/streams", w->admin,
				 "{'seller_id': 'new-one', 'title': 'Demo', 'live': true, "
				 "'record_stream': false}"),
		201);
	assert_string_equal(text_at(w, "data.status"), "live");
	assert_string_equal(text_at(w, "data.sellerId"), "new-one");
	assert_string_equal(text_at(w, "data.rtmpUrl"), "rtmp://shop.test/live");
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	assert_non_null(strstr(text_at(w, "data.hlsUrl"), "/hls/"));
	assert_non_null(strstr(text_at(w, "data.watchUrl"), "/watch/"));
	assert_true(json_is_false(at(w, "data.recordStream")));
	id = mem_strdup(text_at(w, "data.streamId"));
	assert_int_equal(call(w, "GET", "/api/v1/admin/streams", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.0.id"), id);
	assert_true(json_is_null(at(w, "data.0.publisher")));
	assert_int_equal(number_at(w, "data.0.recording.failures"), 0);
	on_admin_stream(w, id, "kick");
	assert_error(w, 409, "no_publisher");
	assert_int_equal(on_admin_stream(w, id, "rotate-key"), 200);
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	assert_int_equal(on_admin_stream(w, id, "end"), 200);
	on_admin_stream(w, id, "kick");
	assert_int_equal(w->status, 409);
	path = mem_printf("/api/v1/admin/streams/%s", id);
	assert_int_equal(call(w, "GET", path, w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.endReason"), "admin");
	free(path);
	free(id);
}

static void test_admin_creates_scheduled(void **state)
{
	struct world *w = *state;
	char *id;

	assert_int_equal(call(w, "POST", "/api/v1/admin/streams", w->admin,
				 "{'seller_id': 'seller-1', 'title': 'Demo'}"),
		201);
	assert_string_equal(text_at(w, "data.status"), "scheduled");
	assert_null(at(w, "data.streamKey"));
	id = mem_strdup(text_at(w, "data.streamId"));
	assert_int_equal(on_admin_stream(w, id, "go-live"), 200);
	assert_int_equal(strlen(text_at(w, "data.streamKey")), 32);
	on_admin_stream(w, id, "go-live");
	assert_error(w, 409, "stream_not_scheduled");
	on_admin_stream(w, NOWHERE, "go-live");
	assert_error(w, 404, "stream_not_found");
	call(w, "POST", "/api/v1/admin/streams", w->admin, "{'title': 'Demo'}");
	assert_error(w, 422, "missing_field");
	free(id);
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

	call(w, "GET", path, w->admin, NULL);
	assert_error(w, 404, "recording_not_found");
	assert_true(uuid_parse(id, &rec.stream_id));
	repo.ops->recording_open(repo.impl, &rec, on_stored, NULL);
	repo.ops->recording_finish(repo.impl, &rec, "/vod/x/index.m3u8", NULL, 0, on_stored, NULL);
	repo_memory_run(w->memory);
	assert_int_equal(
		call(w, "GET", "/api/v1/admin/recordings?state=ready", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.0.streamId"), id);
	assert_string_equal(text_at(w, "data.0.title"), "Sale");
	assert_true(json_is_null(at(w, "nextCursor")));
	call(w, "GET", "/api/v1/admin/recordings?state=open", w->admin, NULL);
	assert_int_equal(json_array_size(at(w, "data")), 0);
	assert_int_equal(call(w, "GET", path, w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.state"), "ready");
	assert_true(json_real_value(at(w, "data.duration")) == 1.5);
	assert_string_equal(text_at(w, "data.vodUrl"), "http://shop.test:8080/vod/x/index.m3u8");
	assert_non_null(strstr(text_at(w, "data.mp4Url"), "/recording.mp4"));
	assert_int_equal(call(w, "DELETE", path, w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.state"), "deleted");
	call(w, "GET", path, w->admin, NULL);
	assert_string_equal(text_at(w, "data.state"), "deleted");
	assert_true(json_is_null(at(w, "data.mp4Url")));
	free(path);
	free(id);
}

static void test_admin_operations(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		call(w, "POST", "/api/v1/admin/backup", w->admin, "{'path': '/tmp/souk-nowhere'}"),
		200);
	assert_string_equal(w->backup_path, "/tmp/souk-nowhere");
	free(w->backup_path);
	w->backup_path = NULL;
	call(w, "POST", "/api/v1/admin/backup", w->admin, "{'path': 'relative'}");
	assert_error(w, 422, "invalid_value");
	assert_null(w->backup_path);
	call(w, "POST", "/api/v1/admin/backup", w->admin, "{'path': '/taken'}");
	assert_error(w, 409, "backup_failed");
	assert_int_equal(call(w, "POST", "/api/v1/admin/check", w->admin, NULL), 200);
	assert_true(json_is_true(at(w, "data.ok")));
	w->store_healthy = false;
	call(w, "POST", "/api/v1/admin/check", w->admin, "{}");
	assert_true(json_is_false(at(w, "data.ok")));
	assert_int_equal(json_array_size(at(w, "data.problems")), 2);
	call(w, "GET", "/api/v1/admin/config", w->admin, NULL);
	assert_string_equal(text_at(w, "data.values.0.value"), "12");
	assert_string_equal(text_at(w, "data.values.1.value"), "***");
	assert_true(json_is_null(at(w, "data.values.2.value")));
	call(w, "GET", "/api/v1/admin/limits", w->admin, NULL);
	assert_int_equal(number_at(w, "data.limits.0.limit"), 64);
	assert_true(number_at(w, "data.limits.0.used") >= 1);
	assert_true(json_is_null(at(w, "data.limits.1.limit")));
	assert_true(json_is_null(at(w, "data.limits.1.used")));
	assert_int_equal(call(w, "POST", "/api/v1/admin/reload", w->admin, NULL), 200);
	assert_string_equal(text_at(w, "data.changed.0"), "log.level");
	assert_string_equal(text_at(w, "data.needRestart.0"), "rtmp.listen");
	assert_int_equal(call(w, "POST", "/api/v1/admin/drain", w->admin, NULL), 200);
	assert_true(w->draining);
	call(w, "POST", "/api/v1/admin/reload", w->admin, NULL);
	assert_error(w, 422, "bad_config");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_admin_needs_the_role),
		TEST(test_admin_status),
		TEST(test_admin_creates_live),
		TEST(test_admin_creates_scheduled),
		TEST(test_admin_recordings),
		TEST(test_admin_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
