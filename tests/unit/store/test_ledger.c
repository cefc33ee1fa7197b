#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "fixture.h"
#include "model/ledger.h"
#include "model/people.h"

/* Idempotency keys and the audit log as model/ledger.h orders them. */
#define CALL(f, op, ...) ((f)->backend.repo.ledger->op((f)->backend.repo.impl, __VA_ARGS__))
#define DAY_MS UINT64_C(86400000)

struct heard_key {
	int calls;
	enum repo_result result;
	enum idempotency_state state;
	int status;
	char body[64];
};

static void hear_key(void *user, const struct repo_idempotency *o)
{
	struct heard_key *h = user;
	h->calls++;
	h->result = o->result;
	h->state = o->state;
	h->status = o->status;
	text_copy(h->body, sizeof(h->body), o->body ? o->body : "");
}

static uint64_t now(struct fixture *f)
{
	return clock_wall_ms(&f->backend.clock.clock);
}

static unsigned key_max;

static struct heard_key begin(
	struct fixture *f, const char *user, const char *key, char what, uint64_t since)
{
	struct heard_key h = {0};
	uint8_t fingerprint[32];
	memset(fingerprint, what, sizeof(fingerprint));
	CALL(f, idempotency_begin, user, key, fingerprint, since, key_max, hear_key, &h);
	assert_int_equal(h.calls, 0);
	f->backend.drain(&f->backend);
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.result, REPO_OK);
	return h;
}

static enum repo_result end(
	struct fixture *f, const char *user, const char *key, int status, const char *body)
{
	struct repo_heard h = {0};
	CALL(f, idempotency_end, user, key, status, body, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.calls, 1);
	return h.result;
}

static void drop(struct fixture *f, const char *user, const char *key)
{
	struct repo_heard h = {0};
	CALL(f, idempotency_drop, user, key, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_OK);
}

static void test_key_gives_first_answer(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(begin(f, "a", "k", 1, 0).state, IDEMPOTENCY_FIRST);
	assert_int_equal(begin(f, "a", "k", 1, 0).state, IDEMPOTENCY_UNFINISHED);
	assert_int_equal(begin(f, "a", "k", 2, 0).state, IDEMPOTENCY_OTHER);
	assert_int_equal(begin(f, "b", "k", 2, 0).state, IDEMPOTENCY_FIRST);
	assert_int_equal(end(f, "a", "k", 201, "{}"), REPO_OK);
	struct heard_key h = begin(f, "a", "k", 1, 0);
	assert_int_equal(h.state, IDEMPOTENCY_ANSWERED);
	assert_int_equal(h.status, 201);
	assert_string_equal(h.body, "{}");
	assert_int_equal(begin(f, "a", "k", 2, 0).state, IDEMPOTENCY_OTHER);
	assert_int_equal(begin(f, "b", "k", 2, 0).state, IDEMPOTENCY_UNFINISHED);
}

static void test_only_reserved_keys_are_answered(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(end(f, "a", "k", 200, "x"), REPO_NOT_FOUND);
	begin(f, "a", "k", 1, 0);
	assert_int_equal(end(f, "a", "k", 200, NULL), REPO_OK);
	assert_int_equal(end(f, "a", "k", 500, "later"), REPO_NOT_FOUND);
	assert_int_equal(begin(f, "a", "k", 1, 0).status, 200);
	drop(f, "a", "k");
	assert_int_equal(begin(f, "a", "k", 1, 0).state, IDEMPOTENCY_ANSWERED);
}

static void test_dropped_key_is_free(void **state)
{
	struct fixture *f = *state;
	begin(f, "a", "k", 1, 0);
	drop(f, "a", "k");
	assert_int_equal(begin(f, "a", "k", 2, 0).state, IDEMPOTENCY_FIRST);
}

static void test_keys_age(void **state)
{
	struct fixture *f = *state;
	begin(f, "a", "k", 1, 0);
	end(f, "a", "k", 200, "x");
	begin(f, "b", "other", 1, 0);
	clock_manual_advance(&f->backend.clock, (DAY_MS - 1) * 1000);
	assert_int_equal(begin(f, "a", "k", 1, now(f) - DAY_MS).state, IDEMPOTENCY_ANSWERED);
	clock_manual_advance(&f->backend.clock, 2000);
	assert_int_equal(begin(f, "a", "new", 1, now(f) - DAY_MS).state, IDEMPOTENCY_FIRST);
	/* Both went with it: asked for with no age, so that only that can have removed them. */
	assert_int_equal(begin(f, "a", "k", 2, 0).state, IDEMPOTENCY_FIRST);
	assert_int_equal(begin(f, "b", "other", 2, 0).state, IDEMPOTENCY_FIRST);
}

