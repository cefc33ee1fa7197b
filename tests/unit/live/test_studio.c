#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "internal.h"
#include "live/studio.h"
#include "model/repo_memory.h"
#include "support/test.h"

/*
 * The studio between a memory repo and a registry that only notes what it was told; the loop's
 * deferring is done by hand.
 */
#define WALL_MS 1800000000000ull
#define SELLER "seller-1"

struct world {
	struct clock_manual clock;
	struct repo_memory *memory;
	struct repo repo;
	struct studio *studio;
	void (*deferred)(void *arg);
	void *deferred_arg;
	/* What the registry was told. */
	struct live_registry registry;
	struct live_stream live;
	bool is_live;
	unsigned opened, rekeyed;
	enum live_end_reason end_reason;
	enum repo_result delete_result;
	unsigned deleted_recordings;
	/* The last answer. */
	unsigned answers;
	struct studio_answer answer;
	struct stream_record row;
	char key[LIVE_KEY_SIZE];
};

static struct world *world;

const struct clock *loop_clock(const struct loop *l)
{
	return &world->clock.clock;
}

void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
	assert_null(world->deferred);
	world->deferred = fn;
	world->deferred_arg = arg;
}

struct live_stream *live_registry_find(struct live_registry *r, struct uuid id)
{
	return world->is_live && uuid_eq(world->live.id, id) ? &world->live : NULL;
}

enum live_state live_stream_state(const struct live_stream *s)
{
	return s->state;
}

struct live_stream *live_registry_open_stored(struct live_registry *r, struct uuid id)
{
	struct stream_record row;
	enum stream_status status;

	assert_int_equal(world->repo.ops->stream_get(world->repo.impl, id, &row), REPO_OK);
	status = row.status;
	stream_record_finish(&row);
	if (status != STREAM_LIVE)
		return NULL;
	world->opened++;
	world->is_live = true;
	world->live.id = id;
	return &world->live;
}

void live_registry_rekey(struct live_registry *r, const struct stream_record *row)
{
	world->rekeyed++;
}

void live_registry_rekey_seller(
	struct live_registry *r, const char *seller_id, const uint8_t *key_hash)
{
	world->rekeyed++;
}

void live_registry_end(struct live_registry *r, struct live_stream *s, enum live_end_reason reason,
	repo_done done, void *user)
{
	const struct repo_stats stats = {.peak_viewers = 3};

	world->end_reason = reason;
	world->live.state = LIVE_FINISHING;
	world->repo.ops->stream_end(world->repo.impl, s->id, WALL_MS + 60000,
		live_end_reason_text(reason), &stats, done, user);
}

const char *live_end_reason_text(enum live_end_reason r)
{
	return r == LIVE_END_ADMIN ? "admin" : "ended";
}

void live_registry_delete_recording(
	struct live_registry *r, struct uuid stream_id, repo_done done, void *user)
{
	const struct repo_outcome outcome = {.result = world->delete_result};

	world->deleted_recordings++;
	done(user, &outcome);
}

static void on_answer(void *user, const struct studio_answer *answer)
{
	struct world *w = user;

	w->answers++;
	w->answer = *answer;
	if (answer->stream) {
		stream_record_finish(&w->row);
		stream_record_copy(&w->row, answer->stream);
	}
	w->key[0] = '\0';
	if (answer->stream_key)
		memcpy(w->key, answer->stream_key, sizeof(w->key));
}

/* The answer to the call just made, which must not have come inside it. */
static enum studio_result await(struct world *w)
{
	assert_int_equal(w->answers, 0);
	if (w->deferred) {
		void (*fn)(void *) = w->deferred;

		w->deferred = NULL;
		fn(w->deferred_arg);
	}
	repo_memory_run(w->memory);
	assert_int_equal(w->answers, 1);
	w->answers = 0;
	return w->answer.result;
}

static void on_put(void *user, const struct repo_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
}

static int setup(void **state)
{
	static const char *const users[] = {SELLER, "seller-2"};
	struct world *w = mem_new(struct world);

	world = w;
	clock_manual_init(&w->clock, WALL_MS * 1000);
	w->memory = repo_memory_create(&w->clock.clock);
	w->repo = repo_memory_repo(w->memory);
	for (size_t i = 0; i < 2; i++) {
		const struct user_record u = {.id = (char *)users[i], .roles = ROLE_SELLER};

		w->repo.ops->user_put(w->repo.impl, &u, on_put, NULL);
	}
	repo_memory_run(w->memory);
	w->studio = studio_create(NULL, w->repo, &w->registry);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	studio_destroy(&w->studio);
	repo_memory_run(w->memory);
	repo_memory_destroy(w->memory);
	stream_record_finish(&w->row);
	free(w);
	return 0;
}

