#include <stdlib.h>

#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"

/* The clients of the event layer. */

#define LISTED_MAX 10000

struct listing {
	struct api *api;
	const char *user_id, *address, *framing; /* "": any */
	unsigned limit;
	uint64_t found;
	json_t *items;
};

static json_t *socket_json(const struct api *a, const struct api_socket *s)
{
	uint64_t now_us = loop_now_us(a->config.loop);
	uint64_t now_ms = clock_wall_ms(loop_clock(a->config.loop));

	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:s, s:I, s:I, s:o, s:o}", "id", s->id,
		"framing", s->framing, "userId", api_text_or_null(s->user_id), "username",
		api_text_or_null(s->name), "guest", s->user_id == NULL, "address", s->address,
		"rooms", (json_int_t)s->rooms, "queued", (json_int_t)s->queued, "connectedAt",
		api_time_or_null(now_ms - (now_us - s->since_us) / 1000), "lastSeenAt",
		api_time_or_null(now_ms - (now_us - s->seen_us) / 1000));
}

static bool fits(const char *wanted, const char *text)
{
	return !*wanted || text_eq(wanted, text);
}

static void add(void *arg, const struct api_socket *s)
{
	struct listing *l = arg;

	if (!fits(l->user_id, s->user_id) || !fits(l->address, s->address) ||
		!fits(l->framing, s->framing))
		return;
	if (l->found++ < l->limit)
		json_array_append_new(l->items, socket_json(l->api, s));
}

static void list(void *user, struct http_request *r)
{
	struct api *a = user;
	const struct api_host *h = &a->config.host;
	struct api_arg user_room, address_room, framing_room, stream_room, limit_room;
	const char *stream = api_arg(r, "stream", &stream_room);
	char *room = *stream ? mem_printf("stream:%s", stream) : NULL;
	struct listing l = {
		.api = a,
		.user_id = api_arg(r, "user", &user_room),
		.address = api_arg(r, "address", &address_room),
		.framing = api_arg(r, "framing", &framing_room),
		.limit = 1000,
		.items = json_array(),
	};
	uint64_t limit;

	if (text_u64(api_arg(r, "limit", &limit_room), 1, LISTED_MAX, &limit))
		l.limit = (unsigned)limit;
	if (h->sockets)
		h->sockets(h->user, room, add, &l);
	free(room);
	reply_data(
		r, 200, json_pack("{s:I, s:o}", "count", (json_int_t)l.found, "sockets", l.items));
}

static void close_one(void *user, struct http_request *r)
{
	const struct api *a = user;
	const struct api_host *h = &a->config.host;
	const char *id = router_param(r, "id");

	if (h->close_socket && h->close_socket(h->user, id))
		reply_data(r, 200, json_pack("{s:s, s:b}", "id", id, "closed", 1));
	else
		reply_error(r, 404, "socket_not_found", "There is no such socket.", NULL);
}

static const char *const framings[] = {"socket.io", "json", "realtime", NULL};

static const struct route_field list_query[] = {
	{"stream", FIELD_UUID, .text = "Only those who joined this stream."},
	{"user", FIELD_STRING, .min = 1, .max = 128, .text = "Only of this user."},
	{"address", FIELD_STRING, .min = 1, .max = 64, .text = "Only of this address."},
	{"framing", FIELD_STRING, .words = framings},
	{"limit", FIELD_INTEGER, .min = 1, .max = LISTED_MAX, .text = "Default 1000."},
};

static const struct shape_field socket_fields[] = {
	{"id", SHAPE_TEXT},
	{"framing", SHAPE_TEXT, .text = "socket.io, json or realtime."},
	{"userId", SHAPE_TEXT, .nullable = true},
	{"username", SHAPE_TEXT, .nullable = true},
	{"guest", SHAPE_BOOL},
	{"address", SHAPE_TEXT},
	{"rooms", SHAPE_INTEGER, .text = "That it is in."},
	{"queued", SHAPE_INTEGER, .text = "Bytes that wait for it."},
	{"connectedAt", SHAPE_TIME},
	{"lastSeenAt", SHAPE_TIME, .text = "Its last sign of life."},
};
static const struct shape socket_shape = {"Socket", socket_fields, API_COUNT(socket_fields)};

static const struct shape_field list_fields[] = {
	{"count", SHAPE_INTEGER, .text = "How many there are, listed or not."},
	{"sockets", SHAPE_LIST, .of = &socket_shape},
};
static const struct shape list_shape = {"Sockets", list_fields, API_COUNT(list_fields)};

static const struct shape_field closed_fields[] = {
	{"id", SHAPE_TEXT},
	{"closed", SHAPE_BOOL},
};
static const struct shape closed_shape = {"SocketClosed", closed_fields, API_COUNT(closed_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/admin/sockets", ROUTE_ADMIN, "Clients of the event layer.",
		.query = list_query, .n_query = API_COUNT(list_query),
		.answer = "How many, and each.", .shape = &list_shape, .handler = list},
	{HTTP_POST, "/api/v1/admin/sockets/{id}/close", ROUTE_ADMIN, "Close a socket.",
		.answer = "What was closed.", .shape = &closed_shape,
		.errors = "404 socket_not_found", .handler = close_one},
};

void api_admin_sockets_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
