#include "support/repo_contract.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const uint8_t key_one[STREAM_KEY_HASH_SIZE] = {1, 2, 3};
static const uint8_t key_two[STREAM_KEY_HASH_SIZE] = {9, 8, 7};
static const uint8_t key_three[STREAM_KEY_HASH_SIZE] = {5, 5};

#define CALL(b, op, ...) ((b)->repo.ops->op((b)->repo.impl, __VA_ARGS__))

/* Makes a write, waits for it and yields its outcome. */
#define WRITE(b, heard, op, ...) \
	do { \
		*(heard) = (struct repo_heard){0}; \
		CALL(b, op, __VA_ARGS__, repo_hear, heard); \
		assert_int_equal((heard)->calls, 0); \
		(b)->drain(b); \
		assert_int_equal((heard)->calls, 1); \
	} while (0)

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

static void assert_id(struct uuid is, struct uuid want)
{
	char a[UUID_TEXT_SIZE], c[UUID_TEXT_SIZE];
	uuid_text(a, is);
	uuid_text(c, want);
	assert_string_equal(a, c);
}

static void assert_text(const char *is, const char *want)
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

static struct stream_record make_stream(
	struct repo_backend *b, const char *seller_id, const char *title)
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

static void go_live(struct repo_backend *b, struct uuid id, const uint8_t *key)
{
	struct repo_heard h;
	WRITE(b, &h, stream_go_live, id, now_ms(b), key, false);
	assert_int_equal(h.result, REPO_OK);
}