static const struct studio_caller seller = {.user_id = SELLER, .roles = ROLE_SELLER};
static const struct studio_caller other = {.user_id = "seller-2", .roles = ROLE_SELLER};
static const struct studio_caller buyer = {.user_id = "buyer-1", .roles = ROLE_BUYER};
static const struct studio_caller admin = {.user_id = "admin-1", .roles = ROLE_ADMIN};
static const struct studio_go_live ready = {.camera_ready = true, .checklist_complete = true};
static const struct studio_go_live vouched = {.vouched = true};

static void on_product(void *user, const struct repo_outcome *outcome)
{
	assert_int_equal(outcome->result, REPO_OK);
}

static struct uuid make_product(struct world *w, const char *seller_id)
{
	struct product_record p = {
		.id = uuid_new(&w->clock.clock),
		.seller_id = (char *)seller_id,
		.name = "Shoe",
		.currency = "EUR",
		.stock = -1,
	};

	w->repo.ops->product_create(w->repo.impl, &p, on_product, NULL);
	repo_memory_run(w->memory);
	return p.id;
}

static enum studio_result create(
	struct world *w, const struct studio_caller *caller, const struct uuid *products, size_t n)
{
	struct stream_record draft = {.title = "Sale", .record_stream = true};

	studio_create_stream(w->studio, caller, &draft, products, n, on_answer, w);
	return await(w);
}

static struct uuid make_stream(struct world *w, bool with_product)
{
	struct uuid product = with_product ? make_product(w, SELLER) : (struct uuid){0};

	assert_int_equal(create(w, &seller, &product, with_product), STUDIO_OK);
	return w->row.id;
}

static enum studio_result go_live(struct world *w, const struct studio_caller *caller,
	struct uuid id, const struct studio_go_live *request)
{
	studio_go_live(w->studio, caller, id, request, on_answer, w);
	return await(w);
}

static struct uuid make_live(struct world *w)
{
	struct uuid id = make_stream(w, true);

	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_OK);
	return id;
}

static void test_create(void **state)
{
	struct world *w = *state;
	struct uuid mine = make_product(w, SELLER), theirs = make_product(w, "seller-2");
	struct uuid twice[] = {mine, mine}, unknown = uuid_new(&w->clock.clock);

	assert_int_equal(create(w, &buyer, NULL, 0), STUDIO_FORBIDDEN);
	assert_null(w->answer.stream);
	assert_int_equal(create(w, &seller, &theirs, 1), STUDIO_FOREIGN_PRODUCT);
	assert_true(uuid_eq(w->answer.product_id, theirs));
	assert_int_equal(create(w, &seller, twice, 2), STUDIO_DUPLICATE_PRODUCT);
	assert_int_equal(create(w, &seller, &unknown, 1), STUDIO_UNKNOWN_PRODUCT);
	assert_int_equal(create(w, &seller, &mine, 1), STUDIO_OK);
	assert_int_equal(w->answer.product_count, 1);
	assert_string_equal(w->row.seller_id, SELLER);
	assert_int_equal(w->row.status, STREAM_SCHEDULED);
	assert_int_equal(w->row.created_at, WALL_MS);
	assert_null(w->answer.stream_key);
}

static void test_attach(void **state)
{
	struct world *w = *state;
	struct uuid id = make_stream(w, true), product = make_product(w, SELLER);

	studio_attach(w->studio, &other, id, &product, 1, on_answer, w);
	assert_int_equal(await(w), STUDIO_FORBIDDEN);
	studio_attach(w->studio, &admin, id, &product, 1, on_answer, w);
	assert_int_equal(await(w), STUDIO_FORBIDDEN);
	studio_attach(w->studio, &seller, product, &product, 1, on_answer, w);
	assert_int_equal(await(w), STUDIO_NOT_FOUND);
	studio_attach(w->studio, &seller, id, &product, 1, on_answer, w);
	assert_int_equal(await(w), STUDIO_OK);
	assert_int_equal(w->answer.product_count, 2);
	studio_attach(w->studio, &seller, id, &product, 1, on_answer, w);
	assert_int_equal(await(w), STUDIO_DUPLICATE_PRODUCT);
	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_OK);
	product = make_product(w, SELLER);
	studio_attach(w->studio, &seller, id, &product, 1, on_answer, w);
	assert_int_equal(await(w), STUDIO_NOT_SCHEDULED);
}

