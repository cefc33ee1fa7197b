#pragma once

#include "model/repo.h"

/* Idempotency keys and the audit log: a family of the repo (`repo.ledger`). */
enum idempotency_state {
	IDEMPOTENCY_FIRST, /* reserved for this request */
	IDEMPOTENCY_ANSWERED, /* status and body are the first answer */
	IDEMPOTENCY_UNFINISHED, /* the first request has no answer (yet, or for ever after a crash)
				 */
	IDEMPOTENCY_OTHER, /* the key was used for another request */
};

struct repo_idempotency {
	enum repo_result result;
	enum idempotency_state state;
	int status;
	const char *body; /* borrowed for the call */
};
typedef void (*repo_idempotency_done)(void *user, const struct repo_idempotency *outcome);

struct audit_record {
	int64_t id;
	uint64_t at;
	char *actor, *action, *target, *detail, *address, *request_id; /* detail: JSON or NULL */
};
void audit_record_finish(struct audit_record *r);

struct repo_audit_page {
	struct audit_record *rows; /* newest first */
	size_t n;
	char *next_cursor;
};
void repo_audit_page_finish(struct repo_audit_page *p);

struct repo_ledger_ops {
	/* Keys older than `since_ms` are forgotten. */
	void (*idempotency_begin)(void *impl, const char *user_id, const char *key,
		const uint8_t fingerprint[32], uint64_t since_ms, repo_idempotency_done done,
		void *user);
	void (*idempotency_end)(void *impl, const char *user_id, const char *key, int status,
		const char *body, repo_done done, void *user);
	/* Frees a key whose request was refused without effect. */
	void (*idempotency_drop)(
		void *impl, const char *user_id, const char *key, repo_done done, void *user);

	void (*audit_add)(void *impl, const struct audit_record *r, repo_done done, void *user);
	enum repo_result (*audit_list)(void *impl, const char *actor, unsigned limit,
		const char *cursor, struct repo_audit_page *out);
};
