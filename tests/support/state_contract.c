#include "state_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a batch was answered: copies. */
#define REPLIES 16
struct heard {
	unsigned calls, order;
	size_t n;
	struct {
		enum state_result result;
		int64_t number;
		char text[64];
		char texts[16][32];
		int64_t scores[16];
		size_t n;
	} reply[REPLIES];
};

static unsigned order;

static void hear(void *user, const struct state_reply *replies, size_t n)
{
	struct heard *h = user;

	h->calls++;
	h->order = ++order;
	h->n = n;
	for (size_t i = 0; i < n && i < REPLIES; i++) {
		h->reply[i].result = replies[i].result;
		h->reply[i].number = replies[i].number;
		snprintf(h->reply[i].text, sizeof(h->reply[i].text), "%s",
			replies[i].text ? replies[i].text : "");
		h->reply[i].n = replies[i].n;
		for (size_t k = 0; k < replies[i].n && k < 16; k++) {
			snprintf(h->reply[i].texts[k], sizeof(h->reply[i].texts[k]), "%s",
				replies[i].texts[k]);
			if (replies[i].scores)
				h->reply[i].scores[k] = replies[i].scores[k];
		}
	}
}

static struct heard ask(struct state_backend *b, const struct state_op *ops, size_t n)
{
	struct heard h = {0};

	state_run(b->state, ops, n, hear, &h);
	assert_int_equal(h.calls, 0); /* never inside the call */
	b->turn(b);
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.n, n);
	return h;
}

static struct heard ask_one(struct state_backend *b, struct state_op op)
{
	return ask(b, &op, 1);
}

static int64_t number_of(struct state_backend *b, struct state_op op)
{
	struct heard h = ask_one(b, op);

	assert_int_equal(h.reply[0].result, STATE_OK);
	return h.reply[0].number;
}

static enum state_result result_of(struct state_backend *b, struct state_op op)
{
	return ask_one(b, op).reply[0].result;
}

