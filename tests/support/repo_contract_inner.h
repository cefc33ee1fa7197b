#pragma once

#include "support/repo_contract.h"

/* What the files of the contract share. */
struct contract_test {
	const char *name;
	CMUnitTestFunction test;
};
extern const struct contract_test contract_lists[];
extern const size_t n_contract_lists;

extern const uint8_t key_one[STREAM_KEY_HASH_SIZE], key_two[STREAM_KEY_HASH_SIZE],
	key_three[STREAM_KEY_HASH_SIZE];

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

void assert_id(struct uuid is, struct uuid want);
void assert_text(const char *is, const char *want);
struct stream_record make_stream(struct repo_backend *b, const char *seller_id, const char *title);
void go_live(struct repo_backend *b, struct uuid id, const uint8_t *key);
void end_stream(struct repo_backend *b, struct uuid id);
