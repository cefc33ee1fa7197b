#pragma once

#include "model/repo.h"

/*
 * What others have to be told: a family of the repo (`repo.outbox`). Most entries are written by
 * the store in the transaction of what happened; they are delivered at least once, and carry one id
 * through all repeats. Those of one target are given out in the order in which they were written.
 * Spec operations.md, "Webhooks and push".
 */
enum outbox_kind { OUTBOX_WEBHOOK, OUTBOX_PUSH };
const char *outbox_kind_text(enum outbox_kind k); /* "webhook", "push" */
bool outbox_kind_parse(const char *text, enum outbox_kind *out);

struct outbox_record {
	struct uuid id;
	enum outbox_kind kind;
	char *event; /* "stream.live", … */
	char *target; /* push: the device's token; webhook: the stream's id, or NULL */
	char *payload; /* JSON: webhook: the event's data; push: title, body, data */
	uint64_t created_at, next_at; /* next_at 0: given up */
	uint64_t since; /* where the time until giving up begins: created_at, or the last retry */
	uint32_t attempts; /* that failed */
	char *last_error;
};
void outbox_record_finish(struct outbox_record *r);

struct outbox_list {
	struct outbox_record *rows;
	size_t n;
};
void outbox_list_finish(struct outbox_list *l);

#define OUTBOX_GIVEN_UP_MAX 10000

/* How many were given another chance. */
typedef void (*outbox_retried)(void *user, enum repo_result result, uint32_t n);

struct repo_outbox_ops {
	/* What is configured: entries of other kinds are not written. */
	void (*outbox_enable)(void *impl, bool webhooks, bool push);
	/* fn is called on the loop after each commit that wrote entries; NULL: no more. One at a
	 * time. */
	void (*outbox_watch)(void *impl, void (*fn)(void *user), void *user);
	/* Those of a kind that are due at now_ms, the longest due first; *next_at: when the first
	 * of those that are not is due (0: none). */
	enum repo_result (*outbox_due)(void *impl, enum outbox_kind kind, uint64_t now_ms,
		unsigned limit, struct outbox_list *out, uint64_t *next_at);
	/* Delivered: gone. */
	void (*outbox_delivered)(void *impl, struct uuid id, repo_done done, void *user);
	/* One more attempt failed. next_at 0: given up, kept for the operator; of those the oldest
	 * go when there are more than OUTBOX_GIVEN_UP_MAX. */
	void (*outbox_failed)(void *impl, struct uuid id, const char *error, uint64_t next_at,
		repo_done done, void *user);
	/* A webhook that no write of another family stands for (stream.interrupted), with the
	 * stream as it is now. NOT_FOUND without the stream. */
	void (*outbox_event)(
		void *impl, const char *event, struct uuid stream_id, repo_done done, void *user);
	/* Given up, or waiting; newest first. */
	enum repo_result (*outbox_list)(void *impl, unsigned limit, struct outbox_list *out);
	enum repo_result (*outbox_counts)(void *impl, uint32_t *waiting, uint32_t *given_up);
	/* All that were given up are due now, as if they were new. */
	void (*outbox_retry)(void *impl, outbox_retried done, void *user);
};
