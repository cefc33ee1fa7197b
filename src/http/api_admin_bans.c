#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "base/text.h"
#include "live/bans.h"

/* Whom this server wants nothing from: addresses at the accept, users at the API. */

#define SECONDS_MAX (366.0 * 86400 * 10)

static json_t *ban_json(const struct ban_record *b)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o}", "kind", ban_kind_text(b->kind),
		"subject", b->subject, "until", api_time_or_null(b->until), "reason",
		api_text_or_null(b->reason), "actor", b->actor, "createdAt",
		api_time_or_null(b->created_at));
}

static void add(void *arg, const struct ban_record *b)
{
	json_array_append_new(arg, ban_json(b));
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	json_t *items = json_array();

	bans_each(a->config.bans, add, items);
	reply_page(r, items, NULL);
}

static json_t *lifted_json(const struct ban_record *b)
{
	return json_pack("{s:s, s:s}", "kind", ban_kind_text(b->kind), "subject", b->subject);
}

static void on_done(void *user, enum bans_result result, const struct ban_record *ban)
{
	struct api_call *c = user;

	switch (result) {
	case BANS_OK:
		api_call_answer(
			c, c->created ? 201 : 200, c->created ? ban_json(ban) : lifted_json(ban));
		return;
	case BANS_INVALID:
		api_call_fail(
			c, 422, "invalid_value", "This is no address and no network.", "subject");
		return;
	case BANS_FULL:
		api_call_fail(c, 409, "too_many_bans",
			"There are as many bans as [limits] bans allows.", NULL);
		return;
	case BANS_NOT_FOUND:
		api_call_fail(c, 404, "ban_not_found", "There is no such ban.", NULL);
		return;
	case BANS_FAILED:
		api_call_unavailable(c);
		return;
	}
}

static void create(void *user, struct http_request *r)
{
	struct api *a = user;
	uint64_t now = clock_wall_ms(loop_clock(a->config.loop));
	json_int_t seconds = router_integer(r, "seconds", 0);
	struct ban_record ban = {
		.subject = (char *)router_text(r, "subject", ""),
		.until = seconds ? now + (uint64_t)seconds * 1000 : 0,
		.reason = (char *)router_text(r, "reason", NULL),
		.actor = router_identity(r)->user_id,
		.created_at = now,
	};
	struct api_call *c;

	ban_kind_parse(router_text(r, "kind", ""), &ban.kind);
	if (ban.kind == BAN_USER && text_eq(ban.subject, router_identity(r)->user_id)) {
		reply_error(r, 409, "own_account", "Nobody bans themselves.", "subject");
		return;
	}
	c = api_call_create(a, r, NULL);
	c->created = true;
	bans_put(a->config.bans, &ban, on_done, c);
}

static void lift(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_arg kind_room, subject_room;
	const char *subject = api_arg(r, "subject", &subject_room);
	struct api_call *c;
	enum ban_kind kind;

	if (!ban_kind_parse(api_arg(r, "kind", &kind_room), &kind) || !*subject) {
		reply_error(r, 422, "missing_field", "kind and subject are required.",
			*subject ? "kind" : "subject");
		return;
	}
	c = api_call_create(a, r, NULL);
	bans_remove(a->config.bans, kind, subject, on_done, c);
}

static const char *const kinds[] = {"address", "user", NULL};

static const struct route_field create_fields[] = {
	{"kind", FIELD_STRING, .required = true, .words = kinds},
	{"subject", FIELD_STRING, .required = true, .min = 1, .max = 128,
		.text = "A user's id, or an address or network such as 192.0.2.0/24."},
	{"seconds", FIELD_INTEGER, .nullable = true, .min = 1, .max = SECONDS_MAX,
		.text = "null: until it is lifted."},
	{"reason", FIELD_STRING, .nullable = true, .max = 200, .text = "For the operators."},
};

static const struct route_field lift_query[] = {
	{"kind", FIELD_STRING, .required = true, .words = kinds},
	{"subject", FIELD_STRING, .required = true, .min = 1, .max = 128},
};

static const struct shape_field ban_fields[] = {
	{"kind", SHAPE_TEXT},
	{"subject", SHAPE_TEXT, .text = "A network in its canonical form."},
	{"until", SHAPE_TIME, .nullable = true},
	{"reason", SHAPE_TEXT, .nullable = true},
	{"actor", SHAPE_TEXT, .text = "Who banned."},
	{"createdAt", SHAPE_TIME},
};
static const struct shape ban_shape = {"Ban", ban_fields, API_COUNT(ban_fields)};

static const struct shape_field lifted_fields[] = {
	{"kind", SHAPE_TEXT},
	{"subject", SHAPE_TEXT},
};
static const struct shape lifted_shape = {"BanLifted", lifted_fields, API_COUNT(lifted_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/bans", ROUTE_ADMIN, "Bans in force.", .answer = "Bans.",
		.shape = &ban_shape, .list = true, .handler = list},
	{HTTP_POST, "/api/v1/admin/bans", ROUTE_ADMIN,
		"Ban an address from connecting, or a user from the API, from watching and from "
		"publishing.",
		.body = create_fields, .n_body = API_COUNT(create_fields), .status = 201,
		.answer = "The ban.", .shape = &ban_shape,
		.errors = "409 too_many_bans, 409 own_account, 422 invalid_value, 503 unavailable",
		.handler = create},
	{HTTP_DELETE, "/api/v1/admin/bans", ROUTE_ADMIN, "Lift a ban.", .query = lift_query,
		.n_query = API_COUNT(lift_query), .answer = "What was lifted.",
		.shape = &lifted_shape,
		.errors = "404 ban_not_found, 422 invalid_value, 503 unavailable", .handler = lift},
};

void api_admin_bans_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
