#pragma once

#include "model/repo.h"

/*
 * What others have to be told: a family of the repo (`repo.outbox`). Most entries are written by
 * the store in the transaction of what happened; they are delivered at least once, and carry one id
 * through all repeats. Spec operations.md, "Webhooks and push".
 */
enum outbox_kind { OUTBOX_WEBHOOK, OUTBOX_PUSH };

struct outbox_record {
	struct uuid id;
	enum outbox_kind kind;
	char *event; /* "stream.live", … */
	char *target; /* push: the device's token */
	char *payload; /* JSON: webhook: the event's data; push: title, body, data */
	uint64_t created_at, next_at; /* next_at 0: given up */
	uint32_t attempts;
	char *last_error;
};
void outbox_record_finish(struct outbox_record *r);

struct outbox_list {
	struct outbox_record *rows;
	size_t n;
};
void outbox_list_finish(struct outbox_list *l);

struct repo_outbox_ops {
	/* What is configured: entries of other kinds are not written. */
	void (*outbox_enable)(void *impl, bool webhooks, bool push);
	/* Those due at now_ms, the oldest first; *next_at: when the next of the rest is due (0:
	 * none). */
	enum repo_result (*outbox_due)(void *impl, uint64_t now_ms, unsigned limit,
		struct outbox_list *out, uint64_t *next_at);
	/* Delivered: gone. */
	void (*outbox_delivered)(void *impl, struct uuid id, repo_done done, void *user);
	/* next_at 0: given up, kept for the operator. */
	void (*outbox_failed)(void *impl, struct uuid id, const char *error, uint64_t next_at,
		repo_done done, void *user);
	/* An event that no write of another family stands for (stream.interrupted). */
	void (*outbox_event)(
		void *impl, const char *event, struct uuid stream_id, repo_done done, void *user);
	/* Given up, or waiting; newest first. */
	enum repo_result (*outbox_list)(void *impl, unsigned limit, struct outbox_list *out);
	enum repo_result (*outbox_counts)(void *impl, uint32_t *waiting, uint32_t *given_up);
};
