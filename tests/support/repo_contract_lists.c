#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/repo_contract_inner.h"

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
	WRITE(b, &h, recording_open, &r); /* goes on after a drain */
	assert_int_equal(h.result, REPO_OK);
	WRITE(b, &h, recording_finish, &r, "/vod/x.m3u8", NULL, 0);
	assert_int_equal(h.result, REPO_OK);

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

const struct contract_test contract_lists[] = {
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
const size_t n_contract_lists = sizeof(contract_lists) / sizeof(contract_lists[0]);
