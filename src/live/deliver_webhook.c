#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver_private.h"

#define ERROR_SIZE 256

static void on_answer(void *user, const struct http_client_answer *answer)
{
	struct entry *e = user;
	char error[ERROR_SIZE];

	e->call = NULL;
	if (answer->status)
		snprintf(error, sizeof(error), "the receiver answered %u", answer->status);
	else
		snprintf(error, sizeof(error), "%s", answer->error);
	entry_settle(e, deliver_judge_webhook(answer->status), error, answer->retry_after_us);
}

static void send_body(struct entry *e, const char *body)
{
	const struct deliverer *d = e->lane->deliverer;
	uint64_t now_s = clock_wall_ms(loop_clock(d->loop)) / 1000;
	char id[UUID_TEXT_SIZE], signature[DELIVER_SIGNATURE_SIZE];
	char id_line[80], time_line[80], signature_line[120];
	const char *const headers[] = {
		"Content-Type: application/json", id_line, time_line, signature_line};
	const struct http_client_request request = {
		.method = "POST",
		.url = d->webhook_url,
		.headers = headers,
		.n_headers = sizeof(headers) / sizeof(*headers),
		.body = body,
		.body_len = strlen(body),
		.timeout_us = d->webhook_timeout_us,
		.connect_timeout_us = d->webhook_timeout_us,
		.ignore_answer = true,
	};

	uuid_text(id, e->record.id);
	deliver_sign(signature, d->webhook_secret, now_s, body);
	snprintf(id_line, sizeof(id_line), "X-Souk-Id: %s", id);
	snprintf(time_line, sizeof(time_line), "X-Souk-Timestamp: %llu", (unsigned long long)now_s);
	snprintf(signature_line, sizeof(signature_line), "X-Souk-Signature: sha256=%s", signature);
	e->call = http_client_send(d->client, &request, on_answer, e);
}

void webhook_send(struct entry *e)
{
	char *body = deliver_webhook_body(&e->record, e->lane->deliverer->public_url);

	if (body)
		send_body(e, body);
	else
		entry_settle(e, DELIVER_GIVE_UP, "its payload is not JSON", 0);
	free(body);
}