static void assert_text(struct state_backend *b, const char *key, const char *text)
{
	struct heard h = ask_one(b, state_get(key));

	assert_int_equal(h.reply[0].result, STATE_OK);
	assert_string_equal(h.reply[0].text, text);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The texts of a list, sorted and joined. */
static void assert_members(struct state_backend *b, struct state_op op, const char *wanted)
{
	struct heard h = ask_one(b, op);
	char joined[512] = "";
	size_t at = 0;

	assert_int_equal(h.reply[0].result, STATE_OK);
	qsort(h.reply[0].texts, h.reply[0].n, sizeof(h.reply[0].texts[0]), compare);
	for (size_t i = 0; i < h.reply[0].n; i++)
		at += (size_t)snprintf(joined + at, sizeof(joined) - at, "%s%s", i ? " " : "",
			h.reply[0].texts[i]);
	assert_string_equal(joined, wanted);
}

static void test_texts(void **state)
{
	struct state_backend *b = *state;

	assert_int_equal(result_of(b, state_get("presence:u1")), STATE_NONE);
	assert_int_equal(result_of(b, state_set("presence:u1", "online", 0)), STATE_OK);
	assert_text(b, "presence:u1", "online");
	assert_int_equal(number_of(b, state_ttl("presence:u1")), -1);
	assert_int_equal(result_of(b, state_set("presence:u1", "away", 300000)), STATE_OK);
	assert_text(b, "presence:u1", "away");
	assert_int_equal(number_of(b, state_delete("presence:u1")), 1);
	assert_int_equal(number_of(b, state_delete("presence:u1")), 0);
	assert_int_equal(result_of(b, state_get("presence:u1")), STATE_NONE);
	assert_int_equal(result_of(b, state_ttl("presence:u1")), STATE_NONE);
}

static void test_time_to_live(void **state)
{
	struct state_backend *b = *state;

	result_of(b, state_set("typing:c:u", "1", 3000));
	b->pass(b, 2900);
	assert_text(b, "typing:c:u", "1");
	assert_in_range(number_of(b, state_ttl("typing:c:u")), 1, 100);
	b->pass(b, 200);
	assert_int_equal(result_of(b, state_get("typing:c:u")), STATE_NONE);
	/* Set again without one: for ever. */
	result_of(b, state_set("typing:c:u", "1", 3000));
	result_of(b, state_set("typing:c:u", "1", 0));
	b->pass(b, 5000);
	assert_text(b, "typing:c:u", "1");
	assert_int_equal(number_of(b, state_expire("typing:c:u", 1000)), 1);
	assert_int_equal(number_of(b, state_expire("typing:nobody", 1000)), 0);
	b->pass(b, 1100);
	assert_int_equal(result_of(b, state_get("typing:c:u")), STATE_NONE);
	/* Sets and their like too. */
	result_of(b, state_set_add("users:online", "u1"));
	result_of(b, state_expire("users:online", 1000));
	b->pass(b, 1100);
	assert_int_equal(number_of(b, state_set_count("users:online")), 0);
}

static void test_integers(void **state)
{
	struct state_backend *b = *state;

	assert_int_equal(number_of(b, state_add("stream:s:chat_count", 1, 0)), 1);
	assert_int_equal(number_of(b, state_add("stream:s:chat_count", 5, 0)), 6);
	assert_int_equal(number_of(b, state_add("stream:s:chat_count", -10, 0)), -4);
	assert_text(b, "stream:s:chat_count", "-4");
	assert_int_equal(number_of(b, state_get("stream:s:chat_count")), -4);
	assert_int_equal(number_of(b, state_raise("stream:s:peak_viewers", 7)), 7);
	assert_int_equal(number_of(b, state_raise("stream:s:peak_viewers", 3)), 7);
	assert_int_equal(number_of(b, state_raise("stream:s:peak_viewers", 8)), 8);
	/* What was set as a text of digits counts on. */
	result_of(b, state_set("stream:s:total_likes", "41", 0));
	assert_int_equal(number_of(b, state_add("stream:s:total_likes", 1, 0)), 42);
	result_of(b, state_set("word", "forty", 0));
	assert_int_equal(result_of(b, state_add("word", 1, 0)), STATE_TYPE);
	assert_text(b, "word", "forty");
}

/* The time of a counter runs from its first increment, whatever comes later. */
static void test_counter_with_a_window(void **state)
{
	struct state_backend *b = *state;
	const char *key = "stream:s:chat_rate:u1";

	for (int i = 1; i <= 10; i++) {
		assert_int_equal(number_of(b, state_add(key, 1, 60000)), i);
		b->pass(b, 5000);
	}
	b->pass(b, 9000); /* 59 s since the first */
	assert_int_equal(number_of(b, state_add(key, 1, 60000)), 11);
	assert_in_range(number_of(b, state_ttl(key)), 1, 1000);
	b->pass(b, 1100);
	assert_int_equal(number_of(b, state_add(key, 1, 60000)), 1);
}

static void test_sets(void **state)
{
	struct state_backend *b = *state;
	const char *key = "stream:s:unique_viewers";

	assert_int_equal(number_of(b, state_set_count(key)), 0);
	assert_members(b, state_set_list(key), "");
	assert_int_equal(number_of(b, state_set_add(key, "u1")), 1);
	assert_int_equal(number_of(b, state_set_add(key, "u1")), 0);
	assert_int_equal(number_of(b, state_set_add(key, "u2")), 1);
	assert_int_equal(number_of(b, state_set_count(key)), 2);
	assert_int_equal(number_of(b, state_set_has(key, "u2")), 1);
	assert_int_equal(number_of(b, state_set_has(key, "u3")), 0);
	assert_int_equal(number_of(b, state_set_has("no:set", "u3")), 0);
	assert_members(b, state_set_list(key), "u1 u2");
	assert_int_equal(number_of(b, state_set_remove(key, "u3")), 0);
	assert_int_equal(number_of(b, state_set_remove(key, "u1")), 1);
	assert_int_equal(number_of(b, state_set_remove(key, "u2")), 1);
	assert_int_equal(number_of(b, state_set_remove(key, "u2")), 0);
	/* Empty is gone. */
	assert_int_equal(number_of(b, state_delete(key)), 0);
}

static void test_sorted_sets(void **state)
{
	struct state_backend *b = *state;
	const char *key = "live:stream:s:viewers";
	struct heard h;

	assert_int_equal(number_of(b, state_sorted_add(key, "late", 30)), 1);
	assert_int_equal(number_of(b, state_sorted_add(key, "early", 10)), 1);
	assert_int_equal(number_of(b, state_sorted_add(key, "middle", 20)), 1);
	assert_int_equal(number_of(b, state_sorted_add(key, "early", 25)), 0);
	assert_int_equal(number_of(b, state_sorted_score(key, "early")), 25);
	assert_int_equal(result_of(b, state_sorted_score(key, "nobody")), STATE_NONE);
	h = ask_one(b, state_sorted_list(key, 21));
	assert_int_equal(h.reply[0].n, 2);
	assert_string_equal(h.reply[0].texts[0], "early");
	assert_int_equal(h.reply[0].scores[0], 25);
	assert_string_equal(h.reply[0].texts[1], "late");
	assert_int_equal(h.reply[0].scores[1], 30);
	assert_int_equal(number_of(b, state_sorted_cut(key, 25)), 1);
	assert_int_equal(number_of(b, state_sorted_count(key)), 2);
	assert_int_equal(number_of(b, state_sorted_remove(key, "late")), 1);
	assert_int_equal(number_of(b, state_sorted_remove(key, "late")), 0);
	assert_int_equal(number_of(b, state_sorted_cut(key, 1000)), 1);
	assert_int_equal(number_of(b, state_sorted_count(key)), 0);
	assert_int_equal(number_of(b, state_sorted_cut(key, 1000)), 0);
	assert_int_equal(number_of(b, state_delete(key)), 0);
}

/* Counting viewers is one round trip. */
static void test_counts_into_integers(void **state)
{
	struct state_backend *b = *state;
	const char *viewers = "live:stream:s:viewers", *current = "stream:s:current_viewers",
		   *peak = "stream:s:peak_viewers";
	const struct state_op come[] = {state_sorted_add(viewers, "u1", 1),
		state_sorted_add(viewers, "u2", 2), state_sorted_count_to(viewers, current),
		state_raise_from(peak, current)};
	const struct state_op go[] = {state_sorted_remove(viewers, "u1"),
		state_sorted_count_to(viewers, current), state_raise_from(peak, current),
		state_get(current)};
	struct heard h = ask(b, come, 4);

	assert_int_equal(h.reply[2].number, 2);
	assert_int_equal(h.reply[3].number, 2);
	h = ask(b, go, 4);
	assert_int_equal(h.reply[1].number, 1);
	assert_int_equal(h.reply[2].number, 2);
	assert_int_equal(h.reply[3].number, 1);
	/* An empty set counts 0; what is not there raises nothing. */
	result_of(b, state_sorted_remove(viewers, "u2"));
	assert_int_equal(number_of(b, state_sorted_count_to(viewers, current)), 0);
	assert_int_equal(number_of(b, state_get(current)), 0);
	assert_int_equal(number_of(b, state_raise_from(peak, "no:such")), 2);
}

static void test_hashes(void **state)
{
	struct state_backend *b = *state;
	const char *key = "room:r1:typing";

	assert_int_equal(number_of(b, state_hash_set(key, "u1", "100")), 1);
	assert_int_equal(number_of(b, state_hash_set(key, "u1", "200")), 0);
	assert_int_equal(number_of(b, state_hash_set(key, "u2", "300")), 1);
	assert_string_equal(ask_one(b, state_hash_get(key, "u1")).reply[0].text, "200");
	assert_int_equal(result_of(b, state_hash_get(key, "u3")), STATE_NONE);
	assert_int_equal(result_of(b, state_hash_get("no:hash", "u3")), STATE_NONE);
	assert_members(b, state_hash_list(key), "200 300 u1 u2");
	assert_int_equal(number_of(b, state_hash_remove(key, "u1")), 1);
	assert_int_equal(number_of(b, state_hash_remove(key, "u1")), 0);
	assert_int_equal(number_of(b, state_hash_remove(key, "u2")), 1);
	assert_int_equal(number_of(b, state_delete(key)), 0);
}

static void test_lists(void **state)
{
	struct state_backend *b = *state;
	const char *key = "stream:s:chat";
	struct heard h;
	char text[16];

	for (int i = 1; i <= 12; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		assert_int_equal(number_of(b, state_list_push(key, text, 10)), i < 10 ? i : 10);
	}
	h = ask_one(b, state_list_list(key, 3));
	assert_int_equal(h.reply[0].n, 3);
	assert_string_equal(h.reply[0].texts[0], "m12");
	assert_string_equal(h.reply[0].texts[2], "m10");
	h = ask_one(b, state_list_list(key, 100));
	assert_int_equal(h.reply[0].n, 10);
	assert_string_equal(h.reply[0].texts[9], "m3");
	h = ask_one(b, state_list_list("no:list", 100));
	assert_int_equal(h.reply[0].result, STATE_OK);
	assert_int_equal(h.reply[0].n, 0);
}

static void test_wrong_kinds(void **state)
{
	struct state_backend *b = *state;

	result_of(b, state_set_add("set", "a"));
	result_of(b, state_set("text", "word", 0));
	assert_int_equal(result_of(b, state_get("set")), STATE_TYPE);
	assert_int_equal(result_of(b, state_add("set", 1, 0)), STATE_TYPE);
	assert_int_equal(result_of(b, state_raise("text", 1)), STATE_TYPE);
	assert_int_equal(result_of(b, state_set_add("text", "a")), STATE_TYPE);
	assert_int_equal(result_of(b, state_set_count("text")), STATE_TYPE);
	assert_int_equal(result_of(b, state_sorted_add("set", "a", 1)), STATE_TYPE);
	assert_int_equal(result_of(b, state_sorted_count_to("set", "n")), STATE_TYPE);
	assert_int_equal(result_of(b, state_raise_from("n", "set")), STATE_TYPE);
	assert_int_equal(result_of(b, state_hash_set("set", "f", "v")), STATE_TYPE);
	assert_int_equal(result_of(b, state_list_push("set", "v", 3)), STATE_TYPE);
	assert_members(b, state_set_list("set"), "a");
	/* SET replaces whatever it was. */
	assert_int_equal(result_of(b, state_set("set", "text now", 0)), STATE_OK);
	assert_text(b, "set", "text now");
}

/* A failed operation does not stop those behind it. */
static void test_batches_go_on(void **state)
{
	struct state_backend *b = *state;
	const struct state_op ops[] = {state_set_add("set", "a"), state_add("set", 1, 0),
		state_add("n", 1, 0), state_get("n")};
	struct heard h = ask(b, ops, 4);

	assert_int_equal(h.reply[1].result, STATE_TYPE);
	assert_int_equal(h.reply[2].number, 1);
	assert_string_equal(h.reply[3].text, "1");
}

static void test_answers_in_order(void **state)
{
	struct state_backend *b = *state;
	const struct state_op op = state_add("n", 1, 0);
	struct heard h[20] = {0};

	order = 0;
	for (int i = 0; i < 20; i++)
		state_run(b->state, &op, 1, hear, &h[i]);
	b->turn(b);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(h[i].calls, 1);
		assert_int_equal(h[i].order, i + 1);
		assert_int_equal(h[i].reply[0].number, i + 1);
	}
}

