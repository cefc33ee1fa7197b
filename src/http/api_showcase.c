
#include "api_internal.h"
#include "api_shapes.h"
#include "live/chat.h"
#include "live/showcase.h"

/* What is shown of a stream's products: settings before, tags, pins and events during. */

static void on_settings(struct api_call *c, const struct studio_answer *answer)
{
	json_t *o = api_stream_json(c->api, &c->urls, answer->stream);

	json_object_set_new(o, "productCount", json_integer(answer->product_count));
	if (c->api->config.chat)
		chat_mode_stored(c->api->config.chat, answer->stream);
	api_call_answer(c, 200, o);
}

static unsigned settings_given(const struct http_request *r)
{
	static const struct {
		const char *name;
		enum stream_setting setting;
	} all[] = {
		{"title", SETTING_TITLE},
		{"description", SETTING_DESCRIPTION},
		{"category", SETTING_CATEGORY},
		{"audience", SETTING_AUDIENCE},
		{"estimated_duration", SETTING_ESTIMATED_DURATION},
		{"notify_followers", SETTING_NOTIFY_FOLLOWERS},
		{"notify_neighborhood", SETTING_NOTIFY_NEIGHBORHOOD},
		{"enable_chat", SETTING_ENABLE_CHAT},
		{"slow_mode", SETTING_SLOW_MODE},
		{"enable_comments", SETTING_ENABLE_COMMENTS},
		{"record_stream", SETTING_RECORD_STREAM},
		{"scheduled_at", SETTING_SCHEDULED_AT},
	};
	unsigned given = 0;

	/* null is a value here: it takes away what was said before. */
	for (size_t i = 0; i < API_COUNT(all); i++)
		if (json_object_get(router_body(r), all[i].name))
			given |= all[i].setting;
	return given;
}

/* Those have rules of their own: whoever keeps order changes them while the stream is live. */
static bool is_of_chat(unsigned given)
{
	return given && !(given & ~(unsigned)(SETTING_ENABLE_CHAT | SETTING_SLOW_MODE));
}

static void settings(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	const unsigned given = settings_given(r);
	struct stream_record draft;
	struct uuid id;

	if (!router_param_uuid(r, "id", &id))
		return;
	api_body_draft(r, &draft);
	if (!api_slow_mode_is_good(a, r, draft.slow_mode))
		return;
	if (is_of_chat(given))
		api_chat_mode(
			a, r, id, &(struct chat_mode){given, draft.enable_chat, draft.slow_mode});
	else
		studio_settings(a->config.studio, &caller, id, &draft, given, api_on_studio,
			api_call_create(a, r, on_settings));
}

static void refuse(struct api_call *c, enum showcase_result result)
{
	switch (result) {
	case SHOWCASE_OK:
		break;
	case SHOWCASE_NOT_FOUND:
		api_call_fail(c, 404, "stream_not_found", "There is no such stream.", NULL);
		return;
	case SHOWCASE_FORBIDDEN:
		api_call_fail(c, 403, "forbidden", "This is not yours to do.", NULL);
		return;
	case SHOWCASE_NOT_IN_STREAM:
		api_call_fail(c, 404, "product_not_found",
			"There is no such product in this stream.", NULL);
		return;
	case SHOWCASE_NOT_LIVE:
		api_call_fail(c, 409, "stream_not_live", "The stream is not live.", NULL);
		return;
	case SHOWCASE_DUPLICATE_ORDER:
		api_call_fail(
			c, 409, "duplicate_order", "This order was counted before.", "order_id");
		return;
	case SHOWCASE_FAILED:
		break;
	}
	api_call_unavailable(c);
}

static void on_showcase(void *user, const struct showcase_answer *answer)
{
	struct api_call *c = user;
	json_t *o;

	if (answer->result != SHOWCASE_OK) {
		refuse(c, answer->result);
		return;
	}
	o = api_stream_product_json(answer->product);
	json_object_set_new(o, "streamId", api_id(c->id));
	api_call_answer(c, 200, o);
}

