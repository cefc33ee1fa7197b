#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "live/health_json.h"
#include "state/audience.h"

json_t *api_text_or_null(const char *text)
{
	json_t *v = text ? json_string(text) : NULL;

	return v ? v : json_null();
}

json_t *api_time_or_null(uint64_t wall_ms)
{
	char text[TEXT_TIME_SIZE];

	if (!wall_ms)
		return json_null();
	text_time(text, wall_ms);
	return json_string(text);
}

json_t *api_id(struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(text, id);
	return json_string(text);
}

/* A heap string into an object. */
static void set_owned(json_t *o, const char *name, char *text)
{
	json_object_set_new(o, name, api_text_or_null(text));
	free(text);
}

static json_t *seconds(uint64_t ms)
{
	return json_real((double)ms / 1000);
}

/* 0 says "not known" here. */
static json_t *figure_or_null(double v)
{
	if (v == 0 || !isfinite(v))
		return json_null();
	return v == floor(v) ? json_integer((json_int_t)v) : json_real(v);
}

json_t *api_stream_duration(const struct api *a, const struct stream_record *r)
{
	uint64_t end = r->ended_at ? r->ended_at : clock_wall_ms(loop_clock(a->config.loop));

	if (!r->started_at)
		return json_null();
	return seconds(end > r->started_at ? end - r->started_at : 0);
}

json_t *api_stats_json(const struct stream_record *r)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "peakViewers", (json_int_t)r->peak_viewers,
		"uniqueViewers", (json_int_t)r->unique_viewers, "totalLikes",
		(json_int_t)r->total_likes, "chatMessages", (json_int_t)r->chat_messages_count,
		"averageWatchTime", (json_int_t)r->average_watch_time);
}

static json_t *seller_json(const struct api *a, const char *id)
{
	struct user_record u = {0};
	json_t *o;

	a->config.repo.ops->user_get(a->config.repo.impl, id, &u);
	o = json_pack("{s:s, s:o, s:o}", "id", id, "name", api_text_or_null(u.name), "avatar",
		api_text_or_null(u.avatar));
	user_record_finish(&u);
	return o;
}

void api_set_ingest(json_t *o, const struct ingest_record *i)
{
	json_object_set_new(o, "width", figure_or_null(i->width));
	json_object_set_new(o, "height", figure_or_null(i->height));
	json_object_set_new(o, "videoCodec", api_text_or_null(i->video_codec));
	json_object_set_new(o, "audioCodec", api_text_or_null(i->audio_codec));
	json_object_set_new(o, "codecs", api_text_or_null(i->codecs));
	json_object_set_new(o, "encoder", api_text_or_null(i->encoder));
	json_object_set_new(o, "interruptions", json_integer((json_int_t)i->interruptions));
	json_object_set_new(o, "bytes", json_integer((json_int_t)i->bytes));
	json_object_set_new(o, "droppedSamples", json_integer((json_int_t)i->dropped_samples));
	json_object_set_new(o, "discontinuities", json_integer((json_int_t)i->discontinuities));
}

/* With what was before a restart. */
static void read_ingest(const struct api *a, struct live_stream *live, struct ingest_record *out)
{
	if (!a->config.audience || !audience_ingest(a->config.audience, live_stream_id(live), out))
		live_stream_ingest(live, out);
}

static json_t *health_json(struct live_stream *live)
{
	struct live_health_report h;

	live_stream_health(live, &h);
	return json_pack("{s:s, s:i, s:I, s:i, s:I, s:o}", "status",
		live_health_status_text(h.verdict.status), "skewMs", h.figures.skew_ms, "jitterMs",
		(json_int_t)h.figures.jitter_ms, "lateMs", h.figures.late_ms, "missingFrames",
		(json_int_t)h.figures.missing_frames, "advice", live_advice_json(&h));
}

static json_t *ingest_json(const struct api *a, struct live_stream *live)
{
	struct ingest_record i = {0};
	json_t *o = json_object();

	read_ingest(a, live, &i);
	json_object_set_new(o, "bitrate", json_integer((json_int_t)i.bitrate));
	json_object_set_new(o, "frameRate", figure_or_null(round(i.frame_rate * 1000) / 1000));
	json_object_set_new(o, "keyframeInterval", figure_or_null(i.keyframe_interval));
	api_set_ingest(o, &i);
	json_object_set_new(o, "health", health_json(live));
	ingest_record_finish(&i);
	return o;
}