struct chain {
	struct state_backend *b;
	unsigned left, heard;
};

static void chain_on(void *user, const struct state_reply *replies, size_t n)
{
	struct chain *c = user;
	const struct state_op op = state_add("n", 1, 0);
	unsigned heard = ++c->heard;

	if (c->left-- > 0)
		state_run(c->b->state, &op, 1, chain_on, c);
	assert_int_equal(c->heard, heard); /* not inside that call */
}

static void test_asks_from_an_answer(void **state)
{
	struct state_backend *b = *state;
	struct chain c = {.b = b, .left = 9};
	const struct state_op op = state_add("n", 1, 0);

	state_run(b->state, &op, 1, chain_on, &c);
	b->turn(b);
	assert_int_equal(c.heard, 10);
	assert_int_equal(number_of(b, state_get("n")), 10);
}

static void test_forgets(void **state)
{
	struct state_backend *b = *state;
	const struct state_op op = state_add("n", 1, 0);
	struct heard gone = {0}, stays = {0};

	state_run(b->state, &op, 1, hear, &gone);
	state_run(b->state, &op, 1, hear, &stays);
	state_run(b->state, &op, 1, hear, &gone);
	state_run(b->state, &op, 1, NULL, NULL);
	state_forget(b->state, &gone);
	b->turn(b);
	assert_int_equal(gone.calls, 0);
	assert_int_equal(stays.calls, 1);
	assert_int_equal(stays.reply[0].number, 2);
	assert_int_equal(number_of(b, state_get("n")), 4);
}