static void test_go_live_conditions(void **state)
{
	struct world *w = *state;
	struct uuid bare = make_stream(w, false), id = make_stream(w, true);
	const struct studio_go_live no_camera = {.checklist_complete = true};
	const struct studio_go_live no_list = {.camera_ready = true};

	assert_int_equal(go_live(w, &other, id, &ready), STUDIO_FORBIDDEN);
	assert_int_equal(go_live(w, &admin, id, &ready), STUDIO_FORBIDDEN);
	assert_int_equal(go_live(w, &seller, id, &no_camera), STUDIO_CHECKLIST);
	assert_int_equal(go_live(w, &seller, id, &no_list), STUDIO_CHECKLIST);
	assert_int_equal(go_live(w, &seller, bare, &ready), STUDIO_NO_PRODUCTS);
	assert_null(w->answer.stream_key);
	assert_int_equal(w->opened, 0);
	w->registry.draining = true;
	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_DRAINING);
	assert_int_equal(create(w, &seller, NULL, 0), STUDIO_DRAINING);
	w->registry.draining = false;
	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_OK);
	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_NOT_SCHEDULED);
	assert_int_equal(w->opened, 1);
}

static void test_go_live_gives_the_key(void **state)
{
	struct world *w = *state;
	struct uuid id = make_live(w);
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	struct stream_record found;

	assert_int_equal(strlen(w->key), LIVE_KEY_SIZE - 1);
	assert_int_equal(w->row.status, STREAM_LIVE);
	assert_int_equal(w->row.started_at, WALL_MS);
	live_key_hash(w->key, hash);
	assert_int_equal(w->repo.ops->stream_by_key(w->repo.impl, hash, &found), REPO_OK);
	assert_true(uuid_eq(found.id, id));
	stream_record_finish(&found);
}

static void test_operator_vouches(void **state)
{
	struct world *w = *state;
	struct uuid id = make_stream(w, false);

	assert_int_equal(go_live(w, &other, id, &vouched), STUDIO_FORBIDDEN);
	assert_int_equal(go_live(w, &admin, id, &vouched), STUDIO_OK);
	assert_int_equal(w->opened, 1);
}

static enum studio_result rotate(
	struct world *w, const struct studio_caller *caller, struct uuid id)
{
	studio_rotate_key(w->studio, caller, id, on_answer, w);
	return await(w);
}

static void test_rotate(void **state)
{
	struct world *w = *state;
	struct uuid id = make_live(w);
	char old[LIVE_KEY_SIZE];
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	struct stream_record found;

	memcpy(old, w->key, sizeof(old));
	assert_int_equal(rotate(w, &other, id), STUDIO_FORBIDDEN);
	assert_int_equal(rotate(w, &seller, id), STUDIO_OK);
	assert_string_not_equal(w->key, old);
	assert_int_equal(w->rekeyed, 1);
	live_key_hash(w->key, hash);
	assert_int_equal(w->repo.ops->stream_by_key(w->repo.impl, hash, &found), REPO_OK);
	stream_record_finish(&found);
	studio_end(w->studio, &seller, id, on_answer, w);
	assert_int_equal(await(w), STUDIO_OK);
	assert_int_equal(rotate(w, &seller, id), STUDIO_NOT_LIVE);
	assert_int_equal(w->rekeyed, 1);
}

static enum studio_result end(struct world *w, const struct studio_caller *caller, struct uuid id)
{
	studio_end(w->studio, caller, id, on_answer, w);
	return await(w);
}

static void test_end(void **state)
{
	struct world *w = *state;
	struct uuid scheduled = make_stream(w, true), id = make_live(w);

	assert_int_equal(end(w, &seller, scheduled), STUDIO_NOT_LIVE);
	assert_int_equal(end(w, &other, id), STUDIO_FORBIDDEN);
	assert_int_equal(end(w, &seller, id), STUDIO_OK);
	assert_int_equal(w->end_reason, LIVE_END_REQUESTED);
	assert_int_equal(w->row.status, STREAM_ENDED);
	assert_int_equal(w->row.ended_at, WALL_MS + 60000);
	assert_int_equal(w->row.peak_viewers, 3);
	assert_int_equal(end(w, &seller, id), STUDIO_NOT_LIVE);
}

