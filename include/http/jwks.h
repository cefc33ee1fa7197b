#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http/jwt.h"

/*
 * A set of public keys (RFC 7517) for RS256, ES256 and EdDSA. The JOSE library reads the keys and
 * checks the first two; it does not know the curve Ed25519 (RFC 8037), which goes to OpenSSL.
 *
 * A key serves one algorithm, which follows from its kty and crv (and must agree with its `alg`, if
 * that is given). Left out, with a log line: symmetric keys, RSA under 2048 bits, other curves,
 * keys for encryption. Private parts are dropped.
 */
struct jwks;

/* NULL with a text in error if it is no JWKS or holds no usable key. */
struct jwks *jwks_parse(const char *text, size_t len, char *error, size_t error_size);
void jwks_destroy(struct jwks **k);
size_t jwks_count(const struct jwks *k);

enum jwks_alg { JWKS_RS256, JWKS_ES256, JWKS_EDDSA };
bool jwks_alg_parse(const char *text, enum jwks_alg *out);

/* The parts of a compact JWS, as they stand in the token. */
struct jwks_signed {
	const char *token; /* header, payload and signature with their dots */
	size_t header_len, payload_len, signature_len;
};

/* kid NULL: any key of the algorithm may fit. */
enum jwt_result jwks_verify(
	const struct jwks *k, enum jwks_alg alg, const char *kid, const struct jwks_signed *s);
