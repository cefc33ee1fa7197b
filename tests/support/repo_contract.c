#include "support/repo_contract.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/repo_contract_inner.h"

const uint8_t key_one[STREAM_KEY_HASH_SIZE] = {1, 2, 3};
const uint8_t key_two[STREAM_KEY_HASH_SIZE] = {9, 8, 7};
const uint8_t key_three[STREAM_KEY_HASH_SIZE] = {5, 5};

void repo_hear(void *heard, const struct repo_outcome *outcome)
{
	struct repo_heard *h = heard;
	h->calls++;
	h->result = outcome->result;
	h->detail = outcome->detail;
	h->has_stream = outcome->stream != NULL;
	if (outcome->stream != NULL) {
		h->status = outcome->stream->status;
	}
	h->product_count = outcome->product_count;
}

static uint64_t now_ms(struct repo_backend *b)
{
	return clock_wall_ms(&b->clock.clock);
}

void assert_id(struct uuid is, struct uuid want)
{
	char a[UUID_TEXT_SIZE], c[UUID_TEXT_SIZE];
	uuid_text(a, is);
	uuid_text(c, want);
	assert_string_equal(a, c);
}

void assert_text(const char *is, const char *want)
{
	if (want == NULL) {
		assert_null(is);
	} else {
		assert_non_null(is);
		assert_string_equal(is, want);
	}
}

void repo_sample_user(struct repo_backend *b, const char *id, const char *neighborhood)
{
	struct repo_heard h;
	struct user_record u = {.id = (char *)id,
		.name = "Someone",
		.neighborhood = (char *)neighborhood,
		.roles = ROLE_SELLER | ROLE_BUYER,
		.created_at = now_ms(b),
		.updated_at = now_ms(b)};
	WRITE(b, &h, user_put, &u);
	assert_int_equal(h.result, REPO_OK);
}

struct stream_record make_stream(struct repo_backend *b, const char *seller_id, const char *title)
{
	clock_manual_advance(&b->clock, 1000000);
	return (struct stream_record){.id = uuid_new(&b->clock.clock),
		.seller_id = (char *)seller_id,
		.title = (char *)title,
		.status = STREAM_SCHEDULED,
		.enable_chat = true,
		.created_at = now_ms(b),
		.updated_at = now_ms(b)};
}

struct uuid repo_sample_stream(struct repo_backend *b, const char *seller_id, const char *title)
{
	struct repo_heard h;
	struct stream_record s = make_stream(b, seller_id, title);
	WRITE(b, &h, stream_create, &s, NULL, 0);
	assert_int_equal(h.result, REPO_OK);
	return s.id;
}

struct uuid repo_sample_product(struct repo_backend *b, const char *seller_id, const char *name)
{
	struct repo_heard h;
	clock_manual_advance(&b->clock, 1000000);
	struct product_record p = {.id = uuid_new(&b->clock.clock),
		.seller_id = (char *)seller_id,
		.name = (char *)name,
		.price = 1999,
		.currency = "EUR",
		.stock = -1,
		.created_at = now_ms(b),
		.updated_at = now_ms(b)};
	WRITE(b, &h, product_create, &p);
	assert_int_equal(h.result, REPO_OK);
	return p.id;
}

void go_live(struct repo_backend *b, struct uuid id, const uint8_t *key)
{
	struct repo_heard h;
	WRITE(b, &h, stream_go_live, id, now_ms(b), key, false);
	assert_int_equal(h.result, REPO_OK);
}

void end_stream(struct repo_backend *b, struct uuid id)
{
	struct repo_heard h;
	WRITE(b, &h, stream_end, id, now_ms(b), "ended", NULL);
	assert_int_equal(h.result, REPO_OK);
}

