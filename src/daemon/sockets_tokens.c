#include <stdlib.h>

#include "base/mem.h"
#include "connections.h"
#include "server_private.h"
#include "sockets_private.h"

/* What the token does not say is as it is stored. */
static void complete(struct server *s, struct ws_identity *who)
{
	struct repo repo = store_repo(s->store);
	struct user_record stored = {0};

	if (who->name && who->avatar && who->neighborhood)
		return;
	repo.ops->user_get(repo.impl, who->user_id, &stored);
	who->name = who->name ? who->name : mem_strdup(stored.name);
	who->avatar = who->avatar ? who->avatar : mem_strdup(stored.avatar);
	who->neighborhood = who->neighborhood ? who->neighborhood : mem_strdup(stored.neighborhood);
	user_record_finish(&stored);
}

static bool check_token(
	void *user, const char *token, struct ws_identity *out, const char **code, const char **why)
{
	struct server *s = user;
	char *header = mem_printf("Bearer %s", token);
	const struct auth_peer peer = {.authorization = header, .uid = -1};
	struct identity who = {0};
	enum auth_result result = auth_check(s->auth, &peer, &who, why);

	free(header);
	*code = auth_result_code(result);
	if (result != AUTH_OK)
		return false;
	*out = (struct ws_identity){.user_id = who.user_id,
		.name = who.name,
		.avatar = who.avatar,
		.neighborhood = who.neighborhood,
		.roles = who.roles,
		.expires_ms = who.expires_ms};
	if (connections_banned(s, out->user_id)) {
		ws_identity_finish(out);
		*code = "banned";
		*why = "This user is banned.";
		return false;
	}
	complete(s, out);
	return true;
}

const struct ws_auth_ops sockets_auth = {.check = check_token};