static void set_settings(json_t *o, const struct stream_record *r)
{
	json_object_set_new(o, "title", api_text_or_null(r->title));
	json_object_set_new(o, "description", api_text_or_null(r->description));
	json_object_set_new(o, "category", api_text_or_null(r->category));
	json_object_set_new(o, "status", json_string(stream_status_text(r->status)));
	json_object_set_new(o, "audience", json_string(stream_audience_text(r->audience)));
	json_object_set_new(o, "estimatedDuration", figure_or_null(r->estimated_duration));
	json_object_set_new(o, "notifyFollowers", json_boolean(r->notify_followers));
	json_object_set_new(o, "notifyNeighborhood", json_boolean(r->notify_neighborhood));
	json_object_set_new(o, "enableChat", json_boolean(r->enable_chat));
	json_object_set_new(o, "slowMode", json_integer(r->slow_mode));
	json_object_set_new(o, "enableComments", json_boolean(r->enable_comments));
	json_object_set_new(o, "recordStream", json_boolean(r->record_stream));
}

static void set_times(const struct api *a, json_t *o, const struct stream_record *r)
{
	json_object_set_new(o, "scheduledAt", api_time_or_null(r->scheduled_at));
	json_object_set_new(o, "startedAt", api_time_or_null(r->started_at));
	json_object_set_new(o, "endedAt", api_time_or_null(r->ended_at));
	json_object_set_new(o, "endReason", api_text_or_null(r->end_reason));
	json_object_set_new(o, "duration", api_stream_duration(a, r));
	json_object_set_new(o, "createdAt", api_time_or_null(r->created_at));
	json_object_set_new(o, "updatedAt", api_time_or_null(r->updated_at));
}

/* What is stored begins with a slash: it becomes a URL of the caller's view. */
json_t *api_absolute_or_null(const struct api_urls *u, const char *stored)
{
	char *url;
	json_t *v;

	if (!stored || stored[0] != '/')
		return api_text_or_null(stored);
	url = mem_printf("%s%s", u->base, stored);
	v = json_string(url);
	free(url);
	return v;
}

/* The seller's own picture, else the newest of the live stream. */
static json_t *thumbnail_url(const struct api_urls *u, const struct stream_record *r,
	struct live_stream *live, const char *suffix)
{
	char id[UUID_TEXT_SIZE], path[80];
	uint64_t made_at_ms;

	/* A poster is of what a restart cut off: the stream has gone on since. */
	if ((r->thumbnail_url && !text_starts(r->thumbnail_url, "/vod/")) || !live ||
		!live_stream_thumbnail(live, &made_at_ms))
		return api_media_or_null(u, r->thumbnail_url, suffix);
	uuid_text(id, r->id);
	snprintf(path, sizeof(path), "/thumb/%s.jpg", id);
	return api_media_or_null(u, path, suffix);
}

/* Made from the store: beside a recording wherever that lies. */
static json_t *chat_replay_url(
	const struct api_urls *u, const struct stream_record *r, const char *suffix)
{
	char id[UUID_TEXT_SIZE], path[80];

	if (!r->vod_url)
		return json_null();
	uuid_text(id, r->id);
	snprintf(path, sizeof(path), "/vod/%s/chat.json", id);
	return api_media_or_null(u, path, suffix);
}

/* Beside the recording's playlist. */
static json_t *storyboard_url(
	const struct api_urls *u, const struct stream_record *r, const char *suffix)
{
	static const char playlist[] = "/index.m3u8";
	size_t len = r->vod_url ? strlen(r->vod_url) : 0, tail = sizeof(playlist) - 1;
	json_t *url;
	char *path;

	if (len < tail || strcmp(r->vod_url + len - tail, playlist) != 0)
		return json_null();
	path = mem_printf("%.*s/storyboard.vtt", (int)(len - tail), r->vod_url);
	url = api_media_or_null(u, path, suffix);
	free(path);
	return url;
}

