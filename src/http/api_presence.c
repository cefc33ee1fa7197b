
#include "api_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "state/presence.h"

/* Who is there. The socket layer keeps it; an app without a socket says so by PUT. */

/* When and where somebody was last there is not for strangers to know. */
static json_t *presence_json(const char *user_id, const struct presence_row *row, bool to_user)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "userId", user_id, "status",
		presence_status_text(row->status), "lastSeen",
		api_time_or_null(to_user ? row->last_seen : 0), "device",
		api_text_or_null(to_user ? row->device : NULL));
}

static void answer_lost(struct api_call *c)
{
	api_call_fail(c, 503, "unavailable", "The state cannot be reached now.", NULL);
}

static void on_got(void *user, const struct presence_row *rows, size_t n)
{
	struct api_call *c = user;

	if (rows && c->request)
		api_call_answer(c, 200,
			presence_json(c->path, &rows[0], router_identity(c->request) != NULL));
	else
		answer_lost(c);
}

/* Any text may be a user's id; one that nobody has is offline. */
static void show(void *user, struct http_request *r)
{
	struct api *a = user;
	struct api_call *c = api_call_create(a, r, NULL);

	c->path = mem_strdup(router_param(r, "id"));
	presence_get(a->config.presence, (const char *const *)&c->path, 1, on_got, c);
}

static void on_batch(void *user, const struct presence_row *rows, size_t n)
{
	struct api_call *c = user;
	json_t *items = json_array();

	for (size_t i = 0; rows && i < n; i++)
		json_array_append_new(items,
			presence_json(
				json_string_value(json_array_get(c->draft, i)), &rows[i], true));
	if (!rows) {
		json_decref(items);
		answer_lost(c);
		return;
	}
	api_call_page(c, items, NULL);
}

static void batch(void *user, struct http_request *r)
{
	struct api *a = user;
	json_t *ids = json_object_get(router_body(r), "user_ids");
	const char *texts[PRESENCE_BATCH_MAX];
	size_t n = json_array_size(ids);
	struct api_call *c = api_call_create(a, r, NULL);

	c->draft = json_incref(ids);
	for (size_t i = 0; i < n; i++)
		texts[i] = json_string_value(json_array_get(ids, i));
	presence_get(a->config.presence, texts, n, on_batch, c);
}

static void on_set(void *user, const struct presence_row *now)
{
	struct api_call *c = user;

	if (now)
		api_call_answer(c, 200, presence_json(c->path, now, true));
	else
		answer_lost(c);
}

static void set(void *user, struct http_request *r)
{
	struct api *a = user;
	const char *id = router_param(r, "id");
	struct presence_saying what = {.user_id = id, .device = router_text(r, "device", NULL)};
	struct api_call *c;

	if (!text_eq(id, router_identity(r)->user_id)) {
		reply_error(r, 403, "forbidden", "Everybody speaks for themselves.", NULL);
		return;
	}
	presence_status_parse(router_text(r, "status", ""), &what.status);
	c = api_call_create(a, r, NULL);
	c->path = mem_strdup(id);
	presence_set(a->config.presence, &what, on_set, c);
}

static const char *const statuses[] = {"online", "away", "offline", NULL};

static const struct route_field set_fields[] = {
	{"status", FIELD_STRING, .required = true, .words = statuses},
	{"device", FIELD_STRING, .nullable = true, .min = 1, .max = PRESENCE_DEVICE_MAX,
		.text = "As others are to read it: web, phone."},
};

static const struct route_field batch_fields[] = {
	{"user_ids", FIELD_STRINGS, .required = true, .min = 1, .max = PRESENCE_BATCH_MAX},
};

static const struct shape_field presence_fields[] = {
	{"userId", SHAPE_TEXT},
	{"status", SHAPE_TEXT, .text = "online, away or offline."},
	{"lastSeen", SHAPE_TIME, .nullable = true,
		.text = "null: never, or asked without a token."},
	{"device", SHAPE_TEXT, .nullable = true,
		.text = "As the user said it; null: not known, offline, or asked without a token."},
};
static const struct shape presence_shape = {
	"Presence", presence_fields, API_COUNT(presence_fields)};

static const struct route routes[] = {
	{HTTP_GET, "/api/v1/users/{id}/presence", ROUTE_PUBLIC, "Whether a user is there.",
		.alias = "/api/users/{id}/presence", .answer = "The user's presence.",
		.shape = &presence_shape, .errors = "503 unavailable", .handler = show},
	{HTTP_PUT, "/api/v1/users/{id}/presence", ROUTE_USER,
		"Say for the next five minutes that one is there oneself.",
		.alias = "/api/users/{id}/presence", .body = set_fields,
		.n_body = API_COUNT(set_fields), .answer = "The user's presence.",
		.shape = &presence_shape, .errors = "403 forbidden, 503 unavailable",
		.handler = set},
	{HTTP_POST, "/api/v1/presence/batch", ROUTE_USER, "Which of these users are there.",
		.body = batch_fields, .n_body = API_COUNT(batch_fields), .list = true,
		.answer = "Presences, in the order of the question.", .shape = &presence_shape,
		.errors = "503 unavailable", .handler = batch},
};

void api_presence_routes(struct api *a)
{
	router_add(a->config.router, routes, API_COUNT(routes), a);
}
