#define LOG_MODULE "auth"

#include "http/jwks.h"

#include <jansson.h>
#include <jose/jws.h>
#include <jose/openssl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define KEYS_MAX 64
#define RSA_BITS_MIN 2048
#define ED25519_KEY_SIZE 32
#define ED25519_SIGNATURE_SIZE 64

struct jwks_key {
	enum jwks_alg alg;
	char *kid; /* NULL: none */
	json_t *jwk; /* RS256, ES256 */
	EVP_PKEY *ed25519; /* EdDSA */
};

struct jwks {
	struct jwks_key keys[KEYS_MAX];
	size_t n;
};

static const char *const alg_names[] = {"RS256", "ES256", "EdDSA"};

bool jwks_alg_parse(const char *text, enum jwks_alg *out)
{
	for (size_t i = 0; i < sizeof(alg_names) / sizeof(*alg_names); i++) {
		if (!text_eq(text, alg_names[i]))
			continue;
		*out = (enum jwks_alg)i;
		return true;
	}
	return false;
}

static const char *member(const json_t *jwk, const char *name)
{
	return json_string_value(json_object_get(jwk, name));
}

static bool key_alg(const json_t *jwk, enum jwks_alg *out)
{
	const char *kty = member(jwk, "kty"), *crv = member(jwk, "crv");

	if (text_eq(kty, "RSA"))
		*out = JWKS_RS256;
	else if (text_eq(kty, "EC") && text_eq(crv, "P-256"))
		*out = JWKS_ES256;
	else if (text_eq(kty, "OKP") && text_eq(crv, "Ed25519"))
		*out = JWKS_EDDSA;
	else
		return false;
	return !json_object_get(jwk, "alg") || text_eq(member(jwk, "alg"), alg_names[*out]);
}

static bool key_is_for_verifying(const json_t *jwk)
{
	json_t *ops = json_object_get(jwk, "key_ops"), *op;
	size_t i;

	if (json_object_get(jwk, "use") && !text_eq(member(jwk, "use"), "sig"))
		return false;
	if (!ops)
		return true;
	json_array_foreach(ops, i, op) if (text_eq(json_string_value(op), "verify")) return true;
	return false;
}

/* The members that make a public key: what else stands in the file stays out. */
static json_t *public_part(const json_t *jwk, enum jwks_alg alg)
{
	static const char *const members[] = {"kty", "crv", "n", "e", "x", "y"};
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (json_object_get(jwk, members[i]))
			json_object_set(out, members[i], json_object_get(jwk, members[i]));
	json_object_set_new(out, "alg", json_string(alg_names[alg]));
	return out;
}

static bool usable(const json_t *jwk, enum jwks_alg alg)
{
	EVP_PKEY *key = jose_openssl_jwk_to_EVP_PKEY(NULL, jwk);
	bool good = key && (alg != JWKS_RS256 || EVP_PKEY_bits(key) >= RSA_BITS_MIN);

	EVP_PKEY_free(key);
	return good;
}

static EVP_PKEY *ed25519_key(const json_t *jwk)
{
	const char *x = member(jwk, "x");
	uint8_t raw[ED25519_KEY_SIZE];
	size_t len;

	if (!x || !text_unbase64url(x, strlen(x), raw, sizeof(raw), &len) || len != sizeof(raw))
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, len);
}

static bool add_key(struct jwks *k, const json_t *jwk)
{
	struct jwks_key *key = &k->keys[k->n];

	if (!json_is_object(jwk) || !key_alg(jwk, &key->alg) || !key_is_for_verifying(jwk))
		return false;
	if (key->alg == JWKS_EDDSA) {
		key->ed25519 = ed25519_key(jwk);
		if (!key->ed25519)
			return false;
	} else {
		json_t *part = public_part(jwk, key->alg);

		if (!usable(part, key->alg)) {
			json_decref(part);
			return false;
		}
		key->jwk = part;
	}
	key->kid = mem_strdup(member(jwk, "kid"));
	k->n++;
	return true;
}

static void add_keys(struct jwks *k, const json_t *list)
{
	json_t *jwk;
	size_t i;

	json_array_foreach(list, i, jwk)
	{
		if (k->n == KEYS_MAX) {
			log_warn("too many keys in the JWKS", kv_u64("kept", KEYS_MAX));
			return;
		}
		if (!add_key(k, jwk))
			log_warn("key of the JWKS left out", kv_u64("index", i),
				kv_str("kid", member(jwk, "kid")));
	}
}

struct jwks *jwks_parse(const char *text, size_t len, char *error, size_t error_size)
{
	json_error_t where;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	json_t *list = json_object_get(root, "keys");
	struct jwks *k = mem_new(struct jwks);

	if (!root)
		snprintf(error, error_size, "line %d: %s", where.line, where.text);
	else if (!json_is_array(list))
		snprintf(error, error_size, "no array \"keys\" in it");
	else
		add_keys(k, list);
	if (json_is_array(list) && !k->n)
		snprintf(error, error_size, "no key for RS256, ES256 or EdDSA in it");
	json_decref(root);
	if (!k->n)
		jwks_destroy(&k);
	return k;
}

void jwks_destroy(struct jwks **k)
{
	if (!*k)
		return;
	for (size_t i = 0; i < (*k)->n; i++) {
		free((*k)->keys[i].kid);
		json_decref((*k)->keys[i].jwk);
		EVP_PKEY_free((*k)->keys[i].ed25519);
	}
	free(*k);
	*k = NULL;
}

size_t jwks_count(const struct jwks *k)
{
	return k->n;
}

static bool verify_by_jose(const struct jwks_key *key, const struct jwks_signed *s)
{
	const char *payload = s->token + s->header_len + 1;
	const char *signature = payload + s->payload_len + 1;
	json_t *jws = json_pack("{s:s%, s:s%, s:s%}", "protected", s->token, s->header_len,
		"payload", payload, s->payload_len, "signature", signature, s->signature_len);
	bool good = jws && jose_jws_ver(NULL, jws, NULL, key->jwk, false);

	json_decref(jws);
	return good;
}

static bool verify_ed25519(const struct jwks_key *key, const struct jwks_signed *s)
{
	size_t input_len = s->header_len + 1 + s->payload_len, len;
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	EVP_MD_CTX *md;
	bool good;

	if (!text_unbase64url(s->token + input_len + 1, s->signature_len, signature,
		    sizeof(signature), &len) ||
		len != sizeof(signature))
		return false;
	md = EVP_MD_CTX_new();
	good = md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key->ed25519) == 1 &&
		EVP_DigestVerify(md, signature, len, (const uint8_t *)s->token, input_len) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

static bool verify_one(const struct jwks_key *key, const struct jwks_signed *s)
{
	switch (key->alg) {
	case JWKS_RS256:
	case JWKS_ES256:
		return verify_by_jose(key, s);
	case JWKS_EDDSA:
		return verify_ed25519(key, s);
	}
	return false;
}

enum jwt_result jwks_verify(
	const struct jwks *k, enum jwks_alg alg, const char *kid, const struct jwks_signed *s)
{
	enum jwt_result result = JWT_UNKNOWN_KEY;

	for (size_t i = 0; i < k->n; i++) {
		const struct jwks_key *key = &k->keys[i];

		if (key->alg != alg || (kid && !text_eq(kid, key->kid)))
			continue;
		if (verify_one(key, s))
			return JWT_OK;
		result = JWT_BAD_SIGNATURE;
	}
	return result;
}