/* The store has it live; the registry hears of it only when all followers are told. */
static void test_end_while_followers_are_told(void **state)
{
	struct world *w = *state;
	struct uuid id = make_live(w);

	w->is_live = false;
	assert_int_equal(end(w, &seller, id), STUDIO_OK);
	assert_int_equal(w->opened, 2);
	assert_int_equal(w->row.status, STREAM_ENDED);
	w->is_live = false;
	assert_int_equal(end(w, &seller, id), STUDIO_NOT_LIVE);
	assert_int_equal(w->opened, 2);
}

static void test_admin_ends(void **state)
{
	struct world *w = *state;
	struct uuid id = make_live(w);

	assert_int_equal(end(w, &admin, id), STUDIO_OK);
	assert_int_equal(w->end_reason, LIVE_END_ADMIN);
	assert_string_equal(w->row.end_reason, "admin");
}

static enum studio_result remove_stream(
	struct world *w, const struct studio_caller *caller, struct uuid id)
{
	studio_delete(w->studio, caller, id, on_answer, w);
	return await(w);
}

static void test_delete_scheduled_cancels(void **state)
{
	struct world *w = *state;
	struct uuid id = make_stream(w, true);

	assert_int_equal(remove_stream(w, &other, id), STUDIO_FORBIDDEN);
	assert_int_equal(remove_stream(w, &seller, id), STUDIO_OK);
	assert_int_equal(w->row.status, STREAM_CANCELLED);
	assert_int_equal(w->deleted_recordings, 0);
	assert_int_equal(remove_stream(w, &seller, id), STUDIO_OK);
	assert_int_equal(remove_stream(w, &seller, id), STUDIO_NOT_FOUND);
}

static void test_delete_ended_takes_the_recording_along(void **state)
{
	struct world *w = *state;
	struct uuid id = make_live(w);

	assert_int_equal(remove_stream(w, &admin, id), STUDIO_NOT_SCHEDULED);
	assert_int_equal(end(w, &seller, id), STUDIO_OK);
	w->delete_result = REPO_WRONG_STATE;
	studio_delete(w->studio, &seller, id, on_answer, w);
	assert_int_equal(w->answers, 1);
	w->answers = 0;
	assert_int_equal(w->answer.result, STUDIO_NOT_SCHEDULED);
	w->delete_result = REPO_NOT_FOUND;
	assert_int_equal(remove_stream(w, &admin, id), STUDIO_OK);
	assert_int_equal(remove_stream(w, &admin, id), STUDIO_NOT_FOUND);
	assert_int_equal(w->deleted_recordings, 2);
}

static void test_store_failure(void **state)
{
	struct world *w = *state;
	struct uuid id = make_stream(w, true);

	repo_memory_fail(w->memory, 1);
	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_FAILED);
	assert_null(w->answer.stream_key);
	assert_int_equal(w->opened, 0);
	assert_int_equal(go_live(w, &seller, id, &ready), STUDIO_OK);
}

static void test_goes_with_calls_under_way(void **state)
{
	struct world *w = *state;
	struct uuid id = make_stream(w, true);

	studio_go_live(w->studio, &seller, id, &ready, on_answer, w);
	studio_destroy(&w->studio);
	assert_int_equal(w->answers, 1);
	assert_int_equal(w->answer.result, STUDIO_FAILED);
	/* The store still commits it; nobody is told again, and nothing is opened. */
	repo_memory_run(w->memory);
	assert_int_equal(w->answers, 1);
	assert_int_equal(w->opened, 0);
}

static void test_keys(void **state)
{
	struct world *w = *state;
	static const char abc[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	char a[LIVE_KEY_SIZE], b[LIVE_KEY_SIZE];
	uint8_t hash[STREAM_KEY_HASH_SIZE];
	char hex[2 * STREAM_KEY_HASH_SIZE + 1];

	live_key_new(&w->clock.clock, a);
	live_key_new(&w->clock.clock, b);
	assert_string_not_equal(a, b);
	assert_int_equal(strspn(a,
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "-_"),
		LIVE_KEY_SIZE - 1);
	live_key_hash("abc", hash);
	text_hex(hex, hash, sizeof(hash));
	assert_string_equal(hex, abc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_attach),
		TEST(test_go_live_conditions),
		TEST(test_go_live_gives_the_key),
		TEST(test_operator_vouches),
		TEST(test_rotate),
		TEST(test_end),
		TEST(test_end_while_followers_are_told),
		TEST(test_admin_ends),
		TEST(test_delete_scheduled_cancels),
		TEST(test_delete_ended_takes_the_recording_along),
		TEST(test_store_failure),
		TEST(test_goes_with_calls_under_way),
		TEST(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
