#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "api_shapes.h"
#include "base/text.h"
#include "model/repo_cursor.h"

#define PRODUCTS_MAX 100

/* What the answers of writes have beyond the stream's own fields. */
static void on_created(struct api_call *c, const struct studio_answer *answer)
{
	json_t *o = api_stream_json(c->api, &c->urls, answer->stream);

	json_object_set_new(o, "productCount", json_integer(answer->product_count));
	api_call_answer(c, 201, o);
}

static void create(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record draft;
	struct uuid *products;
	size_t n = api_body_ids(r, "product_ids", &products);
	struct api_call *c = api_call_create(a, r, on_created);
	const struct studio_caller caller = api_caller(r);

	api_body_draft(r, &draft);
	studio_create_stream(a->config.studio, &caller, &draft, products, n, api_on_studio, c);
	free(products);
}

static bool list_filter(
	struct http_request *r, struct api_arg args[static 6], struct repo_stream_filter *out)
{
	static const char *const names[] = {
		"status", "category", "neighborhood", "seller", "q", "cursor"};
	const char *value[6];
	struct repo_cursor cursor;
	enum stream_status status;

	for (size_t i = 0; i < 6; i++) {
		value[i] = api_arg(r, names[i], &args[i]);
		if (!*value[i])
			value[i] = NULL;
	}
	if (value[5] && !repo_cursor_parse(value[5], &cursor)) {
		reply_error(r, 422, "invalid_cursor", "The cursor is not one of ours.", "cursor");
		return false;
	}
	*out = (struct repo_stream_filter){
		.status = value[0] && stream_status_parse(value[0], &status) ? (int)status : -1,
		.category = value[1],
		.neighborhood = value[2],
		.seller_id = value[3],
		.text = value[4],
		.cursor = value[5],
		.limit = router_limit(r),
	};
	return true;
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_arg args[6];
	struct repo_stream_filter filter;
	struct repo_stream_page page = {0};
	struct api_urls urls;
	json_t *items;

	if (!list_filter(r, args, &filter))
		return;
	if (a->config.repo.ops->stream_list(a->config.repo.impl, &filter, &page) != REPO_OK) {
		api_reply_unreadable(r);
		return;
	}
	api_urls_of(a, r, &urls);
	items = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(items, api_stream_json(a, &urls, &page.rows[i]));
	reply_page(r, items, page.next_cursor);
	repo_stream_page_finish(&page);
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
	if (o)
		reply_data(r, 200, o);
	else
		api_reply_unreadable(r);
	stream_record_finish(&row);
}

static void on_deleted(struct api_call *c, const struct studio_answer *answer)
{
	bool cancelled = c->status == STREAM_SCHEDULED;

	api_call_answer(c, 200,
		json_pack("{s:o, s:s}", "streamId", api_id(c->id), "status",
			cancelled ? stream_status_text(STREAM_CANCELLED) : "deleted"));
}

/* The state that forbids it has its own name here: nothing about going live. */
static void on_delete_answer(void *user, const struct studio_answer *answer)
{
	struct api_call *c = user;

	if (answer->result != STUDIO_NOT_SCHEDULED)
		api_on_studio(user, answer);
	else if (c->status == STREAM_LIVE)
		api_call_fail(c, 409, "stream_is_live", "End the stream first.", NULL);
	else
		api_call_fail(c, 409, "stream_finishing",
			"The recording is being finished: try again in a moment.", NULL);
}

static void delete_stream(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	struct stream_record row;
	struct api_call *c;

	if (!api_stream_of(a, r, &row))
		return;
	c = api_call_create(a, r, on_deleted);
	c->id = row.id;
	c->status = row.status;
	stream_record_finish(&row);
	studio_delete(a->config.studio, &caller, c->id, on_delete_answer, c);
}

static void on_attached(struct api_call *c, const struct studio_answer *answer)
{
	json_t *products = api_stream_products_json(c->api, answer->stream->id);

	if (!products) {
		api_call_fail(c, 503, "unavailable", "The store cannot be read now.", NULL);
		return;
	}
	api_call_answer(c, 200,
		json_pack("{s:o, s:I, s:o}", "streamId", api_id(answer->stream->id), "productCount",
			(json_int_t)answer->product_count, "products", products));
}

static void attach(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	struct uuid id, *products;
	size_t n;

	if (!router_param_uuid(r, "id", &id))
		return;
	n = api_body_ids(r, "product_ids", &products);
	studio_attach(a->config.studio, &caller, id, products, n, api_on_studio,
		api_call_create(a, r, on_attached));
	free(products);
}

static void list_products(void *user, struct http_request *r)
{
	struct api *a = user;
	struct stream_record row;
	json_t *products;

	if (!api_stream_of(a, r, &row))
		return;
	products = api_stream_products_json(a, row.id);
	if (products)
		reply_page(r, products, NULL);
	else
		api_reply_unreadable(r);
	stream_record_finish(&row);
}

static void go_live(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	const struct studio_go_live request = {
		.camera_ready = router_bool(r, "camera_ready", false),
		.checklist_complete = router_bool(r, "checklist_complete", false),
	};
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	studio_go_live(a->config.studio, &caller, id, &request, api_on_studio,
		api_call_create(a, r, api_answer_live));
}

static void rotate_key(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	studio_rotate_key(a->config.studio, &caller, id, api_on_studio,
		api_call_create(a, r, api_answer_key));
}

static void end(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	studio_end(a->config.studio, &caller, id, api_on_studio,
		api_call_create(a, r, api_answer_ended));
}

