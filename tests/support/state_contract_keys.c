#include <stdio.h>
#include <string.h>

#include "state_contract.h"

/*
 * Every key of spec data.md, "State keys", with its type and its time to live, as the platform's
 * other services find them; and what typing and unread counts ask of theirs.
 */

enum kind { TEXT, INTEGER, SET, SORTED, HASH, LIST };

struct key {
	const char *name;
	enum kind kind;
	uint64_t ttl_ms; /* 0: for ever */
};

#define STREAM "0190b5a0-7c3e-7abc-8def-0123456789ab"

static const struct key keys[] = {
	{"live:stream:" STREAM ":viewers", SORTED, 0},
	{"stream:" STREAM ":unique_viewers", SET, 0},
	{"stream:" STREAM ":current_viewers", INTEGER, 0},
	{"stream:" STREAM ":peak_viewers", INTEGER, 0},
	{"stream:" STREAM ":total_likes", INTEGER, 0},
	{"stream:" STREAM ":chat_count", INTEGER, 0},
	{"stream:" STREAM ":reactions:❤️", INTEGER, 0},
	{"stream:" STREAM ":chat", LIST, 0},
	{"stream:" STREAM ":chat_rate:u1", INTEGER, 60000},
	{"live:active:location:São Paulo", SET, 0},
	{"typing:c1:u1", TEXT, 3000},
	{"room:r1:typing", HASH, 0},
	{"group:g1:typing", HASH, 0},
	{"presence:u1", TEXT, 300000},
	{"unread:u1:messages", INTEGER, 0},
	{"unread:u1:conversation:c1", INTEGER, 0},
	{"notifications:unread:u1", INTEGER, 3600000},
	{"users:online", SET, 0},
	{"room:r1:online", SET, 0},
	{"group:g1:online", SET, 0},
	{"analytics:viewers:354000000", INTEGER, 3600000},
	{"lock:stream_edit:s1", TEXT, 300000},
	{"cache:search_results:rugs", TEXT, 900000},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct heard {
	enum state_result result;
	int64_t number;
	char text[64];
	size_t n;
};

static void hear(void *user, const struct state_reply *replies, size_t n)
{
	struct heard *h = user;

	for (size_t i = 0; i < n; i++) {
		h[i].result = replies[i].result;
		h[i].number = replies[i].number;
		h[i].n = replies[i].n;
		snprintf(
			h[i].text, sizeof(h[i].text), "%s", replies[i].text ? replies[i].text : "");
	}
}

static void ask(struct state_backend *b, const struct state_op *ops, size_t n, struct heard *out)
{
	memset(out, 0xff, n * sizeof(*out));
	state_run(b->state, ops, n, hear, out);
	b->turn(b);
}

static struct heard ask_one(struct state_backend *b, struct state_op op)
{
	struct heard h;

	ask(b, &op, 1, &h);
	return h;
}

/* The write that brings a key of this kind into being. */
static struct state_op write_of(const struct key *k)
{
	switch (k->kind) {
	case TEXT:
		return state_set(k->name, "value", k->ttl_ms);
	case INTEGER:
		return state_add(k->name, 7, k->ttl_ms);
	case SET:
		return state_set_add(k->name, "member");
	case SORTED:
		return state_sorted_add(k->name, "member", 1770000000000);
	case HASH:
		return state_hash_set(k->name, "field", "value");
	case LIST:
		break;
	}
	return state_list_push(k->name, "item", 100);
}

/* A read that only this kind answers. */
static struct state_op read_of(const struct key *k, enum kind kind)
{
	switch (kind) {
	case TEXT:
	case INTEGER:
		return state_get(k->name);
	case SET:
		return state_set_count(k->name);
	case SORTED:
		return state_sorted_count(k->name);
	case HASH:
		return state_hash_list(k->name);
	case LIST:
		break;
	}
	return state_list_list(k->name, 100);
}

static void check_reads(struct state_backend *b, const struct key *k)
{
	static const enum kind kinds[] = {TEXT, SET, SORTED, HASH, LIST};
	enum kind own = k->kind == INTEGER ? TEXT : k->kind;
	struct heard h;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		h = ask_one(b, read_of(k, kinds[i]));
		if (h.result != (kinds[i] == own ? STATE_OK : STATE_TYPE))
			fail_msg("%s read as kind %d: %d", k->name, kinds[i], h.result);
	}
	h = ask_one(b, read_of(k, own));
	if (k->kind == INTEGER)
		assert_int_equal(h.number, 7);
	if (k->kind == TEXT)
		assert_string_equal(h.text, "value");
}

