#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "api_shapes.h"
#include "base/mem.h"
#include "base/text.h"

#define PRODUCTS_MAX 100

static json_t *publisher_json(const struct live_stats *s)
{
	if (!s->publisher_address[0])
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:I}", "address", s->publisher_address, "connectedAt",
		api_time_or_null(s->published_at_ms), "firstConnectedAt",
		api_time_or_null(s->first_published_at_ms), "bytes", (json_int_t)s->bytes_in);
}

/* What only the operator sees of a stream. */
static void set_inside(const struct api *a, json_t *o, struct uuid id)
{
	struct live_stream *live = live_registry_find(a->config.registry, id);
	struct live_stats s;

	if (!live) {
		json_object_set_new(o, "publisher", json_null());
		json_object_set_new(o, "recording", json_null());
		return;
	}
	live_stream_stats(live, &s);
	json_object_set_new(o, "publisher", publisher_json(&s));
	json_object_set_new(o, "recording",
		json_pack("{s:b, s:I, s:I, s:I}", "active", s.recording, "bytes",
			(json_int_t)s.recorded_bytes, "segments", (json_int_t)s.recorded_segments,
			"failures", (json_int_t)s.recording_failures));
	json_object_set_new(o, "windowMemory", json_integer((json_int_t)s.window_memory));
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	struct live_stream *s = NULL;
	struct api_urls urls;
	json_t *items = json_array();

	api_urls_of(a, r, &urls);
	while ((s = live_registry_next(a->config.registry, s))) {
		json_t *o = api_stream_json(a, &urls, live_stream_record(s));

		set_inside(a, o, live_stream_id(s));
		json_array_append_new(items, o);
	}
	reply_page(r, items, NULL);
}

static void show(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record row;
	struct api_urls urls;
	json_t *o;

	if (!api_stream_of(a, r, &row))
		return;
	api_urls_of(a, r, &urls);
	o = api_stream_details_json(a, &urls, &row);
	if (o) {
		set_inside(a, o, row.id);
		reply_data(r, 200, o);
	} else {
		api_reply_unreadable(r);
	}
	stream_record_finish(&row);
}

/* Create: the seller, the stream, and if wanted live; each after the one before is stored. */

static void on_created_live(struct api_call *c, const struct studio_answer *answer)
{
	char *rtmp = api_url_rtmp(c->api, &c->urls);
	json_t *o = api_stream_json(c->api, &c->urls, answer->stream);

	json_object_set_new(o, "productCount", json_integer(answer->product_count));
	json_object_set_new(o, "rtmpUrl", json_string(rtmp));
	json_object_set_new(o, "streamKey", json_string(answer->stream_key));
	free(rtmp);
	api_call_answer(c, 201, o);
}

static void on_created(struct api_call *c, const struct studio_answer *answer)
{
	static const struct studio_go_live vouched = {.vouched = true};
	const struct studio_caller caller = api_caller(c->request);

	if (!router_bool(c->request, "live", false)) {
		json_t *o = api_stream_json(c->api, &c->urls, answer->stream);

		json_object_set_new(o, "productCount", json_integer(answer->product_count));
		api_call_answer(c, 201, o);
		return;
	}
	c->succeeded = on_created_live;
	studio_go_live(c->api->config.studio, &(struct studio_caller){caller.user_id, ROLE_ADMIN},
		answer->stream->id, &vouched, api_on_studio, c);
}

static void create_stream(struct api_call *c)
{
	const struct studio_caller seller = {
		.user_id = router_text(c->request, "seller_id", ""),
		.roles = ROLE_SELLER,
	};
	struct stream_record draft;
	struct uuid *products;
	size_t n = api_body_ids(c->request, "product_ids", &products);

	api_body_draft(c->request, &draft);
	studio_create_stream(c->api->config.studio, &seller, &draft, products, n, api_on_studio, c);
	free(products);
}

static void on_seller(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	if (c->request && outcome->result == REPO_OK)
		create_stream(c);
	else
		api_call_unavailable(c);
}

static void create(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *id = router_text(r, "seller_id", "");
	struct api_call *c = api_call_create(a, r, on_created);
	struct user_record u = {0};

	if (a->config.repo.ops->user_get(a->config.repo.impl, id, &u) != REPO_OK)
		u = (struct user_record){.id = mem_strdup(id), .name = mem_strdup(id)};
	if (u.roles & ROLE_SELLER) {
		create_stream(c);
	} else {
		u.roles |= ROLE_SELLER;
		a->config.repo.ops->user_put(a->config.repo.impl, &u, on_seller, c);
	}
	user_record_finish(&u);
}

