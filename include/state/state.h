#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Live state: small values under text keys, as spec data.md "State keys" spells them, by primitives
 * that Redis has too. Two backends are held to the same tests (tests/support/state_contract.h): one
 * in the process (state/state_memory.h), and Redis, which other services of the platform read.
 *
 * What is asked for goes out in batches: one batch is one round trip, nothing of others comes
 * between its operations, and each operation sees what those before it did. Batches are carried out
 * and answered in the order of their calls. An answer comes later, on the loop thread, never inside
 * the call. Loop thread only.
 *
 * Keys come into being with the first write and are gone when their last member is removed, when
 * they are deleted, or when their time is over. Texts hold no NUL. A time to live counts from the
 * operation that sets it.
 */
enum state_verb {
	/* Texts and integers; an integer read as text is its decimal digits. */
	STATE_GET, /* text, and number where it is an integer */
	STATE_SET, /* text; ttl 0: for ever, also if it had one */
	STATE_ADD, /* number to an integer, from 0; ttl only where this made the key; new value */
	STATE_RAISE, /* to number, from 0, never down; value after */
	/* Any key. */
	STATE_DELETE, /* number: 1 if there was one */
	STATE_EXPIRE, /* ttl 0: for ever; number: 1 if there is one */
	STATE_TTL, /* number: ms left, -1: for ever */
	/* Sets; number: 1 if it changed something. */
	STATE_SET_ADD,
	STATE_SET_REMOVE,
	STATE_SET_HAS, /* number: 1 if it is a member */
	STATE_SET_COUNT,
	STATE_SET_LIST, /* texts in no order */
	/* Sorted sets, by a score; cheap where the scores grow, as times do. */
	STATE_SORTED_ADD, /* or moves; number 1: it was no member before */
	STATE_SORTED_REMOVE,
	STATE_SORTED_SCORE, /* number */
	STATE_SORTED_COUNT,
	STATE_SORTED_LIST, /* texts and scores, from the lowest score that is number or more */
	STATE_SORTED_CUT, /* removes scores below number; number: how many */
	STATE_SORTED_COUNT_TO, /* stores the count into the integer `other`; the count */
	STATE_RAISE_FROM, /* raises key to the integer `other`; value after */
	/* Hashes. */
	STATE_HASH_SET, /* field `text` to `other`; number 1: the field is new */
	STATE_HASH_GET,
	STATE_HASH_REMOVE,
	STATE_HASH_LIST, /* texts: field, value, field, value … in no order */
	/* Lists. */
	STATE_LIST_PUSH, /* in front; number: how many to keep; the length after */
	STATE_LIST_LIST, /* texts, newest first; number: at most */
};

/* Texts are borrowed for the call of state_run. Made by the functions below. */
struct state_op {
	enum state_verb verb;
	const char *key, *text, *other;
	int64_t number;
	uint64_t ttl_ms;
};

enum state_result {
	STATE_OK,
	STATE_NONE, /* no such key, member or field; nothing was done */
	STATE_TYPE, /* the key holds something else; nothing was done */
	STATE_FULL, /* the bound of memory is reached: nothing was written */
	STATE_LOST, /* the backend cannot be reached, or is going away: it may have been done */
};

struct state_reply {
	enum state_result result;
	int64_t number;
	const char *text; /* NULL: none */
	const char *const *texts; /* of the lists */
	const int64_t *scores; /* beside texts, of STATE_SORTED_LIST */
	size_t n;
};

/* As many replies as there were operations; all of it borrowed for the call. */
typedef void (*state_done)(void *user, const struct state_reply *replies, size_t n);

struct state_ops {
	/* done may be NULL: nobody wants to know. */
	void (*run)(void *impl, const struct state_op *ops, size_t n, state_done done, void *user);
	/* What is under way for this user is done, but no longer answered. */
	void (*forget)(void *impl, void *user);
};

struct state {
	const struct state_ops *ops;
	void *impl;
};

static inline void state_run(
	struct state s, const struct state_op *ops, size_t n, state_done done, void *user)
{
	s.ops->run(s.impl, ops, n, done, user);
}

static inline void state_forget(struct state s, void *user)
{
	s.ops->forget(s.impl, user);
}

/* Operations, in the order of enum state_verb. */
struct state_op state_get(const char *key);
struct state_op state_set(const char *key, const char *text, uint64_t ttl_ms);
struct state_op state_add(const char *key, int64_t by, uint64_t ttl_ms);
struct state_op state_raise(const char *key, int64_t to);
struct state_op state_delete(const char *key);
struct state_op state_expire(const char *key, uint64_t ttl_ms);
struct state_op state_ttl(const char *key);
struct state_op state_set_add(const char *key, const char *member);
struct state_op state_set_remove(const char *key, const char *member);
struct state_op state_set_has(const char *key, const char *member);
struct state_op state_set_count(const char *key);
struct state_op state_set_list(const char *key);
struct state_op state_sorted_add(const char *key, const char *member, int64_t score);
struct state_op state_sorted_remove(const char *key, const char *member);
struct state_op state_sorted_score(const char *key, const char *member);
struct state_op state_sorted_count(const char *key);
struct state_op state_sorted_list(const char *key, int64_t from);
struct state_op state_sorted_cut(const char *key, int64_t below);
struct state_op state_sorted_count_to(const char *key, const char *integer);
struct state_op state_raise_from(const char *key, const char *integer);
struct state_op state_hash_set(const char *key, const char *field, const char *value);
struct state_op state_hash_get(const char *key, const char *field);
struct state_op state_hash_remove(const char *key, const char *field);
struct state_op state_hash_list(const char *key);
struct state_op state_list_push(const char *key, const char *text, int64_t keep);
struct state_op state_list_list(const char *key, int64_t most);
