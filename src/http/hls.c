#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hls_private.h"
#include "http/reply.h"

#define EXPIRY_US 100000

const char hls_playlist_type[] = "application/vnd.apple.mpegurl";

const char *hls_media_type_of(const struct hls_name *name)
{
	return name->mpegts ? "video/mp2t" : "video/mp4";
}

const char *hls_immutable(bool for_one)
{
	return for_one ? "private, max-age=31536000, immutable"
		       : "public, max-age=31536000, immutable";
}

static void metrics_register(struct hls *h)
{
	static const char *const kinds[HLS_KINDS] = {
		[HLS_PLAYLIST] = "playlist",
		[HLS_PART] = "part",
		[HLS_SEGMENT] = "segment",
		[HLS_INIT] = "init",
		[HLS_RECORDING] = "recording",
		[HLS_PICTURE] = "picture",
		[HLS_STORYBOARD] = "storyboard",
		[HLS_CHAT] = "chat",
	};
	struct metrics *m = loop_metrics(h->config.loop);
	char labels[32];

	if (!m)
		return;
	for (int i = 0; i < HLS_KINDS; i++) {
		snprintf(labels, sizeof(labels), "kind=\"%s\"", kinds[i]);
		h->requests[i] = metrics_counter(
			m, "souk_hls_requests_total", labels, "Requests for media by kind.");
	}
	h->waiting_gauge = metrics_gauge(
		m, "souk_hls_waiting", NULL, "Requests that wait for a part or a playlist.");
	h->bytes = metrics_counter(m, "souk_hls_bytes_total", NULL,
		"Bytes of media and playlists that were asked for.");
	h->timeouts = metrics_counter(m, "souk_hls_refused_total", "reason=\"timeout\"",
		"Requests that were answered with an error.");
	h->refused = metrics_counter(m, "souk_hls_refused_total", "reason=\"forbidden\"",
		"Requests that were answered with an error.");
	h->too_far = metrics_counter(m, "souk_hls_refused_total", "reason=\"too_far\"",
		"Requests that were answered with an error.");
}

struct hls *hls_create(const struct hls_config *config)
{
	struct hls *h = mem_new(struct hls);
	uint8_t random[4];

	h->config = *config;
	h->media_root = mem_strdup(config->media_root);
	h->streams = map_create();
	list_init(&h->batches);
	list_init(&h->mp4_asks);
	list_init(&h->chat_maps);
	clock_random(loop_clock(config->loop), random, sizeof(random));
	text_hex(h->boot, random, sizeof(random));
	metrics_register(h);
	h->expiry = loop_timer_create(config->loop, "hls expiry", hls_live_expire, h);
	timer_repeat(h->expiry, EXPIRY_US);
	return h;
}

void hls_destroy(struct hls **hp)
{
	struct hls *h = *hp;

	if (!h)
		return;
	hls_live_destroy_all(h);
	hls_vod_destroy_all(h);
	hls_chat_destroy_all(h);
	timer_destroy(&h->expiry);
	map_destroy(h->streams);
	free(h->media_root);
	h->destroyed = true;
	if (!h->batches_scheduled)
		free(h);
	*hp = NULL;
}

unsigned hls_waiting(const struct hls *h)
{
	return h->waiting;
}

static void answer_live(
	struct hls *h, struct http_request *r, struct uuid id, const struct hls_ask *ask)
{
	struct live_stream *live = live_registry_find(h->config.registry, id);

	if (live)
		hls_live_ask(h, live, r, ask);
	else if (!hls_vod_redirect(h, r, id, ask))
		reply_error(r, 404, "stream_not_found", "There is no such stream.", NULL);
}

/* Whether the request may have it: sets suffix and for_one, or answers and is false. */
static bool admit(struct hls *h, struct http_request *r, struct uuid id, const char *token,
	struct hls_ask *ask)
{
	enum hls_access access = HLS_FOR_ALL;

