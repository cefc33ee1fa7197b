#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/outbox.h"

/*
 * Firebase Cloud Messaging, HTTP v1, without loop or network: the service account, the assertion
 * that its token endpoint exchanges (RFC 7523), and the messages.
 */
#define FCM_URL "https://fcm.googleapis.com"

struct fcm_account;

/* NULL with a reason for the operator. */
struct fcm_account *fcm_account_load(const char *path, char *error, size_t error_size);
struct fcm_account *fcm_account_parse(const char *json, size_t len, char *error, size_t error_size);
void fcm_account_destroy(struct fcm_account **a);
const char *fcm_token_url(const struct fcm_account *a);
/* Where messages go; heap. base: FCM_URL, or another for tests. */
char *fcm_send_url(const struct fcm_account *a, const char *base);

/* The form that asks for an access token, with an assertion of an hour; heap. */
char *fcm_token_form(const struct fcm_account *a, uint64_t now_s);
/* The answer to it: *token on the heap, seconds of its life. False: not such an answer. */
bool fcm_token_parse(const char *body, size_t len, char **token, uint64_t *expires_s);

/*
 * The message of an entry whose payload has title, body and data; heap, NULL if it is no such JSON.
 * FCM wants texts as data: numbers and the like are written as JSON.
 */
char *fcm_message(const struct outbox_record *r);