static void test_keys_are_bounded(void **state)
{
	struct fixture *f = *state;
	key_max = 2;
	begin(f, "a", "1", 1, 0);
	begin(f, "a", "2", 1, 0);
	end(f, "a", "2", 200, "x");
	assert_int_equal(begin(f, "a", "3", 1, 0).state, IDEMPOTENCY_TOO_MANY);
	/* Known ones are answered, others have their own. */
	assert_int_equal(begin(f, "a", "2", 1, 0).state, IDEMPOTENCY_ANSWERED);
	assert_int_equal(begin(f, "b", "3", 1, 0).state, IDEMPOTENCY_FIRST);
	drop(f, "a", "1");
	assert_int_equal(begin(f, "a", "3", 1, 0).state, IDEMPOTENCY_FIRST);
	assert_int_equal(begin(f, "a", "4", 1, 0).state, IDEMPOTENCY_TOO_MANY);
	clock_manual_advance(&f->backend.clock, 1000 * 1000);
	assert_int_equal(begin(f, "a", "4", 1, now(f)).state, IDEMPOTENCY_FIRST);
	key_max = 0;
}

static void test_answers_outlive_the_process(void **state)
{
	struct fixture *f = *state;
	begin(f, "a", "done", 1, 0);
	end(f, "a", "done", 201, "first");
	begin(f, "a", "cut", 1, 0);
	fixture_close(f);
	fixture_open(f, 0);
	assert_string_equal(begin(f, "a", "done", 1, 0).body, "first");
	assert_int_equal(begin(f, "a", "cut", 1, 0).state, IDEMPOTENCY_UNFINISHED);
}

static void log_action(struct fixture *f, const char *actor, const char *action)
{
	struct audit_record r = {.actor = (char *)actor,
		.action = (char *)action,
		.target = "t",
		.address = "127.0.0.1",
		.request_id = "r-1"};
	struct repo_heard h = {0};
	CALL(f, audit_add, &r, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_OK);
}

static void test_audit_pages(void **state)
{
	struct fixture *f = *state;
	struct repo_audit_page page;
	log_action(f, "ann", "1");
	log_action(f, "bob", "2");
	log_action(f, "ann", "3");
	assert_int_equal(CALL(f, audit_list, NULL, 2, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	assert_string_equal(page.rows[0].action, "3");
	assert_string_equal(page.rows[1].action, "2");
	assert_int_equal(page.rows[0].at, now(f));
	assert_null(page.rows[0].detail);
	assert_string_equal(page.rows[0].request_id, "r-1");
	char *cursor = mem_strdup(page.next_cursor);
	repo_audit_page_finish(&page);
	assert_int_equal(CALL(f, audit_list, NULL, 2, cursor, &page), REPO_OK);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.rows[0].action, "1");
	assert_null(page.next_cursor);
	repo_audit_page_finish(&page);
	free(cursor);
	assert_int_equal(CALL(f, audit_list, "ann", 100, NULL, &page), REPO_OK);
	assert_int_equal(page.n, 2);
	repo_audit_page_finish(&page);
	assert_int_equal(CALL(f, audit_list, "ann", 1, "x", &page), REPO_NOT_FOUND);
}

static void prune(struct fixture *f, uint64_t notifications, uint64_t audit, uint64_t keys)
{
	const struct ledger_prune what = {notifications, audit, keys};
	struct repo_heard h = {0};
	CALL(f, prune, &what, repo_hear, &h);
	f->backend.drain(&f->backend);
	assert_int_equal(h.result, REPO_OK);
}

static int audit_count(struct fixture *f)
{
	struct repo_audit_page page;
	assert_int_equal(CALL(f, audit_list, NULL, 100, NULL, &page), REPO_OK);
	int n = (int)page.n;
	repo_audit_page_finish(&page);
	return n;
}

static void test_what_is_old_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct sqlite3 *db = fixture_lock(f);
	/* More than one turn of the writer. */
	assert_int_equal(
		sqlite3_exec(db,
			"INSERT INTO users (id, created_at, updated_at) VALUES ('u', 1, 1);"
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
			" WHERE i < 2500) INSERT INTO notifications (id, user_id, type,"
			" title, created_at) SELECT randomblob(16), 'u', 't' || i, 'T', i"
			" FROM n; COMMIT; BEGIN;",
			NULL, NULL, NULL),
		SQLITE_OK);
	fixture_unlock(db);
	log_action(f, "ann", "old");
	begin(f, "a", "old", 1, 0);
	clock_manual_advance(&f->backend.clock, DAY_MS * 1000);
	log_action(f, "ann", "new");
	prune(f, 0, 0, 0);
	assert_int_equal(audit_count(f), 2);
	prune(f, 2400, now(f), now(f));
	assert_int_equal(audit_count(f), 1);
	assert_int_equal(begin(f, "a", "old", 1, 0).state, IDEMPOTENCY_FIRST);
	uint32_t unread;
	assert_int_equal(
		f->backend.repo.people->notification_unread(f->backend.repo.impl, "u", &unread),
		REPO_OK);
	assert_int_equal(unread, 101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(test_key_gives_first_answer),
		T(test_only_reserved_keys_are_answered),
		T(test_dropped_key_is_free),
		T(test_keys_age),
		T(test_keys_are_bounded),
		T(test_answers_outlive_the_process),
		T(test_audit_pages),
		T(test_what_is_old_is_forgotten),
	};
	return cmocka_run_group_tests_name("store/ledger", tests, NULL, NULL);
}
