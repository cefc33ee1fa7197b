#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/record.h"
#include "model/repo.h"
#include "model/repo_cursor.h"
#include "support/test.h"

static void test_words(void **state)
{
	static const char *const statuses[] = {"scheduled", "live", "ended", "cancelled"};
	static const char *const audiences[] = {"everyone", "followers", "neighborhood"};
	static const char *const recordings[] = {"open", "ready", "failed", "deleted"};
	enum stream_status status;
	enum stream_audience audience;
	enum recording_state recording;
	for (int i = 0; i < 4; i++) {
		assert_string_equal(stream_status_text((enum stream_status)i), statuses[i]);
		assert_true(stream_status_parse(statuses[i], &status));
		assert_int_equal(status, i);
		assert_string_equal(recording_state_text((enum recording_state)i), recordings[i]);
		assert_true(recording_state_parse(recordings[i], &recording));
		assert_int_equal(recording, i);
	}
	for (int i = 0; i < 3; i++) {
		assert_string_equal(stream_audience_text((enum stream_audience)i), audiences[i]);
		assert_true(stream_audience_parse(audiences[i], &audience));
		assert_int_equal(audience, i);
	}
	assert_false(stream_status_parse("Live", &status));
	assert_false(stream_audience_parse("", &audience));
	assert_false(recording_state_parse("gone", &recording));
}

static void test_roles(void **state)
{
	unsigned roles = 0;
	char text[64], small[9];
	user_roles_text(0, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(user_role_parse("admin", &roles));
	assert_true(user_role_parse("seller", &roles));
	assert_false(user_role_parse("root", &roles));
	assert_int_equal(roles, ROLE_SELLER | ROLE_ADMIN);
	user_roles_text(roles, text, sizeof(text));
	assert_string_equal(text, "seller,admin");
	user_roles_text(roles, small, sizeof(small));
	assert_string_equal(small, "seller");
}

static void test_copies_are_deep(void **state)
{
	char title[] = "title", name[] = "name";
	struct stream_record s = {.title = title, .seller_id = "s", .peak_viewers = 3}, copy;
	stream_record_copy(&copy, &s);
	title[0] = 'X';
	assert_string_equal(copy.title, "title");
	assert_int_equal(copy.peak_viewers, 3);
	assert_null(copy.category);
	stream_record_finish(&copy);
	assert_null(copy.title);
	stream_record_finish(&copy);

	struct product_record p = {.name = name}, product;
	product_record_copy(&product, &p);
	name[0] = 'X';
	assert_string_equal(product.name, "name");
	product_record_finish(&product);
}

static void test_cursor(void **state)
{
	struct repo_cursor c = {.rank = 1}, back;
	for (int i = 0; i < 16; i++) {
		c.id.bytes[i] = (uint8_t)(255 - i);
	}
	char *text = repo_cursor_text(c);
	assert_null(strpbrk(text, "+/="));
	assert_true(repo_cursor_parse(text, &back));
	assert_int_equal(back.rank, 1);
	assert_true(uuid_eq(back.id, c.id));
	text[strlen(text) - 1] = '\0';
	assert_false(repo_cursor_parse(text, &back));
	assert_false(repo_cursor_parse("", &back));
	assert_false(repo_cursor_parse(
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &back));
	free(text);
}

static void test_cursor_order(void **state)
{
	struct repo_cursor live = {.rank = 1}, old = {.rank = 0}, new = {.rank = 0, .id = {{1}}};
	assert_true(repo_cursor_order(live, new) < 0);
	assert_true(repo_cursor_order(new, old) < 0);
	assert_true(repo_cursor_order(old, live) > 0);
	assert_int_equal(repo_cursor_order(old, old), 0);
}

static void test_result_texts(void **state)
{
	assert_string_equal(repo_result_text(REPO_OK), "ok");
	assert_string_equal(repo_result_text(REPO_NO_SUCH_PRODUCT), "no_such_product");
	assert_string_equal(repo_result_text(REPO_FAILED), "failed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_copies_are_deep),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_cursor_order),
		cmocka_unit_test(test_result_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
