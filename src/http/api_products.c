#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/repo_cursor.h"

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
	api_call_fail(c, 503, "unavailable", "The server cannot store this now.", NULL);
}

static bool currency_is_good(const char *s)
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

	if (!currency_is_good(router_text(r, "currency", ""))) {
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

static const struct route_field create_fields[] = {
	{"name", FIELD_STRING, .required = true, .min = 1, .max = 140},
	{"description", FIELD_STRING, .nullable = true, .max = 2000},
	{"price", FIELD_INTEGER, .required = true, .max = 1e12, .text = "In minor units."},
	{"currency", FIELD_STRING, .required = true, .min = 3, .max = 3, .text = "ISO 4217."},
	{"image_url", FIELD_STRING, .nullable = true, .min = 1, .max = 2000},
	{"url", FIELD_STRING, .nullable = true, .min = 1, .max = 2000},
	{"stock", FIELD_INTEGER, .nullable = true, .max = 1e12, .text = "null: not counted."},
};

static const struct route_field list_query[] = {
	{"seller", FIELD_STRING, .required = true, .min = 1, .max = 128},
	{"limit", FIELD_INTEGER, .min = 1, .max = 100},
	{"cursor", FIELD_STRING, .min = 1, .max = 200},
};

static const struct route routes[] = {
	{HTTP_POST, "/api/v1/products", ROUTE_SELLER, "Create a product.", .body = create_fields,
		.n_body = API_COUNT(create_fields), .status = 201, .answer = "The product.",
		.handler = create},
	{HTTP_GET, "/api/v1/products", ROUTE_PUBLIC, "List a seller's products, newest first.",
		.query = list_query, .n_query = API_COUNT(list_query), .list = true,
		.answer = "Products.", .handler = list},
	{HTTP_GET, "/api/v1/products/{id}", ROUTE_PUBLIC, "A product.", .answer = "The product.",
		.handler = show},
};

void api_products_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