/* The stream and the product of the path; NULL, with the answer given, if they are no ids. */
static struct api_call *begin(struct api *a, struct http_request *r, struct uuid *product)
{
	struct uuid stream;
	struct api_call *c;

	if (!router_param_uuid(r, "id", &stream) || !router_param_uuid(r, "pid", product))
		return NULL;
	c = api_call_create(a, r, NULL);
	c->id = stream;
	return c;
}

/* Clients say the product in the body as well: then it is the same. */
static bool names_the_same(struct http_request *r)
{
	const char *text = router_text(r, "product_id", NULL);
	struct uuid said, meant;

	if (!text ||
		(uuid_parse(text, &said) && uuid_parse(router_param(r, "pid"), &meant) &&
			uuid_eq(said, meant)))
		return true;
	reply_error(r, 422, "invalid_value", "product_id is not the product of the path.",
		"product_id");
	return false;
}

static void tag(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct studio_caller caller = api_caller(r);
	const struct showcase_place place = {
		.x = router_number(r, "x", 0),
		.y = router_number(r, "y", 0),
		.timestamp_seconds = router_integer(r, "timestamp_seconds", -1),
	};
	struct uuid product;
	struct api_call *c = names_the_same(r) ? begin(a, r, &product) : NULL;

	if (c)
		showcase_tag(a->config.showcase, &caller, c->id, product, &place, on_showcase, c);
}

static void set_pin(struct api *a, struct http_request *r, bool pinned)
{
	const struct studio_caller caller = api_caller(r);
	struct uuid product;
	struct api_call *c = begin(a, r, &product);

	if (c)
		showcase_pin(a->config.showcase, &caller, c->id, product, pinned, on_showcase, c);
}

static void pin(void *user, struct http_request *r)
{
	set_pin(user, r, true);
}

static void unpin(void *user, struct http_request *r)
{
	set_pin(user, r, false);
}

static const char *const order_fields[] = {"order_id", "amount", "currency"};

/* A purchase says all of its order, another event nothing of one. */
static bool order_is_good(struct http_request *r, bool purchase)
{
	for (size_t i = 0; i < API_COUNT(order_fields); i++) {
		const char *name = order_fields[i];
		if (router_given(r, name) == purchase)
			continue;
		if (purchase)
			reply_error(r, 422, "missing_field",
				"A purchase has order_id, amount and currency.", name);
		else
			reply_error(r, 422, "invalid_value", "Only a purchase has an order.", name);
		return false;
	}
	if (!purchase || api_currency_is_good(router_text(r, "currency", "")))
		return true;
	reply_error(r, 422, "invalid_value", "currency must be a code of ISO 4217, such as EUR.",
		"currency");
	return false;
}

/* Anybody looks and clicks; who asks or buys is somebody. */
static bool may_tell(struct http_request *r, enum product_event event)
{
	if (router_identity(r) || event == PRODUCT_VIEW || event == PRODUCT_CLICK)
		return true;
	reply_error_with(r, 401, "unauthorized", "Inquiries and purchases need a token.", NULL,
		"www-authenticate: Bearer\r\n");
	return false;
}

/* A platform's backend tells of others' orders: whose, it does not say. */
static const char *buyer_of(const struct http_request *r)
{
	return router_has_role(r, ROLE_ADMIN) ? NULL : router_identity(r)->user_id;
}

static void event(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct identity *who = router_identity(r);
	enum product_event what = PRODUCT_VIEW;
	struct order_record order;
	struct uuid product;
	struct api_call *c;

	product_event_parse(router_text(r, "type", ""), &what);
	if (!may_tell(r, what) || !order_is_good(r, what == PRODUCT_PURCHASE))
		return;
	c = begin(a, r, &product);
	if (!c)
		return;
	if (what == PRODUCT_PURCHASE)
		order = (struct order_record){
			.order_id = (char *)router_text(r, "order_id", NULL),
			.amount = router_integer(r, "amount", 0),
			.currency = (char *)router_text(r, "currency", NULL),
			.user_id = (char *)buyer_of(r),
		};
	showcase_event(a->config.showcase, who ? who->user_id : NULL, c->id, product, what,
		what == PRODUCT_PURCHASE ? &order : NULL, on_showcase, c);
}

