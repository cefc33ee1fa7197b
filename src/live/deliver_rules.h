#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/outbox.h"

/* The rules of delivery, without loop or network: what is sent, and what an answer means. */

/* How an attempt ended. */
enum deliver_verdict {
	DELIVER_OK,
	DELIVER_RETRY,
	DELIVER_GIVE_UP, /* no repeat can help */
	DELIVER_GONE, /* push: the device is no more */
	DELIVER_BAD_TOKEN, /* push: our access token was refused; again with a new one */
};

/* status 0: no answer came. */
enum deliver_verdict deliver_judge_webhook(unsigned status);
/* body: FCM's answer (https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode). */
enum deliver_verdict deliver_judge_push(unsigned status, const char *body, size_t len);

/* What is kept of it for the operator: status and code. */
void deliver_push_error(char *out, size_t size, unsigned status, const char *body, size_t len);

struct deliver_patience {
	uint64_t base_us, give_up_us;
};
#define DELIVER_BACKOFF_MAX_US UINT64_C(3600000000)
/* base · 2^attempts, at most an hour; half of that is certain, the rest is drawn by `random`. */
uint64_t deliver_backoff_us(uint64_t base_us, unsigned attempts, uint64_t random);
/*
 * When to send an entry again after one more failure, in wall ms: by back-off, no sooner than the
 * receiver asks for, and once more when the time is up. 0: it is up.
 */
uint64_t deliver_next_at(const struct deliver_patience *p, const struct outbox_record *r,
	uint64_t now_ms, uint64_t retry_after_us, uint64_t random);

/* The body of a webhook: {"id","event","createdAt","data"}; heap, NULL if the payload is no JSON.
 */
char *deliver_webhook_body(const struct outbox_record *r, const char *public_url);
/* HMAC-SHA256 over TIMESTAMP.BODY, in hex. */
#define DELIVER_SIGNATURE_SIZE 65
void deliver_sign(char out[static DELIVER_SIGNATURE_SIZE], const char *secret, uint64_t timestamp_s,
	const char *body);
