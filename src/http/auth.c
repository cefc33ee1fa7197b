#define LOG_MODULE "auth"

#include "http/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth_users.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/text.h"
#include "http/jwks.h"

#define LOOK_EVERY_US 1000000
#define JWKS_FILE_MAX (256 * 1024)
#define SEEN_MAX 10000

struct auth {
	const struct clock *clock;
	char *secret_file, *secret;
	char *jwks_file;
	struct jwks *jwks;
	struct stat jwks_stat; /* of the file that was read */
	uint64_t looked_us;
	uint8_t own_key[AUTH_KEY_SIZE]; /* for what is derived where there is no secret */
	char *issuer, *audience;
	uint64_t leeway_us;
	struct auth_users *users;
	struct metric *failures[AUTH_INVALID + 1];
};

static char *copy_or_null(const char *s)
{
	return s && *s ? mem_strdup(s) : NULL;
}

static struct jwks *read_jwks(const char *path, int fd, char *error, size_t error_size)
{
	char *text = mem_alloc(JWKS_FILE_MAX + 1), why[160] = "";
	ssize_t len = read(fd, text, JWKS_FILE_MAX + 1);
	struct jwks *k = NULL;

	if (len < 0)
		snprintf(why, sizeof(why), "%s", strerror(errno));
	else if (len > JWKS_FILE_MAX)
		snprintf(why, sizeof(why), "larger than %d bytes", JWKS_FILE_MAX);
	else
		k = jwks_parse(text, (size_t)len, why, sizeof(why));
	if (!k)
		snprintf(error, error_size, "%s: %s", path, why);
	free(text);
	return k;
}

