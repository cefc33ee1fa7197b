#include "http/playback.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"

#define VERSION 1
#define EXPIRY_SIZE 5
#define HEAD_SIZE (1 + EXPIRY_SIZE)
#define BODY_MAX (HEAD_SIZE + PLAYBACK_VIEWER_SIZE - 1)
#define TAG_SIZE 16
#define TAG_TEXT 22 /* of base64url */

static void sign(const uint8_t *key, struct uuid stream, const uint8_t *body, size_t len,
	uint8_t tag[static TAG_SIZE])
{
	static const char label[] = "souk playback token";
	uint8_t text[sizeof(label) + sizeof(stream.bytes) + BODY_MAX], whole[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(len <= BODY_MAX);
	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), stream.bytes, sizeof(stream.bytes));
	memcpy(text + sizeof(label) + sizeof(stream.bytes), body, len);
	must(HMAC(EVP_sha256(), key, PLAYBACK_KEY_SIZE, text,
		     sizeof(label) + sizeof(stream.bytes) + len, whole, &n) != NULL);
	memcpy(tag, whole, TAG_SIZE);
}

bool playback_token(const uint8_t key[static PLAYBACK_KEY_SIZE], struct uuid stream,
	const char *viewer, uint64_t expires_s, char out[static PLAYBACK_TOKEN_SIZE])
{
	uint8_t body[BODY_MAX], tag[TAG_SIZE];
	size_t len = strlen(viewer), text_len;

	out[0] = '\0';
	if (!len || len >= PLAYBACK_VIEWER_SIZE)
		return false;
	body[0] = VERSION;
	for (int i = 0; i < EXPIRY_SIZE; i++)
		body[1 + i] = (uint8_t)(expires_s >> (8 * (EXPIRY_SIZE - 1 - i)));
	memcpy(body + HEAD_SIZE, viewer, len);
	sign(key, stream, body, HEAD_SIZE + len, tag);
	text_base64url(out, body, HEAD_SIZE + len);
	text_len = strlen(out);
	out[text_len] = '.';
	text_base64url(out + text_len + 1, tag, TAG_SIZE);
	return true;
}

/* Takes the text apart; false if it has not the form of a token. */
static bool token_split(
	const char *token, uint8_t body[static BODY_MAX], size_t *len, uint8_t tag[static TAG_SIZE])
{
	const char *dot = strchr(token, '.');
	size_t tag_len;

	return dot && strlen(dot + 1) == TAG_TEXT &&
		text_unbase64url(token, (size_t)(dot - token), body, BODY_MAX, len) &&
		text_unbase64url(dot + 1, TAG_TEXT, tag, TAG_SIZE, &tag_len) &&
		tag_len == TAG_SIZE && *len > HEAD_SIZE;
}

enum playback_result playback_check(const uint8_t key[static PLAYBACK_KEY_SIZE], struct uuid stream,
	const char *token, uint64_t now_s, char viewer[static PLAYBACK_VIEWER_SIZE])
{
	uint8_t body[BODY_MAX], tag[TAG_SIZE], good[TAG_SIZE];
	uint64_t expires_s = 0;
	size_t len;

	if (!token_split(token, body, &len, tag))
		return PLAYBACK_BAD;
	sign(key, stream, body, len, good);
	if (!text_equal_const(tag, good, TAG_SIZE) || body[0] != VERSION)
		return PLAYBACK_BAD;
	for (int i = 0; i < EXPIRY_SIZE; i++)
		expires_s = expires_s << 8 | body[1 + i];
	if (now_s >= expires_s)
		return PLAYBACK_EXPIRED;
	memcpy(viewer, body + HEAD_SIZE, len - HEAD_SIZE);
	viewer[len - HEAD_SIZE] = '\0';
	return PLAYBACK_OK;
}