static void test_user_set(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct user_record got;
	struct user_record u = {
		.id = "u", .name = "One", .avatar = "a", .neighborhood = "n", .roles = ROLE_BUYER};

	WRITE(b, &h, user_set, &u, USER_NAME | USER_ROLES);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(CALL(b, user_get, "u", &got), REPO_OK);
	assert_text(got.name, "One");
	assert_text(got.avatar, NULL);
	assert_int_equal(got.roles, ROLE_BUYER);
	assert_int_equal(got.created_at, now_ms(b));
	user_record_finish(&got);

	clock_manual_advance(&b->clock, 5000000);
	u.roles = ROLE_ADMIN;
	u.name = NULL;
	WRITE(b, &h, user_note, &u, USER_AVATAR | USER_NEIGHBORHOOD);
	assert_int_equal(CALL(b, user_get, "u", &got), REPO_OK);
	assert_text(got.name, "One");
	assert_text(got.avatar, "a");
	assert_text(got.neighborhood, "n");
	assert_int_equal(got.roles, ROLE_BUYER);
	assert_int_equal(got.updated_at - got.created_at, 5000);
	user_record_finish(&got);

	WRITE(b, &h, user_set, &u, USER_NAME | USER_ROLES);
	assert_int_equal(CALL(b, user_get, "u", &got), REPO_OK);
	assert_text(got.name, NULL);
	assert_text(got.avatar, "a");
	assert_int_equal(got.roles, ROLE_ADMIN);
	user_record_finish(&got);
}

static void test_user_put_and_get(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct user_record got;
	struct user_record u = {.id = "user|42",
		.name = "Änne",
		.avatar = "https://x.example/a.png",
		.roles = ROLE_SELLER | ROLE_ADMIN,
		.created_at = 1000,
		.updated_at = 1000};

	assert_int_equal(CALL(b, user_get, "user|42", &got), REPO_NOT_FOUND);
	assert_null(got.id);
	WRITE(b, &h, user_put, &u);
	assert_int_equal(h.result, REPO_OK);
	assert_false(h.has_stream);
	assert_int_equal(CALL(b, user_get, "user|42", &got), REPO_OK);
	assert_text(got.id, "user|42");
	assert_text(got.name, "Änne");
	assert_text(got.avatar, "https://x.example/a.png");
	assert_text(got.neighborhood, NULL);
	assert_int_equal(got.roles, ROLE_SELLER | ROLE_ADMIN);
	user_record_finish(&got);

	u.name = "Anna";
	u.neighborhood = "north";
	u.created_at = 5000;
	u.updated_at = 6000;
	WRITE(b, &h, user_put, &u);
	assert_int_equal(CALL(b, user_get, "user|42", &got), REPO_OK);
	assert_text(got.name, "Anna");
	assert_text(got.neighborhood, "north");
	assert_int_equal(got.created_at, 1000);
	assert_int_equal(got.updated_at, 6000);
	user_record_finish(&got);
}

static void test_stream_keeps_every_column(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got, s = make_stream(b, "s1", "Title");
	repo_sample_user(b, "s1", NULL);
	s.description = "About";
	s.category = "home";
	s.audience = AUDIENCE_FOLLOWERS;
	s.estimated_duration = 45;
	s.notify_followers = true;
	s.notify_neighborhood = true;
	s.enable_chat = false;
	s.enable_comments = true;
	s.record_stream = true;
	s.scheduled_at = 1234567890123;
	s.thumbnail_url = "/t.jpg";
	WRITE(b, &h, stream_create, &s, NULL, 0);
	assert_int_equal(h.result, REPO_OK);
	assert_true(h.has_stream);
	assert_int_equal(h.status, STREAM_SCHEDULED);
	assert_int_equal(h.product_count, 0);

	assert_int_equal(CALL(b, stream_get, s.id, &got), REPO_OK);
	assert_id(got.id, s.id);
	assert_text(got.seller_id, "s1");
	assert_text(got.title, "Title");
	assert_text(got.description, "About");
	assert_text(got.category, "home");
	assert_int_equal(got.audience, AUDIENCE_FOLLOWERS);
	assert_int_equal(got.estimated_duration, 45);
	assert_true(got.notify_followers && got.notify_neighborhood);
	assert_false(got.enable_chat);
	assert_true(got.enable_comments && got.record_stream);
	assert_true(got.scheduled_at == 1234567890123);
	assert_true(got.started_at == 0 && got.ended_at == 0);
	assert_text(got.end_reason, NULL);
	assert_text(got.vod_url, NULL);
	assert_text(got.thumbnail_url, "/t.jpg");
	assert_false(got.has_key);
	assert_true(got.created_at == s.created_at && got.updated_at == s.updated_at);
	stream_record_finish(&got);
}

