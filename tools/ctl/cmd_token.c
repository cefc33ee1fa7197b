#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "ctl.h"
#include "http/jwt.h"
#include "model/record.h"

/* Words with commas between; ors them in. */
static bool add_roles(const char *text, unsigned *roles)
{
	char *copy = mem_strdup(text), *rest = copy;
	bool good = true;
	for (char *one = strsep(&rest, ","); one != NULL && good; one = strsep(&rest, ",")) {
		good = user_role_parse(one, roles);
	}
	free(copy);
	return good;
}

static bool parse_roles(const struct args *a, unsigned *roles)
{
	const char *text;
	size_t pos = 0;
	*roles = 0;
	while ((text = args_next(a, "role", &pos)) != NULL) {
		if (!add_roles(text, roles)) {
			return false;
		}
	}
	return true;
}

static void print_token(struct ctl *c, const char *token, uint64_t expires_ms)
{
	if (!c->json) {
		puts(token);
		return;
	}
	char expires[TEXT_TIME_SIZE];
	text_time(expires, expires_ms);
	json_t *answer = json_pack("{s:s, s:s}", "token", token, "expiresAt", expires);
	ctl_print_json(answer);
	json_decref(answer);
}

enum ctl_exit token_run(struct ctl *c)
{
	const char *ttl = args_get(&c->args, "ttl");
	uint64_t ttl_us, now_ms = clock_wall_ms(&clock_system);
	unsigned roles;
	if (!parse_roles(&c->args, &roles)) {
		ctl_error("--role must be seller, buyer, moderator or admin; it may be repeated");
		return CTL_USAGE;
	}
	if (!text_duration_us(ttl != NULL ? ttl : "1h", &ttl_us) || ttl_us < 1000000) {
		ctl_error("--ttl must be a duration from 1s, such as 10m, 1h or 30d");
		return CTL_USAGE;
	}
	const struct config *config = ctl_config(c);
	if (config == NULL) {
		return CTL_FAILED;
	}
	char error[256];
	char *secret = jwt_secret_load(config->auth.secret_file, false, error, sizeof(error));
	if (secret == NULL) {
		ctl_error("%s; soukd makes a secret at its first start", error);
		return CTL_FAILED;
	}
	const struct jwt_mint mint = {.sub = args_get(&c->args, "sub"),
		.name = args_get(&c->args, "name"),
		.avatar = args_get(&c->args, "avatar"),
		.neighborhood = args_get(&c->args, "neighborhood"),
		.issuer = config->auth.issuer,
		.audience = config->auth.audience,
		.roles = roles,
		.now_ms = now_ms,
		.ttl_ms = ttl_us / 1000};
	char *token = jwt_mint(&mint, secret, strlen(secret));
	memset(secret, 0, strlen(secret));
	free(secret);
	if (token == NULL) {
		ctl_error("the token would be too long, or a text in it is not UTF-8");
		return CTL_FAILED;
	}
	print_token(c, token, now_ms + mint.ttl_ms);
	free(token);
	return CTL_OK;
}
