#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "api_shapes.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/repo_cursor.h"
#include "model/sales.h"

static void reply_product(struct api *a, struct http_request *r, struct uuid id)
{
	struct product_record p;

	switch (a->config.repo.ops->product_get(a->config.repo.impl, id, &p)) {
	case REPO_OK:
		reply_data(r, 200, api_product_json(&p));
		product_record_finish(&p);
		return;
	case REPO_NOT_FOUND:
		reply_error(r, 404, "product_not_found", "There is no such product.", NULL);
		return;
	case REPO_WRONG_STATE:
	case REPO_DUPLICATE:
	case REPO_NOT_OWNER:
	case REPO_NO_PRODUCTS:
	case REPO_NO_SUCH_PRODUCT:
	case REPO_FAILED:
		api_reply_unreadable(r);
		return;
	}
}

static void on_created(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;
	json_t *o = c->draft;

	c->draft = NULL;
	if (outcome->result == REPO_OK) {
		api_call_answer(c, 201, o);
		return;
	}
	json_decref(o);
	api_call_unavailable(c);
}

bool api_currency_is_good(const char *s)
{
	return strlen(s) == 3 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static bool url_is_good(const char *s)
{
	return !s || text_starts(s, "https://") || text_starts(s, "http://");
}

/* What the field table cannot say. */
static bool check(struct http_request *r)
{
	static const char *const urls[] = {"image_url", "url"};

	if (router_given(r, "currency") && !api_currency_is_good(router_text(r, "currency", ""))) {
		reply_error(r, 422, "invalid_value",
			"currency must be a code of ISO 4217, such as EUR.", "currency");
		return false;
	}
	for (size_t i = 0; i < API_COUNT(urls); i++) {
		if (url_is_good(router_text(r, urls[i], NULL)))
			continue;
		reply_error(r, 422, "invalid_value", "This must be an http or https URL.", urls[i]);
		return false;
	}
	return true;
}

static void create(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct clock *clock = loop_clock(a->config.loop);
	struct product_record p = {
		.id = uuid_new(clock),
		.seller_id = (char *)router_identity(r)->user_id,
		.name = (char *)router_text(r, "name", NULL),
		.description = (char *)router_text(r, "description", NULL),
		.image_url = (char *)router_text(r, "image_url", NULL),
		.url = (char *)router_text(r, "url", NULL),
		.price = router_integer(r, "price", 0),
		.currency = (char *)router_text(r, "currency", NULL),
		.stock = router_integer(r, "stock", -1),
		.created_at = clock_wall_ms(clock),
	};
	struct api_call *c;

	if (!check(r))
		return;
	if (!(router_identity(r)->roles & ROLE_SELLER)) {
		reply_error(r, 403, "forbidden", "Only sellers have products.", NULL);
		return;
	}
	p.updated_at = p.created_at;
	c = api_call_create(a, r, NULL);
	c->draft = api_product_json(&p);
	a->config.repo.ops->product_create(a->config.repo.impl, &p, on_created, c);
}

/* The product of the path, if it is the caller's; false: answered. */
static bool own_product(struct api *a, struct http_request *r, struct product_record *out)
{
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return false;
	if (a->config.repo.ops->product_get(a->config.repo.impl, id, out) != REPO_OK) {
		reply_product(a, r, id);
		return false;
	}
	if (strcmp(out->seller_id, router_identity(r)->user_id) == 0)
		return true;
	product_record_finish(out);
	reply_error(r, 403, "product_not_yours", "This product belongs to another seller.", NULL);
	return false;
}

static unsigned fields_given(const struct http_request *r)
{
	static const struct {
		const char *name;
		enum product_field field;
	} all[] = {
		{"name", PRODUCT_NAME},
		{"description", PRODUCT_DESCRIPTION},
		{"image_url", PRODUCT_IMAGE_URL},
		{"url", PRODUCT_URL},
		{"price", PRODUCT_PRICE},
		{"currency", PRODUCT_CURRENCY},
		{"stock", PRODUCT_STOCK},
	};
	unsigned given = 0;

	for (size_t i = 0; i < API_COUNT(all); i++)
		if (json_object_get(router_body(r), all[i].name))
			given |= all[i].field;
	return given;
}

static void refuse_write(struct api_call *c, enum repo_result result)
{
	if (result == REPO_NOT_FOUND)
		api_call_fail(c, 404, "product_not_found", "There is no such product.", NULL);
	else if (result == REPO_WRONG_STATE)
		api_call_fail(c, 409, "product_is_live", "It is in a stream that is live.", NULL);
	else
		api_call_unavailable(c);
}

static void on_updated(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;
	struct product_record p;
	enum repo_result result = outcome->result;
	json_t *o;

	/* The api outlives its requests only. */
	if (result == REPO_OK && c->request)
		result = c->api->config.repo.ops->product_get(c->api->config.repo.impl, c->id, &p);
	if (result != REPO_OK || !c->request) {
		refuse_write(c, result);
		return;
	}
	o = api_product_json(&p);
	product_record_finish(&p);
	api_call_answer(c, 200, o);
}

static void update(void *user, struct http_request *r)
{
	struct api *a = user;
	struct product_record p,
		draft = {
			.name = (char *)router_text(r, "name", NULL),
			.description = (char *)router_text(r, "description", NULL),
			.image_url = (char *)router_text(r, "image_url", NULL),
			.url = (char *)router_text(r, "url", NULL),
			.price = router_integer(r, "price", 0),
			.currency = (char *)router_text(r, "currency", NULL),
			.stock = router_integer(r, "stock", -1),
		};
	struct api_call *c;

	if (!check(r) || !own_product(a, r, &p))
		return;
	c = api_call_create(a, r, NULL);
	c->id = draft.id = p.id;
	draft.seller_id = p.seller_id;
	a->config.repo.sales->product_update(
		a->config.repo.impl, &draft, fields_given(r), on_updated, c);
	product_record_finish(&p);
}

static void on_deleted(void *user, const struct repo_outcome *outcome)
{
	struct api_call *c = user;

	if (outcome->result != REPO_OK)
		refuse_write(c, outcome->result);
	else
		api_call_answer(c, 200,
			json_pack("{s:o, s:s}", "productId", api_id(c->id), "status", "deleted"));
}

static void delete_product(void *user, struct http_request *r)
{
	struct api *a = user;
	struct product_record p;
	struct api_call *c;

	if (!own_product(a, r, &p))
		return;
	c = api_call_create(a, r, NULL);
	c->id = p.id;
	product_record_finish(&p);
	a->config.repo.sales->product_delete(a->config.repo.impl, c->id, on_deleted, c);
}

static void show(void *user, struct http_request *r)
{
	struct uuid id;

	if (router_param_uuid(r, "id", &id))
		reply_product(user, r, id);
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	struct repo_product_page page = {0};
	struct repo_cursor cursor;
	struct api_arg seller_room, cursor_room;
	const char *seller = api_arg(r, "seller", &seller_room);
	const char *after = api_arg(r, "cursor", &cursor_room);
	json_t *items;

	if (!*seller) {
		reply_error(r, 422, "missing_field", "seller is required.", "seller");
		return;
	}
	if (*after && !repo_cursor_parse(after, &cursor)) {
		reply_error(r, 422, "invalid_cursor", "The cursor is not one of ours.", "cursor");
		return;
	}
	if (a->config.repo.ops->product_list(a->config.repo.impl, seller, router_limit(r),
		    *after ? after : NULL, &page) != REPO_OK) {
		api_reply_unreadable(r);
		return;
	}
	items = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(items, api_product_json(&page.rows[i]));
	reply_page(r, items, page.next_cursor);
	repo_product_page_finish(&page);
}

#define OPTIONAL_FIELDS \
	{"description", FIELD_STRING, .nullable = true, .max = 2000}, \
		{"image_url", FIELD_STRING, .nullable = true, .min = 1, .max = 2000}, \
		{"url", FIELD_STRING, .nullable = true, .min = 1, .max = 2000}, \
	{ \
		"stock", FIELD_INTEGER, .nullable = true, .max = 1e12, \
					.text = "null: not counted." \
	}

static const struct route_field create_fields[] = {
	{"name", FIELD_STRING, .required = true, .min = 1, .max = 140},
	{"price", FIELD_INTEGER, .required = true, .max = 1e12, .text = "In minor units."},
	{"currency", FIELD_STRING, .required = true, .min = 3, .max = 3, .text = "ISO 4217."},
	OPTIONAL_FIELDS,
};

static const struct route_field update_fields[] = {
	{"name", FIELD_STRING, .min = 1, .max = 140},
	{"price", FIELD_INTEGER, .max = 1e12, .text = "In minor units."},
	{"currency", FIELD_STRING, .min = 3, .max = 3, .text = "ISO 4217."},
	OPTIONAL_FIELDS,
};

static const struct route_field list_query[] = {
	{"seller", FIELD_STRING, .required = true, .min = 1, .max = 128},
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_STRING, .min = 1, .max = 200},
};

