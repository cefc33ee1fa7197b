#include "http/jwt.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http/jwks.h"
#include "model/record.h"

#define HS256_SIZE 32
/* Seconds that a date of a token may name: up to the year 9999, so that ms never overflow. */
#define SECONDS_MAX 253402300799.0

const char *jwt_result_text(enum jwt_result r)
{
	switch (r) {
	case JWT_OK:
		return "The token is good.";
	case JWT_MALFORMED:
		return "The token is not a JSON Web Token.";
	case JWT_BAD_ALGORITHM:
		return "The token's algorithm is not accepted.";
	case JWT_UNKNOWN_KEY:
		return "The token's key is not known.";
	case JWT_BAD_SIGNATURE:
		return "The token's signature is wrong.";
	case JWT_BAD_CLAIMS:
		return "The token lacks sub or exp, or a claim has the wrong type.";
	case JWT_EXPIRED:
		return "The token has expired.";
	case JWT_NOT_YET:
		return "The token is not valid yet.";
	case JWT_WRONG_ISSUER:
		return "The token is from another issuer.";
	case JWT_WRONG_AUDIENCE:
		return "The token is for another audience.";
	}
	return "";
}

/* Cuts the token at its two dots. */
static bool split(const char *token, size_t len, struct jwks_signed *out)
{
	const char *end = token + len, *first, *second;

	if (!len || len > JWT_MAX || memchr(token, '\0', len))
		return false;
	first = memchr(token, '.', len);
	second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
	if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
		return false;
	*out = (struct jwks_signed){
		.token = token,
		.header_len = (size_t)(first - token),
		.payload_len = (size_t)(second - first - 1),
		.signature_len = (size_t)(end - second - 1),
	};
	return out->header_len && out->payload_len && out->signature_len;
}

