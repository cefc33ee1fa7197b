#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * JSON Web Tokens (RFC 7519) in the compact serialization of JWS (RFC 7515 section 7.1). Sans-io:
 * bytes, keys and the time go in, claims come out. Rules: spec rest.md "Authentication" and the
 * best current practices of RFC 8725: the algorithm of a token never chooses the kind of key,
 * `crit` is refused because no extension is understood here, and nothing of the claims is looked at
 * before the signature is good.
 *
 * HS256 is checked against the local secret only, RS256, ES256 and EdDSA (Ed25519, RFC 8037)
 * against a JWKS only.
 */
#define JWT_MAX 8192 /* bytes of a token */

enum jwt_result {
	JWT_OK,
	JWT_MALFORMED, /* not three parts of base64url JSON, or over JWT_MAX */
	JWT_BAD_ALGORITHM, /* none, unknown, or one without a key here; crit */
	JWT_UNKNOWN_KEY, /* no key with this kid (or none of this kind) */
	JWT_BAD_SIGNATURE,
	JWT_BAD_CLAIMS, /* sub or exp missing, or a claim of the wrong type */
	JWT_EXPIRED,
	JWT_NOT_YET,
	JWT_WRONG_ISSUER,
	JWT_WRONG_AUDIENCE,
};
/* A sentence for the error answer; safe inside a quoted-string. */
const char *jwt_result_text(enum jwt_result r);

struct jwks;

struct jwt_keys {
	const char *secret; /* the secret's text is the HMAC key; NULL: HS256 is refused */
	size_t secret_len;
	const struct jwks *jwks; /* NULL: the asymmetric algorithms are refused */
};

struct jwt_checks {
	const char *issuer, *audience; /* NULL: not checked */
	uint64_t now_ms, leeway_ms; /* wall time; the leeway counts for exp and nbf */
};

/* Owned; absent ones are NULL. */
struct jwt_claims {
	char *sub; /* 1 to 128 characters */
	char *name, *avatar, *neighborhood;
	char *actor; /* who acts in the name of sub: act.sub (RFC 8693 section 4.1) */
	bool has_roles;
	unsigned roles; /* enum user_role bits; unknown names are left out */
	uint64_t expires_ms;
};

/* *out is set on JWT_OK only, and then released by jwt_claims_finish. */
enum jwt_result jwt_verify(const char *token, size_t len, const struct jwt_keys *keys,
	const struct jwt_checks *checks, struct jwt_claims *out);
void jwt_claims_finish(struct jwt_claims *c);

struct jwt_mint {
	const char *sub, *name, *avatar,
		*neighborhood; /* sub is required, NULL leaves others out */
	const char *actor; /* who acts in the name of sub; NULL: nobody else */
	const char *issuer, *audience; /* NULL: left out */
	unsigned roles;
	uint64_t now_ms, ttl_ms;
};
/* A token signed with HS256, owned by the caller; NULL if a text is not UTF-8 or it gets too long.
 */
char *jwt_mint(const struct jwt_mint *m, const char *secret, size_t secret_len);

/*
 * The secret file: its text without white space at the end is the key. One shorter than 32
 * characters (RFC 7518 section 3.2 wants 256 bits) or readable by everybody is refused, one that
 * its group may read gets a warning in the log. `make`: a missing one is made first, with mode 0600
 * and 256 random bits in base64url. NULL with a text in error on failure; the caller frees the
 * result.
 */
char *jwt_secret_load(const char *path, bool make, char *error, size_t error_size);
