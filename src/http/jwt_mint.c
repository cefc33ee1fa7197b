#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/jwt.h"
#include "model/record.h"

static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

static bool set_text(json_t *claims, const char *name, const char *value)
{
	return !value || json_object_set_new(claims, name, json_string(value)) == 0;
}

static json_t *roles_json(unsigned roles)
{
	char text[64], *rest = text, *word;
	json_t *list = json_array();

	user_roles_text(roles, text, sizeof(text));
	while ((word = strsep(&rest, ",")))
		if (*word)
			json_array_append_new(list, json_string(word));
	return list;
}

static char *claims_text(const struct jwt_mint *m)
{
	json_t *claims = json_object();
	json_int_t now = (json_int_t)(m->now_ms / 1000);
	char *text = NULL;

	json_object_set_new(claims, "iat", json_integer(now));
	json_object_set_new(
		claims, "exp", json_integer((json_int_t)((m->now_ms + m->ttl_ms) / 1000)));
	json_object_set_new(claims, "roles", roles_json(m->roles));
	if (m->actor)
		json_object_set_new(claims, "act", json_pack("{s:s}", "sub", m->actor));
	if (m->sub && set_text(claims, "sub", m->sub) && set_text(claims, "name", m->name) &&
		set_text(claims, "avatar", m->avatar) &&
		set_text(claims, "neighborhood", m->neighborhood) &&
		set_text(claims, "iss", m->issuer) && set_text(claims, "aud", m->audience))
		text = json_dumps(claims, JSON_COMPACT);
	json_decref(claims);
	return text;
}

static void put_base64url(struct buf *b, const void *data, size_t len)
{
	size_t size = text_base64url_size(len);
	char *out = (char *)buf_reserve(b, size);

	text_base64url(out, data, len);
	b->len += strlen(out);
}

char *jwt_mint(const struct jwt_mint *m, const char *secret, size_t secret_len)
{
	char *claims = claims_text(m), *token = NULL;
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf b = {0};

	if (!claims)
		return NULL;
	put_base64url(&b, header, strlen(header));
	buf_put_u8(&b, '.');
	put_base64url(&b, claims, strlen(claims));
	free(claims);
	if (HMAC(EVP_sha256(), secret, (int)secret_len, b.data, b.len, mac, &n)) {
		buf_put_u8(&b, '.');
		put_base64url(&b, mac, n);
		if (b.len <= JWT_MAX)
			token = mem_strdup(buf_text(&b));
	}
	buf_finish(&b);
	return token;
}
