#include "api_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

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
		.audience = w->audience,
		.chat = w->chat,
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

static struct world *world_create(void)
{
	struct world *w = mem_new(struct world);

	memcpy(w->media_root, "/tmp/souk-api-XXXXXX", sizeof("/tmp/souk-api-XXXXXX"));
	assert_non_null(mkdtemp(w->media_root));
	w->secret_file = mem_printf("%s/secret", w->media_root);
	w->store_healthy = true;
	fixture_start(&w->fixture, handle, w);
	return w;
}

static void world_build(struct world *w)
{
	create_live(w, w->repo);
	create_auth(w, w->repo);
	create_api(w, w->repo);
}

int world_setup(void **state)
{
	struct world *w = world_create();

	w->memory = repo_memory_create(&w->fixture.clock.clock);
	w->repo = repo_memory_repo(w->memory);
	w->committer = loop_timer_create(w->fixture.loop, "commit", commit, w);
	timer_repeat(w->committer, 1000);
	world_build(w);
	*state = w;
	return 0;
}

static void defer(void *loop, void (*fn)(void *arg), void *arg)
{
	loop_defer(loop, fn, arg);
}

static bool ingest(void *user, struct uuid stream_id, struct ingest_record *out)
{
	struct world *w = user;
	struct live_stream *live = live_registry_find(w->registry, stream_id);

	if (live)
		live_stream_ingest(live, out);
	return live != NULL;
}

static void permit(
	void *audience, struct uuid stream_id, const char *user_id, chat_permitted done, void *call)
{
	audience_chat_permit(audience, stream_id, user_id, done, call);
}

static void create_audience(struct world *w)
{
	const struct clock *clock = &w->fixture.clock.clock;

	w->state_memory = state_memory_create(&(struct state_memory_config){
		.clock = clock, .defer = defer, .defer_user = w->fixture.loop});
	w->audience = audience_create(&(struct audience_config){.clock = clock,
		.state = state_memory_state(w->state_memory),
		.repo = w->repo,
		.ingest = ingest,
		.ingest_user = w,
		.chat_rate = 10});
	w->chat =
		chat_create(w->fixture.loop, w->repo, &(struct chat_config){.slow_mode_max = 3600});
	chat_ask_permits(w->chat, permit, w->audience);
}

int world_setup_on_store(void **state)
{
	struct world *w = world_create();
	struct store_config config = {.url = "sqlite::memory:",
		.clock = &w->fixture.clock.clock,
		.post = mailbox_post_fn};
	char *error = NULL;

	w->mailbox = mailbox_create(w->fixture.loop);
	config.post_user = w->mailbox;
	w->store = store_open(&config, &error);
	if (!w->store)
		fail_msg("%s", error);
	w->repo = store_repo(w->store);
	create_audience(w);
	world_build(w);
	*state = w;
	return 0;
}

static void settle_repo(struct world *w)
{
	if (w->memory)
		repo_memory_run(w->memory);
	else
		store_flush(w->store);
}

int world_teardown(void **state)
{
	struct world *w = *state;
	char *command;

	http_server_destroy(&w->fixture.server);
	api_destroy(&w->api);
	router_destroy(&w->router);
	auth_destroy(&w->auth);
	chat_destroy(&w->chat);
	studio_destroy(&w->studio);
	settle_repo(w);
	audience_destroy(&w->audience);
	state_memory_destroy(&w->state_memory);
	timer_destroy(&w->committer);
	live_registry_destroy(&w->registry);
	store_close(w->store);
	mailbox_destroy(&w->mailbox);
	fixture_stop(&w->fixture);
	if (w->memory)
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

int world_call(
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

json_t *world_at(struct world *w, const char *path)
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

const char *text_at(struct world *w, const char *path)
{
	const char *text = json_string_value(world_at(w, path));

	return text ? text : "";
}

json_int_t number_at(struct world *w, const char *path)
{
	assert_true(json_is_integer(world_at(w, path)));
	return json_integer_value(world_at(w, path));
}

void assert_error(struct world *w, int status, const char *code)
{
	assert_string_equal(text_at(w, "error.code"), code);
	assert_int_equal(w->status, status);
	assert_true(strlen(text_at(w, "error.message")) > 5);
}

char *make_product(struct world *w, const char *token)
{
	assert_int_equal(world_call(w, "POST", "/api/v1/products", token,
				 "{'name': 'Shoe', 'price': 1999, 'currency': 'EUR'}"),
		201);
	return mem_strdup(text_at(w, "data.productId"));
}

char *make_stream(struct world *w, bool with_product)
{
	char *product = with_product ? make_product(w, w->seller) : NULL;
	char *body = product ? mem_printf("{'title': 'Sale', 'product_ids': ['%s']}", product)
			     : mem_strdup("{'title': 'Sale'}");
	char *id;

	assert_int_equal(world_call(w, "POST", "/api/v1/streams", w->seller, body), 201);
	id = mem_strdup(text_at(w, "data.streamId"));
	free(body);
	free(product);
	return id;
}

int on_stream(struct world *w, const char *method, const char *id, const char *rest,
	const char *token, const char *body)
{
	char *path = mem_printf("/api/v1/streams/%s%s", id, rest);
	int status = world_call(w, method, path, token, body);

	free(path);
	return status;
}

char *make_live(struct world *w)
{
	char *id = make_stream(w, true);

	assert_int_equal(on_stream(w, "POST", id, "/go-live", w->seller, READY), 200);
	return id;
}