static void check_ttl(struct state_backend *b, const struct key *k)
{
	struct heard h = ask_one(b, state_ttl(k->name));

	if (k->ttl_ms == 0)
		assert_int_equal(h.number, -1);
	else
		assert_in_range(h.number, k->ttl_ms - 1000, k->ttl_ms);
}

static void test_kinds_and_times(void **state)
{
	struct state_backend *b = *state;

	for (size_t i = 0; i < N_KEYS; i++) {
		assert_int_equal(ask_one(b, write_of(&keys[i])).result, STATE_OK);
		check_reads(b, &keys[i]);
		check_ttl(b, &keys[i]);
	}
}

/* Each goes by itself, none early, and those without a time stay. */
static void test_they_end_in_time(void **state)
{
	struct state_backend *b = *state;
	uint64_t now = 0;
	static const uint64_t times[] = {3000, 60000, 300000, 900000, 3600000};

	for (size_t i = 0; i < N_KEYS; i++)
		ask_one(b, write_of(&keys[i]));
	for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
		b->pass(b, times[t] - 500 - now);
		for (size_t i = 0; i < N_KEYS; i++)
			if (keys[i].ttl_ms == times[t])
				assert_int_equal(
					ask_one(b, state_ttl(keys[i].name)).result, STATE_OK);
		b->pass(b, 1000);
		now = times[t] + 500;
		for (size_t i = 0; i < N_KEYS; i++)
			if (keys[i].ttl_ms == times[t])
				assert_int_equal(
					ask_one(b, state_ttl(keys[i].name)).result, STATE_NONE);
	}
	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].ttl_ms == 0)
			assert_int_equal(ask_one(b, state_ttl(keys[i].name)).number, -1);
}

/* Who goes on typing says so again; who has stopped, or sent it, is not waited for. */
static void test_typing(void **state)
{
	struct state_backend *b = *state;
	const struct state_op both[] = {state_get("typing:c1:u1"), state_get("typing:c1:u2")};
	struct heard h[2];

	ask_one(b, state_set("typing:c1:u1", "1770000000000", 3000));
	b->pass(b, 2000);
	ask_one(b, state_set("typing:c1:u1", "1770000002000", 3000));
	ask_one(b, state_set("typing:c1:u2", "1770000002000", 3000));
	b->pass(b, 2000);
	ask(b, both, 2, h);
	assert_string_equal(h[0].text, "1770000002000");
	assert_int_equal(h[1].result, STATE_OK);
	assert_int_equal(ask_one(b, state_delete("typing:c1:u2")).number, 1);
	b->pass(b, 1500);
	ask(b, both, 2, h);
	assert_int_equal(h[0].result, STATE_NONE);
	assert_int_equal(h[1].result, STATE_NONE);
	assert_int_equal(ask_one(b, state_delete("typing:c1:u1")).number, 0);
}

