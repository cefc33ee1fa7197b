#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "live/relay_url.h"

/* Keys that outlive a stream, keys for other media servers, and where streams are relayed to. */

/* A long list is refused by the limit, not by its length. */
#define URLS_MAX 100

static json_t *key_json(const struct api_call *c, const char *key)
{
	char *rtmp = api_url_rtmp(c->api, &c->urls);
	json_t *o = json_pack(
		"{s:s, s:s?, s:s}", "sellerId", c->path, "streamKey", key, "rtmpUrl", rtmp);

	free(rtmp);
	return o;
}

static void on_key_made(struct api_call *c, const struct studio_answer *answer)
{
	api_call_answer(c, 201, key_json(c, answer->stream_key));
}

static void on_key_gone(struct api_call *c, const struct studio_answer *answer)
{
	api_call_answer(c, 200, key_json(c, NULL));
}

static void change_key(struct api *a, struct http_request *r, bool wanted)
{
	const struct studio_caller caller = api_caller(r);
	struct api_call *c = api_call_create(a, r, wanted ? on_key_made : on_key_gone);

	c->path = mem_strdup(caller.user_id);
	studio_seller_key(a->config.studio, &caller, wanted, api_on_studio, c);
}

static void make_key(void *user, struct http_request *r)
{
	change_key(user, r, true);
}

static void drop_key(void *user, struct http_request *r)
{
	change_key(user, r, false);
}

static json_t *relay_json(struct api *a, struct uuid stream, const struct relay_record *relay)
{
	const struct api_host *host = &a->config.host;
	char *masked = relay_url_masked(relay->url);
	struct api_relay now = {.state = "stored"};
	json_t *o;

	if (host->relay)
		host->relay(host->user, stream, relay->id, &now);
	o = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:s?, s:I, s:I, s:I, s:I}", "id",
		api_id(relay->id), "url", masked, "state", now.state, "createdAt",
		api_time_or_null(relay->created_at), "since", api_time_or_null(now.since_ms),
		"nextAttemptAt", api_time_or_null(now.next_ms), "lastError", now.error, "bytesSent",
		(json_int_t)now.bytes, "packetsDropped", (json_int_t)now.dropped, "attempts",
		(json_int_t)now.attempts, "accepted", (json_int_t)now.connects);
	free(masked);
	return o;
}

/* NULL if they cannot be read, with why in *result. */
static json_t *relays_json(struct api *a, const struct studio_caller *caller, struct uuid stream,
	enum studio_result *result)
{
	struct relay_record *rows = NULL;
	size_t n = 0;
	json_t *list;

	*result = studio_list_relays(a->config.studio, caller, stream, &rows, &n);
	if (*result != STUDIO_OK)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, relay_json(a, stream, &rows[i]));
		relay_record_finish(&rows[i]);
	}
	free(rows);
	return json_pack("{s:o, s:o}", "streamId", api_id(stream), "relays", list);
}

static void answer_relays(struct api_call *c, const struct studio_caller *caller)
{
	struct studio_answer refused = {0};
	json_t *o = relays_json(c->api, caller, c->id, &refused.result);

	if (o)
		api_call_answer(c, 200, o);
	else
		api_on_studio(c, &refused);
}

static void on_relays(struct api_call *c, const struct studio_answer *answer)
{
	const struct studio_caller caller = {.user_id = c->path};

	answer_relays(c, &caller);
}

static void get_relays(void *user, struct http_request *r)
{
	const struct studio_caller caller = api_caller(r);
	struct api_call *c;
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	c = api_call_create(user, r, NULL);
	c->id = id;
	answer_relays(c, &caller);
}

static bool urls_are_good(struct api *a, struct http_request *r, json_t *urls)
{
	const char *why = "";
	char text[96];
	json_t *url;
	size_t i;

	if (json_array_size(urls) > a->config.relays_max) {
		snprintf(text, sizeof(text), "A stream may have %u relays.", a->config.relays_max);
		reply_error(r, 422, "out_of_range", text, "urls");
		return false;
	}
	json_array_foreach(urls, i, url) if (!relay_url_check(json_string_value(url), &why))
	{
		reply_error(r, 422, "invalid_value", why, "urls");
		return false;
	}
	return true;
}

static void put_relays(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	json_t *urls = json_object_get(router_body(r), "urls"), *url;
	struct relay_record *relays;
	struct api_call *c;
	struct uuid id;
	size_t i;

	if (!router_param_uuid(r, "id", &id) || !urls_are_good(a, r, urls))
		return;
	relays = mem_zalloc((json_array_size(urls) + 1) * sizeof(*relays));
	json_array_foreach(urls, i, url) relays[i].url = (char *)json_string_value(url);
	c = api_call_create(a, r, on_relays);
	c->id = id;
	c->path = mem_strdup(caller.user_id);
	studio_relays(
		a->config.studio, &caller, id, relays, json_array_size(urls), api_on_studio, c);
	free(relays);
}

