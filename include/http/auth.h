#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "http/jwt.h"
#include "model/repo.h"

/*
 * Who is calling: bearer tokens (RFC 6750) checked by http/jwt.h, and the operator at the Unix
 * socket. Rules: spec rest.md "Authentication". Loop thread only.
 *
 * The key set is read again when its file changes (looked at once a second at most) or on
 * auth_reload; one that cannot be read then leaves the keys as they were, with an error in the log.
 * A user seen for the first time is stored, and refreshed when its claims change; what a token does
 * not say of a user stays as it is stored.
 */
struct auth;

struct auth_config {
	const char *secret_file; /* made if missing; NULL or "": no HS256 */
	const char *jwks_file; /* NULL or "": no asymmetric keys */
	const char *issuer, *audience; /* NULL or "": not checked */
	uint64_t leeway_us; /* of exp and nbf, for clocks that differ */
	unsigned seen_max; /* users whose last claims are remembered; 0: 10,000 */
	const struct clock *clock;
	struct metrics *metrics; /* souk_auth_failures_total{reason}; may be NULL */
	struct repo repo;
};

/* NULL with a text in error if the secret or the key set cannot be had. Texts are copied. */
struct auth *auth_create(const struct auth_config *config, char *error, size_t error_size);
void auth_destroy(struct auth **a); /* writes of users that are under way go on */
void auth_reload(struct auth *a); /* secret and key set, as at SIGHUP */

struct identity {
	char *user_id; /* the token's sub; AUTH_LOCAL_USER at the Unix socket without a token */
	char *name, *avatar, *neighborhood; /* NULL: not said */
	char *actor; /* who acts in this user's name, as the token says; NULL: the user */
	unsigned roles; /* enum user_role bits of the token */
	uint64_t expires_ms; /* the token's, wall time; 0: without a token */
	bool is_local; /* at the Unix socket, as our user or root, without a token */
};
#define AUTH_LOCAL_USER "local-operator"
void identity_finish(struct identity *i);

enum auth_result {
	AUTH_OK,
	AUTH_MISSING, /* no credentials: a public route may be answered */
	AUTH_EXPIRED,
	AUTH_NOT_YET,
	AUTH_INVALID,
};
/* Codes for the error envelope: "unauthorized", "token_expired", … */
const char *auth_result_code(enum auth_result r);

/* What the transport knows of the caller. */
struct auth_peer {
	const char *authorization; /* the header's value, NULL: none */
	bool local; /* by the Unix socket */
	int uid; /* its peer's, -1: unknown */
};

/*
 * *out is set (and then owned by the caller) on AUTH_OK; *why is a sentence for people on anything
 * else. A token counts for more than the Unix socket, so that an operator can act as somebody.
 */
enum auth_result auth_check(
	struct auth *a, const struct auth_peer *peer, struct identity *out, const char **why);
/* The value of WWW-Authenticate for a failure (RFC 6750 section 3). */
void auth_challenge(enum auth_result r, const char *why, char *out, size_t size);

/*
 * A key of 32 bytes for another purpose, which `label` names: HMAC-SHA256 of the label under the
 * secret, so that neither key tells anything of the other. Without a secret, of this process alone.
 */
#define AUTH_KEY_SIZE 32
void auth_derive_key(const struct auth *a, const char *label, uint8_t out[static AUTH_KEY_SIZE]);

/* A token signed with the local secret; issuer, audience and the time are set here. NULL without a
 * secret. The caller frees it. */
char *auth_mint(const struct auth *a, const struct jwt_mint *claims);
