#include <string.h>

#include "api_internal.h"
#include "base/text.h"

/* Who is connected, and the way to be rid of somebody. */

#define LISTED_MAX 10000

struct listing {
	struct api *api;
	const char *kind, *address; /* "": any */
	unsigned limit;
	uint64_t found;
	json_t *items;
};

static json_t *connection_json(const struct api *a, const struct api_connection *c)
{
	const struct clock *clock = loop_clock(a->config.loop);
	uint64_t age_ms = (loop_now_us(a->config.loop) - c->since_us) / 1000;

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:i, s:b}", "id", c->id, "kind", c->kind,
		"address", c->address, "streamId",
		api_text_or_null(*c->stream_id ? c->stream_id : NULL), "connectedAt",
		api_time_or_null(clock_wall_ms(clock) - age_ms), "bytes", (json_int_t)c->bytes,
		"requests", (int)c->requests, "tls", c->tls);
}

static void add(void *arg, const struct api_connection *c)
{
	struct listing *l = arg;

	if ((*l->kind && !text_eq(l->kind, c->kind)) ||
		(*l->address && !text_eq(l->address, c->address)))
		return;
	if (l->found++ < l->limit)
		json_array_append_new(l->items, connection_json(l->api, c));
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_arg kind_room, address_room, limit_room;
	struct listing l = {
		.api = a,
		.kind = api_arg(r, "kind", &kind_room),
		.address = api_arg(r, "address", &address_room),
		.limit = 1000,
		.items = json_array(),
	};
	uint64_t limit;

	if (text_u64(api_arg(r, "limit", &limit_room), 1, LISTED_MAX, &limit))
		l.limit = (unsigned)limit;
	a->config.host.connections(a->config.host.user, add, &l);
	reply_data(r, 200,
		json_pack("{s:I, s:o}", "count", (json_int_t)l.found, "connections", l.items));
}

static void close_one(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *id = router_param(r, "id");

	if (a->config.host.close_connection(a->config.host.user, id))
		reply_data(r, 200, json_pack("{s:s, s:b}", "id", id, "closed", 1));
	else
		reply_error(r, 404, "connection_not_found", "There is no such connection.", NULL);
}

static const char *const kinds[] = {"rtmp", "http", NULL};

static const struct route_field list_query[] = {
	{"kind", FIELD_STRING, .words = kinds},
	{"address", FIELD_STRING, .min = 1, .max = 64, .text = "Only of this address."},
	{"limit", FIELD_INTEGER, .min = 1, .max = LISTED_MAX, .text = "Default 1000."},
};

static const struct shape_field connection_fields[] = {
	{"id", SHAPE_TEXT},
	{"kind", SHAPE_TEXT, .text = "rtmp or http."},
	{"address", SHAPE_TEXT},
	{"streamId", SHAPE_TEXT, .nullable = true, .text = "The stream that it publishes."},
	{"connectedAt", SHAPE_TIME},
	{"bytes", SHAPE_INTEGER, .text = "Received, of RTMP; else 0."},
	{"requests", SHAPE_INTEGER, .text = "Under way, of HTTP; else 0."},
	{"tls", SHAPE_BOOL},
};
static const struct shape connection_shape = {
	"Connection", connection_fields, API_COUNT(connection_fields)};

static const struct shape_field list_fields[] = {
	{"count", SHAPE_INTEGER, .text = "How many there are, listed or not."},
	{"connections", SHAPE_LIST, .of = &connection_shape},
};
static const struct shape list_shape = {"Connections", list_fields, API_COUNT(list_fields)};

static const struct shape_field closed_fields[] = {
	{"id", SHAPE_TEXT},
	{"closed", SHAPE_BOOL},
};
static const struct shape closed_shape = {
	"ConnectionClosed", closed_fields, API_COUNT(closed_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/connections", ROUTE_ADMIN, "Open connections.",
		.query = list_query, .n_query = API_COUNT(list_query),
		.answer = "How many, and each.", .shape = &list_shape, .handler = list},
	{HTTP_POST, "/api/v1/admin/connections/{id}/close", ROUTE_ADMIN,
		"Close a connection at once.", .answer = "What was closed.", .shape = &closed_shape,
		.errors = "404 connection_not_found", .handler = close_one},
};

void api_admin_connections_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