/* nginx-rtmp's on_publish says the key as `name`. */
static void validate_key(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *key = router_text(r, "stream_key", router_text(r, "name", NULL));
	struct stream_record row;

	if (!key) {
		reply_error(r, 422, "missing_field", "stream_key is required.", "stream_key");
		return;
	}
	if (!live_registry_accepts(a->config.registry, key, &row)) {
		reply_error(r, 403, "invalid_key", "Nobody may publish with this key now.", NULL);
		return;
	}
	reply_data(r, 200,
		json_pack("{s:b, s:o, s:s}", "valid", 1, "streamId", api_id(row.id), "sellerId",
			row.seller_id));
	stream_record_finish(&row);
}

static const struct route_field relay_fields[] = {
	{"urls", FIELD_STRINGS, .required = true, .max = URLS_MAX,
		.text = "rtmp:// or rtmps://, host, application and key; [] takes all away."},
};

static const struct route_field validate_fields[] = {
	{"stream_key", FIELD_STRING, .min = 1, .max = 256},
	{"name", FIELD_STRING, .min = 1, .max = 256, .text = "The same, as nginx-rtmp says it."},
};

static const struct shape_field key_shape_fields[] = {
	{"sellerId", SHAPE_TEXT},
	{"streamKey", SHAPE_TEXT, .nullable = true, .text = "Shown this once."},
	{"rtmpUrl", SHAPE_TEXT},
};
static const struct shape key_shape = {"SellerKey", key_shape_fields, API_COUNT(key_shape_fields)};

static const struct shape_field relay_shape_fields[] = {
	{"id", SHAPE_UUID},
	{"url", SHAPE_TEXT, .text = "With stars for the key."},
	{"state", SHAPE_TEXT, .text = "stored, connecting, live, waiting, paused or stopped."},
	{"createdAt", SHAPE_TIME},
	{"since", SHAPE_TIME, .nullable = true, .text = "Of the state."},
	{"nextAttemptAt", SHAPE_TIME, .nullable = true, .text = "While it is waiting."},
	{"lastError", SHAPE_TEXT, .nullable = true, .text = "Of the last failure."},
	{"bytesSent", SHAPE_INTEGER},
	{"packetsDropped", SHAPE_INTEGER, .text = "That the target was too slow for."},
	{"attempts", SHAPE_INTEGER,
		.text = "Connections that were tried since the stream is live."},
	{"accepted", SHAPE_INTEGER, .text = "Those that the target accepted."},
};
static const struct shape relay_shape = {
	"Relay", relay_shape_fields, API_COUNT(relay_shape_fields)};

static const struct shape_field relays_shape_fields[] = {
	{"streamId", SHAPE_UUID},
	{"relays", SHAPE_LIST, .of = &relay_shape},
};
static const struct shape relays_shape = {
	"Relays", relays_shape_fields, API_COUNT(relays_shape_fields)};

static const struct shape_field valid_shape_fields[] = {
	{"valid", SHAPE_BOOL},
	{"streamId", SHAPE_UUID},
	{"sellerId", SHAPE_TEXT},
};
static const struct shape valid_shape = {
	"ValidKey", valid_shape_fields, API_COUNT(valid_shape_fields)};

static const struct route routes[] = {
	{HTTP_POST, "/api/v1/sellers/me/stream-key", .who = ROUTE_SELLER,
		.summary = "A permanent key, in place of the one before: shown this once.",
		.status = 201, .answer = "The key.", .shape = &key_shape, .handler = make_key},
	{HTTP_DELETE, "/api/v1/sellers/me/stream-key", .who = ROUTE_SELLER,
		.summary = "No permanent key from now on.", .answer = "streamKey is null.",
		.shape = &key_shape, .handler = drop_key},
	{HTTP_GET, "/api/v1/streams/{id}/relays", .who = ROUTE_USER,
		.summary = "Where the stream is relayed to, and how that goes.",
		.answer = "The relays.", .shape = &relays_shape, .errors = "404 stream_not_found",
		.handler = get_relays},
	{HTTP_PUT, "/api/v1/streams/{id}/relays", .who = ROUTE_USER,
		.summary = "Replace the relays of a stream that is not over.", .body = relay_fields,
		.n_body = API_COUNT(relay_fields), .answer = "The relays.", .shape = &relays_shape,
		.errors = "404 stream_not_found, 409 stream_over", .handler = put_relays},
	{HTTP_POST, "/api/v1/streams/validate-key", .who = ROUTE_INTERNAL,
		.summary = "Whether a publisher on a key would be let in now.",
		.body = validate_fields, .n_body = API_COUNT(validate_fields), .form = true,
		.answer = "Whose key it is.", .shape = &valid_shape,
		.errors = "403 invalid_key, 422 missing_field", .handler = validate_key},
};

void api_sellers_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