static void go_live(void *user, struct http_request *r)
{
	static const struct studio_go_live vouched = {.vouched = true};
	struct api *a = user;
	const struct studio_caller caller = {api_caller(r).user_id, ROLE_ADMIN};
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	studio_go_live(a->config.studio, &caller, id, &vouched, api_on_studio,
		api_call_create(a, r, api_answer_live));
}

/* In the owner's name: the rule that only owners rotate stays in one place. */
static void rotate_key(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record row;

	if (!api_stream_of(a, r, &row))
		return;
	studio_rotate_key(a->config.studio, &(struct studio_caller){row.seller_id, ROLE_SELLER},
		row.id, api_on_studio, api_call_create(a, r, api_answer_key));
	stream_record_finish(&row);
}

static void end(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = {api_caller(r).user_id, ROLE_ADMIN};
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	studio_end(a->config.studio, &caller, id, api_on_studio,
		api_call_create(a, r, api_answer_ended));
}

static void kick(void *user, struct http_request *r)
{
	struct api *a = user;
	struct live_stream *live;
	struct stream_record row;

	if (!api_stream_of(a, r, &row))
		return;
	live = live_registry_find(a->config.registry, row.id);
	if (!live)
		reply_error(r, 409, "stream_not_live", "The stream is not live.", NULL);
	else if (!live_registry_kick(a->config.registry, live))
		reply_error(r, 409, "no_publisher", "Nobody publishes to it.", NULL);
	else
		reply_data(
			r, 200, json_pack("{s:o, s:b}", "streamId", api_id(row.id), "kicked", 1));
	stream_record_finish(&row);
}

static const struct route_field create_fields[] = {
	{"seller_id", FIELD_STRING, .required = true, .min = 1, .max = USER_ID_MAX,
		.text = "Made if there is no such user."},
	API_TITLE_FIELD,
	API_SETTING_FIELDS,
	{"product_ids", FIELD_UUIDS, .max = PRODUCTS_MAX, .text = "The seller's own products."},
	{"scheduled_at", FIELD_TIME, .nullable = true, .text = "null: now."},
	{"live", FIELD_BOOL, .text = "Go live at once; default false."},
};

static const struct shape_field kicked_fields[] = {
	{"streamId", SHAPE_UUID},
	{"kicked", SHAPE_BOOL},
};
static const struct shape kicked_shape = {
	"PublisherKicked", kicked_fields, API_COUNT(kicked_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/streams", ROUTE_ADMIN, "Streams that are live in this process.",
		.list = true, .answer = "Streams, with publisher and recording.",
		.shape = &api_shape_admin_stream, .handler = list},
	{HTTP_POST, "/api/v1/admin/streams", ROUTE_ADMIN,
		"Create a stream for a seller, without products and checklist.",
		.body = create_fields, .n_body = API_COUNT(create_fields), .status = 201,
		.answer = "The stream; live ones with rtmpUrl and streamKey.",
		.shape = &api_shape_admin_created, .handler = create},
	{HTTP_GET, "/api/v1/admin/streams/{id}", ROUTE_ADMIN, "A stream, live or not.",
		.answer = "The stream, with publisher and recording.",
		.shape = &api_shape_admin_details, .errors = "404 not_found, 404 stream_not_found",
		.handler = show},
	{HTTP_POST, "/api/v1/admin/streams/{id}/go-live", ROUTE_ADMIN,
		"Go live without products and checklist.",
		.answer = "streamId, status, rtmpUrl, streamKey, hlsUrl, watchUrl, startedAt and "
			  "notificationsSent.",
		.shape = &api_shape_live,
		.errors = "404 not_found, 404 stream_not_found, 409 stream_not_scheduled",
		.handler = go_live},
	{HTTP_POST, "/api/v1/admin/streams/{id}/rotate-key", ROUTE_ADMIN, "Replace the stream key.",
		.answer = "streamId, status, rtmpUrl and streamKey.", .shape = &api_shape_key,
		.errors = "404 not_found, 404 stream_not_found, 409 stream_not_live",
		.handler = rotate_key},
	{HTTP_POST, "/api/v1/admin/streams/{id}/end", ROUTE_ADMIN, "End a live stream.",
		.answer = "streamId, status, duration, vodUrl and stats.",
		.shape = &api_shape_ended,
		.errors = "404 not_found, 404 stream_not_found, 409 stream_not_live",
		.handler = end},
	{HTTP_POST, "/api/v1/admin/streams/{id}/kick", ROUTE_ADMIN,
		"Close the publisher, who may come back.", .answer = "streamId and kicked.",
		.shape = &kicked_shape,
		.errors = "404 not_found, 404 stream_not_found, 409 stream_not_live, 409 "
			  "no_publisher",
		.handler = kick},
};

void api_admin_streams_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
