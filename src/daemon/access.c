#include "http/playback.h"
#include "live/audience.h"
#include "server_private.h"

/*
 * Who gets a stream's media (spec media.md, "Audience"). A playback token stands for the check that
 * was made when it was given out, but for bans, which count at once.
 */
static enum hls_access by_token(struct server *s, struct uuid stream, const char *token)
{
	const uint64_t now_ms = clock_wall_ms(&clock_system);
	uint8_t key[AUTH_KEY_SIZE];
	char viewer[PLAYBACK_VIEWER_SIZE];

	auth_derive_key(s->auth, PLAYBACK_LABEL, key);
	if (playback_check(key, stream, token, now_ms / 1000, viewer) != PLAYBACK_OK ||
		audience_is_banned(store_repo(s->store), stream, viewer, now_ms))
		return HLS_REFUSED;
	return HLS_FOR_ONE;
}

static enum hls_access by_header(
	struct server *s, const struct stream_record *row, const char *authorization)
{
	const struct auth_peer peer = {.authorization = authorization, .uid = -1};
	struct identity who;
	struct viewer viewer;
	const char *why;
	enum hls_access access = HLS_REFUSED;

	if (auth_check(s->auth, &peer, &who, &why) != AUTH_OK)
		return HLS_REFUSED;
	viewer = (struct viewer){
		.user_id = who.user_id, .roles = who.roles, .neighborhood = who.neighborhood};
	if (audience_check(store_repo(s->store), row, &viewer, clock_wall_ms(&clock_system)) ==
		WATCH_OK)
		access = HLS_FOR_ONE;
	identity_finish(&who);
	return access;
}

static enum hls_access access_of(struct server *s, const struct stream_record *row,
	const char *token, const char *authorization)
{
	if (row->audience == AUDIENCE_EVERYONE)
		return HLS_FOR_ALL;
	if (token[0])
		return by_token(s, row->id, token);
	return authorization ? by_header(s, row, authorization) : HLS_REFUSED;
}

enum hls_access server_access(
	void *user, struct uuid stream, const char *token, const char *authorization)
{
	struct server *s = user;
	struct live_stream *live = live_registry_find(s->registry, stream);
	struct repo repo = store_repo(s->store);
	struct stream_record row;
	enum hls_access access;

	if (live)
		return access_of(s, live_stream_record(live), token, authorization);
	switch (repo.ops->stream_get(repo.impl, stream, &row)) {
	case REPO_OK:
		access = access_of(s, &row, token, authorization);
		stream_record_finish(&row);
		return access;
	case REPO_NOT_FOUND: /* its files may lie there a while longer */
		return HLS_UNKNOWN;
	case REPO_WRONG_STATE:
	case REPO_DUPLICATE:
	case REPO_NOT_OWNER:
	case REPO_NO_PRODUCTS:
	case REPO_NO_SUCH_PRODUCT:
	case REPO_FAILED:
		break;
	}
	return HLS_REFUSED;
}

bool server_may_play(void *user, struct uuid stream, const char *token)
{
	return hls_access_given(server_access(user, stream, token, NULL));
}