/* Operations borrow their texts only for the call. */
static void test_copies(void **state)
{
	struct state_backend *b = *state;
	char *key = mem_strdup("unread:u1:messages"), *value = mem_strdup("12");
	const struct state_op op = state_set(key, value, 0);

	state_run(b->state, &op, 1, NULL, NULL);
	free(key);
	free(value);
	b->turn(b);
	assert_text(b, "unread:u1:messages", "12");
}

const struct CMUnitTest state_contract_tests[] = {
	{"texts", test_texts, NULL, NULL, NULL},
	{"time to live", test_time_to_live, NULL, NULL, NULL},
	{"integers", test_integers, NULL, NULL, NULL},
	{"a counter with a window", test_counter_with_a_window, NULL, NULL, NULL},
	{"sets", test_sets, NULL, NULL, NULL},
	{"sorted sets", test_sorted_sets, NULL, NULL, NULL},
	{"counts into integers", test_counts_into_integers, NULL, NULL, NULL},
	{"hashes", test_hashes, NULL, NULL, NULL},
	{"lists", test_lists, NULL, NULL, NULL},
	{"wrong kinds", test_wrong_kinds, NULL, NULL, NULL},
	{"batches go on", test_batches_go_on, NULL, NULL, NULL},
	{"answers in order", test_answers_in_order, NULL, NULL, NULL},
	{"asks from an answer", test_asks_from_an_answer, NULL, NULL, NULL},
	{"forgets", test_forgets, NULL, NULL, NULL},
	{"copies", test_copies, NULL, NULL, NULL},
};
const size_t n_state_contract_tests =
	sizeof(state_contract_tests) / sizeof(state_contract_tests[0]);
