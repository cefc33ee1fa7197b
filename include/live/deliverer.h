#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "model/outbox.h"
#include "model/people.h"

/*
 * Delivers what stands in the outbox (model/outbox.h): webhooks to one URL, push messages to FCM's
 * HTTP v1. An entry is deleted once its receiver acknowledged it, so after a crash it is sent again
 * with the same id: at least once. The webhooks of a stream are sent one after another, in the
 * order in which they were written; one that failed comes again later and does not hold up the
 * others. Webhooks and push go their own ways: neither waits for the other. Spec operations.md,
 * "Webhooks and push"; for receivers: conf/operating.md. Loop thread only.
 */
struct deliverer;

/* Texts are copied. */
struct deliverer_config {
	const char *webhook_url; /* NULL: no webhooks are written or sent */
	const char *webhook_secret; /* needed with a URL */
	const char
		*public_url; /* goes before paths of this server in what is sent; NULL: nothing */
	uint64_t webhook_timeout_us, push_timeout_us;
	/* Of both: attempt n is repeated after base · 2^n (at most an hour, half of it by chance),
	 * and given up for good when give_up is over. */
	uint64_t retry_base_us, give_up_us;
	/* File of Google's form with client_email, private_key, token_uri and project_id; NULL: no
	 * push. Not changed by deliverer_reconfigure. */
	const char *fcm_service_account;
	const char *fcm_url; /* NULL: Google's */
	const char *user_agent;
};

/* NULL, with a reason for the operator, if the service account cannot be used. */
struct deliverer *deliverer_create(struct loop *l, struct repo repo,
	const struct deliverer_config *config, char *error, size_t error_size);
/* What is under way is dropped; it stays in the outbox. Nulls; *d may be NULL. */
void deliverer_destroy(struct deliverer **d);
void deliverer_reconfigure(struct deliverer *d, const struct deliverer_config *config);
