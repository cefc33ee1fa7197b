#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fixture.h"
#include "model/people.h"
#include "support/repo_contract_inner.h"

#define PEOPLE(f, op, ...) ((f)->backend.repo.people->op((f)->backend.repo.impl, __VA_ARGS__))
/* Makes a write of the family and yields its result. */
#define DO(f, heard, op, ...) \
	(*(heard) = (struct repo_heard){0}, PEOPLE(f, op, __VA_ARGS__, repo_hear, heard), \
		result_of(f, heard))

static enum repo_result result_of(struct fixture *f, const struct repo_heard *h)
{
	assert_int_equal(h->calls, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(h->calls, 1);
	return h->result;
}

static void put_user(struct fixture *f, const char *id, const char *name, unsigned roles)
{
	struct repo_heard h;
	struct user_record u = {.id = (char *)id, .name = (char *)name, .roles = roles};
	WRITE(&f->backend, &h, user_put, &u);
	assert_int_equal(h.result, REPO_OK);
}

/* The ids of a page, "a b c", on the heap; finishes it. */
static char *ids_of(struct repo_user_page *p)
{
	struct buf text = {0};
	for (size_t i = 0; i < p->n; i++) {
		buf_printf(&text, "%s%s", i > 0 ? " " : "", p->rows[i].id);
	}
	char *out = mem_strdup(buf_text(&text));
	buf_finish(&text);
	repo_user_page_finish(p);
	return out;
}

static void assert_users(struct fixture *f, const char *text, unsigned role, const char *want)
{
	struct repo_user_page page;
	assert_int_equal(PEOPLE(f, user_list, text, role, 100, NULL, &page), REPO_OK);
	char *ids = ids_of(&page);
	assert_string_equal(ids, want);
	free(ids);
}

static void test_user_list(void **state)
{
	struct fixture *f = *state;
	struct repo_user_page page;
	put_user(f, "b|2", "Anna", ROLE_SELLER);
	put_user(f, "a|1", NULL, ROLE_SELLER | ROLE_ADMIN);
	put_user(f, "c|3", "Hanno", ROLE_BUYER);
	assert_users(f, NULL, 0, "a|1 b|2 c|3");
	assert_users(f, "ANN", 0, "b|2 c|3");
	assert_users(f, "|1", 0, "a|1");
	assert_users(f, NULL, ROLE_SELLER, "a|1 b|2");
	assert_users(f, "ann", ROLE_BUYER, "c|3");
	assert_users(f, "nobody", 0, "");

	assert_int_equal(PEOPLE(f, user_list, NULL, 0, 2, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	char *cursor = mem_strdup(page.next_cursor);
	assert_non_null(cursor);
	repo_user_page_finish(&page);
	assert_int_equal(PEOPLE(f, user_list, NULL, 0, 2, cursor, &page), REPO_OK);
	assert_null(page.next_cursor);
	char *ids = ids_of(&page);
	assert_string_equal(ids, "c|3");
	free(ids);
	free(cursor);
	assert_int_equal(PEOPLE(f, user_list, NULL, 0, 2, "?", &page), REPO_NOT_FOUND);
	assert_int_equal(PEOPLE(f, user_list, NULL, 0, 2, "", &page), REPO_NOT_FOUND);
	assert_null(page.rows);
}

static void test_user_list_looks_at_a_bounded_window(void **state)
{
	struct fixture *f = *state;
	struct repo_user_page page;
	char *cursor = NULL;
	int pages = 0;
	size_t found = 0;
	for (int i = 0; i < 1200; i++) {
		char id[16];
		snprintf(id, sizeof(id), "u%04d", i);
		struct user_record u = {.id = id, .name = i == 1100 ? "needle" : "hay"};
		f->backend.repo.ops->user_put(f->backend.repo.impl, &u, NULL, NULL);
	}
	f->backend.drain(&f->backend);
	do {
		assert_int_equal(PEOPLE(f, user_list, "needle", 0, 20, cursor, &page), REPO_OK);
		pages++;
		found += page.n;
		free(cursor);
		cursor = mem_strdup(page.next_cursor);
		repo_user_page_finish(&page);
	} while (cursor != NULL);
	assert_int_equal(found, 1);
	assert_int_equal(pages, 3);
}

static void assert_counts(struct fixture *f, const char *id, uint32_t followers, uint32_t following)
{
	uint32_t a, b;
	assert_int_equal(PEOPLE(f, follow_counts, id, &a, &b), REPO_OK);
	assert_int_equal(a, followers);
	assert_int_equal(b, following);
}

/* "ann>bob " and "ann-bob " for each. */
static void note_follow(void *user, const char *follower, const char *followed, bool follows)
{
	buf_printf(user, "%s%c%s ", follower, follows ? '>' : '-', followed);
}

static void test_follows_are_watched(void **state)
{
	struct fixture *f = *state;
	struct buf told = {0};
	struct repo_heard h;
	struct repo_id_list ids;
	put_user(f, "ann", NULL, 0);
	put_user(f, "bob", NULL, 0);
	put_user(f, "cid", NULL, 0);
	PEOPLE(f, follow_watch, note_follow, &told);
	DO(f, &h, follow, "ann", "cid");
	DO(f, &h, follow, "ann", "bob");
	DO(f, &h, follow, "ann", "ann");
	DO(f, &h, follow, "ann", "nobody");
	DO(f, &h, unfollow, "bob", "ann");
	assert_string_equal(buf_text(&told), "ann>cid ann>bob bob-ann ");
	assert_int_equal(PEOPLE(f, following_ids, "ann", 9, &ids), REPO_OK);
	assert_int_equal(ids.n, 2);
	assert_string_equal(ids.ids[0], "bob");
	assert_string_equal(ids.ids[1], "cid");
	repo_id_list_finish(&ids);
	assert_int_equal(PEOPLE(f, following_ids, "ann", 1, &ids), REPO_OK);
	assert_int_equal(ids.n, 1);
	repo_id_list_finish(&ids);
	PEOPLE(f, follow_watch, NULL, NULL);
	DO(f, &h, unfollow, "ann", "bob");
	assert_string_equal(buf_text(&told), "ann>cid ann>bob bob-ann ");
	buf_finish(&told);
}

static void test_seen(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = {"bob", "nobody", "ann"};
	const struct seen_record rows[] = {{"ann", 2000}, {"nobody", 1}, {"bob", 1000}};
	const struct seen_record older[] = {{"ann", 1500}, {"bob", 1001}};
	uint64_t seen[3];
	struct repo_heard h;
	put_user(f, "ann", NULL, 0);
	put_user(f, "bob", NULL, 0);
	assert_int_equal(PEOPLE(f, seen_get, ids, 3, seen), REPO_OK);
	assert_true(seen[0] == 0 && seen[1] == 0 && seen[2] == 0);
	assert_int_equal(DO(f, &h, seen_put, rows, 3), REPO_OK);
	assert_int_equal(DO(f, &h, seen_put, older, 2), REPO_OK);
	assert_int_equal(PEOPLE(f, seen_get, ids, 3, seen), REPO_OK);
	assert_true(seen[0] == 1001 && seen[1] == 0 && seen[2] == 2000);
}

static void test_follows(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h;
	struct repo_user_page page;
	uint32_t a, b;
	put_user(f, "ann", NULL, 0);
	put_user(f, "bob", NULL, 0);
	put_user(f, "cid", NULL, 0);
	assert_int_equal(PEOPLE(f, is_following, "ann", "bob"), REPO_NOT_FOUND);
	assert_int_equal(DO(f, &h, follow, "ann", "bob"), REPO_OK);
	assert_int_equal(DO(f, &h, follow, "ann", "bob"), REPO_OK);
	assert_int_equal(DO(f, &h, follow, "cid", "bob"), REPO_OK);
	assert_int_equal(DO(f, &h, follow, "bob", "ann"), REPO_OK);
	assert_int_equal(DO(f, &h, follow, "ann", "ann"), REPO_WRONG_STATE);
	assert_int_equal(DO(f, &h, follow, "ann", "nobody"), REPO_NOT_FOUND);
	assert_int_equal(DO(f, &h, follow, "nobody", "ann"), REPO_NOT_FOUND);
	assert_int_equal(PEOPLE(f, is_following, "ann", "bob"), REPO_OK);
	assert_int_equal(PEOPLE(f, is_following, "bob", "cid"), REPO_NOT_FOUND);
	assert_counts(f, "bob", 2, 1);
	assert_counts(f, "ann", 1, 1);
	assert_int_equal(PEOPLE(f, follow_counts, "nobody", &a, &b), REPO_NOT_FOUND);

	assert_int_equal(PEOPLE(f, followers, "bob", 1, NULL, &page), REPO_OK);
	char *cursor = mem_strdup(page.next_cursor);
	char *ids = ids_of(&page);
	assert_string_equal(ids, "ann");
	free(ids);
	assert_int_equal(PEOPLE(f, followers, "bob", 1, cursor, &page), REPO_OK);
	assert_null(page.next_cursor);
	ids = ids_of(&page);
	assert_string_equal(ids, "cid");
	free(ids);
	free(cursor);
	assert_int_equal(PEOPLE(f, following, "ann", 10, NULL, &page), REPO_OK);
	ids = ids_of(&page);
	assert_string_equal(ids, "bob");
	free(ids);

	assert_int_equal(DO(f, &h, unfollow, "ann", "bob"), REPO_OK);
	assert_int_equal(DO(f, &h, unfollow, "ann", "bob"), REPO_OK);
	assert_int_equal(DO(f, &h, unfollow, "ann", "nobody"), REPO_NOT_FOUND);
	assert_counts(f, "bob", 1, 1);
	assert_counts(f, "ann", 1, 0);
}

static void put_place(struct fixture *f, const char *id, double lat, double lon)
{
	struct repo_heard h;
	struct neighborhood_record n = {.id = (char *)id, .name = "N", .lat = lat, .lon = lon};
	assert_int_equal(DO(f, &h, neighborhood_put, &n), REPO_OK);
}

static void test_neighborhoods(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h;
	struct neighborhood_record n;
	struct repo_neighborhood_page page;
	struct neighborhood_record nowhere = {.id = "x", .lat = 91};
	put_place(f, "north", 52.5, 13.4);
	put_place(f, "east", -33, 151);
	clock_manual_advance(&f->backend.clock, 5000000);
	put_place(f, "north", 52.6, 13.5);
	assert_int_equal(PEOPLE(f, neighborhood_get, "north", &n), REPO_OK);
	assert_string_equal(n.id, "north");
	assert_string_equal(n.name, "N");
	assert_float_equal(n.lat, 52.6, 0);
	assert_float_equal(n.lon, 13.5, 0);
	assert_int_equal(n.updated_at - n.created_at, 5000);
	neighborhood_record_finish(&n);
	assert_int_equal(PEOPLE(f, neighborhood_get, "west", &n), REPO_NOT_FOUND);
	assert_int_equal(DO(f, &h, neighborhood_put, &nowhere), REPO_FAILED);
	assert_int_equal(PEOPLE(f, neighborhood_list, 1, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].id, "east");
	char *cursor = mem_strdup(page.next_cursor);
	repo_neighborhood_page_finish(&page);
	assert_int_equal(PEOPLE(f, neighborhood_list, 1, cursor, &page), REPO_OK);
	assert_string_equal(page.rows[0].id, "north");
	assert_null(page.next_cursor);
	repo_neighborhood_page_finish(&page);
	free(cursor);
	assert_int_equal(PEOPLE(f, neighborhood_list, 1, "!", &page), REPO_NOT_FOUND);
	assert_int_equal(DO(f, &h, neighborhood_delete, "north"), REPO_OK);
	assert_int_equal(DO(f, &h, neighborhood_delete, "north"), REPO_NOT_FOUND);
}

/* A kilometre along a meridian, in degrees. */
#define KM (1000 / 6371008.8 * 180 / 3.14159265358979323846)

static void test_near(void **state)
{
	struct fixture *f = *state;
	static const struct {
		double lat_a, lon_a, lat_b, lon_b;
		enum repo_result want;
	} cases[] = {
		{52.5, 13.4, 52.5 + 1.999 * KM, 13.4, REPO_OK},
		{52.5, 13.4, 52.5 + 2.001 * KM, 13.4, REPO_NOT_FOUND},
		{0, 180, 0, -180, REPO_OK},
		{0, 179.999, 0, -179.999, REPO_OK},
		{0, 179.9, 0, -179.9, REPO_NOT_FOUND},
		{90, 0, 90, 120, REPO_OK},
		{90 - 0.9 * KM, 10, 90 - 0.9 * KM, -170, REPO_OK},
		{90 - 1.1 * KM, 10, 90 - 1.1 * KM, -170, REPO_NOT_FOUND},
		{-90 + 0.9 * KM, 100, -90 + 0.9 * KM, -80, REPO_OK},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_place(f, "a", cases[i].lat_a, cases[i].lon_a);
		put_place(f, "b", cases[i].lat_b, cases[i].lon_b);
		assert_int_equal(PEOPLE(f, are_near, "a", "b"), cases[i].want);
		assert_int_equal(PEOPLE(f, are_near, "b", "a"), cases[i].want);
	}
	assert_int_equal(PEOPLE(f, are_near, "a", "nowhere"), REPO_NOT_FOUND);
	assert_int_equal(PEOPLE(f, are_near, "nowhere", "nowhere"), REPO_OK);
}

static struct device_record device(const char *user, const char *token)
{
	return (struct device_record){
		.user_id = (char *)user, .platform = DEVICE_IOS, .token = (char *)token};
}

static size_t count_devices(struct fixture *f, const char *user)
{
	struct repo_device_list list;
	assert_int_equal(PEOPLE(f, device_list, user, &list), REPO_OK);
	size_t n = list.n;
	repo_device_list_finish(&list);
	return n;
}

static void test_devices(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h;
	struct repo_device_list list;
	struct device_record d = device("ann", "t1");
	put_user(f, "ann", NULL, 0);
	put_user(f, "bob", NULL, 0);
	assert_int_equal(DO(f, &h, device_put, &d), REPO_OK);
	struct uuid first = h.detail;
	assert_false(uuid_is_none(first));
	d.platform = DEVICE_WEB;
	assert_int_equal(DO(f, &h, device_put, &d), REPO_OK);
	assert_id(h.detail, first);
	assert_int_equal(PEOPLE(f, device_list, "ann", &list), REPO_OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.rows[0].platform, DEVICE_WEB);
	assert_string_equal(list.rows[0].token, "t1");
	repo_device_list_finish(&list);

	d = device("bob", "t1");
	assert_int_equal(DO(f, &h, device_put, &d), REPO_OK);
	assert_false(uuid_eq(h.detail, first));
	assert_int_equal(count_devices(f, "ann"), 0);
	assert_int_equal(DO(f, &h, device_remove, "ann", h.detail), REPO_NOT_FOUND);
	assert_int_equal(DO(f, &h, device_delete, "ann", "t1"), REPO_NOT_FOUND);
	assert_int_equal(count_devices(f, "bob"), 1);
	assert_int_equal(DO(f, &h, device_delete, NULL, "t1"), REPO_OK);
	assert_int_equal(count_devices(f, "bob"), 0);
	d = device("nobody", "t1");
	assert_int_equal(DO(f, &h, device_put, &d), REPO_NOT_FOUND);
}

static void test_devices_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h;
	char token[8];
	struct device_record d = device("ann", token);
	put_user(f, "ann", NULL, 0);
	for (int i = 0; i < DEVICES_MAX; i++) {
		snprintf(token, sizeof(token), "t%d", i);
		assert_int_equal(DO(f, &h, device_put, &d), REPO_OK);
	}
	struct uuid last = h.detail;
	assert_int_equal(DO(f, &h, device_put, &d), REPO_OK);
	snprintf(token, sizeof(token), "new");
	assert_int_equal(DO(f, &h, device_put, &d), REPO_WRONG_STATE);
	assert_int_equal(DO(f, &h, device_remove, "ann", last), REPO_OK);
	assert_int_equal(DO(f, &h, device_put, &d), REPO_OK);
	assert_int_equal(count_devices(f, "ann"), DEVICES_MAX);
}

static uint32_t unread(struct fixture *f, const char *user)
{
	uint32_t n;
	assert_int_equal(PEOPLE(f, notification_unread, user, &n), REPO_OK);
	return n;
}

/* A stream of the seller that tells those who follow. */
static struct uuid tell_followers(struct fixture *f, const char *seller, uint8_t key)
{
	struct repo_heard h;
	uint8_t hash[STREAM_KEY_HASH_SIZE] = {key};
	struct stream_record s = make_stream(&f->backend, seller, "Sale");
	s.notify_followers = true;
	WRITE(&f->backend, &h, stream_create, &s, NULL, 0);
	go_live(&f->backend, s.id, hash);
	return s.id;
}

static void test_notifications_are_read(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h;
	struct repo_notification_page page;
	put_user(f, "ann", NULL, 0);
	put_user(f, "bob", NULL, 0);
	put_user(f, "shop", "Shop", ROLE_SELLER);
	DO(f, &h, follow, "ann", "shop");
	DO(f, &h, follow, "bob", "shop");
	for (uint8_t key = 1; key <= 3; key++) {
		tell_followers(f, "shop", key);
	}
	struct uuid last = tell_followers(f, "shop", 4);
	assert_int_equal(unread(f, "ann"), 4);
	assert_int_equal(unread(f, "shop"), 0);

	assert_int_equal(PEOPLE(f, notification_list, "ann", false, 3, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 3);
	assert_id(page.rows[0].stream_id, last);
	assert_string_equal(page.rows[0].type, "stream_live");
	assert_string_equal(page.rows[0].title, "Shop is live");
	assert_string_equal(page.rows[0].body, "Sale");
	assert_int_equal(page.rows[0].read_at, 0);
	struct uuid mine[2] = {page.rows[0].id, page.rows[2].id};
	char *cursor = mem_strdup(page.next_cursor);
	repo_notification_page_finish(&page);
	assert_int_equal(PEOPLE(f, notification_list, "ann", false, 3, cursor, &page), REPO_OK);
	assert_int_equal(page.n, 1);
	assert_null(page.next_cursor);
	repo_notification_page_finish(&page);
	free(cursor);
	assert_int_equal(PEOPLE(f, notification_list, "ann", false, 3, "?", &page), REPO_NOT_FOUND);

	assert_int_equal(DO(f, &h, notification_read, "bob", mine, 2, 7), REPO_OK);
	assert_int_equal(unread(f, "ann"), 4);
	assert_int_equal(unread(f, "bob"), 4);
	assert_int_equal(DO(f, &h, notification_read, "ann", mine, 2, 7), REPO_OK);
	assert_int_equal(unread(f, "ann"), 2);
	assert_int_equal(PEOPLE(f, notification_list, "ann", true, 10, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	repo_notification_page_finish(&page);
	assert_int_equal(DO(f, &h, notification_read, "ann", NULL, 0, 9), REPO_OK);
	assert_int_equal(unread(f, "ann"), 0);
	assert_int_equal(unread(f, "bob"), 4);
	assert_int_equal(PEOPLE(f, notification_list, "ann", false, 10, NULL, &page), REPO_OK);
	assert_int_equal(page.rows[0].read_at, 7);
	assert_int_equal(page.rows[1].read_at, 9);
	repo_notification_page_finish(&page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_in_memory, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_user_list),
		TEST(test_user_list_looks_at_a_bounded_window),
		TEST(test_follows),
		TEST(test_follows_are_watched),
		TEST(test_seen),
		TEST(test_neighborhoods),
		TEST(test_near),
		TEST(test_devices),
		TEST(test_devices_are_bounded),
		TEST(test_notifications_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
