#include "act.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "client.h"
#include "fields.h"
#include "http/auth.h"
#include "http/jwt.h"
#include "model/record.h"

#define ACT_MS 60000
#define CLAIMS_MAX 4096

char *act_mint(struct ctl *c, struct jwt_mint *claims)
{
	const struct config *config = ctl_config(c);
	if (config == NULL) {
		return NULL;
	}
	char error[256];
	char *secret = jwt_secret_load(config->auth.secret_file, false, error, sizeof(error));
	if (secret == NULL) {
		ctl_error("%s; soukd makes a secret at its first start, and its user and root "
			  "can read it",
			error);
		return NULL;
	}
	claims->issuer = config->auth.issuer;
	claims->audience = config->auth.audience;
	claims->now_ms = clock_wall_ms(&clock_system);
	char *token = jwt_mint(claims, secret, strlen(secret));
	explicit_bzero(secret, strlen(secret));
	free(secret);
	if (token == NULL) {
		ctl_error("the token would be too long, or a text in it is not UTF-8");
	}
	return token;
}

static unsigned roles_of(const json_t *user)
{
	unsigned roles = 0;
	size_t i;
	const json_t *role;
	json_array_foreach(json_object_get(user, "roles"), i, role)
	{
		user_role_parse(json_string_value(role), &roles);
	}
	return roles;
}

enum ctl_exit act_as(struct ctl *c, const char *user, enum act_unknown unknown)
{
	json_t *stored = NULL;
	char *path = client_path("/api/v1/users/{0}", &user, 1);
	if (path == NULL) {
		return CTL_FAILED;
	}
	bool quiet = c->quiet;
	c->quiet = quiet || unknown == ACT_MAKE_SELLER;
	enum ctl_exit result = client_call(c, "GET", path, NULL, &stored);
	c->quiet = quiet;
	free(path);
	if (result == CTL_UNREACHABLE || (result != CTL_OK && unknown == ACT_REFUSE_UNKNOWN)) {
		if (unknown == ACT_MAKE_SELLER) {
			ctl_error("soukd does not answer; is it running?");
		}
		return result;
	}
	struct jwt_mint claims = {
		.sub = user, .actor = AUTH_LOCAL_USER, .roles = roles_of(stored), .ttl_ms = ACT_MS};
	if (unknown == ACT_MAKE_SELLER) {
		claims.roles |= ROLE_SELLER;
	}
	json_decref(stored);
	free(c->acting);
	c->acting = act_mint(c, &claims);
	return c->acting != NULL ? CTL_OK : CTL_FAILED;
}

bool act_is_free(const struct ctl *c)
{
	return !args_has(&c->args, "as") && !args_has(&c->args, "token") &&
		!args_has(&c->args, "url");
}

enum ctl_exit act_by_option(struct ctl *c)
{
	const char *user = args_get(&c->args, "as");
	return user != NULL ? act_as(c, user, ACT_REFUSE_UNKNOWN) : CTL_OK;
}

/* Whose token it is, as it says itself; the daemon checks it. NULL: it does not say. */
static json_t *claims_of(const char *token)
{
	const char *begin = token != NULL ? strchr(token, '.') : NULL;
	const char *end = begin != NULL ? strchr(begin + 1, '.') : NULL;
	char text[CLAIMS_MAX];
	size_t len;
	if (end == NULL ||
		!text_unbase64url(begin + 1, (size_t)(end - begin - 1), text, sizeof(text), &len)) {
		return NULL;
	}
	return json_loadb(text, len, 0, NULL);
}

enum ctl_exit act_as_only(struct ctl *c, const char *user, enum act_unknown unknown)
{
	if (act_is_free(c)) {
		return act_as(c, user, unknown);
	}
	json_t *claims = claims_of(client_token(c));
	bool same = text_eq(field_string(claims, "sub"), user);
	json_decref(claims);
	if (!same) {
		ctl_error("this is %s's own business: give a token of that user, or --as %s", user,
			user);
	}
	return same ? CTL_OK : CTL_FAILED;
}

enum ctl_exit act_as_seller_of(struct ctl *c, const char *pattern, const char *id)
{
	json_t *owned;
	if (!act_is_free(c)) {
		return CTL_OK;
	}
	char *path = client_path(pattern, &id, 1);
	if (path == NULL) {
		return CTL_FAILED;
	}
	enum ctl_exit result = client_call(c, "GET", path, NULL, &owned);
	free(path);
	if (result == CTL_OK) {
		result = act_as(c, field_string(owned, "sellerId"), ACT_REFUSE_UNKNOWN);
		json_decref(owned);
	}
	return result;
}
