#include <stdlib.h>
#include <string.h>

#include "act.h"
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
	uint64_t ttl_us;
	unsigned roles;
	if (!parse_roles(&c->args, &roles)) {
		ctl_error("--role must be seller, buyer, moderator or admin; it may be repeated");
		return CTL_USAGE;
	}
	if (!text_duration_us(ttl != NULL ? ttl : "1h", &ttl_us) || ttl_us < 1000000) {
		ctl_error("--ttl must be a duration from 1s, such as 10m, 1h or 30d");
		return CTL_USAGE;
	}
	struct jwt_mint mint = {.sub = args_get(&c->args, "sub"),
		.name = args_get(&c->args, "name"),
		.avatar = args_get(&c->args, "avatar"),
		.neighborhood = args_get(&c->args, "neighborhood"),
		.roles = roles,
		.ttl_ms = ttl_us / 1000};
	char *token = act_mint(c, &mint);
	if (token == NULL) {
		return CTL_FAILED;
	}
	print_token(c, token, mint.now_ms + mint.ttl_ms);
	free(token);
	return CTL_OK;
}