static const char *const events[] = {"view", "click", "inquiry", "purchase", NULL};

static const struct route_field settings_fields[] = {
	{"title", FIELD_STRING, .min = 1, .max = 140, .text = "Title."},
	API_SETTING_FIELDS,
	{"slow_mode", FIELD_INTEGER, .max = API_SLOW_MODE_MAX,
		.text = "Seconds between two messages of a viewer; 0: none."},
	{"scheduled_at", FIELD_TIME, .nullable = true, .text = "null: now."},
};

static const struct route_field tag_fields[] = {
	{"x", FIELD_NUMBER, .required = true, .min = 0, .max = 1, .text = "From the left."},
	{"y", FIELD_NUMBER, .required = true, .min = 0, .max = 1, .text = "From the top."},
	{"timestamp_seconds", FIELD_INTEGER, .nullable = true, .max = 864000,
		.text = "Of the stream, from its first frame on; default: now."},
	{"product_id", FIELD_UUID, .text = "As in the path."},
};

static const struct route_field event_fields[] = {
	{"type", FIELD_STRING, .required = true, .words = events},
	{"order_id", FIELD_STRING, .nullable = true, .min = 1, .max = 128,
		.text = "Of a purchase, unique over all streams."},
	{"amount", FIELD_INTEGER, .nullable = true, .max = 1e12, .text = "In minor units."},
	{"currency", FIELD_STRING, .nullable = true, .min = 3, .max = 3, .text = "ISO 4217."},
};

#define PRODUCT "/api/v1/streams/{id}/products/{pid}"
#define SHOW_ERRORS "404 stream_not_found, 404 product_not_found, 409 stream_not_live"

static const struct route routes[] = {
	{HTTP_PATCH, "/api/v1/streams/{id}/settings", .who = ROUTE_USER,
		.summary = "Change settings while the stream is scheduled; enable_chat and "
			   "slow_mode also while it is live, and as a moderator.",
		.body = settings_fields, .n_body = API_COUNT(settings_fields),
		.answer = "The stream.", .shape = &api_shape_created,
		.errors = "404 stream_not_found, 409 stream_not_scheduled, 409 stream_not_live",
		.handler = settings},
	{HTTP_POST, PRODUCT "/tag", .who = ROUTE_USER,
		.summary = "Say where a product is in the picture of the live stream.",
		.body = tag_fields, .n_body = API_COUNT(tag_fields), .answer = "The product.",
		.shape = &api_shape_shown_product, .errors = SHOW_ERRORS, .handler = tag},
	{HTTP_POST, PRODUCT "/pin", .who = ROUTE_USER,
		.summary = "Show a product now, in place of the one before.",
		.answer = "The product.", .shape = &api_shape_shown_product, .errors = SHOW_ERRORS,
		.handler = pin},
	{HTTP_DELETE, PRODUCT "/pin", .who = ROUTE_USER, .summary = "Show it no more.",
		.answer = "The product.", .shape = &api_shape_shown_product, .errors = SHOW_ERRORS,
		.handler = unpin},
	{HTTP_POST, PRODUCT "/events", .who = ROUTE_PUBLIC,
		.summary = "Count what somebody did with a product; an order counts once.",
		.body = event_fields, .n_body = API_COUNT(event_fields), .answer = "The product.",
		.shape = &api_shape_shown_product,
		.errors = SHOW_ERRORS ", 401 unauthorized, 409 duplicate_order", .handler = event},
};

void api_showcase_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
