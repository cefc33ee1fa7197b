#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "http/api.h"
#include "http/playback.h"
#include "server_private.h"
#include "sockets_private.h"

static char *absolute(const struct server *s, const char *path, const char *suffix)
{
	const char *base = s->config->server.public_url;
	size_t len = base ? strlen(base) : 0;

	while (len && base[len - 1] == '/')
		len--;
	return mem_printf("%.*s%s%s", (int)len, base ? base : "", path, suffix);
}

/* "" where none is needed; false: this viewer gets none. */
static bool token_for(struct server *s, const struct stream_record *row, const char *viewer,
	char out[static PLAYBACK_TOKEN_SIZE + 8])
{
	uint8_t key[AUTH_KEY_SIZE];
	char token[PLAYBACK_TOKEN_SIZE];
	uint64_t expires_s =
		clock_wall_ms(&clock_system) / 1000 + s->config->auth.playback_ttl_us / 1000000;

	out[0] = '\0';
	if (row->audience == AUDIENCE_EVERYONE)
		return true;
	auth_derive_key(s->auth, PLAYBACK_LABEL, key);
	if (!viewer || !playback_token(key, row->id, viewer, expires_s, token))
		return false;
	snprintf(out, PLAYBACK_TOKEN_SIZE + 8, "?token=%s", token);
	return true;
}

static char *media_url(
	struct server *s, const struct stream_record *row, const char *viewer, const char *path)
{
	char suffix[PLAYBACK_TOKEN_SIZE + 8];

	if (path[0] != '/')
		return mem_strdup(path);
	return token_for(s, row, viewer, suffix) ? absolute(s, path, suffix) : NULL;
}

char *sockets_hls_url(void *user, const struct stream_record *row, const char *viewer)
{
	char id[UUID_TEXT_SIZE], path[80];

	uuid_text(id, row->id);
	snprintf(path, sizeof(path), "/hls/%s/index.m3u8", id);
	return media_url(user, row, viewer, path);
}

char *sockets_vod_url(void *user, const struct stream_record *row, const char *viewer)
{
	return media_url(user, row, viewer, row->vod_url);
}

char *sockets_rtmp_url(void *user, const char *host)
{
	return api_rtmp_url(((struct server *)user)->api, host);
}

static bool has_disk(const struct server *s)
{
	struct statvfs fs;

	return statvfs(s->config->media.root, &fs) == 0 &&
		(uint64_t)fs.f_bavail * fs.f_frsize >= s->config->media.min_free;
}

const char *sockets_unready(void *user)
{
	const struct server *s = user;

	if (s->draining)
		return "This server is being stopped.";
	if (!rtmp_server_port(s->rtmp) && !rtmp_server_tls_port(s->rtmp))
		return "Encoders cannot connect here.";
	if (live_registry_publishers(s->registry) >= s->config->rtmp.max_publishers)
		return "There are as many publishers as there may be.";
	if (!store_healthy(s->store))
		return "The database cannot be written.";
	return has_disk(s) ? NULL : "The disk is full.";
}
