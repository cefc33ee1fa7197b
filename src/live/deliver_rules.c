#include "deliver_rules.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"

enum deliver_verdict deliver_judge_webhook(unsigned status)
{
	return status >= 200 && status < 300 ? DELIVER_OK : DELIVER_RETRY;
}

/* The code among the details, which says more than the status of the answer. */
static const char *fcm_code(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const json_t *details = json_object_get(error, "details"), *detail;
	size_t i;

	json_array_foreach(details, i, detail)
	{
		const char *code = json_string_value(json_object_get(detail, "errorCode"));
		if (code)
			return code;
	}
	return json_string_value(json_object_get(error, "status"));
}

enum deliver_verdict deliver_judge_push(unsigned status, const char *body, size_t len)
{
	enum deliver_verdict verdict = DELIVER_RETRY;
	json_t *answer;

	if (status >= 200 && status < 300)
		return DELIVER_OK;
	if (status == 401)
		return DELIVER_BAD_TOKEN;
	if (status != 400 && status != 403 && status != 404 && status != 410)
		return DELIVER_RETRY;
	answer = json_loadb(body, len, 0, NULL);
	if (text_eq(fcm_code(answer), "UNREGISTERED") || status == 410)
		verdict = DELIVER_GONE;
	else if (text_eq(fcm_code(answer), "INVALID_ARGUMENT") ||
		text_eq(fcm_code(answer), "SENDER_ID_MISMATCH"))
		verdict = DELIVER_GIVE_UP;
	json_decref(answer);
	return verdict;
}

void deliver_push_error(char *out, size_t size, unsigned status, const char *body, size_t len)
{
	json_t *answer = json_loadb(body, len, 0, NULL);
	const char *code = fcm_code(answer);

	snprintf(out, size, "FCM answered %u%s%.64s", status, code ? " " : "", code ? code : "");
	json_decref(answer);
}

uint64_t deliver_backoff_us(uint64_t base_us, unsigned attempts, uint64_t random)
{
	uint64_t whole = base_us, half;

	while (attempts-- && whole < DELIVER_BACKOFF_MAX_US)
		whole *= 2;
	if (whole > DELIVER_BACKOFF_MAX_US)
		whole = DELIVER_BACKOFF_MAX_US;
	half = whole / 2;
	return half + random % (whole - half + 1);
}

uint64_t deliver_next_at(const struct deliver_patience *p, const struct outbox_record *r,
	uint64_t now_ms, uint64_t retry_after_us, uint64_t random)
{
	uint64_t wait = deliver_backoff_us(p->base_us, r->attempts, random);
	uint64_t end = r->since + p->give_up_us / 1000, next;

	if (now_ms >= end)
		return 0;
	if (wait < retry_after_us)
		wait = retry_after_us;
	next = now_ms + (wait + 999) / 1000;
	return next < end ? next : end;
}

/* What is stored of a URL of this server is its path. */
static void make_absolute(json_t *data, const char *name, const char *public_url)
{
	const char *path = json_string_value(json_object_get(data, name));
	size_t len = strlen(public_url);
	char *url;

	if (!path || path[0] != '/')
		return;
	while (len && public_url[len - 1] == '/')
		len--;
	url = mem_printf("%.*s%s", (int)len, public_url, path);
	json_object_set_new(data, name, json_string(url));
	free(url);
}

char *deliver_webhook_body(const struct outbox_record *r, const char *public_url)
{
	json_t *data = json_loads(r->payload, JSON_DECODE_ANY, NULL), *whole;
	char id[UUID_TEXT_SIZE], created[TEXT_TIME_SIZE], *text;

	if (!data)
		return NULL;
	if (public_url) {
		make_absolute(data, "vodUrl", public_url);
		make_absolute(data, "thumbnailUrl", public_url);
	}
	uuid_text(id, r->id);
	text_time(created, r->created_at);
	whole = json_pack("{s:s, s:s, s:s, s:o}", "id", id, "event", r->event, "createdAt", created,
		"data", data);
	text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
	json_decref(whole);
	return text;
}

void deliver_sign(char out[static DELIVER_SIGNATURE_SIZE], const char *secret, uint64_t timestamp_s,
	const char *body)
{
	char *text = mem_printf("%llu.%s", (unsigned long long)timestamp_s, body);
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	must(HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)text, strlen(text),
		     mac, &len) != NULL);
	text_hex(out, mac, len);
	free(text);
}