static void set_media(
	const struct api *a, const struct api_urls *u, json_t *o, const struct stream_record *r)
{
	struct live_stream *live = live_registry_find(a->config.registry, r->id);
	char *suffix = api_media_suffix(a, u, r);

	json_object_set_new(o, "hlsUrl", live ? api_hls_or_null(u, r->id, suffix) : json_null());
	set_owned(o, "watchUrl", api_url_watch(u, r->id));
	json_object_set_new(o, "vodUrl", api_media_or_null(u, r->vod_url, suffix));
	json_object_set_new(o, "thumbnailUrl", thumbnail_url(u, r, live, suffix));
	json_object_set_new(o, "storyboardUrl", storyboard_url(u, r, suffix));
	json_object_set_new(o, "chatReplayUrl", chat_replay_url(u, r, suffix));
	free(suffix);
	json_object_set_new(o, "state",
		api_text_or_null(live ? live_state_text(live_stream_state(live)) : NULL));
	json_object_set_new(o, "ingest", live ? ingest_json(a, live) : json_null());
}

json_t *api_stream_json(
	const struct api *a, const struct api_urls *u, const struct stream_record *r)
{
	json_t *o = json_pack("{s:o, s:o, s:s}", "id", api_id(r->id), "streamId", api_id(r->id),
		"sellerId", r->seller_id);

	set_settings(o, r);
	set_times(a, o, r);
	set_media(a, u, o, r);
	json_object_set_new(o, "seller", seller_json(a, r->seller_id));
	api_set_counts(a, o, r);
	return o;
}

json_t *api_product_json(const struct product_record *p)
{
	json_t *o = json_pack("{s:o, s:o, s:s, s:o}", "id", api_id(p->id), "productId",
		api_id(p->id), "sellerId", p->seller_id, "name", api_text_or_null(p->name));

	json_object_set_new(o, "description", api_text_or_null(p->description));
	json_object_set_new(o, "imageUrl", api_text_or_null(p->image_url));
	json_object_set_new(o, "url", api_text_or_null(p->url));
	json_object_set_new(o, "price", json_integer((json_int_t)p->price));
	json_object_set_new(o, "currency", api_text_or_null(p->currency));
	json_object_set_new(
		o, "stock", p->stock < 0 ? json_null() : json_integer((json_int_t)p->stock));
	json_object_set_new(o, "createdAt", api_time_or_null(p->created_at));
	json_object_set_new(o, "updatedAt", api_time_or_null(p->updated_at));
	return o;
}

json_t *api_stream_product_json(const struct stream_product_record *p)
{
	json_t *o = api_product_json(&p->product);

	json_object_set_new(o, "position",
		p->has_position ? json_pack("{s:f, s:f}", "x", p->x_position, "y", p->y_position)
				: json_null());
	json_object_set_new(o, "timestampSeconds",
		p->timestamp_seconds < 0 ? json_null()
					 : json_integer((json_int_t)p->timestamp_seconds));
	json_object_set_new(o, "pinned", json_boolean(p->pinned));
	json_object_set_new(o, "views", json_integer(p->views));
	json_object_set_new(o, "clicks", json_integer(p->clicks));
	json_object_set_new(o, "inquiries", json_integer(p->inquiries));
	json_object_set_new(o, "purchases", json_integer(p->purchases));
	json_object_set_new(o, "revenue", json_integer((json_int_t)p->revenue));
	return o;
}

json_t *api_stream_products_json(const struct api *a, struct uuid stream)
{
	struct stream_product_record *rows;
	json_t *list;
	size_t n;

	if (a->config.repo.ops->stream_products(a->config.repo.impl, stream, &rows, &n) != REPO_OK)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, api_stream_product_json(&rows[i]));
		stream_product_record_finish(&rows[i]);
	}
	free(rows);
	return list;
}

json_t *api_stream_details_json(
	const struct api *a, const struct api_urls *u, const struct stream_record *r)
{
	json_t *products = api_stream_products_json(a, r->id), *o;

	if (!products)
		return NULL;
	o = api_stream_json(a, u, r);
	json_object_set_new(o, "productCount", json_integer((json_int_t)json_array_size(products)));
	json_object_set_new(o, "products", products);
	return o;
}