static const char *const statuses[] = {"scheduled", "live", "ended", "cancelled", NULL};

static const struct route_field create_fields[] = {
	API_TITLE_FIELD,
	API_SETTING_FIELDS,
	{"product_ids", FIELD_UUIDS, .max = PRODUCTS_MAX, .text = "The seller's own products."},
	{"scheduled_at", FIELD_TIME, .nullable = true, .text = "null: now."},
};

static const struct route_field list_query[] = {
	{"status", FIELD_STRING, .words = statuses},
	{"category", FIELD_STRING, .min = 1, .max = 60},
	{"neighborhood", FIELD_STRING, .min = 1, .max = 120, .text = "Of the seller."},
	{"seller", FIELD_STRING, .min = 1, .max = 128, .text = "The seller's id."},
	{"q", FIELD_STRING, .min = 1, .max = 100, .text = "In the title or the description."},
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_STRING, .min = 1, .max = 200, .text = "nextCursor of the page before."},
};

static const struct route_field attach_fields[] = {
	{"product_ids", FIELD_UUIDS, .required = true, .min = 1, .max = PRODUCTS_MAX},
};

static const struct route_field go_live_fields[] = {
	{"camera_ready", FIELD_BOOL, .text = "Must be true."},
	{"checklist_complete", FIELD_BOOL, .text = "Must be true."},
};

static const struct shape_field deleted_fields[] = {
	{"streamId", SHAPE_UUID},
	{"status", SHAPE_TEXT, .text = "cancelled or deleted."},
};
static const struct shape deleted_shape = {
	"StreamDeleted", deleted_fields, API_COUNT(deleted_fields)};

static const struct shape_field attached_fields[] = {
	{"streamId", SHAPE_UUID},
	{"productCount", SHAPE_INTEGER},
	{"products", SHAPE_LIST, .of = &api_shape_stream_product},
};
static const struct shape attached_shape = {
	"ProductsAttached", attached_fields, API_COUNT(attached_fields)};

static const struct route routes[] = {
	{HTTP_POST, "/api/v1/streams", ROUTE_SELLER, "Create a stream, scheduled.",
		.body = create_fields, .n_body = API_COUNT(create_fields), .status = 201,
		.answer = "The stream.", .shape = &api_shape_created,
		.errors = "403 product_not_yours, 409 duplicate_product, 422 unknown_product",
		.handler = create},
	{HTTP_GET, "/api/v1/streams", ROUTE_PUBLIC, "List streams, live ones first.",
		.query = list_query, .n_query = API_COUNT(list_query), .list = true,
		.answer = "Streams.", .shape = &api_shape_stream, .errors = "422 invalid_cursor",
		.handler = list},
	{HTTP_GET, "/api/v1/streams/{id}", ROUTE_PUBLIC, "A stream with seller and products.",
		.answer = "The stream.", .shape = &api_shape_details,
		.errors = "404 not_found, 404 stream_not_found", .handler = show},
	{HTTP_DELETE, "/api/v1/streams/{id}", ROUTE_USER,
		"Cancel a scheduled stream, or delete an ended one with its recording.",
		.answer = "streamId and status.", .shape = &deleted_shape,
		.errors = "403 forbidden, 404 not_found, 404 stream_not_found, 409 stream_is_live, "
			  "409 stream_finishing",
		.handler = delete_stream},
	{HTTP_POST, "/api/v1/streams/{id}/products", ROUTE_USER,
		"Attach products while the stream is scheduled.", .body = attach_fields,
		.n_body = API_COUNT(attach_fields),
		.answer = "streamId, productCount and products.", .shape = &attached_shape,
		.errors = "403 forbidden, 403 product_not_yours, 404 not_found, 404 "
			  "stream_not_found, 409 stream_not_scheduled, 409 duplicate_product, 422 "
			  "unknown_product",
		.handler = attach},
	{HTTP_GET, "/api/v1/streams/{id}/products", ROUTE_PUBLIC,
		"Products with their places in the picture and counters.", .list = true,
		.answer = "Products.", .shape = &api_shape_stream_product,
		.errors = "404 not_found, 404 stream_not_found", .handler = list_products},
	{HTTP_POST, "/api/v1/streams/{id}/go-live", ROUTE_USER,
		"Go live: shows the stream key, this once.", .body = go_live_fields,
		.n_body = API_COUNT(go_live_fields),
		.answer = "streamId, status, rtmpUrl, streamKey, hlsUrl, watchUrl, startedAt and "
			  "notificationsSent.",
		.shape = &api_shape_live,
		.errors = "403 forbidden, 404 not_found, 404 stream_not_found, 409 "
			  "stream_not_scheduled, 422 no_products, 422 checklist_incomplete",
		.handler = go_live},
	{HTTP_POST, "/api/v1/streams/{id}/rotate-key", ROUTE_USER,
		"Replace the stream key; the old one stops at once.",
		.answer = "streamId, status, rtmpUrl and streamKey.", .shape = &api_shape_key,
		.errors = "403 forbidden, 404 not_found, 404 stream_not_found, 409 stream_not_live",
		.handler = rotate_key},
	{HTTP_POST, "/api/v1/streams/{id}/end", ROUTE_USER, "End a live stream.",
		.answer = "streamId, status, duration, vodUrl and stats.",
		.shape = &api_shape_ended,
		.errors = "403 forbidden, 404 not_found, 404 stream_not_found, 409 stream_not_live",
		.handler = end},
};

void api_streams_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