/* Rooms and groups have one key for all who type: since when stands beside each. */
static void test_typing_in_rooms(void **state)
{
	struct state_backend *b = *state;
	const struct state_op ops[] = {
		state_hash_set("room:r1:typing", "u1", "1770000000000"),
		state_hash_set("room:r1:typing", "u2", "1770000001000"),
		state_hash_set("room:r1:typing", "u1", "1770000002000"),
		state_expire("room:r1:typing", 3000),
		state_hash_list("room:r1:typing"),
		state_hash_get("room:r1:typing", "u1"),
	};
	struct heard h[6];

	ask(b, ops, 6, h);
	assert_int_equal(h[4].n, 4);
	assert_string_equal(h[5].text, "1770000002000");
	assert_int_equal(ask_one(b, state_hash_remove("room:r1:typing", "u2")).number, 1);
	b->pass(b, 3500);
	assert_int_equal(ask_one(b, state_hash_list("room:r1:typing")).n, 0);
}

static void assert_unread(struct state_backend *b, int64_t c1, int64_t c2, int64_t total)
{
	const struct state_op ops[] = {state_get("unread:u1:conversation:c1"),
		state_get("unread:u1:conversation:c2"), state_get("unread:u1:messages")};
	struct heard h[3];

	ask(b, ops, 3, h);
	assert_int_equal(h[0].result == STATE_OK ? h[0].number : 0, c1);
	assert_int_equal(h[1].result == STATE_OK ? h[1].number : 0, c2);
	assert_int_equal(h[2].result == STATE_OK ? h[2].number : 0, total);
}

static void count_one(struct state_backend *b, const char *conversation)
{
	const struct state_op ops[] = {
		state_add(conversation, 1, 0), state_add("unread:u1:messages", 1, 0)};
	struct heard h[2];

	ask(b, ops, 2, h);
	assert_int_equal(h[0].result, STATE_OK);
	assert_int_equal(h[1].result, STATE_OK);
}

/* A message counts twice in one round trip; a conversation that was read goes off the total. */
static void test_unread(void **state)
{
	struct state_backend *b = *state;
	const char *c1 = "unread:u1:conversation:c1", *c2 = "unread:u1:conversation:c2";
	const struct state_op read[] = {state_add("unread:u1:messages", -2, 0), state_delete(c1)};
	struct heard h[2];

	count_one(b, c1);
	count_one(b, c2);
	count_one(b, c1);
	assert_unread(b, 2, 1, 3);
	ask(b, read, 2, h);
	assert_int_equal(h[0].number, 1);
	assert_int_equal(h[1].number, 1);
	assert_unread(b, 0, 1, 1);
	/* Counts have no time: they are there when the user is, days later. */
	b->pass(b, 7 * 86400000ull);
	assert_unread(b, 0, 1, 1);
}

/* A cache over the store: forgotten with every change, counted anew, and for an hour at most. */
static void test_unread_notifications(void **state)
{
	struct state_backend *b = *state;
	const char *key = "notifications:unread:u1";
	const struct state_op several[] = {
		state_delete(key), state_delete("notifications:unread:u2")};
	struct heard h[2];

	ask_one(b, state_set(key, "12", 3600000));
	assert_int_equal(ask_one(b, state_get(key)).number, 12);
	ask(b, several, 2, h);
	assert_int_equal(h[0].number, 1);
	assert_int_equal(h[1].number, 0);
	assert_int_equal(ask_one(b, state_get(key)).result, STATE_NONE);
	ask_one(b, state_set(key, "0", 3600000));
	assert_int_equal(ask_one(b, state_get(key)).result, STATE_OK);
	assert_int_equal(ask_one(b, state_get(key)).number, 0);
}

const struct CMUnitTest state_key_tests[] = {
	{"kinds and times", test_kinds_and_times, NULL, NULL, NULL},
	{"they end in time", test_they_end_in_time, NULL, NULL, NULL},
	{"typing", test_typing, NULL, NULL, NULL},
	{"typing in rooms", test_typing_in_rooms, NULL, NULL, NULL},
	{"unread", test_unread, NULL, NULL, NULL},
	{"unread notifications", test_unread_notifications, NULL, NULL, NULL},
};
const size_t n_state_key_tests = sizeof(state_key_tests) / sizeof(state_key_tests[0]);
