#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api_internal.h"
#include "base/bucket.h"
#include "base/mem.h"
#include "base/text.h"

const char *const api_audiences[] = {"everyone", "followers", "neighborhood", NULL};

static const char *copy(const char *s)
{
	return s && *s ? mem_strdup(s) : NULL;
}

struct api *api_create(const struct api_config *config)
{
	struct api *a = mem_new(struct api);

	a->config = *config;
	a->config.public_url = copy(config->public_url);
	a->config.rtmp_app = mem_strdup(config->rtmp_app ? config->rtmp_app : "live");
	a->config.media_root = copy(config->media_root);
	a->config.version = mem_strdup(config->version ? config->version : "");
	a->config.config_path = copy(config->config_path);
	a->started_mono_us = loop_now_us(config->loop);
	a->started_wall_ms = clock_wall_ms(loop_clock(config->loop));
	api_system_routes(a);
	api_streams_routes(a);
	api_products_routes(a);
	api_showcase_routes(a);
	api_sellers_routes(a);
	api_people_routes(a);
	api_neighborhoods_routes(a);
	api_notifications_routes(a);
	api_analytics_routes(a);
	api_chat_routes(a);
	api_presence_routes(a);
	api_admin_bans_routes(a);
	api_admin_connections_routes(a);
	api_admin_events_routes(a);
	api_admin_sockets_routes(a);
	api_admin_routes(a);
	api_admin_streams_routes(a);
	api_admin_audit_routes(a);
	api_admin_recordings_routes(a);
	api_admin_outbox_routes(a);
	return a;
}

void api_destroy(struct api **a)
{
	if (!*a)
		return;
	free((char *)(*a)->config.public_url);
	free((char *)(*a)->config.rtmp_app);
	free((char *)(*a)->config.media_root);
	free((char *)(*a)->config.version);
	free((char *)(*a)->config.config_path);
	free(*a);
	*a = NULL;
}

struct studio_caller api_caller(const struct http_request *r)
{
	const struct identity *who = router_identity(r);

	return (struct studio_caller){.user_id = who->user_id, .roles = who->roles};
}

size_t api_body_ids(const struct http_request *r, const char *name, struct uuid **out)
{
	json_t *list = json_object_get(router_body(r), name), *item;
	size_t n = json_array_size(list), i;

	*out = n ? mem_alloc(n * sizeof(**out)) : NULL;
	json_array_foreach(list, i, item) if (!uuid_parse(json_string_value(item), &(*out)[i]))(
		*out)[i] = (struct uuid){0};
	return n;
}

void api_body_draft(const struct http_request *r, struct stream_record *out)
{
	const char *scheduled = router_text(r, "scheduled_at", NULL);

	*out = (struct stream_record){
		.title = (char *)router_text(r, "title", NULL),
		.description = (char *)router_text(r, "description", NULL),
		.category = (char *)router_text(r, "category", NULL),
		.estimated_duration = (uint32_t)router_integer(r, "estimated_duration", 0),
		.notify_followers = router_bool(r, "notify_followers", true),
		.notify_neighborhood = router_bool(r, "notify_neighborhood", false),
		.enable_chat = router_bool(r, "enable_chat", true),
		.slow_mode = (uint32_t)router_integer(r, "slow_mode", 0),
		.enable_comments = router_bool(r, "enable_comments", true),
		.record_stream = router_bool(r, "record_stream", true),
	};
	stream_audience_parse(router_text(r, "audience", "everyone"), &out->audience);
	if (scheduled)
		text_time_parse(scheduled, &out->scheduled_at);
}

bool api_stream_of(struct api *a, struct http_request *r, struct stream_record *out)
{
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return false;
	switch (a->config.repo.ops->stream_get(a->config.repo.impl, id, out)) {
	case REPO_OK:
		return true;
	case REPO_NOT_FOUND:
		reply_error(r, 404, "stream_not_found", "There is no such stream.", NULL);
		return false;
	case REPO_WRONG_STATE:
	case REPO_DUPLICATE:
	case REPO_NOT_OWNER:
	case REPO_NO_PRODUCTS:
	case REPO_NO_SUCH_PRODUCT:
	case REPO_FAILED:
		break;
	}
	api_reply_unreadable(r);
	return false;
}

void api_reply_unreadable(struct http_request *r)
{
	reply_error(r, 503, "unavailable", "The store cannot be read now.", NULL);
}

const char *api_arg(const struct http_request *r, const char *name, struct api_arg *room)
{
	if (!http_request_arg(r, name, room->text, sizeof(room->text)))
		room->text[0] = '\0';
	return room->text;
}

void api_disk_of(const struct api *a, struct api_disk *out)
{
	const char *root = a->config.media_root ? a->config.media_root : ".";
	struct statvfs fs;

	*out = (struct api_disk){0};
	if (statvfs(root, &fs) != 0)
		return;
	out->free = (uint64_t)fs.f_bavail * fs.f_frsize;
	out->total = (uint64_t)fs.f_blocks * fs.f_frsize;
	out->writable = access(root, W_OK | X_OK) == 0 && !(fs.f_flag & ST_RDONLY);
}
