#include "calls.h"

#define PRODUCT "/api/v1/products/{0}"
#define SHOWN "/api/v1/streams/{0}/products"

static const struct field fields[] = {
	{"Product", "productId"},
	{"Name", "name"},
	{"Description", "description"},
	{"Seller", "sellerId"},
	{"Price (minor units)", "price", FIELD_COUNT},
	{"Currency", "currency"},
	{"Stock", "stock", FIELD_COUNT},
	{"Picture", "imageUrl"},
	{"Page", "url"},
	{"Created", "createdAt", FIELD_TIME},
	{"Updated", "updatedAt", FIELD_TIME},
};

const struct call call_products_show = {.method = "GET", .path = PRODUCT, CALL_FIELDS(fields)};

static const struct call_field update_body[] = {
	{"name", "name"},
	{"price", "price", CALL_INTEGER},
	{"currency", "currency"},
	{"description", "description", CALL_TEXT_OR_NULL},
	{"image", "image_url", CALL_TEXT_OR_NULL},
	{"link", "url", CALL_TEXT_OR_NULL},
	{"stock", "stock", CALL_INTEGER_OR_NULL},
	{0},
};

const struct call call_products_update = {
	.method = "PATCH",
	.path = PRODUCT,
	.as = CALL_PRODUCT_OWNER,
	.body = update_body,
	.needs_field = true,
	CALL_FIELDS(fields),
};

const struct call call_products_delete = {
	.method = "DELETE",
	.path = PRODUCT,
	.as = CALL_PRODUCT_OWNER,
	.said = "It is gone from lists; streams that showed it keep it.",
};

/* In a stream */

static const struct field shown_fields[] = {
	{"Product", "productId"},
	{"Pinned", "pinned", FIELD_YES},
	{"X", "position.x", FIELD_PLACE},
	{"Y", "position.y", FIELD_PLACE},
	{"Tagged at (s)", "timestampSeconds", FIELD_COUNT},
	{"Views", "views", FIELD_COUNT},
	{"Clicks", "clicks", FIELD_COUNT},
	{"Inquiries", "inquiries", FIELD_COUNT},
	{"Purchases", "purchases", FIELD_COUNT},
	{"Revenue", "revenue", FIELD_COUNT},
};

static const struct call_field attach_body[] = {{"1", "product_ids", CALL_OPERANDS}, {0}};

static const struct field attach_fields[] = {
	{"Stream", "streamId"}, {"Products", "productCount", FIELD_COUNT}};

const struct call call_products_attach = {
	.method = "POST",
	.path = SHOWN,
	.as = CALL_OWNER,
	.body = attach_body,
	CALL_FIELDS(attach_fields),
};

static const struct call_field tag_body[] = {
	{"x", "x", CALL_NUMBER},
	{"y", "y", CALL_NUMBER},
	{"seconds", "timestamp_seconds", CALL_INTEGER},
	{0},
};

const struct call call_products_tag = {
	.method = "POST",
	.path = SHOWN "/{1}/tag",
	.as = CALL_OWNER,
	.body = tag_body,
	CALL_FIELDS(shown_fields),
};

const struct call call_products_pin = {
	.method = "POST",
	.path = SHOWN "/{1}/pin",
	.as = CALL_OWNER,
	CALL_FIELDS(shown_fields),
};

const struct call call_products_unpin = {
	.method = "DELETE",
	.path = SHOWN "/{1}/pin",
	.as = CALL_OWNER,
	CALL_FIELDS(shown_fields),
};

static const struct call_field event_body[] = {
	{"2", "type", CALL_OPERAND},
	{"order", "order_id"},
	{"amount", "amount", CALL_INTEGER},
	{"currency", "currency"},
	{0},
};

const struct call call_products_event = {
	.method = "POST",
	.path = SHOWN "/{1}/events",
	.body = event_body,
	CALL_FIELDS(shown_fields),
};