static void test_stream_create_refusals(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got, s = make_stream(b, "s1", "T");
	WRITE(b, &h, stream_create, &s, NULL, 0);
	assert_int_equal(h.result, REPO_NOT_FOUND);

	repo_sample_user(b, "s1", NULL);
	repo_sample_user(b, "s2", NULL);
	struct uuid mine = repo_sample_product(b, "s1", "A");
	struct uuid other = repo_sample_product(b, "s2", "B");
	struct uuid unknown = uuid_new(&b->clock.clock);
	struct uuid ids[] = {mine, other};
	WRITE(b, &h, stream_create, &s, ids, 2);
	assert_int_equal(h.result, REPO_NOT_OWNER);
	assert_id(h.detail, other);
	assert_false(h.has_stream);
	ids[1] = unknown;
	WRITE(b, &h, stream_create, &s, ids, 2);
	assert_int_equal(h.result, REPO_NO_SUCH_PRODUCT);
	assert_id(h.detail, unknown);
	ids[1] = mine;
	WRITE(b, &h, stream_create, &s, ids, 2);
	assert_int_equal(h.result, REPO_DUPLICATE);
	assert_id(h.detail, mine);
	/* None of them left anything behind. */
	assert_int_equal(CALL(b, stream_get, s.id, &got), REPO_NOT_FOUND);

	WRITE(b, &h, stream_create, &s, ids, 1);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.product_count, 1);
	WRITE(b, &h, stream_create, &s, NULL, 0);
	assert_int_equal(h.result, REPO_DUPLICATE);
	assert_id(h.detail, s.id);
}

static void free_attached(struct stream_product_record *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		stream_product_record_finish(&rows[i]);
	}
	free(rows);
}

