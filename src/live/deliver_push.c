#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "outbox"

#include "base/log.h"
#include "base/mem.h"
#include "deliver_private.h"

#define ERROR_SIZE 256
/* A token is renewed before it ends, so that no message meets its end on the way. */
#define TOKEN_MARGIN_S 120
#define TOKEN_PAUSE_MAX_US UINT64_C(300000000)

static void on_pause_over(void *user)
{
	struct deliverer *d = user;

	lane_pump(&d->pushes);
}

bool push_init(
	struct deliverer *d, const struct deliverer_config *config, char *error, size_t error_size)
{
	if (!config->fcm_service_account)
		return true;
	d->account = fcm_account_load(config->fcm_service_account, error, error_size);
	if (!d->account)
		return false;
	d->send_url = fcm_send_url(d->account, config->fcm_url ? config->fcm_url : FCM_URL);
	d->token.pause = loop_timer_create(d->loop, "push token", on_pause_over, d);
	return true;
}

static void forget_token(struct push_token *t)
{
	if (t->text)
		explicit_bzero(t->text, strlen(t->text));
	free(t->text);
	t->text = NULL;
}

void push_finish(struct deliverer *d)
{
	http_client_cancel(&d->token.call);
	timer_destroy(&d->token.pause);
	forget_token(&d->token);
	fcm_account_destroy(&d->account);
	free(d->send_url);
}

static void token_failed(struct deliverer *d, const char *error)
{
	struct push_token *t = &d->token;
	uint64_t random, pause;

	clock_random(loop_clock(d->loop), &random, sizeof(random));
	pause = deliver_backoff_us(d->patience.base_us, t->failures++, random);
	timer_start(t->pause, pause < TOKEN_PAUSE_MAX_US ? pause : TOKEN_PAUSE_MAX_US);
	log_error("no access token for push", kv_str("error", error));
	lane_expire(&d->pushes, error);
}

static void on_token(void *user, const struct http_client_answer *answer)
{
	struct deliverer *d = user;
	struct push_token *t = &d->token;
	char error[ERROR_SIZE];
	uint64_t life_s;

	t->call = NULL;
	if (answer->status == 200 &&
		fcm_token_parse(answer->body, answer->len, &t->text, &life_s)) {
		uint64_t margin = life_s > 2 * TOKEN_MARGIN_S ? TOKEN_MARGIN_S : life_s / 2;

		t->failures = 0;
		t->serial++;
		t->renew_at_us = loop_now_us(d->loop) + (life_s - margin) * 1000000;
		lane_pump(&d->pushes);
		return;
	}
	if (answer->status)
		snprintf(error, sizeof(error), "the token endpoint answered %u", answer->status);
	else
		snprintf(error, sizeof(error), "the token endpoint: %s", answer->error);
	token_failed(d, error);
}

static void fetch_token(struct deliverer *d)
{
	static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded"};
	uint64_t now_s = clock_wall_ms(loop_clock(d->loop)) / 1000;
	char *form = fcm_token_form(d->account, now_s);
	struct http_client_request request = {
		.method = "POST",
		.url = fcm_token_url(d->account),
		.headers = headers,
		.n_headers = 1,
		.body = form,
		.timeout_us = d->push_timeout_us,
		.connect_timeout_us = d->push_timeout_us,
	};

	if (!form) {
		token_failed(d, "the service account's key cannot sign");
		return;
	}
	request.body_len = strlen(form);
	d->token.call = http_client_send(d->client, &request, on_token, d);
	free(form);
}

bool push_ready(struct deliverer *d)
{
	struct push_token *t = &d->token;

	if (t->text && loop_now_us(d->loop) < t->renew_at_us)
		return true;
	forget_token(t);
	if (!t->call && !timer_active(t->pause))
		fetch_token(d);
	return false;
}

static void on_answer(void *user, const struct http_client_answer *answer)
{
	struct entry *e = user;
	struct push_token *t = &e->lane->deliverer->token;
	enum deliver_verdict verdict;
	char error[ERROR_SIZE];

	e->call = NULL;
	verdict = deliver_judge_push(answer->status, answer->body, answer->len);
	/* One that was sent with an older token says nothing of this one. */
	if (verdict == DELIVER_BAD_TOKEN && e->token_serial == t->serial)
		forget_token(t);
	if (answer->status)
		deliver_push_error(error, sizeof(error), answer->status, answer->body, answer->len);
	else
		snprintf(error, sizeof(error), "%s", answer->error);
	entry_settle(e, verdict, error, answer->retry_after_us);
}

static void send_message(struct entry *e, const char *message)
{
	const struct deliverer *d = e->lane->deliverer;
	char *authorization = mem_printf("Authorization: Bearer %s", d->token.text);
	const char *const headers[] = {"Content-Type: application/json", authorization};
	const struct http_client_request request = {
		.method = "POST",
		.url = d->send_url,
		.headers = headers,
		.n_headers = 2,
		.body = message,
		.body_len = strlen(message),
		.timeout_us = d->push_timeout_us,
		.connect_timeout_us = d->push_timeout_us,
	};

	e->token_serial = d->token.serial;
	e->call = http_client_send(d->client, &request, on_answer, e);
	explicit_bzero(authorization, strlen(authorization));
	free(authorization);
}

void push_send(struct entry *e)
{
	char *message = fcm_message(&e->record);

	if (message)
		send_message(e, message);
	else
		entry_settle(e, DELIVER_GIVE_UP, "its payload is no message", 0);
	free(message);
}