static void end_stream(struct repo_backend *b, struct uuid id)
{
	struct repo_heard h;
	WRITE(b, &h, stream_end, id, now_ms(b), "ended", NULL);
	assert_int_equal(h.result, REPO_OK);
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

/* The titles of all pages, separated by spaces, page ends marked by '|'. */
static void list_titles(struct repo_backend *b, struct repo_stream_filter f, char *out)
{
	char *cursor = NULL;
	out[0] = '\0';
	do {
		struct repo_stream_page page;
		f.cursor = cursor;
		assert_int_equal(CALL(b, stream_list, &f, &page), REPO_OK);
		assert_true(page.n <= f.limit);
		for (size_t i = 0; i < page.n; i++) {
			strncat(out, page.rows[i].title, 20);
			strncat(out, " ", 2);
		}
		free(cursor);
		cursor = mem_strdup(page.next_cursor);
		strncat(out, "|", 2);
		repo_stream_page_finish(&page);
	} while (cursor != NULL);
}

static void test_list_is_live_first_then_newest(void **state)
{
	struct repo_backend *b = *state;
	char titles[200];
	repo_sample_user(b, "s1", NULL);
	struct uuid one = repo_sample_stream(b, "s1", "one");
	repo_sample_stream(b, "s1", "two");
	struct uuid three = repo_sample_stream(b, "s1", "three");
	repo_sample_stream(b, "s1", "four");
	struct uuid five = repo_sample_stream(b, "s1", "five");
	go_live(b, one, key_one);
	go_live(b, three, key_two);
	go_live(b, five, key_three);
	end_stream(b, five);
	struct repo_stream_filter f = {.status = -1, .limit = 100};
	list_titles(b, f, titles);
	assert_string_equal(titles, "three one five four two |");
	f.limit = 2;
	list_titles(b, f, titles);
	assert_string_equal(titles, "three one |five four |two |");
	f.limit = 1;
	list_titles(b, f, titles);
	assert_string_equal(titles, "three |one |five |four |two |");
	f.limit = 5;
	list_titles(b, f, titles);
	assert_string_equal(titles, "three one five four two |");
}

static void test_list_filters(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	char titles[200];
	repo_sample_user(b, "s1", "north");
	repo_sample_user(b, "s2", "south");
	struct uuid live = repo_sample_stream(b, "s1", "Alpha");
	repo_sample_stream(b, "s2", "beta");
	struct stream_record s = make_stream(b, "s2", "gamma");
	s.category = "home";
	s.description = "with 100% ALPHA_inside";
	WRITE(b, &h, stream_create, &s, NULL, 0);
	go_live(b, live, key_one);

	struct repo_stream_filter f = {.status = STREAM_LIVE, .limit = 10};
	list_titles(b, f, titles);
	assert_string_equal(titles, "Alpha |");
	f = (struct repo_stream_filter){.status = STREAM_SCHEDULED, .limit = 10};
	list_titles(b, f, titles);
	assert_string_equal(titles, "gamma beta |");
	f = (struct repo_stream_filter){.status = -1, .limit = 10, .neighborhood = "south"};
	list_titles(b, f, titles);
	assert_string_equal(titles, "gamma beta |");
	f = (struct repo_stream_filter){.status = -1, .limit = 10, .seller_id = "s1"};
	list_titles(b, f, titles);
	assert_string_equal(titles, "Alpha |");
	f = (struct repo_stream_filter){.status = -1, .limit = 10, .category = "home"};
	list_titles(b, f, titles);
	assert_string_equal(titles, "gamma |");
	f = (struct repo_stream_filter){.status = -1, .limit = 10, .text = "alpha"};
	list_titles(b, f, titles);
	assert_string_equal(titles, "Alpha gamma |");
	/* No character of a search is a wildcard. */
	f.text = "0% A";
	list_titles(b, f, titles);
	assert_string_equal(titles, "gamma |");
	f.text = "a%a";
	list_titles(b, f, titles);
	assert_string_equal(titles, "|");
	f.text = "alpha_";
	list_titles(b, f, titles);
	assert_string_equal(titles, "gamma |");
	f = (struct repo_stream_filter){.status = -1, .limit = 10, .neighborhood = "nowhere"};
	list_titles(b, f, titles);
	assert_string_equal(titles, "|");
}

static void test_foreign_cursor(void **state)
{
	struct repo_backend *b = *state;
	struct repo_stream_page page;
	struct repo_product_page products;
	struct repo_stream_filter f = {.status = -1, .limit = 10, .cursor = "nonsense"};
	assert_int_equal(CALL(b, stream_list, &f, &page), REPO_NOT_FOUND);
	assert_null(page.rows);
	assert_int_equal(CALL(b, product_list, NULL, 10, "\"'--", &products), REPO_NOT_FOUND);
	assert_null(products.rows);
}

static void test_products(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct product_record got;
	struct product_record p = {.id = uuid_new(&b->clock.clock),
		.seller_id = "s1",
		.name = "Lamp",
		.description = "Bright",
		.image_url = "i",
		.url = "u",
		.price = -5,
		.currency = "USD",
		.stock = 0,
		.created_at = 11,
		.updated_at = 12};
	WRITE(b, &h, product_create, &p);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	repo_sample_user(b, "s1", NULL);
	WRITE(b, &h, product_create, &p);
	assert_int_equal(h.result, REPO_OK);
	WRITE(b, &h, product_create, &p);
	assert_int_equal(h.result, REPO_DUPLICATE);
	assert_int_equal(CALL(b, product_get, p.id, &got), REPO_OK);
	assert_text(got.seller_id, "s1");
	assert_text(got.name, "Lamp");
	assert_text(got.description, "Bright");
	assert_text(got.image_url, "i");
	assert_text(got.url, "u");
	assert_text(got.currency, "USD");
	assert_true(got.price == -5 && got.stock == 0);
	assert_true(got.created_at == 11 && got.updated_at == 12);
	product_record_finish(&got);
	assert_int_equal(CALL(b, product_get, uuid_new(&b->clock.clock), &got), REPO_NOT_FOUND);
}

static void test_product_pages(void **state)
{
	struct repo_backend *b = *state;
	struct repo_product_page page, next;
	repo_sample_user(b, "s1", NULL);
	repo_sample_user(b, "s2", NULL);
	repo_sample_product(b, "s1", "a");
	repo_sample_product(b, "s1", "b");
	repo_sample_product(b, "s2", "x");
	repo_sample_product(b, "s1", "c");
	assert_int_equal(CALL(b, product_list, "s1", 2, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	assert_text(page.rows[0].name, "c");
	assert_text(page.rows[1].name, "b");
	assert_non_null(page.next_cursor);
	assert_int_equal(CALL(b, product_list, "s1", 2, page.next_cursor, &next), REPO_OK);
	assert_int_equal(next.n, 1);
	assert_text(next.rows[0].name, "a");
	assert_null(next.next_cursor);
	repo_product_page_finish(&page);
	repo_product_page_finish(&next);
	assert_int_equal(CALL(b, product_list, NULL, 10, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 4);
	repo_product_page_finish(&page);
}

static void test_recording_life(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct recording_record got;
	struct recording_record r = {.path = "rec/1", .created_at = 100};
	struct stream_record stream;
	repo_sample_user(b, "s1", NULL);
	r.stream_id = uuid_new(&b->clock.clock);
	WRITE(b, &h, recording_open, &r);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	r.stream_id = repo_sample_stream(b, "s1", "T");
	WRITE(b, &h, recording_finish, &r, "/vod", NULL, 0);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	WRITE(b, &h, recording_open, &r);
	assert_int_equal(h.result, REPO_OK);
	assert_true(h.has_stream);
	WRITE(b, &h, recording_delete, r.stream_id);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	WRITE(b, &h, recording_open, &r); /* again, after a crash */
	assert_int_equal(h.result, REPO_OK);

	r.state = RECORDING_READY;
	r.duration_ms = 61000;
	r.bytes = 123456789012;
	r.segments = 31;
	r.has_mp4 = true;
	r.finished_at = 200;
	WRITE(b, &h, recording_finish, &r, "/vod/x.m3u8", NULL, 0);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(CALL(b, recording_get, r.stream_id, &got), REPO_OK);
	assert_id(got.stream_id, r.stream_id);
	assert_int_equal(got.state, RECORDING_READY);
	assert_text(got.path, "rec/1");
	assert_true(got.duration_ms == 61000 && got.bytes == 123456789012);
	assert_true(got.segments == 31 && got.has_mp4);
	assert_true(got.created_at == 100 && got.finished_at == 200);
	recording_record_finish(&got);
	assert_int_equal(CALL(b, stream_get, r.stream_id, &stream), REPO_OK);
	assert_text(stream.vod_url, "/vod/x.m3u8");
	stream_record_finish(&stream);
	WRITE(b, &h, recording_open, &r);
	assert_int_equal(h.result, REPO_WRONG_STATE);

	WRITE(b, &h, recording_delete, r.stream_id);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(CALL(b, recording_get, r.stream_id, &got), REPO_OK);
	assert_int_equal(got.state, RECORDING_DELETED);
	recording_record_finish(&got);
	assert_int_equal(CALL(b, stream_get, r.stream_id, &stream), REPO_OK);
	assert_text(stream.vod_url, NULL);
	stream_record_finish(&stream);
	WRITE(b, &h, recording_finish, &r, "/vod", NULL, 0);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	WRITE(b, &h, recording_delete, uuid_new(&b->clock.clock));
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static void test_segments_are_replaced(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct recording_record r = {.path = "p"};
	struct segment_record *got;
	size_t n;
	struct segment_record segments[] = {
		{.sequence = 3, .duration_ms = 2000, .bytes = 500, .wall_ms = 77, .init = 1},
		{.sequence = 4, .offset_ms = 2000, .duration_ms = 1990, .discontinuity = true},
		{.sequence = 5, .offset_ms = 3990, .duration_ms = 10}};
	repo_sample_user(b, "s1", NULL);
	r.stream_id = repo_sample_stream(b, "s1", "T");
	WRITE(b, &h, recording_open, &r);
	r.state = RECORDING_READY;
	WRITE(b, &h, recording_finish, &r, "/a", segments, 3);
	assert_int_equal(CALL(b, segment_list, r.stream_id, 0, 2, &got, &n), REPO_OK);
	assert_int_equal(n, 2);
	assert_true(got[0].sequence == 3 && got[0].duration_ms == 2000 && got[0].bytes == 500);
	assert_true(got[0].wall_ms == 77 && got[0].init == 1 && !got[0].discontinuity);
	assert_true(got[1].offset_ms == 2000 && got[1].discontinuity);
	free(got);
	assert_int_equal(CALL(b, segment_list, r.stream_id, 5, 10, &got, &n), REPO_OK);
	assert_int_equal(n, 1);
	assert_true(got[0].sequence == 5);
	free(got);

	WRITE(b, &h, recording_finish, &r, "/b", segments + 2, 1);
	assert_int_equal(CALL(b, segment_list, r.stream_id, 0, 10, &got, &n), REPO_OK);
	assert_int_equal(n, 1);
	assert_true(got[0].sequence == 5);
	free(got);
	WRITE(b, &h, recording_delete, r.stream_id);
	assert_int_equal(CALL(b, segment_list, r.stream_id, 0, 10, &got, &n), REPO_OK);
	assert_int_equal(n, 0);
	free(got);
}

static void free_recordings(struct recording_record *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		recording_record_finish(&rows[i]);
	}
	free(rows);
}

static void test_recording_list(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard h;
	struct recording_record *rows;
	size_t n;
	static char *const paths[] = {"a", "b", "c"};
	repo_sample_user(b, "s1", NULL);
	for (int i = 0; i < 3; i++) {
		struct recording_record r = {
			.stream_id = repo_sample_stream(b, "s1", paths[i]), .path = paths[i]};
		WRITE(b, &h, recording_open, &r);
		if (i == 1) {
			r.state = RECORDING_FAILED;
			WRITE(b, &h, recording_finish, &r, NULL, NULL, 0);
		}
	}
	assert_int_equal(CALL(b, recording_list, -1, 10, 0, &rows, &n), REPO_OK);
	assert_int_equal(n, 3);
	assert_text(rows[0].path, "c");
	assert_text(rows[2].path, "a");
	free_recordings(rows, n);
	assert_int_equal(CALL(b, recording_list, RECORDING_OPEN, 10, 0, &rows, &n), REPO_OK);
	assert_int_equal(n, 2);
	free_recordings(rows, n);
	assert_int_equal(CALL(b, recording_list, -1, 1, 1, &rows, &n), REPO_OK);
	assert_int_equal(n, 1);
	assert_text(rows[0].path, "b");
	free_recordings(rows, n);
	assert_int_equal(CALL(b, recording_list, -1, 10, 3, &rows, &n), REPO_OK);
	assert_int_equal(n, 0);
	free_recordings(rows, n);
}

/* Writes are carried out in the order of the calls, and a refused one does not stop the rest. */
static void test_queued_together(void **state)
{
	struct repo_backend *b = *state;
	struct repo_heard heard[4] = {0};
	struct user_record u = {.id = "s1", .name = "n", .roles = ROLE_SELLER};
	struct stream_record s = make_stream(b, "s1", "T"), got;
	CALL(b, user_put, &u, repo_hear, &heard[0]);
	CALL(b, stream_create, &s, NULL, 0, repo_hear, &heard[1]);
	CALL(b, stream_go_live, s.id, 5, key_one, true, repo_hear, &heard[2]);
	CALL(b, stream_go_live, s.id, 6, key_one, false, repo_hear, &heard[3]);
	CALL(b, user_put, &u, NULL, NULL);
	b->drain(b);
	assert_int_equal(heard[0].result, REPO_OK);
	assert_int_equal(heard[1].result, REPO_OK);
	assert_int_equal(heard[2].result, REPO_NO_PRODUCTS);
	assert_int_equal(heard[3].result, REPO_OK);
	assert_int_equal(CALL(b, stream_get, s.id, &got), REPO_OK);
	assert_true(got.started_at == 6);
	stream_record_finish(&got);
}

int repo_contract_run(const char *name, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} table[] = {
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
		{"list_is_live_first_then_newest", test_list_is_live_first_then_newest},
		{"list_filters", test_list_filters},
		{"foreign_cursor", test_foreign_cursor},
		{"products", test_products},
		{"product_pages", test_product_pages},
		{"recording_life", test_recording_life},
		{"segments_are_replaced", test_segments_are_replaced},
		{"recording_list", test_recording_list},
		{"queued_together", test_queued_together},
	};
	struct CMUnitTest tests[sizeof(table) / sizeof(table[0])];
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		tests[i] = (struct CMUnitTest){.name = table[i].name,
			.test_func = table[i].test,
			.setup_func = setup,
			.teardown_func = teardown};
	}
	return _cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