	if (!hls_suffix(token, ask->suffix))
		access = HLS_REFUSED;
	else if (h->config.access)
		access = h->config.access(
			h->config.user, id, token, http_request_header(r, "authorization"));
	switch (access) {
	case HLS_FOR_ALL:
		/* All share one text. */
		ask->suffix[0] = '\0';
		return true;
	case HLS_FOR_ONE:
		ask->for_one = true;
		return true;
	case HLS_REFUSED:
		metric_add(h->refused, 1);
		reply_error(
			r, 403, "forbidden", "This needs a playback token that is valid.", "token");
		return false;
	case HLS_UNKNOWN:
		break;
	}
	reply_error(r, 404, "stream_not_found", "There is no such stream.", NULL);
	return false;
}

static void handle_live(struct hls *h, struct http_request *r, struct uuid id, const char *name)
{
	struct hls_ask ask = {.text = name};
	const char *query = http_request_query(r);

	if (!hls_name_parse(name, &ask.name) || ask.name.kind >= HLS_RECORDING) {
		reply_error(r, 404, "not_found", "A stream has no such file.", NULL);
		return;
	}
	metric_add(h->requests[ask.name.kind], 1);
	if (!hls_query_parse(query, strlen(query), &ask.query)) {
		reply_error(r, 400, "bad_query", "The delivery directives are not valid.", NULL);
		return;
	}
	if (!admit(h, r, id, ask.query.token, &ask))
		return;
	snprintf(ask.list_suffix, sizeof(ask.list_suffix), "%s%s", ask.suffix,
		!ask.query.brief	? ""
			: ask.suffix[0] ? "&window=live"
					: "?window=live");
	answer_live(h, r, id, &ask);
}

static void handle_vod(struct hls *h, struct http_request *r, struct uuid id, const char *name)
{
	struct hls_ask ask = {.text = name};

	http_request_arg(r, "token", ask.query.token, sizeof(ask.query.token));
	if (admit(h, r, id, ask.query.token, &ask))
		hls_vod_get(h, r, id, &ask);
}

static void handle_thumb(struct hls *h, struct http_request *r, const char *rest)
{
	struct hls_ask ask = {.name = {.kind = HLS_PICTURE}};
	struct uuid id;

	if (!hls_thumb_split(rest, &id)) {
		reply_error(r, 404, "not_found", "There is nothing at this path.", NULL);
		return;
	}
	http_request_arg(r, "token", ask.query.token, sizeof(ask.query.token));
	if (admit(h, r, id, ask.query.token, &ask))
		hls_thumb_get(h, r, id, &ask);
}

bool hls_method_allowed(struct http_request *r)
{
	static const char preflight[] =
		"allow: OPTIONS, GET, HEAD\r\n"
		"access-control-allow-methods: OPTIONS, GET, HEAD\r\n"
		"access-control-allow-headers: Authorization, Range, If-None-Match, "
		"X-Request-Id\r\n"
		"access-control-max-age: 86400\r\n";
	enum http_method method = http_request_method(r);

	if (method == HTTP_GET || method == HTTP_HEAD)
		return true;
	if (method == HTTP_OPTIONS)
		http_respond(r,
			&(struct http_response){
				.status = 204, .cors = true, .extra_headers = preflight});
	else
		reply_error_with(r, 405, "method_not_allowed", "Media can only be read.", NULL,
			"allow: OPTIONS, GET, HEAD\r\n");
	return false;
}

/*~ The last stop: a part is asked for as soon as the playlist hints at it, waits here, and leaves
 * when the engine announces it. */
bool hls_handle(struct hls *h, struct http_request *r)
{
	const char *path = http_request_path(r), *name;
	bool live = text_starts(path, "/hls/"), thumb = text_starts(path, "/thumb/");
	struct uuid id;

	if (!live && !thumb && !text_starts(path, "/vod/"))
		return false;
	if (!hls_method_allowed(r))
		return true;
	if (thumb)
		handle_thumb(h, r, path + strlen("/thumb/"));
	else if (!hls_path_split(path + strlen("/hls/"), &id, &name))
		reply_error(r, 404, "not_found", "There is nothing at this path.", NULL);
	else if (live)
		handle_live(h, r, id, name);
	else
		handle_vod(h, r, id, name);
	return true;
}
