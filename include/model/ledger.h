#pragma once

#include "model/repo.h"

/*
 * Idempotency keys (spec rest.md: "the same key within 24 h gives the first answer again") and the
 * audit log: a family of the repo (`repo.ledger`).
 *
 * Key and body are opaque here: what a caller puts into them (a hash of the client's key, a sealed
 * answer) comes back as it was. A key belongs to one user.
 */
enum idempotency_state {
	IDEMPOTENCY_FIRST, /* reserved for this request */
	IDEMPOTENCY_ANSWERED, /* status and body are the first answer */
	IDEMPOTENCY_UNFINISHED, /* the first request has no answer (yet, or for ever after a crash)
				 */
	IDEMPOTENCY_OTHER, /* the key was used for another request */
	IDEMPOTENCY_TOO_MANY, /* the user has as many keys as there may be */
};

struct repo_idempotency {
	enum repo_result result; /* OK or FAILED; the state counts only with OK */
	enum idempotency_state state;
	int status;
	const char *body; /* borrowed for the call */
};
typedef void (*repo_idempotency_done)(void *user, const struct repo_idempotency *outcome);

/* Numbers grow; `at` is wall time in ms. */
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

/* Times in ms; what is older goes. 0: nothing of the kind. */
struct ledger_prune {
	uint64_t notifications_before, audit_before, idempotency_before;
};

struct repo_ledger_ops {
	/*
	 * Reserves the key, or says what became of it. Keys older than `since_ms` are forgotten:
	 * the one that is asked for, and a few others with every call. A user may have `max`
	 * (0: no bound).
	 */
	void (*idempotency_begin)(void *impl, const char *user_id, const char *key,
		const uint8_t fingerprint[32], uint64_t since_ms, unsigned max,
		repo_idempotency_done done, void *user);
	/* NOT_FOUND: nothing is reserved under the key. */
	void (*idempotency_end)(void *impl, const char *user_id, const char *key, int status,
		const char *body, repo_done done, void *user);
	/* Frees a key whose request was refused without effect; one that is answered stays. */
	void (*idempotency_drop)(
		void *impl, const char *user_id, const char *key, repo_done done, void *user);

	/* id and at are the store's. */
	void (*audit_add)(void *impl, const struct audit_record *r, repo_done done, void *user);
	/* actor NULL: of all; limit 1..100. NOT_FOUND: the cursor is none of ours. */
	enum repo_result (*audit_list)(void *impl, const char *actor, unsigned limit,
		const char *cursor, struct repo_audit_page *out);

	/* Forgets what is old, by turns, so that other writes are not held up. */
	void (*prune)(void *impl, const struct ledger_prune *what, repo_done done, void *user);
};
