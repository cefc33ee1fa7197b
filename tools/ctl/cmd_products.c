#include <stdlib.h>

#include "act.h"
#include "calls.h"
#include "client.h"
#include "output.h"

static const struct field list_fields[] = {
	{"ID", "productId"},
	{"NAME", "name", FIELD_FLEXIBLE},
	{"PRICE", "price", FIELD_COUNT},
	{"CURRENCY", "currency"},
	{"STOCK", "stock", FIELD_COUNT},
	{"CREATED", "createdAt", FIELD_TIME},
};

static const struct field shown_fields[] = {
	{"ID", "productId"},
	{"NAME", "name", FIELD_FLEXIBLE},
	{"PRICE", "price", FIELD_COUNT},
	{"CURRENCY", "currency"},
	{"PINNED", "pinned", FIELD_YES},
	{"VIEWS", "views", FIELD_COUNT},
	{"CLICKS", "clicks", FIELD_COUNT},
	{"INQUIRIES", "inquiries", FIELD_COUNT},
	{"SOLD", "purchases", FIELD_COUNT},
	{"REVENUE", "revenue", FIELD_COUNT},
};

enum ctl_exit products_list_run(struct ctl *c)
{
	const char *seller = args_get(&c->args, "seller"), *stream = args_get(&c->args, "stream");
	static const struct call_field query[] = {{"seller", "seller"}, {0}};
	static const struct call of_seller = {.method = "GET",
		.path = "/api/v1/products",
		.query = query,
		.is_list = true,
		CALL_FIELDS(list_fields)};
	if ((seller == NULL) == (stream == NULL)) {
		ctl_error("say whose: --seller ID, or --stream ID");
		return CTL_USAGE;
	}
	if (seller != NULL) {
		return call_run(c, &of_seller);
	}
	json_t *list;
	char *path = client_path("/api/v1/streams/{0}/products", &stream, 1);
	enum ctl_exit result = path != NULL ? client_call(c, "GET", path, NULL, &list) : CTL_FAILED;
	free(path);
	if (result == CTL_OK) {
		output_list(c, list, shown_fields, OUTPUT_COUNT(shown_fields));
	}
	return result;
}

enum ctl_exit products_create_run(struct ctl *c)
{
	static const struct call_field body[] = {
		{"name", "name"},
		{"price", "price", CALL_INTEGER},
		{"currency", "currency"},
		{"description", "description"},
		{"image", "image_url"},
		{"link", "url"},
		{"stock", "stock", CALL_INTEGER},
		{0},
	};
	static const struct field fields[] = {
		{"Product", "productId"}, {"Name", "name"}, {"Seller", "sellerId"}};
	static const struct call create = {
		.method = "POST", .path = "/api/v1/products", .body = body, CALL_FIELDS(fields)};
	enum ctl_exit result = act_as_only(c, args_get(&c->args, "seller"), ACT_MAKE_SELLER);
	return result == CTL_OK ? call_run(c, &create) : result;
}