/* Reads the key set; on failure the old one stays. */
static bool load_jwks(struct auth *a, char *error, size_t error_size)
{
	int fd = open(a->jwks_file, O_RDONLY | O_CLOEXEC);
	struct jwks *k;

	if (fd < 0 || fstat(fd, &a->jwks_stat) != 0) {
		snprintf(error, error_size, "%s: %s", a->jwks_file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	k = read_jwks(a->jwks_file, fd, error, error_size);
	close(fd);
	if (!k)
		return false;
	jwks_destroy(&a->jwks);
	a->jwks = k;
	log_info("key set read", kv_str("path", a->jwks_file), kv_u64("keys", jwks_count(k)));
	return true;
}

static bool load_secret(struct auth *a, char *error, size_t error_size)
{
	char *secret = jwt_secret_load(a->secret_file, true, error, error_size);

	if (!secret)
		return false;
	free(a->secret);
	a->secret = secret;
	return true;
}

static void count_failures(struct auth *a, struct metrics *m)
{
	for (int r = AUTH_EXPIRED; r <= AUTH_INVALID; r++) {
		struct buf labels = {0};

		metrics_label(&labels, "reason", auth_result_code((enum auth_result)r));
		a->failures[r] = metrics_counter(m, "souk_auth_failures_total", buf_text(&labels),
			"Requests with a token that was refused.");
		buf_finish(&labels);
	}
}

struct auth *auth_create(const struct auth_config *config, char *error, size_t error_size)
{
	struct auth *a = mem_new(struct auth);

	a->clock = config->clock;
	a->secret_file = copy_or_null(config->secret_file);
	a->jwks_file = copy_or_null(config->jwks_file);
	a->issuer = copy_or_null(config->issuer);
	a->audience = copy_or_null(config->audience);
	a->leeway_us = config->leeway_us;
	a->looked_us = clock_mono_us(a->clock);
	clock_random(a->clock, a->own_key, sizeof(a->own_key));
	a->users = auth_users_create(config->repo, config->seen_max ? config->seen_max : SEEN_MAX);
	count_failures(a, config->metrics);
	if ((a->secret_file && !load_secret(a, error, error_size)) ||
		(a->jwks_file && !load_jwks(a, error, error_size)))
		auth_destroy(&a);
	return a;
}

void auth_destroy(struct auth **a)
{
	if (!*a)
		return;
	auth_users_destroy(&(*a)->users);
	jwks_destroy(&(*a)->jwks);
	if ((*a)->secret)
		explicit_bzero((*a)->secret, strlen((*a)->secret));
	free((*a)->secret);
	free((*a)->secret_file);
	free((*a)->jwks_file);
	free((*a)->issuer);
	free((*a)->audience);
	free(*a);
	*a = NULL;
}

void auth_reload(struct auth *a)
{
	char error[512];

	if (a->secret_file && !load_secret(a, error, sizeof(error)))
		log_error("secret not read again", kv_str("error", error));
	if (a->jwks_file && !load_jwks(a, error, sizeof(error)))
		log_error("key set not read again", kv_str("error", error));
}

static bool same_file(const struct stat *x, const struct stat *y)
{
	return x->st_ino == y->st_ino && x->st_dev == y->st_dev && x->st_size == y->st_size &&
		x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

static void look_at_jwks(struct auth *a)
{
	uint64_t now = clock_mono_us(a->clock);
	struct stat st;
	char error[512];

	if (!a->jwks_file || now - a->looked_us < LOOK_EVERY_US)
		return;
	a->looked_us = now;
	/* A file that is being replaced may be away for a moment: the keys stay. */
	if (stat(a->jwks_file, &st) != 0 || same_file(&st, &a->jwks_stat))
		return;
	if (!load_jwks(a, error, sizeof(error)))
		log_error("key set not read again", kv_str("error", error));
}

void identity_finish(struct identity *i)
{
	free(i->user_id);
	free(i->name);
	free(i->avatar);
	free(i->neighborhood);
	free(i->actor);
	*i = (struct identity){0};
}

const char *auth_result_code(enum auth_result r)
{
	switch (r) {
	case AUTH_OK:
		return "ok";
	case AUTH_MISSING:
		return "unauthorized";
	case AUTH_EXPIRED:
		return "token_expired";
	case AUTH_NOT_YET:
		return "token_not_yet_valid";
	case AUTH_INVALID:
		return "token_invalid";
	}
	return "unauthorized";
}

static enum auth_result translate(enum jwt_result r)
{
	switch (r) {
	case JWT_OK:
		return AUTH_OK;
	case JWT_EXPIRED:
		return AUTH_EXPIRED;
	case JWT_NOT_YET:
		return AUTH_NOT_YET;
	case JWT_MALFORMED:
	case JWT_BAD_ALGORITHM:
	case JWT_UNKNOWN_KEY:
	case JWT_BAD_SIGNATURE:
	case JWT_BAD_CLAIMS:
	case JWT_WRONG_ISSUER:
	case JWT_WRONG_AUDIENCE:
		return AUTH_INVALID;
	}
	return AUTH_INVALID;
}

/* The token of "Bearer TOKEN", NULL if the header has another form. */
static const char *bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (strncasecmp(authorization, scheme, strlen(scheme)) != 0)
		return NULL;
	return authorization + strlen(scheme) + strspn(authorization + strlen(scheme), " ");
}

/* The claims become the identity. */
static void take_claims(struct jwt_claims *claims, struct identity *out)
{
	*out = (struct identity){
		.user_id = claims->sub,
		.name = claims->name,
		.avatar = claims->avatar,
		.neighborhood = claims->neighborhood,
		.actor = claims->actor,
		.roles = claims->roles,
		.expires_ms = claims->expires_ms,
	};
	*claims = (struct jwt_claims){0};
}

static enum auth_result check_token(
	struct auth *a, const char *token, struct identity *out, const char **why)
{
	const struct jwt_keys keys = {
		.secret = a->secret,
		.secret_len = a->secret ? strlen(a->secret) : 0,
		.jwks = a->jwks,
	};
	const struct jwt_checks checks = {
		.issuer = a->issuer,
		.audience = a->audience,
		.now_ms = clock_wall_ms(a->clock),
		.leeway_ms = a->leeway_us / 1000,
	};
	struct jwt_claims claims;
	enum jwt_result r = jwt_verify(token, strlen(token), &keys, &checks, &claims);
	enum auth_result result = translate(r);

	if (result != AUTH_OK) {
		metric_add(a->failures[result], 1);
		*why = jwt_result_text(r);
		return result;
	}
	auth_users_see(a->users, &claims);
	take_claims(&claims, out);
	return AUTH_OK;
}

enum auth_result auth_check(
	struct auth *a, const struct auth_peer *peer, struct identity *out, const char **why)
{
	bool is_local = peer->local && (peer->uid == 0 || peer->uid == (int)geteuid());
	const char *token;

	look_at_jwks(a);
	if (peer->authorization) {
		token = bearer(peer->authorization);
		if (token)
			return check_token(a, token, out, why);
		*why = "The Authorization header is not of the form \"Bearer TOKEN\".";
		return AUTH_INVALID;
	}
	if (!is_local) {
		*why = "This needs a token.";
		return AUTH_MISSING;
	}
	*out = (struct identity){
		.user_id = mem_strdup(AUTH_LOCAL_USER),
		.roles = ROLE_ADMIN,
		.is_local = true,
	};
	return AUTH_OK;
}

void auth_challenge(enum auth_result r, const char *why, char *out, size_t size)
{
	if (r == AUTH_MISSING)
		snprintf(out, size, "Bearer realm=\"souk\"");
	else
		snprintf(out, size,
			"Bearer realm=\"souk\", error=\"invalid_token\", error_description=\"%s\"",
			strchr(why, '"') ? "The token is not accepted." : why);
}

void auth_derive_key(const struct auth *a, const char *label, uint8_t out[static AUTH_KEY_SIZE])
{
	const void *secret = a->secret ? (const void *)a->secret : a->own_key;
	size_t len = a->secret ? strlen(a->secret) : sizeof(a->own_key);
	unsigned n = 0;

	must(HMAC(EVP_sha256(), secret, (int)len, (const uint8_t *)label, strlen(label), out, &n) !=
		NULL);
	must(n == AUTH_KEY_SIZE);
}

char *auth_mint(const struct auth *a, const struct jwt_mint *claims)
{
	struct jwt_mint m = *claims;

	if (!a->secret)
		return NULL;
	m.issuer = a->issuer;
	m.audience = a->audience;
	m.now_ms = clock_wall_ms(a->clock);
	return jwt_mint(&m, a->secret, strlen(a->secret));
}
