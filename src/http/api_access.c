#include <stdio.h>
#include <stdlib.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/playback.h"

#define TTL_US (UINT64_C(6) * 3600 * 1000000)

/* What of the caller outlives the request. */
void api_viewer_of(const struct http_request *r, struct api_urls *out)
{
	const struct identity *who = router_identity(r);

	out->viewer[0] = out->neighborhood[0] = '\0';
	out->roles = 0;
	if (!who || !text_copy(out->viewer, sizeof(out->viewer), who->user_id))
		return;
	out->roles = who->roles;
	/* Half a word would be another one. */
	if (who->neighborhood &&
		!text_copy(out->neighborhood, sizeof(out->neighborhood), who->neighborhood))
		out->neighborhood[0] = '\0';
}

enum watch_verdict api_may_watch(
	const struct api *a, const struct api_urls *u, const struct stream_record *row)
{
	const struct viewer viewer = {
		.user_id = u->viewer[0] ? u->viewer : NULL,
		.roles = u->roles,
		.neighborhood = u->neighborhood[0] ? u->neighborhood : NULL,
	};

	return audience_check(
		a->config.repo, row, &viewer, clock_wall_ms(loop_clock(a->config.loop)));
}

static char *token_suffix(
	const struct api *a, const struct api_urls *u, const struct stream_record *row)
{
	uint64_t ttl = a->config.playback_ttl_us ? a->config.playback_ttl_us : TTL_US;
	uint64_t now_ms = clock_wall_ms(loop_clock(a->config.loop));
	uint8_t key[PLAYBACK_KEY_SIZE];
	char token[PLAYBACK_TOKEN_SIZE];

	auth_derive_key(a->config.auth, PLAYBACK_LABEL, key);
	if (!playback_token(key, row->id, u->viewer, now_ms / 1000 + ttl / 1000000, token))
		return NULL;
	return mem_printf("?token=%s", token);
}

char *api_media_suffix(
	const struct api *a, const struct api_urls *u, const struct stream_record *row)
{
	if (api_may_watch(a, u, row) != WATCH_OK)
		return NULL;
	if (row->audience == AUDIENCE_EVERYONE)
		return mem_strdup("");
	return token_suffix(a, u, row);
}

json_t *api_media_or_null(const struct api_urls *u, const char *stored, const char *suffix)
{
	char *url;
	json_t *v;

	/* What lies elsewhere has rules of its own. */
	if (!stored || !suffix || stored[0] != '/')
		return suffix ? api_absolute_or_null(u, stored) : json_null();
	url = mem_printf("%s%s%s", u->base, stored, suffix);
	v = json_string(url);
	free(url);
	return v;
}

json_t *api_hls_or_null(const struct api_urls *u, struct uuid stream, const char *suffix)
{
	char id[UUID_TEXT_SIZE], path[80];

	uuid_text(id, stream);
	snprintf(path, sizeof(path), "/hls/%s/index.m3u8", id);
	return api_media_or_null(u, path, suffix);
}
