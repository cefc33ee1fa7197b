#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fixture.h"
#include "model/chat.h"
#include "model/outbox.h"
#include "model/sales.h"

/* Chat and mutes as model/chat.h orders them. */
#define CALL(f, op, ...) ((f)->backend.repo.chat->op((f)->backend.repo.impl, __VA_ARGS__))

struct heard_chat {
	int calls;
	enum repo_result result;
	struct chat_record message;
};

static void hear_chat(void *user, const struct repo_chat_outcome *outcome)
{
	struct heard_chat *h = user;
	h->calls++;
	h->result = outcome->result;
	chat_record_finish(&h->message);
	if (outcome->message) {
		chat_record_copy(&h->message, outcome->message);
	}
}

static struct uuid say(struct fixture *f, struct uuid stream, const char *user,
	const char *client_id, const char *text, struct heard_chat *h)
{
	clock_manual_advance(&f->backend.clock, 1000);
	struct chat_record m = {.id = uuid_new(&f->backend.clock.clock),
		.stream_id = stream,
		.user_id = (char *)user,
		.username = "Ann",
		.message = (char *)text,
		.client_id = (char *)client_id,
		.created_at = clock_wall_ms(&f->backend.clock.clock)};
	*h = (struct heard_chat){0};
	CALL(f, chat_add, &m, true, hear_chat, h);
	assert_int_equal(h->calls, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(h->calls, 1);
	return m.id;
}

static struct uuid said(struct fixture *f, struct uuid stream, const char *user, const char *text)
{
	struct heard_chat h;
	struct uuid id = say(f, stream, user, NULL, text, &h);
	assert_int_equal(h.result, REPO_OK);
	assert_string_equal(h.message.message, text);
	chat_record_finish(&h.message);
	return id;
}

static uint32_t counted(struct fixture *f, struct uuid stream)
{
	struct stream_record row;
	assert_int_equal(
		f->backend.repo.ops->stream_get(f->backend.repo.impl, stream, &row), REPO_OK);
	uint32_t n = row.chat_messages_count;
	stream_record_finish(&row);
	return n;
}

static void test_messages_are_kept_and_counted(void **state)
{
	struct fixture *f = *state;
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	struct uuid id = said(f, stream, "u1", "hello \xf0\x9f\x91\x8f");
	struct chat_record got;
	assert_int_equal(CALL(f, chat_get, id, &got), REPO_OK);
	assert_true(uuid_eq(got.id, id));
	assert_true(uuid_eq(got.stream_id, stream));
	assert_string_equal(got.user_id, "u1");
	assert_string_equal(got.username, "Ann");
	assert_null(got.avatar);
	assert_string_equal(got.message, "hello \xf0\x9f\x91\x8f");
	assert_null(got.client_id);
	assert_int_equal(got.created_at, clock_wall_ms(&f->backend.clock.clock));
	assert_int_equal(got.deleted_at, 0);
	chat_record_finish(&got);
	assert_int_equal(counted(f, stream), 1);
	assert_int_equal(CALL(f, chat_get, stream, &got), REPO_NOT_FOUND);
	assert_null(got.message);
}

static void test_messages_need_stream_and_user(void **state)
{
	struct fixture *f = *state;
	struct heard_chat h;
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	say(f, stream, "nobody", NULL, "x", &h);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	assert_null(h.message.message);
	say(f, uuid_new(&f->backend.clock.clock), "u1", NULL, "x", &h);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	assert_int_equal(counted(f, stream), 0);
}

static void test_a_client_id_counts_once(void **state)
{
	struct fixture *f = *state;
	struct heard_chat h;
	repo_sample_user(&f->backend, "u1", NULL);
	repo_sample_user(&f->backend, "u2", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	struct uuid other = repo_sample_stream(&f->backend, "u1", "b");
	struct uuid first = say(f, stream, "u1", "c1", "first", &h);
	assert_int_equal(h.result, REPO_OK);
	chat_record_finish(&h.message);
	say(f, stream, "u1", "c1", "second", &h);
	assert_int_equal(h.result, REPO_DUPLICATE);
	assert_true(uuid_eq(h.message.id, first));
	assert_string_equal(h.message.message, "first");
	chat_record_finish(&h.message);
	say(f, stream, "u2", "c1", "another's", &h);
	assert_int_equal(h.result, REPO_OK);
	chat_record_finish(&h.message);
	say(f, other, "u1", "c1", "elsewhere", &h);
	assert_int_equal(h.result, REPO_OK);
	chat_record_finish(&h.message);
	assert_int_equal(counted(f, stream), 2);
}

static void test_what_a_client_asks_for_again(void **state)
{
	struct fixture *f = *state;
	struct heard_chat h;
	struct chat_record got;
	uint64_t at = 1;
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	assert_int_equal(CALL(f, chat_by_client_id, stream, "u1", "c1", &got), REPO_NOT_FOUND);
	assert_int_equal(CALL(f, chat_last_at, stream, "u1", &at), REPO_NOT_FOUND);
	assert_int_equal(at, 0);
	struct uuid first = say(f, stream, "u1", "c1", "first", &h);
	chat_record_finish(&h.message);
	said(f, stream, "u1", "second");
	assert_int_equal(CALL(f, chat_by_client_id, stream, "u1", "c1", &got), REPO_OK);
	assert_true(uuid_eq(got.id, first));
	chat_record_finish(&got);
	assert_int_equal(CALL(f, chat_by_client_id, stream, "u2", "c1", &got), REPO_NOT_FOUND);
	assert_int_equal(CALL(f, chat_last_at, stream, "u1", &at), REPO_OK);
	assert_int_equal(at, clock_wall_ms(&f->backend.clock.clock));
	assert_int_equal(CALL(f, chat_last_at, stream, "u2", &at), REPO_NOT_FOUND);
}

static void erase(struct fixture *f, struct uuid stream, struct uuid id)
{
	clock_manual_advance(&f->backend.clock, 1000);
	CALL(f, chat_delete, stream, id, "u1", clock_wall_ms(&f->backend.clock.clock), NULL, NULL);
	f->backend.drain(&f->backend);
}

static void test_news_are_what_came_behind(void **state)
{
	struct fixture *f = *state;
	struct repo_chat_news news;
	struct uuid ids[6];
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	struct uuid other = repo_sample_stream(&f->backend, "u1", "b");
	ids[0] = said(f, stream, "u1", "0");
	ids[1] = said(f, stream, "u1", "1");
	erase(f, stream, ids[0]); /* before the one that was seen last: known to be gone */
	for (int i = 2; i < 6; i++) {
		ids[i] = said(f, stream, "u1", "x");
		said(f, other, "u1", "elsewhere");
	}
	erase(f, stream, ids[1]);
	erase(f, stream, ids[4]);
	assert_int_equal(CALL(f, chat_since, stream, ids[2], 2, &news), REPO_OK);
	assert_int_equal(news.n, 2);
	assert_true(uuid_eq(news.rows[0].id, ids[3]));
	assert_true(uuid_eq(news.rows[1].id, ids[5]));
	assert_int_equal(news.n_deleted, 1);
	assert_true(uuid_eq(news.deleted[0], ids[1]));
	assert_false(news.more);
	repo_chat_news_finish(&news);
	assert_int_equal(CALL(f, chat_since, stream, ids[2], 1, &news), REPO_OK);
	assert_true(news.more);
	repo_chat_news_finish(&news);
	/* The one seen last may be gone itself. */
	assert_int_equal(CALL(f, chat_since, stream, ids[4], 2, &news), REPO_OK);
	assert_int_equal(news.n, 1);
	assert_int_equal(news.n_deleted, 2);
	assert_false(news.more);
	repo_chat_news_finish(&news);
	/* From the beginning there is nothing that was seen and is gone. */
	assert_int_equal(CALL(f, chat_since, stream, (struct uuid){0}, 2, &news), REPO_OK);
	assert_int_equal(news.n, 2);
	assert_true(uuid_eq(news.rows[0].id, ids[2]));
	assert_true(uuid_eq(news.rows[1].id, ids[3]));
	assert_int_equal(news.n_deleted, 0);
	assert_true(news.more);
	repo_chat_news_finish(&news);
	assert_int_equal(CALL(f, chat_since, other, ids[2], 2, &news), REPO_NOT_FOUND);
	assert_int_equal(CALL(f, chat_since, stream, stream, 2, &news), REPO_NOT_FOUND);
	assert_null(news.rows);
}

/* What was right when the sender was looked at may not be so any more. */
static void test_a_write_looks_again(void **state)
{
	struct fixture *f = *state;
	struct repo *repo = &f->backend.repo;
	struct heard_chat h;
	struct stream_record off = {0};
	struct mute_record m = {.user_id = "u2", .kind = MUTE_WRITING, .moderator_id = "u1"};
	repo_sample_user(&f->backend, "u1", NULL);
	repo_sample_user(&f->backend, "u2", NULL);
	off.id = m.stream_id = repo_sample_stream(&f->backend, "u1", "a");
	m.until = clock_wall_ms(&f->backend.clock.clock) + 1000;
	CALL(f, mute_put, &m, NULL, NULL);
	say(f, m.stream_id, "u2", NULL, "x", &h);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	assert_int_equal(counted(f, m.stream_id), 0);
	said(f, m.stream_id, "u1", "not he");
	clock_manual_advance(&f->backend.clock, 1000000);
	said(f, m.stream_id, "u2", "over");
	repo->sales->stream_settings(repo->impl, &off, SETTING_ENABLE_CHAT, NULL, NULL);
	say(f, m.stream_id, "u1", NULL, "x", &h);
	assert_int_equal(h.result, REPO_WRONG_STATE);
	off.enable_chat = true;
	repo->sales->stream_settings(repo->impl, &off, SETTING_ENABLE_CHAT, NULL, NULL);
	said(f, m.stream_id, "u1", "on");
	repo->ops->stream_cancel(repo->impl, m.stream_id, NULL, NULL);
	say(f, m.stream_id, "u1", NULL, "x", &h);
	assert_int_equal(h.result, REPO_WRONG_STATE);
}

static void test_pages_go_back_in_time(void **state)
{
	struct fixture *f = *state;
	struct repo_chat_page page;
	struct uuid ids[5], before = {0};
	char text[8];
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	said(f, repo_sample_stream(&f->backend, "u1", "b"), "u1", "elsewhere");
	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		ids[i] = said(f, stream, "u1", text);
	}
	struct repo_heard h = {0};
	CALL(f, chat_delete, stream, ids[3], "u1", 5, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_OK);
	const int expected[] = {4, 2, 1, 0};
	for (int i = 0; i < 4; i += 2) {
		assert_int_equal(CALL(f, chat_list, stream, before, 2, &page), REPO_OK);
		assert_int_equal(page.n, 2);
		assert_true(uuid_eq(page.rows[0].id, ids[expected[i]]));
		assert_true(uuid_eq(page.rows[1].id, ids[expected[i + 1]]));
		assert_int_equal(page.next_cursor != NULL, i == 0);
		if (page.next_cursor) {
			assert_true(uuid_parse(page.next_cursor, &before));
		}
		repo_chat_page_finish(&page);
	}
	assert_int_equal(CALL(f, chat_list, stream, ids[0], 2, &page), REPO_OK);
	assert_int_equal(page.n, 0);
	assert_null(page.next_cursor);
	repo_chat_page_finish(&page);
}

static void test_deletion_happens_once(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	struct chat_record got;
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	struct uuid other = repo_sample_stream(&f->backend, "u1", "b");
	struct uuid id = said(f, stream, "u1", "x");
	CALL(f, chat_delete, other, id, "u1", 5, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	CALL(f, chat_delete, stream, id, "mod", 77, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_OK);
	assert_int_equal(CALL(f, chat_get, id, &got), REPO_OK);
	assert_int_equal(got.deleted_at, 77);
	chat_record_finish(&got);
	CALL(f, chat_delete, stream, id, "mod", 78, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_NOT_FOUND);
}

static enum repo_result mute(struct fixture *f, struct uuid stream, const char *user,
	enum mute_kind kind, uint64_t until)
{
	struct repo_heard h = {0};
	const struct mute_record m = {.stream_id = stream,
		.user_id = (char *)user,
		.kind = kind,
		.until = until,
		.moderator_id = "mod",
		.created_at = 10};
	CALL(f, mute_put, &m, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.calls, 1);
	return h.result;
}

static void test_mutes_last_until_their_end(void **state)
{
	struct fixture *f = *state;
	struct mute_record got;
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	assert_int_equal(mute(f, stream, "u2", MUTE_WRITING, 1000), REPO_OK);
	assert_int_equal(CALL(f, mute_get, stream, "u2", 999, &got), REPO_OK);
	assert_int_equal(got.kind, MUTE_WRITING);
	assert_int_equal(got.until, 1000);
	assert_string_equal(got.moderator_id, "mod");
	mute_record_finish(&got);
	assert_int_equal(CALL(f, mute_get, stream, "u2", 1000, &got), REPO_NOT_FOUND);
	assert_int_equal(CALL(f, mute_get, stream, "u3", 1, &got), REPO_NOT_FOUND);
	assert_int_equal(mute(f, stream, "u2", MUTE_BAN, 0), REPO_OK);
	assert_int_equal(CALL(f, mute_get, stream, "u2", UINT32_MAX, &got), REPO_OK);
	assert_int_equal(got.kind, MUTE_BAN);
	assert_int_equal(got.until, 0);
	mute_record_finish(&got);
	assert_int_equal(
		mute(f, uuid_new(&f->backend.clock.clock), "u2", MUTE_BAN, 0), REPO_NOT_FOUND);
}

static void test_mutes_are_listed_and_lifted(void **state)
{
	struct fixture *f = *state;
	struct repo_mute_list list;
	struct repo_heard h = {0};
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	mute(f, stream, "b", MUTE_BAN, 0);
	mute(f, stream, "a", MUTE_WRITING, 500);
	mute(f, stream, "c", MUTE_WRITING, 50);
	assert_int_equal(CALL(f, mute_list, stream, 100, &list), REPO_OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].user_id, "a");
	assert_string_equal(list.rows[1].user_id, "b");
	repo_mute_list_finish(&list);
	CALL(f, mute_delete, stream, "b", repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_OK);
	CALL(f, mute_delete, stream, "b", repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_NOT_FOUND);
	assert_int_equal(CALL(f, mute_list, stream, 100, &list), REPO_OK);
	assert_int_equal(list.n, 1);
	repo_mute_list_finish(&list);
}

static void test_flags_are_written_whether_wanted_or_not(void **state)
{
	struct fixture *f = *state;
	struct repo_heard h = {0};
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	CALL(f, chat_flag, stream, "u1", "bad \"word\"", "blocked_word", repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.result, REPO_OK);
}

static void test_chat_survives_reopening(void **state)
{
	struct fixture *f = *state;
	struct repo_chat_page page;
	repo_sample_user(&f->backend, "u1", NULL);
	struct uuid stream = repo_sample_stream(&f->backend, "u1", "a");
	said(f, stream, "u1", "kept");
	mute(f, stream, "u2", MUTE_BAN, 0);
	fixture_close(f);
	fixture_open(f, 0);
	assert_int_equal(CALL(f, chat_list, stream, (struct uuid){0}, 50, &page), REPO_OK);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].message, "kept");
	repo_chat_page_finish(&page);
	struct mute_record got;
	assert_int_equal(CALL(f, mute_get, stream, "u2", 1, &got), REPO_OK);
	mute_record_finish(&got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages_are_kept_and_counted),
		TEST(test_messages_need_stream_and_user),
		TEST(test_a_client_id_counts_once),
		TEST(test_what_a_client_asks_for_again),
		TEST(test_news_are_what_came_behind),
		TEST(test_a_write_looks_again),
		TEST(test_pages_go_back_in_time),
		TEST(test_deletion_happens_once),
		TEST(test_mutes_last_until_their_end),
		TEST(test_mutes_are_listed_and_lifted),
		TEST(test_flags_are_written_whether_wanted_or_not),
		TEST(test_chat_survives_reopening),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