static void test_attach(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_product_record *rows;
	size_t n;
	repo_sample_user(b, "s1", NULL);
	repo_sample_user(b, "s2", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	struct uuid first = repo_sample_product(b, "s1", "first");
	struct uuid second = repo_sample_product(b, "s1", "second");
	struct uuid foreign = repo_sample_product(b, "s2", "foreign");
	struct uuid ids[] = {second, first};

	WRITE(b, &h, stream_attach, uuid_new(&b->clock.clock), ids, 1);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	WRITE(b, &h, stream_attach, stream, ids, 2);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.product_count, 2);
	WRITE(b, &h, stream_attach, stream, ids, 1);
	assert_int_equal(h.result, REPO_DUPLICATE);
	assert_id(h.detail, second);
	WRITE(b, &h, stream_attach, stream, &foreign, 1);
	assert_int_equal(h.result, REPO_NOT_OWNER);

	assert_int_equal(CALL(b, stream_products, stream, &rows, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_text(rows[0].product.name, "second");
	assert_text(rows[1].product.name, "first");
	assert_text(rows[0].product.currency, "EUR");
	assert_int_equal(rows[0].product.price, 1999);
	assert_int_equal(rows[0].product.stock, -1);
	assert_int_equal(rows[0].timestamp_seconds, -1);
	assert_false(rows[0].has_position || rows[0].pinned);
	assert_id(rows[0].stream_id, stream);
	assert_false(uuid_is_none(rows[0].id) || uuid_eq(rows[0].id, rows[1].id));
	free_attached(rows, n);

	go_live(b, stream, key_one);
	struct uuid third = repo_sample_product(b, "s1", "third");
	WRITE(b, &h, stream_attach, stream, &third, 1);
	assert_int_equal(h.result, REPO_WRONG_STATE);
}

static void test_attach_is_all_or_nothing(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_product_record *rows;
	size_t n;
	repo_sample_user(b, "s1", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	struct uuid good = repo_sample_product(b, "s1", "good");
	struct uuid ids[] = {good, uuid_new(&b->clock.clock)};
	WRITE(b, &h, stream_attach, stream, ids, 2);
	assert_int_equal(h.result, REPO_NO_SUCH_PRODUCT);
	assert_int_equal(CALL(b, stream_products, stream, &rows, &n), REPO_OK);
	assert_int_equal(n, 0);
	free_attached(rows, n);
}

static void test_go_live(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got;
	repo_sample_user(b, "s1", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	WRITE(b, &h, stream_go_live, uuid_new(&b->clock.clock), 7, key_one, false);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	WRITE(b, &h, stream_go_live, stream, 7, key_one, true);
	assert_int_equal(h.result, REPO_NO_PRODUCTS);
	struct uuid product = repo_sample_product(b, "s1", "A");
	WRITE(b, &h, stream_attach, stream, &product, 1);
	WRITE(b, &h, stream_go_live, stream, 7000, key_one, true);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.status, STREAM_LIVE);
	assert_int_equal(h.product_count, 1);
	WRITE(b, &h, stream_go_live, stream, 8000, key_two, true);
	assert_int_equal(h.result, REPO_WRONG_STATE);

	assert_int_equal(CALL(b, stream_by_key, key_one, &got), REPO_OK);
	assert_id(got.id, stream);
	assert_true(got.has_key && got.started_at == 7000);
	assert_true(got.updated_at == now_ms(b));
	stream_record_finish(&got);
	assert_int_equal(CALL(b, stream_by_key, key_two, &got), REPO_NOT_FOUND);
	assert_null(got.title);
}

static void test_rotate_key(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got;
	repo_sample_user(b, "s1", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	WRITE(b, &h, stream_rotate_key, uuid_new(&b->clock.clock), key_one);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	go_live(b, stream, key_one);
	WRITE(b, &h, stream_rotate_key, stream, key_two);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.status, STREAM_LIVE);
	/* The old one is told from one that never was. */
	assert_int_equal(CALL(b, stream_by_key, key_one, &got), REPO_WRONG_STATE);
	assert_int_equal(CALL(b, stream_by_key, key_three, &got), REPO_NOT_FOUND);
	assert_int_equal(CALL(b, stream_by_key, key_two, &got), REPO_OK);
	stream_record_finish(&got);
	/* A key that was used is never used again. */
	WRITE(b, &h, stream_rotate_key, stream, key_one);
	assert_int_equal(h.result, REPO_DUPLICATE);
	end_stream(b, stream);
	WRITE(b, &h, stream_rotate_key, stream, key_three);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	/* An ended stream keeps its key, to say why it is refused. */
	assert_int_equal(CALL(b, stream_by_key, key_two, &got), REPO_OK);
	assert_int_equal(got.status, STREAM_ENDED);
	stream_record_finish(&got);
}

static void test_keys_are_unique(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	repo_sample_user(b, "s1", NULL);
	struct uuid one = repo_sample_stream(b, "s1", "one"),
		    two = repo_sample_stream(b, "s1", "two");
	go_live(b, one, key_one);
	WRITE(b, &h, stream_go_live, two, 1, key_one, false);
	assert_int_equal(h.result, REPO_DUPLICATE);
}

static void test_end(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got;
	struct repo_stats stats = {10, 20, 30, 40, 50};
	repo_sample_user(b, "s1", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	WRITE(b, &h, stream_end, stream, 9000, "ended", &stats);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	go_live(b, stream, key_one);
	WRITE(b, &h, stream_end, stream, 9000, "grace_expired", &stats);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.status, STREAM_ENDED);
	WRITE(b, &h, stream_end, stream, 9999, "ended", &stats);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	assert_int_equal(CALL(b, stream_get, stream, &got), REPO_OK);
	assert_text(got.end_reason, "grace_expired");
	assert_true(got.ended_at == 9000);
	assert_int_equal(got.peak_viewers, 10);
	assert_int_equal(got.unique_viewers, 20);
	assert_int_equal(got.total_likes, 30);
	assert_int_equal(got.chat_messages_count, 40);
	assert_int_equal(got.average_watch_time, 50);
	stream_record_finish(&got);
	WRITE(b, &h, stream_end, uuid_new(&b->clock.clock), 1, "ended", NULL);
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static void test_cancel_and_delete(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got;
	repo_sample_user(b, "s1", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	WRITE(b, &h, stream_delete, stream);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	WRITE(b, &h, stream_cancel, stream);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(h.status, STREAM_CANCELLED);
	WRITE(b, &h, stream_cancel, stream);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	WRITE(b, &h, stream_delete, stream);
	assert_int_equal(h.result, REPO_OK);
	assert_false(h.has_stream);
	assert_int_equal(CALL(b, stream_get, stream, &got), REPO_NOT_FOUND);
	WRITE(b, &h, stream_delete, stream);
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static void test_delete_takes_what_hangs_on_it(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct stream_record got;
	struct recording_record recording = {.path = "x", .created_at = 1}, got_recording;
	struct segment_record segment = {.sequence = 1}, *segments;
	struct stream_product_record *rows;
	struct product_record got_product;
	size_t n;
	repo_sample_user(b, "s1", NULL);
	struct uuid stream = repo_sample_stream(b, "s1", "T");
	struct uuid product = repo_sample_product(b, "s1", "A");
	WRITE(b, &h, stream_attach, stream, &product, 1);
	go_live(b, stream, key_one);
	WRITE(b, &h, stream_rotate_key, stream, key_two);
	recording.stream_id = stream;
	WRITE(b, &h, recording_open, &recording);
	recording.state = RECORDING_READY;
	WRITE(b, &h, recording_finish, &recording, "/vod", &segment, 1);
	end_stream(b, stream);
	WRITE(b, &h, stream_delete, stream);
	assert_int_equal(h.result, REPO_OK);

	assert_int_equal(CALL(b, stream_by_key, key_one, &got), REPO_NOT_FOUND);
	assert_int_equal(CALL(b, stream_by_key, key_two, &got), REPO_NOT_FOUND);
	assert_int_equal(CALL(b, recording_get, stream, &got_recording), REPO_NOT_FOUND);
	assert_int_equal(CALL(b, segment_list, stream, 0, 10, &segments, &n), REPO_OK);
	assert_int_equal(n, 0);
	free(segments);
	assert_int_equal(CALL(b, stream_products, stream, &rows, &n), REPO_OK);
	assert_int_equal(n, 0);
	free_attached(rows, n);
	assert_int_equal(CALL(b, product_get, product, &got_product), REPO_OK);
	product_record_finish(&got_product);
}

int repo_contract_run(const char *name, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	static const struct contract_test basics[] = {
		{"user_set", test_user_set},
		{"user_put_and_get", test_user_put_and_get},
		{"stream_keeps_every_column", test_stream_keeps_every_column},
		{"stream_create_refusals", test_stream_create_refusals},
		{"attach", test_attach},
		{"attach_is_all_or_nothing", test_attach_is_all_or_nothing},
		{"go_live", test_go_live},
		{"rotate_key", test_rotate_key},
		{"keys_are_unique", test_keys_are_unique},
		{"end", test_end},
		{"cancel_and_delete", test_cancel_and_delete},
		{"delete_takes_what_hangs_on_it", test_delete_takes_what_hangs_on_it},
	};
	const size_t n_basics = sizeof(basics) / sizeof(basics[0]), n = n_basics + n_contract_lists;
	struct CMUnitTest *tests = mem_zalloc(n * sizeof(*tests));
	for (size_t i = 0; i < n; i++) {
		const struct contract_test *t =
			i < n_basics ? &basics[i] : &contract_lists[i - n_basics];
		tests[i] = (struct CMUnitTest){.name = t->name,
			.test_func = t->test,
			.setup_func = setup,
			.teardown_func = teardown};
	}
	int failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	free(tests);
	return failed;
}