/* The JSON object in a part; a name that stands twice in it is refused, as parsers differ there. */
static json_t *decode(const char *part, size_t len)
{
	uint8_t json[JWT_MAX];
	size_t n;
	json_t *root;

	if (!text_unbase64url(part, len, json, sizeof(json), &n))
		return NULL;
	root = json_loadb((const char *)json, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

static enum jwt_result verify_hs256(const struct jwt_keys *keys, const struct jwks_signed *s)
{
	size_t input_len = s->header_len + 1 + s->payload_len, len;
	uint8_t theirs[HS256_SIZE], ours[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!keys->secret || !keys->secret_len)
		return JWT_BAD_ALGORITHM;
	if (!text_unbase64url(
		    s->token + input_len + 1, s->signature_len, theirs, sizeof(theirs), &len) ||
		len != sizeof(theirs))
		return JWT_BAD_SIGNATURE;
	if (!HMAC(EVP_sha256(), keys->secret, (int)keys->secret_len, (const uint8_t *)s->token,
		    input_len, ours, &n) ||
		n != sizeof(theirs))
		return JWT_BAD_SIGNATURE;
	return text_equal_const(theirs, ours, sizeof(theirs)) ? JWT_OK : JWT_BAD_SIGNATURE;
}

static enum jwt_result verify_signature(
	const json_t *header, const struct jwt_keys *keys, const struct jwks_signed *s)
{
	const char *alg = json_string_value(json_object_get(header, "alg"));
	json_t *kid = json_object_get(header, "kid");
	enum jwks_alg asymmetric;

	if (json_object_get(header, "crit") || json_object_get(header, "b64"))
		return JWT_BAD_ALGORITHM;
	if (kid && !json_is_string(kid))
		return JWT_MALFORMED;
	if (text_eq(alg, "HS256"))
		return verify_hs256(keys, s);
	if (!keys->jwks || !jwks_alg_parse(alg, &asymmetric))
		return JWT_BAD_ALGORITHM;
	return jwks_verify(keys->jwks, asymmetric, json_string_value(kid), s);
}

/* NumericDate (RFC 7519 section 2) to ms; absent gives false with *bad untouched. */
static bool date_claim(const json_t *claims, const char *name, uint64_t *ms, bool *bad)
{
	const json_t *v = json_object_get(claims, name);
	double seconds = json_number_value(v);

	if (!v)
		return false;
	if (!json_is_number(v) || !(seconds >= 0 && seconds <= SECONDS_MAX)) {
		*bad = true;
		return false;
	}
	*ms = (uint64_t)(seconds * 1000);
	return true;
}

static enum jwt_result check_dates(
	const json_t *claims, const struct jwt_checks *checks, uint64_t *expires_ms)
{
	uint64_t not_before;
	bool bad = false;

	if (!date_claim(claims, "exp", expires_ms, &bad))
		return JWT_BAD_CLAIMS;
	if (checks->now_ms >= *expires_ms + checks->leeway_ms)
		return JWT_EXPIRED;
	if (date_claim(claims, "nbf", &not_before, &bad) &&
		checks->now_ms + checks->leeway_ms < not_before)
		return JWT_NOT_YET;
	return bad ? JWT_BAD_CLAIMS : JWT_OK;
}

static bool audience_fits(const json_t *aud, const char *audience)
{
	json_t *one;
	size_t i;

	if (json_is_string(aud))
		return text_eq(json_string_value(aud), audience);
	json_array_foreach(aud, i, one) if (text_eq(json_string_value(one), audience)) return true;
	return false;
}

static enum jwt_result check_origin(const json_t *claims, const struct jwt_checks *checks)
{
	const char *issuer = json_string_value(json_object_get(claims, "iss"));

	if (checks->issuer && !text_eq(issuer, checks->issuer))
		return JWT_WRONG_ISSUER;
	if (checks->audience && !audience_fits(json_object_get(claims, "aud"), checks->audience))
		return JWT_WRONG_AUDIENCE;
	return JWT_OK;
}

/* A text claim that may be missing or null. */
static bool text_claim(const json_t *claims, const char *name, char **out)
{
	const json_t *v = json_object_get(claims, name);

	*out = NULL;
	if (!v || json_is_null(v))
		return true;
	if (!json_is_string(v))
		return false;
	*out = mem_strdup(json_string_value(v));
	return true;
}

static bool sub_is_good(const char *sub)
{
	size_t n = sub ? text_utf8_count(sub) : 0;

	for (const char *c = sub; c && *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return n >= 1 && n <= USER_ID_MAX;
}

static bool roles_claim(const json_t *claims, struct jwt_claims *out)
{
	json_t *roles = json_object_get(claims, "roles"), *role;
	size_t i;

	if (!roles || json_is_null(roles))
		return true;
	if (!json_is_array(roles))
		return false;
	out->has_roles = true;
	json_array_foreach(roles, i, role)
	{
		if (!json_is_string(role))
			return false;
		user_role_parse(json_string_value(role), &out->roles);
	}
	return true;
}

/* {"act": {"sub": …}}; nobody acts for nobody, so one without a name is refused. */
static bool actor_claim(const json_t *claims, struct jwt_claims *out)
{
	const json_t *act = json_object_get(claims, "act");

	if (!act || json_is_null(act))
		return true;
	return json_is_object(act) && text_claim(act, "sub", &out->actor) &&
		sub_is_good(out->actor);
}

static enum jwt_result read_claims(
	const json_t *claims, const struct jwt_checks *checks, struct jwt_claims *out)
{
	enum jwt_result result = check_dates(claims, checks, &out->expires_ms);

	if (result == JWT_OK)
		result = check_origin(claims, checks);
	if (result != JWT_OK)
		return result;
	if (!text_claim(claims, "sub", &out->sub) || !sub_is_good(out->sub) ||
		!text_claim(claims, "name", &out->name) ||
		!text_claim(claims, "avatar", &out->avatar) ||
		!text_claim(claims, "neighborhood", &out->neighborhood) ||
		!actor_claim(claims, out) || !roles_claim(claims, out))
		return JWT_BAD_CLAIMS;
	return JWT_OK;
}

enum jwt_result jwt_verify(const char *token, size_t len, const struct jwt_keys *keys,
	const struct jwt_checks *checks, struct jwt_claims *out)
{
	struct jwt_claims claims = {0};
	struct jwks_signed s;
	enum jwt_result result = JWT_MALFORMED;
	json_t *header, *payload;

	if (!split(token, len, &s))
		return JWT_MALFORMED;
	header = decode(token, s.header_len);
	if (header)
		result = verify_signature(header, keys, &s);
	json_decref(header);
	if (result != JWT_OK)
		return result;
	payload = decode(token + s.header_len + 1, s.payload_len);
	result = payload ? read_claims(payload, checks, &claims) : JWT_MALFORMED;
	json_decref(payload);
	if (result == JWT_OK)
		*out = claims;
	else
		jwt_claims_finish(&claims);
	return result;
}

void jwt_claims_finish(struct jwt_claims *c)
{
	free(c->sub);
	free(c->name);
	free(c->avatar);
	free(c->neighborhood);
	free(c->actor);
	*c = (struct jwt_claims){0};
}