static const struct shape_field deleted_fields[] = {
	{"productId", SHAPE_UUID},
	{"status", SHAPE_TEXT, .text = "deleted"},
};
static const struct shape deleted_shape = {
	"ProductDeleted", deleted_fields, API_COUNT(deleted_fields)};

static const struct route routes[] = {
	{HTTP_POST, "/api/v1/products", .who = ROUTE_SELLER, .summary = "Create a product.",
		.body = create_fields, .n_body = API_COUNT(create_fields), .status = 201,
		.answer = "The product.", .shape = &api_shape_product, .handler = create},
	{HTTP_GET, "/api/v1/products", .who = ROUTE_PUBLIC,
		.summary = "List a seller's products, newest first.", .query = list_query,
		.n_query = API_COUNT(list_query), .list = true, .answer = "Products.",
		.shape = &api_shape_product, .errors = "422 invalid_cursor", .handler = list},
	{HTTP_GET, "/api/v1/products/{id}", .who = ROUTE_PUBLIC, .summary = "A product.",
		.answer = "The product.", .shape = &api_shape_product,
		.errors = "404 product_not_found", .handler = show},
	{HTTP_PATCH, "/api/v1/products/{id}", .who = ROUTE_USER, .summary = "Change a product.",
		.body = update_fields, .n_body = API_COUNT(update_fields), .answer = "The product.",
		.shape = &api_shape_product,
		.errors = "403 product_not_yours, 404 product_not_found, 422 invalid_value",
		.handler = update},
	{HTTP_DELETE, "/api/v1/products/{id}", .who = ROUTE_USER,
		.summary = "Delete a product; streams that showed it keep it.",
		.answer = "productId and status.", .shape = &deleted_shape,
		.errors = "403 product_not_yours, 404 product_not_found, 409 product_is_live",
		.handler = delete_product},
};

void api_products_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
